use mainstay_model::{EntryKind, IncidentId, IncidentState, PublicStatus};

use crate::Action;
use crate::turn::{About, Turn};

impl Turn<'_> {
    /// A person did something. What has been done already, such as resolving what is over, changes nothing; what cannot be done
    /// although somebody meant it is written down, so that no word is lost.
    pub(crate) fn operated(&mut self, by: String, action: Action) {
        let action = match action {
            Action::Override { schedule, terms } => return self.stand_in(schedule, terms, &by),
            Action::RemoveOverride(id) => return self.stand_in_no_longer(id, &by),
            about_an_incident => about_an_incident,
        };
        let known = incident_of(&action).is_some_and(|id| self.state.incidents.contains_key(&id));
        if !known {
            let why = "Mainstay no longer has that incident at hand, or it never was";
            return self.refuse(&by, &action, why);
        }
        match action {
            Action::Acknowledge(id) => self.acknowledge(id, &by),
            Action::Resolve(id) if self.is_open(id) => self.resolve(id, Some(&by)),
            Action::Resolve(_) => {}
            Action::Publish { incident, title, body } if self.is_publishable(incident) => {
                self.publish(incident, Some(&by), filled(title), filled(body));
            }
            Action::Publish { .. } => {}
            Action::Update { incident, status, ref body }
                if self.is_public(incident) && !body.trim().is_empty() =>
            {
                match self.contradiction(incident, status) {
                    Some(why) => self.refuse(&by, &action, why),
                    None => self.update_customers(incident, Some(&by), status, body.clone()),
                }
            }
            Action::Update { .. } => {}
            Action::Note { incident, text } => self.note(incident, &by, text),
            Action::Override { .. } | Action::RemoveOverride(_) => {}
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
        let about = About { incident: incident_of(action), ..About::default() }.by(by).shown_by(words);
        self.write(EntryKind::Note, about, format!("{by} wanted to {wanted}, which was not done: {why}."));
    }

    fn acknowledge(&mut self, id: IncidentId, by: &str) {
        let now = self.now;
        let Some(incident) = self.state.incidents.get(&id) else { return };
        if incident.state != IncidentState::Open {
            return;
        }
        if let Some(incident) = self.incident_mut(id) {
            incident.state = IncidentState::Acknowledged { at: now, by: by.to_owned() };
        }
        self.write(EntryKind::Acknowledged, About::incident(id).by(by), format!("{by} took it up."));
    }

    fn note(&mut self, id: IncidentId, by: &str, text: String) {
        if !text.trim().is_empty() {
            self.write(EntryKind::Note, About::incident(id).by(by), text);
        }
    }

    fn is_open(&self, id: IncidentId) -> bool {
        self.state.incidents.get(&id).is_some_and(|incident| incident.is_open())
    }

    fn is_public(&self, id: IncidentId) -> bool {
        self.state.incidents.get(&id).is_some_and(|incident| incident.publication.is_some())
    }

    /// Something that is over is not announced to customers as if it had begun.
    fn is_publishable(&self, id: IncidentId) -> bool {
        self.is_open(id) && !self.is_public(id)
    }
}

fn incident_of(action: &Action) -> Option<IncidentId> {
    match action {
        Action::Acknowledge(id) | Action::Resolve(id) => Some(*id),
        Action::Publish { incident, .. }
        | Action::Update { incident, .. }
        | Action::Note { incident, .. } => Some(*incident),
        Action::Override { .. } | Action::RemoveOverride(_) => None,
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
        Action::Note { text, .. } => ("write something down".into(), vec![text.clone()]),
        Action::Override { schedule, terms } => (
            format!("have {} stand in on call for {schedule}", terms.person),
            terms.reason.iter().cloned().collect(),
        ),
        Action::RemoveOverride(_) => ("take an override of on-call back".into(), Vec::new()),
    }
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}
