use jiff::Timestamp;
use mainstay_model::{AuditAct, EntryKind, IncidentId, IncidentState, PublicStatus, Rule, Subject};

use crate::Action;
use crate::agenda::Due;
use crate::time::clock;
use crate::turn::{About, Turn};

impl Turn<'_> {
    /// A person did something. What has been done already, such as resolving what is over, changes nothing; what cannot be done
    /// although somebody meant it is written down, so that no word is lost.
    pub(crate) fn operated(&mut self, by: String, action: Action) {
        let asked =
            AuditAct::Asked { what: action.word(), wanted: wanted(&action).0, incident: action.incident() };
        let is_logged = !action.is_about_waivers();
        self.act(&by, action);
        // What changed nothing was done already.
        if is_logged && !self.effects.commit.is_empty() {
            self.audit(Some(&by), asked);
        }
    }

    fn act(&mut self, by: &str, action: Action) {
        match action {
            Action::Silence { reason, what, until } => self.silence(by, reason, what, until),
            Action::EndSilence(id) => self.end_silence(by, id),
            Action::RequestWaiver(wish) => self.ask_for_waiver(by, wish),
            Action::GrantWaiver(id) => self.grant_waiver(by, id),
            Action::RefuseWaiver(id) => self.refuse_waiver(by, id),
            Action::EndWaiver(id) => self.withdraw_waiver(by, id),
            Action::Drill(terms) => self.drill_wanted(by, terms),
            Action::Override { schedule, terms } => self.stand_in(schedule, terms, by),
            Action::RemoveOverride(id) => self.stand_in_no_longer(id, by),
            Action::TryNow(id) => self.hurry(id),
            Action::SendAgain(delivery) => self.send_again(by, *delivery),
            Action::TryChannel { channel, loudly } => self.try_channel(by, channel, loudly),
            action => self.operated_on_incident(by, action),
        }
    }

    fn operated_on_incident(&mut self, by: &str, action: Action) {
        let Some(id) = action.incident() else { return };
        if !self.state.incidents.contains_key(&id) {
            let why = "Mainstay no longer has that incident at hand, or it never was";
            return self.refuse(by, &action, why);
        }
        match action {
            Action::Publish { .. } | Action::Update { .. } if self.is_drill(id) => {
                self.refuse(by, &action, "it is a drill, of which customers see nothing");
            }
            Action::Acknowledge(id) => self.take_up(id, by, None),
            Action::Snooze { until, .. } if until > self.now => self.take_up(id, by, Some(until)),
            Action::Resolve(id) if self.state.waivers_in(id, self.now).next().is_some() => {
                self.refuse(by, &action, "a waiver is in force for it; end that first");
            }
            Action::Resolve(id) if self.is_open(id) => {
                let unanswered = self.unanswered_in(id);
                self.resolve(id, Some(by));
                // Whoever closes that nobody was reached has heard of it; whether that other thing is over is not said by it.
                unanswered.into_iter().for_each(|of| self.acknowledge(of, by, None));
            }
            Action::Publish { incident, title, body } if self.is_publishable(incident) => {
                self.publish(incident, Some(by), filled(title), filled(body));
            }
            Action::Update { incident, status, ref body }
                if self.is_public(incident) && !body.trim().is_empty() =>
            {
                match self.contradiction(incident, status) {
                    Some(why) => self.refuse(by, &action, why),
                    None => self.update_customers(incident, Some(by), status, body.clone()),
                }
            }
            Action::Note { incident, text, evidence } => self.note(incident, by, text, evidence),
            Action::Assign { .. }
            | Action::SetSeverity { .. }
            | Action::SetRole { .. }
            | Action::AddTask { .. }
            | Action::FinishTask { .. }
            | Action::Remind { .. }
            | Action::Merge { .. }
            | Action::Split { .. } => {
                if let Err(why) = self.work_in_room(id, by, &action) {
                    self.refuse(by, &action, why);
                }
            }
            // What has been done already.
            _ => {}
        }
    }

    /// Why customers would read something else than what is so.
    fn contradiction(&self, id: IncidentId, status: PublicStatus) -> Option<&'static str> {
        match (self.is_open(id), status == PublicStatus::Resolved) {
            (true, true) => Some("it is still open; resolve it, and customers are told that it is over"),
            (false, false) => Some("it is over, and customers were told so"),
            (true, false) | (false, true) => None,
        }
    }

    pub(crate) fn refuse(&mut self, by: &str, action: &Action, why: &str) {
        let (wanted, words) = wanted(action);
        let about = About { incident: action.incident(), ..About::default() }.by(by).shown_by(words);
        self.write(EntryKind::Note, about, format!("{by} wanted to {wanted}, which was not done: {why}."));
    }

    /// Whoever takes up that nobody was reached takes up what nobody was reached about.
    pub(crate) fn take_up(&mut self, id: IncidentId, by: &str, until: Option<Timestamp>) {
        let unanswered = self.unanswered_in(id);
        self.acknowledge(id, by, until);
        unanswered.into_iter().for_each(|of| self.acknowledge(of, by, until));
    }

    /// The open incidents of which this one says that nobody was reached about them.
    pub(crate) fn unanswered_in(&self, id: IncidentId) -> Vec<IncidentId> {
        let alerts = self.state.incidents.get(&id).into_iter().flat_map(|incident| incident.alerts.values());
        let of = alerts.filter(|alert| alert.key.rule == Rule::NobodyReached).filter_map(|alert| {
            let Subject::Incident(of) = alert.key.subject else { return None };
            Some(of)
        });
        of.filter(|of| *of != id && self.is_open(*of)).collect()
    }

    /// For good, or until then.
    fn acknowledge(&mut self, id: IncidentId, by: &str, until: Option<Timestamp>) {
        let now = self.now;
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let taken_up = matches!(incident.state, IncidentState::Acknowledged { until: None, .. });
        if !incident.is_open() || taken_up {
            return;
        }
        if let Some(incident) = self.incident_mut(id) {
            incident.state = IncidentState::Acknowledged { at: now, by: by.to_owned(), until };
            incident.room.acknowledged_at.get_or_insert(now);
        }
        let text = match until {
            None => format!("{by} took it up."),
            Some(until) => format!("{by} took it up until {}.", clock(until)),
        };
        self.write(EntryKind::Acknowledged, About::incident(id).by(by), text.clone());
        self.show_taken_up(id, &text);
        self.drill_answered(id, by);
        self.end_escalations(id, &format!("{by} took it up"));
        if let Some(until) = until {
            self.state.agenda.by(until, Due::Incident(id));
        }
    }

    fn note(&mut self, id: IncidentId, by: &str, text: String, evidence: Vec<String>) {
        if !text.trim().is_empty() {
            self.write(EntryKind::Note, About::incident(id).by(by).shown_by(evidence), text);
        }
    }

    pub(crate) fn is_open(&self, id: IncidentId) -> bool {
        self.state.incidents.get(&id).is_some_and(|incident| incident.is_open())
    }

    pub(crate) fn is_drill(&self, id: IncidentId) -> bool {
        self.state.incidents.get(&id).is_some_and(|incident| incident.is_drill())
    }

    pub(crate) fn is_public(&self, id: IncidentId) -> bool {
        self.state.incidents.get(&id).is_some_and(|incident| incident.publication.is_some())
    }

    /// Something that is over is not announced to customers as if it had begun.
    fn is_publishable(&self, id: IncidentId) -> bool {
        self.is_open(id) && !self.is_public(id)
    }
}

/// What a person wanted to do, and the words that came with it.
fn wanted(action: &Action) -> (String, Vec<String>) {
    match action {
        Action::Acknowledge(_) => ("take it up".into(), Vec::new()),
        Action::Resolve(_) => ("resolve it".into(), Vec::new()),
        Action::Publish { title, body, .. } => {
            ("make it public".into(), title.iter().chain(body).cloned().collect())
        }
        Action::Update { status, body, .. } => {
            (format!("tell customers that it is {status}"), vec![body.clone()])
        }
        Action::Note { text, evidence, .. } => {
            ("write something down".into(), std::iter::once(text).chain(evidence).cloned().collect())
        }
        Action::Snooze { until, .. } => (format!("take it up until {}", clock(*until)), Vec::new()),
        Action::Assign { to, .. } => (format!("hand it to {to}"), Vec::new()),
        Action::SetSeverity { severity, .. } => (format!("make it {severity}"), Vec::new()),
        Action::SetRole { role, who: Some(who), .. } => (format!("make {who} its {role}"), Vec::new()),
        Action::SetRole { role, who: None, .. } => (format!("have nobody as its {role}"), Vec::new()),
        Action::AddTask { text, .. } => ("write down what there is to do".into(), vec![text.clone()]),
        Action::FinishTask { .. } => ("say that a task is done".into(), Vec::new()),
        Action::Remind { .. } => ("be reminded of an update".into(), Vec::new()),
        Action::Merge { into, .. } => (format!("merge it into incident {into}"), Vec::new()),
        Action::Split { alert, .. } => (format!("split {alert} off it"), Vec::new()),
        Action::Silence { reason, .. } => ("silence something".into(), vec![reason.clone()]),
        Action::EndSilence(_) => ("end a silence".into(), Vec::new()),
        Action::RequestWaiver(wish) => {
            (format!("have a waiver for {}", wish.dependency), vec![wish.reason.clone()])
        }
        Action::GrantWaiver(_) => ("grant a waiver".into(), Vec::new()),
        Action::RefuseWaiver(_) => ("refuse a waiver".into(), Vec::new()),
        Action::EndWaiver(_) => ("end a waiver".into(), Vec::new()),
        Action::Override { schedule, terms } => (
            format!("have {} stand in on call for {schedule}", terms.person),
            terms.reason.iter().cloned().collect(),
        ),
        Action::Drill(terms) => (format!("drill {}", terms.dependency), Vec::new()),
        Action::RemoveOverride(_) => ("take an override of on-call back".into(), Vec::new()),
        Action::TryNow(_) => ("have a message tried now".into(), Vec::new()),
        Action::SendAgain(delivery) => {
            (format!("have a message to {} sent again", delivery.channel), Vec::new())
        }
        Action::TryChannel { channel, .. } => (format!("try {channel}"), Vec::new()),
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}
