use mainstay_model::{EntryKind, IncidentId, IncidentState};

use crate::Action;
use crate::turn::{About, Turn};

impl Turn<'_> {
    /// A person did something. What makes no sense any more, such as acknowledging what is over, changes nothing.
    pub(crate) fn operated(&mut self, by: String, action: Action) {
        match action {
            Action::Acknowledge(id) => self.acknowledge(id, &by),
            Action::Resolve(id) if self.is_open(id) => self.resolve(id, Some(&by)),
            Action::Resolve(_) => {}
            Action::Publish { incident, title, body } if self.is_publishable(incident) => {
                self.publish(incident, Some(&by), filled(title), filled(body));
            }
            Action::Publish { .. } => {}
            Action::Update { incident, status, body }
                if self.is_public(incident) && !body.trim().is_empty() =>
            {
                self.update_customers(incident, Some(&by), status, body);
            }
            Action::Update { .. } => {}
            Action::Note { incident, text } => self.note(incident, &by, text),
        }
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
        if self.state.incidents.contains_key(&id) && !text.trim().is_empty() {
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

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}
