use jiff::SignedDuration;
use mainstay_model::{
    ChannelName, Delivery, DeliveryId, DeliveryState, EntryKind, Incident, IncidentId, IncidentState,
    Landscape, Message, MessageDependency, MessageFailure, MessageIncident, MessageKind, Rule, Severity,
};

use crate::agenda::Due;
use crate::time::later;
use crate::turn::{About, News, Turn};

/// At most one message about what is not urgent in this time, for each incident.
const AT_MOST_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// As many changes wait for the next message; a message with more would not be read.
const WAITING: usize = 20;

impl Turn<'_> {
    /// Words what happened to an incident, or keeps it for the next message.
    pub(crate) fn announce(&mut self, id: IncidentId, news: News) {
        let now = self.now;
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let is_open = incident.is_open();
        let due_at = incident.told.at.map_or(now, |at| later(at, AT_MOST_EVERY));
        // A clock that went back must not hold up messages.
        let damped = due_at > now && incident.told.at.is_some_and(|at| at <= now);
        if !is_open && !news.resolved {
            return;
        }
        if !news.lines.is_empty() || !incident.told.waiting.is_empty() {
            self.let_wait(id, news.lines);
        }
        if news.opened {
            self.tell(id, MessageKind::Opened);
        }
        if news.opened && is_open {
            // The first message shows the whole; nothing of this step is left to add.
            self.take_waiting(id);
        }
        if news.resolved {
            self.tell(id, MessageKind::Resolved);
        } else if !news.opened && self.has_waiting(id) {
            if news.urgent || !damped {
                self.tell(id, MessageKind::Updated);
            } else {
                self.state.agenda.by(due_at, Due::Incident(id));
            }
        }
    }

    fn has_waiting(&self, id: IncidentId) -> bool {
        self.state.incidents.get(&id).is_some_and(|incident| !incident.told.waiting.is_empty())
    }

    fn let_wait(&mut self, id: IncidentId, lines: Vec<String>) {
        let Some(incident) = self.incident_mut(id) else { return };
        let waiting = &mut incident.told.waiting;
        waiting.extend(lines);
        if waiting.len() > WAITING {
            waiting.truncate(WAITING - 1);
            waiting.push("More changed; see its page.".into());
        }
    }

    /// The changes that waited, in one text.
    fn take_waiting(&mut self, id: IncidentId) -> Option<String> {
        let incident = self.incident_mut(id)?;
        let change = std::mem::take(&mut incident.told.waiting).join(" ");
        (!change.is_empty()).then_some(change)
    }

    /// One message to every channel concerned.
    fn tell(&mut self, id: IncidentId, kind: MessageKind) {
        let landscape = self.state.landscape.clone();
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let channels = self.audience(incident, kind);
        let no_route = channels.is_empty() && kind != MessageKind::Resolved;
        let now = self.now;
        let change = if kind == MessageKind::Opened { None } else { self.take_waiting(id) };
        let Some(incident) = self.incident_mut(id) else { return };
        incident.told.at = Some(now);
        let mut messages = Vec::new();
        for channel in channels {
            let sequence = incident.told.channels.entry(channel.clone()).or_default();
            *sequence = sequence.saturating_add(1);
            // Whoever hears of it for the first time hears that it was opened.
            let kind = if *sequence == 1 { MessageKind::Opened } else { kind };
            messages.push((channel, *sequence, kind));
        }
        let incident = incident.clone();
        for (channel, sequence, kind) in messages {
            let change = change.clone().filter(|_| kind != MessageKind::Opened);
            let message = self.message(&incident, kind, change, &landscape);
            self.queue(channel, sequence, message);
        }
        if no_route {
            let text = format!("Nobody is told: no route takes severity {}.", incident.severity);
            self.write(EntryKind::NoRoute, About::incident(id), text);
        }
    }

    fn queue(&mut self, channel: ChannelName, sequence: u32, message: Message) {
        let state = DeliveryState::Queued { next_attempt_at: self.now, attempts: 0, last_error: None };
        let id = DeliveryId::new(self.now, self.random);
        let delivery = Delivery { id, channel, sequence, created_at: self.now, message, state };
        self.effects.commit.deliveries.push(delivery);
    }

    /// Who is told: by severity now, and whoever was told before, so that nobody is left with a message that it began.
    fn audience(&self, incident: &Incident, kind: MessageKind) -> Vec<ChannelName> {
        let landscape = &self.state.landscape;
        let mut channels = match kind {
            MessageKind::Resolved => Vec::new(),
            _ if is_about_a_channel(incident) => self.audience_about_a_channel(incident.severity),
            _ => landscape.channels_for(incident.severity),
        };
        let told = incident.told.channels.keys().filter(|name| landscape.channels.contains_key(*name));
        for name in told {
            if !channels.contains(name) {
                channels.push(name.clone());
            }
        }
        channels
    }

    /// That a channel fails is told by none that fails; any other means is better than silence, whatever the routes say.
    fn audience_about_a_channel(&self, severity: Severity) -> Vec<ChannelName> {
        let mut channels = self.state.landscape.channels_for(severity);
        channels.retain(|name| !self.is_failing(name));
        if channels.is_empty() {
            let all = self.state.landscape.channels.keys();
            channels = all.filter(|name| !self.is_failing(name)).cloned().collect();
        }
        channels
    }

    fn message(
        &self,
        incident: &Incident,
        kind: MessageKind,
        change: Option<String>,
        landscape: &Landscape,
    ) -> Message {
        Message {
            kind,
            at: self.now,
            incident: message_incident(incident, landscape),
            dependencies: dependencies(incident, landscape),
            components: incident.components.clone(),
            cause: incident.diagnosis.cause.clone(),
            failure: incident.failure.as_ref().map(|failure| MessageFailure {
                kind: failure.kind,
                blame: failure.blame,
                message: failure.message.clone(),
            }),
            evidence: incident.diagnosis.evidence.clone(),
            actions: incident.diagnosis.actions.clone(),
            change,
            drill: false,
        }
    }
}

fn message_incident(incident: &Incident, landscape: &Landscape) -> MessageIncident {
    let state = match &incident.state {
        IncidentState::Open if incident.breaks_at.is_some() => "impending",
        other => other.as_str(),
    };
    MessageIncident {
        id: incident.id,
        title: incident.title.clone(),
        state: state.to_owned(),
        severity: incident.severity,
        opened_at: incident.opened_at,
        since: incident.since,
        resolved_at: incident.resolved_at(),
        breaks_at: incident.breaks_at,
        url: format!("{}/incidents/{}", landscape.operator_url, incident.id),
        ack_url: None,
    }
}

/// Those that are still configured; their targets are printed without passwords.
fn dependencies(incident: &Incident, landscape: &Landscape) -> Vec<MessageDependency> {
    let known = incident.dependencies.iter().filter_map(|name| landscape.dependencies.get(name));
    known
        .map(|one| MessageDependency {
            name: one.name.clone(),
            provider: one.provider.clone(),
            target: one.target.to_string(),
        })
        .collect()
}

fn is_about_a_channel(incident: &Incident) -> bool {
    incident.alerts.values().any(|alert| alert.key.rule == Rule::ChannelFailing)
}
