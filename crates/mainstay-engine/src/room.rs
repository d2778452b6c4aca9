use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Alert, ChosenSeverity, EntryKind, Incident, IncidentId, IncidentState, MessageKind, PersonName,
    Recipient, Role, Severity, Task, in_words,
};

use crate::Action;
use crate::agenda::Due;
use crate::time::{clock, later};
use crate::turn::{About, Turn};

/// As many tasks one incident has; more are a project.
const TASKS: usize = 100;

/// While an update is due, it is said again after this time.
const REMIND_AGAIN: SignedDuration = SignedDuration::from_mins(30);

impl Turn<'_> {
    /// What people do around an incident. The error says why it was not done.
    pub(crate) fn work_in_room(
        &mut self,
        id: IncidentId,
        by: &str,
        action: &Action,
    ) -> Result<(), &'static str> {
        if !self.is_open(id) {
            return Err("it is over");
        }
        match action {
            Action::Assign { to, .. } => self.assign(id, by, to),
            Action::SetSeverity { severity, .. } => self.choose_severity(id, by, *severity),
            Action::SetRole { role, who, .. } => self.set_role(id, by, *role, who.clone()),
            Action::AddTask { text, .. } => self.add_task(id, by, text),
            Action::FinishTask { task, .. } => self.finish_task(id, by, *task),
            Action::Remind { at, .. } => self.remind(id, by, *at),
            Action::Merge { into, .. } => self.merge(id, by, *into),
            Action::Split { alert, .. } => self.split(id, by, alert),
            _ => Ok(()),
        }
    }

    fn assign(&mut self, id: IncidentId, by: &str, to: &PersonName) -> Result<(), &'static str> {
        if !self.state.landscape.people.contains_key(to) {
            return Err("nobody of that name is configured");
        }
        // Whoever hands on that nobody was reached hands on what nobody was reached about, and that is what the person is told of.
        let unanswered = self.unanswered_in(id);
        self.note_assignee(id, by, to);
        if unanswered.is_empty() {
            self.tell_assignee(id, by, to);
        }
        for of in unanswered {
            self.note_assignee(of, by, to);
            self.tell_assignee(of, by, to);
        }
        Ok(())
    }

    fn note_assignee(&mut self, id: IncidentId, by: &str, to: &PersonName) {
        let Some(incident) = self.incident_mut(id) else { return };
        incident.room.assignee = Some(to.clone());
        incident.state = IncidentState::Open;
        self.write(EntryKind::Room, About::incident(id).by(by), handed(by, to));
        self.news(id);
    }

    fn tell_assignee(&mut self, id: IncidentId, by: &str, to: &PersonName) {
        let addresses = self.state.addresses(&[Recipient::Person(to.clone())], self.now).all;
        let sent = self.send(id, MessageKind::Updated, &addresses, Some(handed(by, to)));
        self.wait_for_assignee(id, sent.into_iter().collect());
    }

    fn choose_severity(&mut self, id: IncidentId, by: &str, severity: Severity) -> Result<(), &'static str> {
        let Some(incident) = self.incident_mut(id) else { return Ok(()) };
        let before = incident.severity;
        let instead_of = incident.alerts.values().map(|alert| alert.severity).max().unwrap_or(before);
        incident.room.severity = Some(ChosenSeverity { severity, instead_of });
        incident.severity = severity;
        let text = format!("{by} made it {severity}, it was {before}.");
        self.write(EntryKind::SeverityChanged, About::incident(id).by(by), text.clone());
        let news = self.news(id);
        news.urgent |= severity > before;
        news.lines.push(text);
        Ok(())
    }

    fn set_role(
        &mut self,
        id: IncidentId,
        by: &str,
        role: Role,
        who: Option<String>,
    ) -> Result<(), &'static str> {
        let who = who.map(|who| who.trim().to_owned()).filter(|who| !who.is_empty());
        let Some(incident) = self.incident_mut(id) else { return Ok(()) };
        let text = match who {
            Some(who) => {
                incident.room.roles.insert(role, who.clone());
                format!("{role}: {who}.")
            }
            None => {
                incident.room.roles.remove(&role);
                format!("{role}: nobody.")
            }
        };
        self.write(EntryKind::Room, About::incident(id).by(by), text);
        Ok(())
    }

    fn add_task(&mut self, id: IncidentId, by: &str, text: &str) -> Result<(), &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(());
        }
        let Some(incident) = self.incident_mut(id) else { return Ok(()) };
        if incident.room.tasks.len() >= TASKS {
            return Err("it has a hundred tasks already");
        }
        incident.room.tasks.push(Task { text: text.to_owned(), by: by.to_owned(), done: None });
        self.write(EntryKind::Room, About::incident(id).by(by), format!("To do: {text}"));
        Ok(())
    }

    fn finish_task(&mut self, id: IncidentId, by: &str, place: usize) -> Result<(), &'static str> {
        let now = self.now;
        let task = self.incident_mut(id).and_then(|incident| incident.room.tasks.get_mut(place));
        let Some(task) = task else { return Err("there is no such task") };
        if task.done.is_some() {
            return Ok(());
        }
        task.done = Some((now, by.to_owned()));
        let text = format!("Done: {}", task.text);
        self.write(EntryKind::Room, About::incident(id).by(by), text);
        Ok(())
    }

    fn remind(&mut self, id: IncidentId, by: &str, at: Option<Timestamp>) -> Result<(), &'static str> {
        let Some(incident) = self.incident_mut(id) else { return Ok(()) };
        if incident.room.update_due_at == at {
            return Ok(());
        }
        incident.room.update_due_at = at;
        let text = match at {
            Some(at) => format!("The next update is due at {}.", clock(at)),
            None => "No further update is promised.".to_owned(),
        };
        self.write(EntryKind::Room, About::incident(id).by(by), text);
        if let Some(at) = at {
            self.state.agenda.by(at, Due::Incident(id));
        }
        Ok(())
    }

    /// The time for an update is over; it is said again until one was given.
    pub(crate) fn look_at_promise(&mut self, id: IncidentId) {
        let now = self.now;
        let Some(due_at) = self.state.incidents.get(&id).and_then(|incident| incident.room.update_due_at)
        else {
            return;
        };
        if due_at > now {
            return self.state.agenda.by(due_at, Due::Incident(id));
        }
        let again = later(now, REMIND_AGAIN);
        if let Some(incident) = self.incident_mut(id) {
            incident.room.update_due_at = Some(again);
        }
        let text = "An update is due: say what is known, and when the next one comes.".to_owned();
        self.write(EntryKind::Room, About::incident(id), text.clone());
        let news = self.news(id);
        news.urgent = true;
        news.lines.push(text);
        self.state.agenda.by(again, Due::Incident(id));
    }

    /// A snooze is over: whoever should know is told again.
    pub(crate) fn look_at_snooze(&mut self, id: IncidentId) {
        let now = self.now;
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let IncidentState::Acknowledged { at, by, until: Some(until) } = &incident.state else { return };
        if *until > now {
            return self.state.agenda.by(*until, Due::Incident(id));
        }
        let text =
            format!("{by} took it up for {}, and it is still open.", in_words(until.duration_since(*at)));
        if let Some(incident) = self.incident_mut(id) {
            incident.state = IncidentState::Open;
        }
        self.write(EntryKind::Room, About::incident(id), text.clone());
        let news = self.news(id);
        news.urgent = true;
        news.lines.push(text);
    }

    fn merge(&mut self, id: IncidentId, by: &str, into: IncidentId) -> Result<(), &'static str> {
        if id == into {
            return Err("it is the same incident");
        }
        if !self.is_open(into) {
            return Err("the other one is over, or it never was");
        }
        if self.is_drill(id) || self.is_drill(into) {
            return Err("a drill is no part of anything real");
        }
        if self.is_public(id) {
            return Err("customers see it; merge the other one into it");
        }
        let now = self.now;
        let Some(incident) = self.incident_mut(id) else { return Ok(()) };
        let alerts = std::mem::take(&mut incident.alerts);
        incident.state = IncidentState::Resolved { at: now, by: Some(by.to_owned()) };
        incident.breaks_at = None;
        incident.room.merged_into = Some(into);
        let (cause, title) = (incident.cause_key.clone(), incident.title.clone());
        self.end_escalations(id, "it was merged");
        self.move_alerts(alerts.into_values(), into);
        // What joins later for the same cause joins the one that goes on.
        self.state.index.cause(&cause, into);
        let name = self.state.incidents.get(&into).map(|one| one.title.clone()).unwrap_or_default();
        let ends = format!("It goes on as a part of \u{201c}{name}\u{201d}.");
        self.write(EntryKind::Merged, About::incident(id).by(by), ends.clone());
        let joins = format!("\u{201c}{title}\u{201d} is a part of it now.");
        self.write(EntryKind::Merged, About::incident(into).by(by), joins.clone());
        let news = self.news(id);
        (news.resolved, news.lines) = (true, vec![ends]);
        self.news(into).lines.push(joins);
        self.forget_later(id);
        Ok(())
    }

    fn split(&mut self, id: IncidentId, by: &str, key: &str) -> Result<(), &'static str> {
        let Some(incident) = self.state.incidents.get(&id) else { return Ok(()) };
        let Some(alert) = incident.alerts.get(key).cloned() else { return Err("it has no such alert") };
        if incident.alerts.len() == 1 {
            return Err("it has no other alert");
        }
        let cause = incident.cause_key.clone();
        if let Some(incident) = self.incident_mut(id) {
            incident.alerts.remove(key);
            leave(incident, &alert);
        }
        let new = self.open(&alert, format!("{cause}/{key}"));
        self.state.index.alert(key, new);
        let text = format!("{by} split it off: it goes on as incident {new}.");
        self.write(EntryKind::Merged, About::incident(id).by(by), text.clone());
        self.news(id).lines.push(text);
        Ok(())
    }

    fn move_alerts(&mut self, alerts: impl Iterator<Item = Alert>, into: IncidentId) {
        for alert in alerts {
            let key = alert.key.to_string();
            self.state.index.alert(&key, into);
            if let Some(incident) = self.incident_mut(into) {
                incident.alerts.insert(key, alert);
            }
        }
        // What was joined by a merge is joined further, as by an alert.
        let now = self.now;
        if let Some(incident) = self.incident_mut(into) {
            incident.joined_at = Some(now);
        }
    }
}

fn handed(by: &str, to: &PersonName) -> String {
    format!("{by} hands it to {to}.")
}

/// A dependency of which no alert is left is no longer part of it.
fn leave(incident: &mut Incident, alert: &Alert) {
    let Some(name) = crate::incident::dependency_of(alert) else { return };
    let stays = |one: &Alert| crate::incident::dependency_of(one) == Some(name);
    if !incident.alerts.values().any(stays) {
        incident.dependencies.retain(|one| one != name);
    }
}
