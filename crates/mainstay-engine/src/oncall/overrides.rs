use jiff::{SignedDuration, Timestamp};
use mainstay_model::{EntryKind, KeptOverride, Override, OverrideId, PersonName, ScheduleName};

use crate::time::clock;
use crate::turn::{About, Turn};
use crate::{Action, State};

/// So many of one schedule at once; who needs more changes the rotation. Every look at the schedule goes through all of them.
const AT_MOST: usize = 200;

/// Nobody stands in for longer than this; it is more often a slip in the year.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Longer reasons are no reasons.
const LONGEST_REASON: usize = 500;

/// Why somebody cannot stand in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideFault {
    /// The configuration has no such schedule.
    #[error("there is no schedule {0}")]
    NoSchedule(ScheduleName),
    /// The configuration has no such person.
    #[error("there is no person {0}")]
    NoPerson(PersonName),
    /// It would end before it begins.
    #[error("it ends before it begins; its end must be later than its beginning")]
    EndsFirst,
    /// It would be over already.
    #[error("it is over already; an override changes only what is to come")]
    Over,
    /// It would last for more than a year.
    #[error("it lasts for more than a year; change the rotation in the configuration instead")]
    TooLong,
    /// Somebody would stand in for themselves.
    #[error("{0} cannot stand in for {0}")]
    ForOneself(PersonName),
    /// The reason is too long.
    #[error("the reason is longer than {LONGEST_REASON} characters")]
    TooManyWords,
    /// There are too many overrides.
    #[error(
        "the schedule has {AT_MOST} overrides already; take some back, or change the rotation in the configuration"
    )]
    TooMany,
}

/// Whether such an override could be made now.
///
/// # Errors
/// What is wrong with it, in words for whoever wants to make it.
pub fn check_override(
    state: &State,
    schedule: &ScheduleName,
    terms: &Override,
    now: Timestamp,
) -> Result<(), OverrideFault> {
    let landscape = state.landscape();
    if !landscape.schedules.contains_key(schedule) {
        return Err(OverrideFault::NoSchedule(schedule.clone()));
    }
    let mut named = std::iter::once(&terms.person).chain(&terms.instead_of);
    if let Some(stranger) = named.find(|name| !landscape.people.contains_key(*name)) {
        return Err(OverrideFault::NoPerson(stranger.clone()));
    }
    if terms.instead_of.as_ref() == Some(&terms.person) {
        return Err(OverrideFault::ForOneself(terms.person.clone()));
    }
    if terms.until <= terms.from {
        return Err(OverrideFault::EndsFirst);
    }
    if terms.until <= now {
        return Err(OverrideFault::Over);
    }
    if terms.until.duration_since(terms.from) > LONGEST {
        return Err(OverrideFault::TooLong);
    }
    if terms.reason.as_ref().is_some_and(|reason| reason.chars().count() > LONGEST_REASON) {
        return Err(OverrideFault::TooManyWords);
    }
    if state.overrides(schedule.as_str()).filter(|one| one.terms.until > now).count() >= AT_MOST {
        return Err(OverrideFault::TooMany);
    }
    Ok(())
}

impl Turn<'_> {
    /// Somebody is to stand in.
    pub(crate) fn stand_in(&mut self, schedule: ScheduleName, terms: Override, by: &str) {
        if let Err(fault) = check_override(self.state, &schedule, &terms, self.now) {
            return self.refuse(by, &Action::Override { schedule, terms }, &fault.to_string());
        }
        let terms = Override { by: Some(by.to_owned()), ..terms };
        let id = OverrideId::new(self.now, self.random);
        let kept = KeptOverride { id, schedule, created_at: self.now, terms };
        let text = format!("{}{}.", self.sentence(&kept), reason(&kept.terms));
        self.write(EntryKind::OnCall, About::default().by(by), text);
        self.effects.commit.overrides.push(kept.clone());
        let schedule = kept.schedule.clone();
        self.state.overrides.insert(id, kept);
        self.look_at_schedule(&schedule);
        self.resume_for(&schedule);
        self.look_at_open_incidents();
    }

    /// An override is taken back; one that is gone already changes nothing. Of one that began, what has passed stays.
    pub(crate) fn stand_in_no_longer(&mut self, id: OverrideId, by: &str) {
        let Some(mut kept) = self.state.overrides.get(&id).cloned() else { return };
        if kept.terms.until <= self.now {
            return;
        }
        let text = format!("No longer: {}.", self.sentence(&kept));
        self.write(EntryKind::OnCall, About::default().by(by), text);
        let schedule = kept.schedule.clone();
        if kept.terms.from < self.now {
            kept.terms.until = self.now;
            self.effects.commit.overrides.push(kept.clone());
            self.state.overrides.insert(id, kept);
        } else {
            self.forget_override(id);
        }
        self.look_at_schedule(&schedule);
        self.look_at_open_incidents();
    }

    pub(super) fn forget_override(&mut self, id: OverrideId) {
        self.state.overrides.remove(&id);
        self.effects.commit.forgotten_overrides.push(id);
    }

    /// `Carla stands in for Ben on call for Platform from … to …`, by the titles of those who are still configured.
    fn sentence(&self, kept: &KeptOverride) -> String {
        let landscape = &self.state.landscape;
        let person = |name: &PersonName| {
            landscape.people.get(name).map_or_else(|| name.to_string(), |person| person.title.clone())
        };
        let known = landscape.schedules.get(&kept.schedule);
        let schedule = known.map_or(kept.schedule.as_str(), |schedule| &schedule.title);
        let terms = &kept.terms;
        let instead =
            terms.instead_of.as_ref().map_or_else(String::new, |name| format!(" for {}", person(name)));
        format!(
            "{} stands in{instead} on call for {schedule} from {} to {}",
            person(&terms.person),
            clock(terms.from),
            clock(terms.until)
        )
    }
}

fn reason(terms: &Override) -> String {
    terms.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", reason.trim_end_matches('.')))
}
