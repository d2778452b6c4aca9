use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Alert, AlertKey, DeliveryId, Diagnosis, EntryKind, Escalating, Escalation, EscalationName, Incident,
    IncidentId, IncidentState, PersonName, Progress, Recipient, Rule, ScheduleName, Severity, Subject,
    in_words,
};

use crate::agenda::Due;
use crate::audience::next_beginning;
use crate::time::{later, signed};
use crate::turn::{About, Turn};

/// As many steps are taken in one moment at most, when each of them reaches nobody. More than any policy has; the rest follows
/// a second later.
const AT_ONCE: usize = 64;

impl Turn<'_> {
    /// Begins the policies that the routes lead to and that do not run yet, and takes what is due of those that do.
    pub(crate) fn escalate(&mut self, id: IncidentId, policies: &[EscalationName]) {
        let now = self.now;
        let is_open =
            self.state.incidents.get(&id).is_some_and(|incident| incident.state == IncidentState::Open);
        if !is_open {
            return;
        }
        for name in policies {
            let Some(incident) = self.state.incidents.get(&id) else { return };
            if !incident.escalations.contains_key(name)
                && let Some(incident) = self.incident_mut(id)
            {
                let progress = step_of(now, BTreeSet::new());
                incident.escalations.insert(name.clone(), Escalating { taken: 0, rounds: 0, progress });
            }
        }
        let Some(incident) = self.state.incidents.get(&id) else { return };
        for name in incident.escalations.keys().cloned().collect::<Vec<_>>() {
            self.advance(id, &name);
        }
    }

    /// It was handed to somebody: they have the time of the first step to take it up before policies begin anew.
    ///
    /// Where they cannot be told, nothing waits for them.
    pub(crate) fn wait_for_assignee(&mut self, id: IncidentId, sent: BTreeSet<DeliveryId>) {
        let (landscape, now) = (self.state.landscape.clone(), self.now);
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let Some(audience) = self.routed(incident) else { return };
        let Some(incident) = self.incident_mut(id) else { return };
        for name in audience.escalations {
            let Some(first) = landscape.escalations.get(&name).and_then(|policy| policy.steps.first()) else {
                continue;
            };
            let until = if sent.is_empty() { now } else { later(now, signed(first.wait)) };
            let progress = step_of(until, sent.clone());
            incident.escalations.insert(name, Escalating { taken: 0, rounds: 0, progress });
        }
    }

    /// Somebody is on call by a schedule who was not before: policies that went past its steps, and whose messages they did not get,
    /// begin anew.
    pub(crate) fn resume_for(&mut self, schedule: &ScheduleName) {
        let landscape = self.state.landscape.clone();
        let to = Recipient::Schedule(schedule.clone());
        let on_call = self.state.addresses([&to], self.now).all;
        let is_passed = |name: &EscalationName, one: &Escalating| {
            let taken = usize::try_from(one.taken).unwrap_or(usize::MAX);
            let steps = landscape.escalations.get(name).map_or(&[][..], |policy| policy.steps.as_slice());
            steps.iter().take(taken).any(|step| step.to.contains(&to))
        };
        let is_missed = |incident: &&Arc<Incident>| {
            let unheard = on_call.iter().any(|one| !incident.told.channels.contains_key(&one.channel));
            let mut running = incident.escalations.iter();
            incident.state == IncidentState::Open
                && unheard
                && running.any(|(name, one)| is_passed(name, one))
        };
        let missed = self.state.incidents.values().filter(is_missed).map(|incident| incident.id);
        for id in missed.collect::<Vec<_>>() {
            if let Some(incident) = self.incident_mut(id) {
                incident.escalations.retain(|name, one| !is_passed(name, one));
            }
        }
    }

    /// Takes every step that is due.
    fn advance(&mut self, id: IncidentId, name: &EscalationName) {
        let landscape = self.state.landscape.clone();
        let Some(policy) = landscape.escalations.get(name) else { return self.forget_escalation(id, name) };
        for _ in 0..AT_ONCE {
            let Some(incident) = self.state.incidents.get(&id) else { return };
            let Some(Escalating { taken, rounds, progress: Progress::Waiting { until, .. } }) =
                incident.escalations.get(name).cloned()
            else {
                return;
            };
            if until > self.now {
                return self.state.agenda.by(until, Due::Incident(id));
            }
            match policy.steps.get(usize::try_from(taken).unwrap_or(usize::MAX)) {
                Some(_) if let Some(begin) = self.waits_for_hours(policy) => {
                    let progress = step_of(begin, BTreeSet::new());
                    self.note_progress(id, name, Escalating { taken, rounds, progress });
                }
                Some(_) => self.take_step(id, name, policy, taken, rounds),
                None if rounds < policy.repeat => {
                    let progress = step_of(self.now, BTreeSet::new());
                    self.note_progress(id, name, Escalating { taken: 0, rounds: rounds + 1, progress });
                }
                None => self.exhaust(
                    id,
                    name,
                    Escalating { taken, rounds, progress: Progress::Exhausted { at: self.now } },
                ),
            }
        }
        self.state.agenda.by(later(self.now, SignedDuration::from_secs(1)), Due::Incident(id));
    }

    /// When the hours of the policy begin, if they do not hold now.
    fn waits_for_hours(&self, policy: &Escalation) -> Option<Timestamp> {
        let during = policy.during.as_ref()?;
        // Hours that never come would be a policy that tells nobody: the configuration refuses them.
        next_beginning(during, self.now).filter(|begin| *begin > self.now)
    }

    fn take_step(
        &mut self,
        id: IncidentId,
        name: &EscalationName,
        policy: &Escalation,
        taken: u32,
        rounds: u32,
    ) {
        let Some(step) = usize::try_from(taken).ok().and_then(|place| policy.steps.get(place)) else {
            return;
        };
        let to = self.state.addresses(&step.to, self.now);
        let is_first = taken == 0 && rounds == 0;
        let number = taken + 1;
        let why = match (taken, rounds) {
            (0, 0) => self
                .waited_for(id, name)
                .map(|who| format!("{who} did not take it up, so step 1 of {name} is told.")),
            (0, _) => Some(format!("Nobody took it up, so {name} begins again.")),
            _ => Some(format!("Nobody took it up, so step {number} of {name} is told.")),
        };
        let sent = self.send_step(id, &to.all, why.clone());
        if let Some(why) = why.filter(|_| !sent.is_empty()) {
            self.write(EntryKind::Escalated, About::incident(id), why);
        } else if is_first && !sent.is_empty() {
            self.drill_steps_first(id, name);
        }
        self.called_by_step(id, name, number, &sent);
        if sent.is_empty() {
            let reasons = if to.nobody.is_empty() { vec!["it names nobody".to_owned()] } else { to.nobody };
            self.nobody_reached(
                id,
                format!("Step {number} of {name} reached nobody: {}.", reasons.join("; ")),
            );
        }
        let until = if sent.is_empty() { self.now } else { later(self.now, signed(step.wait)) };
        let progress = step_of(until, sent);
        self.note_progress(id, name, Escalating { taken: number, rounds, progress });
    }

    /// To whom it was handed, while a policy waits for them before its first step.
    fn waited_for(&self, id: IncidentId, name: &EscalationName) -> Option<PersonName> {
        let incident = self.state.incidents.get(&id)?;
        let Progress::Waiting { under_way, accepted, .. } = &incident.escalations.get(name)?.progress else {
            return None;
        };
        let was_told = !(under_way.is_empty() && accepted.is_empty());
        incident.room.assignee.clone().filter(|_| was_told)
    }

    fn note_progress(&mut self, id: IncidentId, name: &EscalationName, now: Escalating) {
        if let Some(incident) = self.incident_mut(id) {
            incident.escalations.insert(name.clone(), now);
        }
    }

    fn forget_escalation(&mut self, id: IncidentId, name: &EscalationName) {
        if let Some(incident) = self.incident_mut(id) {
            incident.escalations.remove(name);
        }
    }

    /// The last step passed, and nobody took it up.
    fn exhaust(&mut self, id: IncidentId, name: &EscalationName, now: Escalating) {
        self.note_progress(id, name, now);
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let waited = in_words(self.now.duration_since(incident.opened_at));
        self.nobody_reached(id, format!("All of {name} was told within {waited}, and nobody took it up."));
        self.drill_exhausted(id);
    }

    /// It became known what came of a message of a step: that it arrived, that it did not, or that it did not although it had been
    /// accepted. When none of a step arrived, the next one is taken without waiting.
    pub(crate) fn step_outcome(
        &mut self,
        incident: Option<IncidentId>,
        delivery: DeliveryId,
        failed: Option<&str>,
    ) {
        let Some(id) = incident else { return };
        let Some(incident) = self.state.incidents.get(&id) else { return };
        // Several policies may tell by the same message.
        let of_step = incident.escalations.iter().filter(|(_, one)| is_of_step(one, delivery));
        for name in of_step.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.step_outcome_of(id, &name, delivery, failed);
        }
    }

    fn step_outcome_of(
        &mut self,
        id: IncidentId,
        name: &EscalationName,
        delivery: DeliveryId,
        failed: Option<&str>,
    ) {
        let now = self.now;
        let Some(escalating) = self.incident_mut(id).and_then(|one| one.escalations.get_mut(name)) else {
            return;
        };
        let number = escalating.taken;
        let Progress::Waiting { until, under_way, arrived, accepted } = &mut escalating.progress else {
            return;
        };
        under_way.remove(&delivery);
        match failed {
            None => {
                accepted.insert(delivery);
                *arrived = true;
            }
            Some(_) if accepted.remove(&delivery) => *arrived = !accepted.is_empty(),
            Some(_) => {}
        }
        if let Some(reason) = failed.filter(|_| !*arrived && under_way.is_empty()) {
            *until = now;
            let text = match number {
                0 => format!("No message to whom it was handed arrived: {reason}."),
                _ => format!("No message of step {number} of {name} arrived: {reason}."),
            };
            self.nobody_reached(id, text);
            self.state.agenda.by(now, Due::Incident(id));
        }
    }

    /// A clock that was ahead was set right: nothing is waited for longer than it was meant to be.
    pub(crate) fn wait_no_longer(&mut self) {
        let (landscape, now) = (self.state.landscape.clone(), self.now);
        let open = self.state.incidents.values().filter(|incident| incident.is_open());
        for id in open.map(|incident| incident.id).collect::<Vec<_>>() {
            let Some(incident) = self.incident_mut(id) else { continue };
            if let IncidentState::Acknowledged { at, until: Some(until), .. } = &mut incident.state
                && *at > now
            {
                *until = later(now, until.duration_since(*at));
                *at = now;
            }
            for (name, escalating) in &mut incident.escalations {
                let Some(policy) = landscape.escalations.get(name) else { continue };
                let Progress::Waiting { until, .. } = &mut escalating.progress else { continue };
                // Before the first step it is waited for whom it was handed to, or for the hours of the policy, which are looked at anew.
                let place = usize::try_from(escalating.taken.saturating_sub(1)).unwrap_or(usize::MAX);
                let wait = policy.steps.get(place).map_or(SignedDuration::ZERO, |step| signed(step.wait));
                *until = later(now, wait).min(*until);
            }
        }
    }

    /// A message of a step is told by a later one, so that one counts in its place.
    pub(crate) fn step_passes_on(&mut self, id: IncidentId, delivery: DeliveryId, to: DeliveryId) {
        let waits = self
            .state
            .incidents
            .get(&id)
            .is_some_and(|one| one.escalations.values().any(|one| is_of_step(one, delivery)));
        let Some(incident) = waits.then(|| self.incident_mut(id)).flatten() else { return };
        for escalating in incident.escalations.values_mut() {
            if let Progress::Waiting { under_way, .. } = &mut escalating.progress
                && under_way.remove(&delivery)
            {
                under_way.insert(to);
            }
        }
    }

    /// Somebody took it up, or it is over: nobody else needs to be told.
    pub(crate) fn end_escalations(&mut self, id: IncidentId, why: &str) {
        let running = self.state.incidents.get(&id).is_some_and(|incident| !incident.escalations.is_empty());
        if running && let Some(incident) = self.incident_mut(id) {
            incident.escalations.clear();
        }
        self.ended(&unreached(id), why);
    }

    /// That nobody was reached is an incident of its own, told by the fallback.
    pub(crate) fn nobody_reached(&mut self, id: IncidentId, how: String) {
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let url = format!("{}/incidents/{id}", self.state.landscape.operator_url);
        let diagnosis = Diagnosis {
            cause: format!("Nobody was reached about \u{201c}{}\u{201d}.", incident.title),
            evidence: vec![how.clone(), incident.diagnosis.cause.clone()],
            actions: vec![
                format!("Take it up, or find somebody who does: {url}"),
                "Then see why nobody answered: who is on call, and whether their channels work.".into(),
            ],
        };
        let alert = Alert {
            key: unreached(id),
            severity: incident.severity.max(Severity::High),
            since: self.now,
            failure: None,
            diagnosis,
            breaks_at: None,
            external: None,
        };
        self.write(EntryKind::NotTold, About::incident(id), how);
        self.raised(&alert, &[]);
    }
}

/// These messages are a step's, and the next one is due then; a step without messages waits for none.
fn step_of(until: Timestamp, under_way: BTreeSet<DeliveryId>) -> Progress {
    Progress::Waiting { until, arrived: under_way.is_empty(), under_way, accepted: BTreeSet::new() }
}

fn is_of_step(escalating: &Escalating, delivery: DeliveryId) -> bool {
    match &escalating.progress {
        Progress::Waiting { under_way, accepted, .. } => {
            under_way.contains(&delivery) || accepted.contains(&delivery)
        }
        Progress::Exhausted { .. } => false,
    }
}

pub(crate) fn unreached(id: IncidentId) -> AlertKey {
    AlertKey { subject: Subject::Incident(id), rule: Rule::NobodyReached.into() }
}
