//! The break-glass: who may have one expired certificate accepted, for how long, and what ends that.
//!
//! A waiver is asked for, comes into force, and ends; nothing leads back. [`gate`] says when one is possible at all, [`follow`] what
//! ends it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{
    Alert, DependencyName, Failure, FailureKind, HumanDuration, Incident, IncidentId, Rule, Waiver,
    WaiverEnd, WaiverId, WaiverState,
};

use crate::State;
use crate::incident::dependency_of;
use crate::refresh::is_broken;

mod act;
mod evidence;
mod follow;
mod gate;
mod policy;
mod refusal;
mod words;

pub use gate::WaiverGrounds;
pub use refusal::WaiverRefusal;
pub use words::{waiver_end, waiver_line};

/// No waiver lasts longer, whatever the configuration says.
pub(crate) const CEILING: Duration = Duration::from_secs(24 * 3_600);

/// Longer reasons are no reasons.
const LONGEST_REASON: usize = 500;

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaiverWish {
    /// For which dependency.
    pub dependency: DependencyName,
    /// Why.
    pub reason: String,
    /// For how long. Absent: as long as is usual here.
    pub lasts: Option<Duration>,
}

impl State {
    /// Every waiver that is not over, and those that ended lately, oldest first.
    pub fn waivers(&self) -> impl Iterator<Item = &Arc<Waiver>> {
        self.waivers.values()
    }

    /// One of those.
    pub fn waiver(&self, id: WaiverId) -> Option<&Arc<Waiver>> {
        self.waivers.get(&id)
    }

    /// The waiver for a dependency that is in force at a moment.
    pub fn waiver_in_force(&self, name: &DependencyName, now: Timestamp) -> Option<&Arc<Waiver>> {
        self.waivers_of(name).find(|one| one.is_in_force(now))
    }

    /// Whether all that is broken of an incident is expired certificates that are waived, and connections go through under that.
    pub(crate) fn is_eased(&self, incident: &Incident, now: Timestamp) -> bool {
        let mut broken = incident.alerts.values().filter(|alert| is_broken(alert)).peekable();
        let eases = |waiver: &Waiver, alert: &Alert| match &waiver.state {
            // With the new certificate it works for good; that the alert ends only takes another check.
            WaiverState::Ended { end: WaiverEnd::Renewed, at, .. } => alert.since <= *at,
            WaiverState::Ended { end: WaiverEnd::Replaced { with }, .. } => {
                self.waiver(*with).is_some_and(|next| next.is_in_force(now))
            }
            _ => waiver.is_in_force(now),
        };
        let expired = |failure: &Failure| failure.kind == FailureKind::CertificateExpired;
        let works = |alert: &Alert| {
            // A waiver helps against nothing else.
            if !alert.failure.as_ref().is_some_and(expired) {
                return false;
            }
            let mut waivers = dependency_of(alert).into_iter().flat_map(|name| self.waivers_of(name));
            waivers.any(|waiver| waiver.uses.count > 0 && eases(waiver, alert))
        };
        broken.peek().is_some() && broken.all(works)
    }

    /// The waiver for a dependency that waits for a second person.
    pub fn waiver_asked_for(&self, name: &DependencyName) -> Option<&Arc<Waiver>> {
        self.waivers_of(name).find(|one| one.state == WaiverState::Requested)
    }

    /// Whether a waiver could be asked for now that lasts so long, or as long as is usual.
    ///
    /// # Errors
    /// What stands against it, in words for whoever asks.
    pub fn check_waiver_for(
        &self,
        name: &DependencyName,
        lasts: Option<Duration>,
        now: Timestamp,
    ) -> Result<WaiverGrounds, WaiverRefusal> {
        let grounds = self.waiver_grounds(name, now)?;
        if let Some(waiting) = self.waiver_asked_for(name) {
            let (dependency, by) = (name.clone(), waiting.requested.by.clone());
            return Err(WaiverRefusal::AskedAlready { dependency, by });
        }
        let longest = self.longest_waiver();
        match lasts {
            Some(lasts) if lasts.is_zero() => Err(WaiverRefusal::NoTime),
            Some(lasts) if lasts > longest => Err(WaiverRefusal::TooLong { longest: HumanDuration(longest) }),
            _ => Ok(grounds),
        }
    }

    /// Whether such a waiver could be asked for now.
    ///
    /// # Errors
    /// What stands against it, in words for whoever asks.
    pub fn check_waiver(&self, wish: &WaiverWish, now: Timestamp) -> Result<WaiverGrounds, WaiverRefusal> {
        let grounds = self.check_waiver_for(&wish.dependency, wish.lasts, now)?;
        match wish.reason.trim().chars().count() {
            0 => Err(WaiverRefusal::NoReason),
            length if length > LONGEST_REASON => Err(WaiverRefusal::ReasonTooLong { length }),
            _ => Ok(grounds),
        }
    }

    /// Whether a person could grant a waiver that was asked for.
    ///
    /// # Errors
    /// What stands against it.
    pub fn check_grant(
        &self,
        id: WaiverId,
        by: &str,
        now: Timestamp,
    ) -> Result<WaiverGrounds, WaiverRefusal> {
        let waiver = self.waiver_to_answer(id)?;
        if self.landscape.waivers.second_person && is_same_person(&waiver.requested.by, by) {
            return Err(WaiverRefusal::SamePerson { by: waiver.requested.by.clone() });
        }
        let grounds = self.waiver_grounds(&waiver.dependency, now)?;
        if grounds.pin != waiver.pin {
            return Err(WaiverRefusal::OtherCertificate(waiver.dependency.clone()));
        }
        Ok(grounds)
    }

    /// A waiver that waits for a second person.
    ///
    /// # Errors
    /// It does not wait, or never was.
    pub fn waiver_to_answer(&self, id: WaiverId) -> Result<&Arc<Waiver>, WaiverRefusal> {
        let waiver = self.waiver(id).ok_or(WaiverRefusal::NoSuchWaiver)?;
        match waiver.state {
            WaiverState::Requested => Ok(waiver),
            WaiverState::Active { .. } => Err(WaiverRefusal::InForceAlready(waiver.dependency.clone())),
            WaiverState::Ended { .. } => Err(WaiverRefusal::Over(waiver.dependency.clone())),
        }
    }

    /// A waiver that can be ended by hand.
    ///
    /// # Errors
    /// It is over, or never was.
    pub fn waiver_to_end(&self, id: WaiverId) -> Result<&Arc<Waiver>, WaiverRefusal> {
        let waiver = self.waiver(id).ok_or(WaiverRefusal::NoSuchWaiver)?;
        if waiver.is_over() { Err(WaiverRefusal::Over(waiver.dependency.clone())) } else { Ok(waiver) }
    }

    /// The waivers in force that belong to an incident: while there is one, it stays open.
    pub fn waivers_in(&self, incident: IncidentId, now: Timestamp) -> impl Iterator<Item = &Arc<Waiver>> {
        let in_force = self.waivers.values().filter(move |one| one.is_in_force(now));
        in_force.filter(move |one| self.home_of_waiver(one) == Some(incident))
    }

    /// As long as a waiver may last here.
    pub fn longest_waiver(&self) -> Duration {
        self.landscape.waivers.longest.min(CEILING)
    }

    fn waivers_of(&self, name: &DependencyName) -> impl Iterator<Item = &Arc<Waiver>> {
        self.waivers.values().filter(move |one| one.dependency == *name)
    }

    /// The incident that tells of a waiver: where its dependency's trouble is now, else where it was asked for.
    pub fn home_of_waiver(&self, waiver: &Waiver) -> Option<IncidentId> {
        let trouble = self.incident_of_trouble(&waiver.dependency);
        let asked_in = waiver.incident.filter(|id| self.incidents.contains_key(id));
        trouble.or(asked_in)
    }

    /// The incident of a dependency that is down; it may have been closed by hand.
    pub fn incident_of_trouble(&self, name: &DependencyName) -> Option<IncidentId> {
        self.index.of_alert(&format!("{name}/{}", Rule::Down))
    }
}

/// In this version names are what people say they are.
fn is_same_person(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}
