//! What people do about waivers, and how that is written down and told.

use std::sync::Arc;

use mainstay_model::{
    Act, Alert, AuditAct, DependencyName, EntryKind, HumanDuration, Rule, Waiver, WaiverAct, WaiverEnd,
    WaiverId, WaiverState,
};

use super::{WaiverGrounds, WaiverRefusal, WaiverWish, follow, words};
use crate::agenda::Due;
use crate::time::{later, signed};
use crate::turn::{About, Turn};

impl Turn<'_> {
    /// Somebody asks for a waiver. Where nobody else has to agree, it is in force at once.
    pub(crate) fn ask_for_waiver(&mut self, by: &str, wish: WaiverWish) {
        let grounds = match self.state.check_waiver(&wish, self.now) {
            Ok(grounds) => grounds,
            Err(refusal) => return self.waiver_refused(by, &wish.dependency, &refusal),
        };
        let was_closed = self.open_for_waiver(&wish.dependency);
        let waiver = self.new_waiver(by, wish, grounds);
        if !self.state.landscape.waivers.second_person {
            let home = self.state.home_of_waiver(&waiver).filter(|_| was_closed);
            self.bring_into_force(waiver, by);
            // Nobody has to be woken for what somebody has in hand.
            return home.into_iter().for_each(|id| self.take_up(id, by, None));
        }
        let text = words::asked(&waiver);
        self.tell_of_waiver(&waiver, Some(by), text, true);
        self.note_waiver(WaiverAct::Requested, waiver, Some(by));
    }

    fn new_waiver(&mut self, by: &str, wish: WaiverWish, grounds: WaiverGrounds) -> Waiver {
        let lasts = wish.lasts.unwrap_or(self.state.landscape.waivers.usual);
        Waiver {
            id: WaiverId::new(self.now, self.random),
            incident: self.state.incident_of_trouble(&wish.dependency),
            dependency: wish.dependency,
            endpoint: grounds.endpoint,
            pin: grounds.pin,
            subject: grounds.subject,
            expired_at: grounds.expired_at,
            reason: wish.reason.trim().to_owned(),
            requested: Act { by: by.trim().to_owned(), at: self.now },
            lasts: HumanDuration(lasts.min(self.state.longest_waiver())),
            evidence: grounds.evidence,
            state: WaiverState::Requested,
            uses: Default::default(),
        }
    }

    /// A second person agrees.
    pub(crate) fn grant_waiver(&mut self, by: &str, id: WaiverId) {
        let grounds = match self.state.check_grant(id, by, self.now) {
            Ok(grounds) => grounds,
            Err(refusal) => return self.answer_refused(by, id, &refusal),
        };
        if let Some(waiver) = self.state.waivers.get(&id).cloned() {
            self.open_for_waiver(&waiver.dependency);
            // What is known now, and not when it was asked for.
            let evidence = grounds.evidence;
            self.bring_into_force(Waiver { evidence, ..Arc::unwrap_or_clone(waiver) }, by);
        }
    }

    fn bring_into_force(&mut self, waiver: Waiver, by: &str) {
        let before = self.state.waivers_of(&waiver.dependency).find(|one| one.ends_at().is_some()).cloned();
        let before = before.filter(|before| {
            let holds = before.is_in_force(self.now);
            let end = if holds { WaiverEnd::Replaced { with: waiver.id } } else { WaiverEnd::Time };
            self.end_waiver(before.id, end);
            holds
        });
        let lasts = waiver.lasts.0.min(self.state.longest_waiver());
        let ends_at = later(self.now, signed(lasts));
        let granted = Act { by: by.trim().to_owned(), at: self.now };
        let waiver = Waiver { state: WaiverState::Active { granted, ends_at }, ..waiver };
        let text = words::granted(&waiver, before.is_some(), by, ends_at);
        self.tell_of_waiver(&waiver, Some(by), text, true);
        let name = waiver.dependency.clone();
        self.note_waiver(WaiverAct::Granted, waiver, Some(by));
        self.look_soon_while_waived(&name);
    }

    /// What was closed by hand while it was still down goes on in the open, so that people are told of the waiver. Whether that was so.
    fn open_for_waiver(&mut self, name: &DependencyName) -> bool {
        let closed = self.state.incident_of_trouble(name).filter(|id| !self.is_open(*id));
        let down = |alert: &&Alert| alert.key.rule == Rule::Down;
        let alert =
            self.state.dependencies.get(name).and_then(|state| state.alerts.iter().find(down)).cloned();
        let Some((closed, alert)) = closed.zip(alert) else { return false };
        self.goes_on(closed, &alert);
        true
    }

    /// A second person does not agree.
    pub(crate) fn refuse_waiver(&mut self, by: &str, id: WaiverId) {
        match self.state.waiver_to_answer(id) {
            Ok(_) => self.end_waiver(id, WaiverEnd::Refused { by: by.trim().to_owned() }),
            Err(refusal) => self.answer_refused(by, id, &refusal),
        }
    }

    /// Somebody ends it, or takes the request back.
    pub(crate) fn withdraw_waiver(&mut self, by: &str, id: WaiverId) {
        match self.state.waiver_to_end(id) {
            Ok(_) => self.end_waiver(id, WaiverEnd::Withdrawn { by: by.trim().to_owned() }),
            Err(refusal) => self.answer_refused(by, id, &refusal),
        }
    }

    /// It is over, and the history says why and how often it was used.
    pub(crate) fn end_waiver(&mut self, id: WaiverId, end: WaiverEnd) {
        let Some(waiver) = self.state.waivers.get(&id).filter(|one| !one.is_over()) else { return };
        let at = match (&end, waiver.ends_at()) {
            // It took no effect any more from then on, however late that is noticed.
            (WaiverEnd::Time, Some(ends_at)) => ends_at.min(self.now),
            _ => self.now,
        };
        let (act, by) = match &end {
            WaiverEnd::Refused { by } => (WaiverAct::Refused, Some(by.clone())),
            WaiverEnd::Withdrawn { by } => (WaiverAct::Ended, Some(by.clone())),
            _ => (WaiverAct::Ended, None),
        };
        let is_told = !matches!(end, WaiverEnd::Replaced { .. });
        let text = words::ended(waiver, &end, self.now);
        let state = WaiverState::Ended { granted: waiver.granted().cloned(), at, end };
        let waiver = Waiver { state, ..Waiver::clone(waiver) };
        self.tell_of_waiver(&waiver, by.as_deref(), text, is_told);
        let home = self.state.home_of_waiver(&waiver);
        self.note_waiver(act, waiver, by.as_deref());
        if let Some(home) = home.filter(|id| self.is_open(*id)) {
            self.news(home);
        }
    }

    /// Writes it down where it belongs, and has those told who are told of the incident.
    pub(super) fn tell_of_waiver(&mut self, waiver: &Waiver, by: Option<&str>, text: String, is_told: bool) {
        let home = self.state.home_of_waiver(waiver);
        let evidence = if waiver.is_over() { Vec::new() } else { waiver.evidence.clone() };
        let about =
            About { incident: home, by: by.map(str::to_owned), ..About::dependency(&waiver.dependency) };
        self.write(EntryKind::Waiver, about.shown_by(evidence), text.clone());
        if let Some(id) = home.filter(|id| is_told && self.is_open(*id)) {
            let news = self.news(id);
            news.urgent = true;
            news.lines.push(text);
        }
    }

    pub(super) fn note_waiver(&mut self, act: WaiverAct, waiver: Waiver, by: Option<&str>) {
        let waiver = self.keep_waiver(waiver);
        self.audit(by, AuditAct::Waiver { act, waiver });
    }

    pub(super) fn keep_waiver(&mut self, waiver: Waiver) -> Arc<Waiver> {
        let waiver = Arc::new(waiver);
        self.state.agenda.by(follow::next_look(&waiver), Due::Waiver(waiver.id));
        self.state.waivers.insert(waiver.id, waiver.clone());
        self.effects.commit.waivers.push(waiver.clone());
        waiver
    }

    fn waiver_refused(&mut self, by: &str, dependency: &DependencyName, refusal: &WaiverRefusal) {
        let known = self.state.landscape.dependencies.contains_key(dependency);
        let about = About { incident: self.state.incident_of_trouble(dependency), ..About::default() };
        let by = by.trim();
        let about = about.of(known.then_some(dependency)).by(by);
        let text = format!("{by} wanted a waiver for {dependency}, which was not granted. {refusal}");
        self.write(EntryKind::Waiver, about, text);
    }

    fn answer_refused(&mut self, by: &str, id: WaiverId, refusal: &WaiverRefusal) {
        let waiver = self.state.waivers.get(&id);
        let about = About {
            incident: waiver.and_then(|waiver| self.state.home_of_waiver(waiver)),
            dependency: waiver.map(|waiver| waiver.dependency.clone()),
            ..About::default()
        };
        let by = by.trim();
        let text = format!("{by} wanted to decide about a waiver, which was not done. {refusal}");
        self.write(EntryKind::Waiver, about.by(by), text);
    }
}
