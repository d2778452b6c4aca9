//! What ends a waiver, or a request for one, without anybody doing it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{
    CheckReport, DependencyName, FailureKind, Fingerprint, Landscape, Observation, Verdict, Waiver,
    WaiverAct, WaiverEnd, WaiverId, WaiverState,
};

use super::gate::{leaf, pin, verifies};
use super::words;
use crate::Recheck;
use crate::agenda::Due;
use crate::refresh::REMEMBERED;
use crate::time::{later, signed};
use crate::turn::Turn;

/// Between checks while a waiver is in force.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// When time alone changes something about it.
pub(super) fn next_look(waiver: &Waiver) -> Timestamp {
    match &waiver.state {
        WaiverState::Requested => waiver.lapses_at(),
        WaiverState::Active { ends_at, .. } => *ends_at,
        WaiverState::Ended { at, .. } => later(*at, REMEMBERED),
    }
}

impl Turn<'_> {
    /// Its time is up, or what is over may be forgotten.
    pub(crate) fn look_at_waiver(&mut self, id: WaiverId) {
        let Some(waiver) = self.state.waivers.get(&id) else { return };
        let at = next_look(waiver);
        if at > self.now {
            return self.state.agenda.by(at, Due::Waiver(id));
        }
        match waiver.state {
            WaiverState::Requested => self.end_waiver(id, WaiverEnd::Lapsed),
            WaiverState::Active { .. } => self.end_waiver(id, WaiverEnd::Time),
            WaiverState::Ended { .. } => _ = self.state.waivers.remove(&id),
        }
    }

    /// A check ended, and is the latest now.
    pub(crate) fn waivers_saw(&mut self, name: &DependencyName, report: &CheckReport) {
        for waiver in self.unsettled(name) {
            if let Some(end) = self.ended_by(&waiver, report) {
                self.end_waiver(waiver.id, end);
            }
        }
        self.look_soon_while_waived(name);
    }

    /// The way back to full verification is looked for every few seconds, also where no relay of this server tries it.
    pub(super) fn look_soon_while_waived(&mut self, name: &DependencyName) {
        let is_waived = self.state.waiver_in_force(name, self.now).is_some();
        let is_seldom = self.state.landscape.dependencies.get(name).is_some_and(|one| one.every > LOOK_AGAIN);
        if is_waived && is_seldom {
            self.effects.rechecks.push(Recheck { dependency: name.clone(), after: LOOK_AGAIN });
        }
    }

    fn ended_by(&self, waiver: &Waiver, report: &CheckReport) -> Option<WaiverEnd> {
        if waiver.state == WaiverState::Requested {
            // That nothing could be told says nothing against it; whoever grants it needs a check that can.
            let holds = report.verdict == Verdict::Inconclusive
                || self
                    .state
                    .waiver_grounds(&waiver.dependency, self.now)
                    .is_ok_and(|now| now.pin == waiver.pin);
            return (!holds).then_some(WaiverEnd::Lapsed);
        }
        if report.addresses.iter().any(verifies) {
            return Some(WaiverEnd::Renewed);
        }
        if report.addresses.iter().any(shows_revoked) {
            return Some(WaiverEnd::RevocationSeen);
        }
        let differs = report.addresses.iter().filter_map(leaf).any(|shown| pin(shown) != waiver.pin);
        differs.then_some(WaiverEnd::ChainChanged)
    }

    /// Once a certificate expired, its authority may no longer say that it was revoked.
    fn note_revoked(&mut self, fingerprints: Vec<Fingerprint>) {
        for one in fingerprints {
            if self.state.revoked.insert(one) {
                self.effects.commit.revoked.push(one);
            }
        }
    }

    /// A relay made a connection that passed full verification while this waiver was in force. What it says late is about that one
    /// still, and not about another that was granted meanwhile.
    pub(crate) fn fully_verified(&mut self, id: WaiverId) {
        let in_force =
            self.state.waivers.get(&id).is_some_and(|one| matches!(one.state, WaiverState::Active { .. }));
        if in_force {
            self.end_waiver(id, WaiverEnd::Renewed);
            let name = self.state.waivers.get(&id).map(|one| one.dependency.clone());
            // That it is over is seen by a check.
            let check = |dependency| Recheck { dependency, after: Duration::ZERO };
            self.effects.rechecks.extend(name.map(check));
        }
    }

    /// Certificates were found revoked.
    pub(crate) fn revocation_seen(&mut self, fingerprints: Vec<Fingerprint>) {
        let revoked: BTreeSet<_> = fingerprints.iter().copied().collect();
        self.note_revoked(fingerprints);
        let all: Vec<_> = self.state.waivers.values().filter(|one| !one.is_over()).cloned().collect();
        for waiver in all {
            if self.path_of(&waiver).any(|one| revoked.contains(&one)) {
                let asked = waiver.state == WaiverState::Requested;
                self.end_waiver(waiver.id, if asked { WaiverEnd::Lapsed } else { WaiverEnd::RevocationSeen });
            }
        }
    }

    /// The certificate itself, and those that the latest check found it to stand on.
    fn path_of(&self, waiver: &Waiver) -> impl Iterator<Item = Fingerprint> {
        let last = self.state.dependencies.get(&waiver.dependency).and_then(|state| state.last.as_ref());
        let chains = last.into_iter().flat_map(|report| &report.addresses).filter_map(|one| one.tls.as_ref());
        let path = chains.flat_map(|tls| &tls.certificates).filter(|one| one.in_path);
        let path = path.map(|one| one.sha256);
        std::iter::once(waiver.pin.sha256).chain(path)
    }

    /// Relays admitted connections under it, so many since they said so last. What they say late counts all the same.
    pub(crate) fn waiver_used(&mut self, id: WaiverId, count: u64, at: Timestamp) {
        let Some(waiver) = self.state.waivers.get(&id).filter(|_| count > 0).cloned() else { return };
        let mut waiver = Arc::unwrap_or_clone(waiver);
        let is_first = waiver.uses.count == 0;
        let uses = &mut waiver.uses;
        uses.count = uses.count.saturating_add(count);
        uses.first_at = Some(uses.first_at.map_or(at, |first| first.min(at)));
        uses.last_at = Some(uses.last_at.map_or(at, |last| last.max(at)));
        if is_first {
            self.tell_of_waiver(&waiver, None, words::used(&waiver), false);
            let home = self.state.home_of_waiver(&waiver);
            self.note_waiver(WaiverAct::Used, waiver, None);
            if let Some(home) = home.filter(|id| self.is_open(*id)) {
                self.news(home);
            }
        } else {
            self.keep_waiver(waiver);
        }
    }

    /// A configuration came into force: a waiver is for one endpoint, and for a dependency that may have one.
    pub(crate) fn waivers_meet(&mut self, landscape: &Landscape) {
        for waiver in self.state.waivers.values().cloned().collect::<Vec<_>>() {
            self.state.agenda.by(next_look(&waiver), Due::Waiver(waiver.id));
            let end = match landscape.dependencies.get(&waiver.dependency) {
                Some(dependency) if dependency.endpoint() != waiver.endpoint => WaiverEnd::ChainChanged,
                None => WaiverEnd::ChainChanged,
                Some(dependency) if !dependency.waivable => {
                    WaiverEnd::Withdrawn { by: "the configuration".into() }
                }
                Some(_) => continue,
            };
            self.end_waiver(waiver.id, end);
        }
    }

    /// The clock was ahead and was set right: nothing lasts longer for that.
    pub(crate) fn waivers_count_from_now(&mut self) {
        for waiver in self.state.waivers.values().cloned().collect::<Vec<_>>() {
            match &waiver.state {
                WaiverState::Requested if waiver.requested.at > self.now => {
                    self.end_waiver(waiver.id, WaiverEnd::Lapsed);
                }
                WaiverState::Active { granted, ends_at } if granted.at > self.now => {
                    let ends_at = later(self.now, signed(waiver.lasts.0)).min(*ends_at);
                    let state = WaiverState::Active { granted: granted.clone(), ends_at };
                    let waiver = Waiver { state, ..Waiver::clone(&waiver) };
                    self.tell_of_waiver(&waiver, None, words::counts_from_now(&waiver, ends_at), false);
                    self.note_waiver(WaiverAct::Shortened, waiver, None);
                }
                _ => self.state.agenda.by(next_look(&waiver), Due::Waiver(waiver.id)),
            }
        }
    }

    fn unsettled(&self, name: &DependencyName) -> Vec<Arc<Waiver>> {
        self.state.waivers_of(name).filter(|one| !one.is_over()).cloned().collect()
    }
}

/// Whether a check found something of the path revoked.
fn shows_revoked(one: &Observation) -> bool {
    one.failure.iter().chain(&one.also).any(|failure| failure.kind == FailureKind::CertificateRevoked)
}
