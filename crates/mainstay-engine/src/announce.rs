use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use mainstay_model::{
    Alert, ChannelName, Delivery, DeliveryId, DeliveryState, EntryKind, Incident, IncidentId, IncidentState,
    Landscape, Message, MessageDependency, MessageFailure, MessageIncident, MessageKind, PersonName, Rule,
    Severity, Subject, Waiver, WaiverState,
};

use crate::agenda::Due;
use crate::audience::{Address, Audience, Topic, next_change_of};
use crate::channels::is_in_part;
use crate::escalate::unreached;
use crate::runbook::links;
use crate::time::later;
use crate::turn::{About, News, Turn};
use crate::waiver_line;

/// At most one message about what is not urgent in this time, for each incident.
const AT_MOST_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// As many changes wait for the next message; a message with more would not be read.
const WAITING: usize = 20;

impl Turn<'_> {
    /// Words what happened to an incident, or keeps it for the next message.
    pub(crate) fn announce(&mut self, id: IncidentId, mut news: News) {
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let is_open = incident.is_open();
        if !is_open && !news.resolved {
            return;
        }
        let waits = incident.hushed.is_some() && incident.state == IncidentState::Open;
        let is_hushed = is_open && self.is_hushed(id);
        if waits && !is_hushed {
            news.urgent = true;
            news.lines.push("It is no longer quiet, and it is still open.".into());
        }
        if !news.lines.is_empty() || self.has_waiting(id) {
            self.let_wait(id, news.lines);
        }
        if is_hushed {
            return;
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
            self.tell_or_wait(id, news.urgent);
        }
        if is_open {
            self.tell_others(id);
        }
    }

    /// What changed is told at once when it is urgent or nothing was told lately.
    fn tell_or_wait(&mut self, id: IncidentId, urgent: bool) {
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let due_at = incident.told.at.map_or(self.now, |at| later(at, AT_MOST_EVERY));
        // A clock that went back must not hold up messages.
        let damped = due_at > self.now && incident.told.at.is_some_and(|at| at <= self.now);
        if urgent || !damped {
            self.tell(id, MessageKind::Updated);
        } else {
            self.state.agenda.by(due_at, Due::Incident(id));
        }
    }

    /// Time, a hand-over or a severity may lead routes to somebody who has not heard of it; escalations go on; and digests speak of it.
    fn tell_others(&mut self, id: IncidentId) {
        let landscape = self.state.landscape.clone();
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let Some(audience) = self.routed(incident) else { return };
        let never_told = incident.told.channels.is_empty();
        if incident.state == IncidentState::Open {
            let unheard = self.state.addresses(&audience.at_once, self.now).all;
            let unheard =
                unheard.into_iter().filter(|one| !incident.told.channels.contains_key(&one.channel));
            let unheard = unheard.collect::<Vec<_>>();
            let is_told = !self.send(id, MessageKind::Opened, &unheard, None).is_empty();
            if never_told && !is_told {
                self.note_unreached(id, &audience);
            }
            self.escalate(id, &audience.escalations);
        }
        self.collect(id, &audience.digest);
        let schedules = audience.at_once.iter().filter_map(|one| self.state.next_hand_over(one, self.now));
        let next = schedules.chain(next_change_of(&landscape.routes, self.now)).min();
        if let Some(at) = next {
            self.state.agenda.by(at, Due::Incident(id));
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
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let addresses = self.audience(incident, kind);
        let severity = incident.severity;
        let routed = self.routed(incident);
        let change = if kind == MessageKind::Opened { None } else { self.take_waiting(id) };
        let now = self.now;
        if let Some(incident) = self.incident_mut(id) {
            incident.told.at = Some(now);
        }
        self.send(id, kind, &addresses, change);
        let first = kind == MessageKind::Opened || addresses.is_empty();
        let Some(routed) = routed.filter(|_| kind != MessageKind::Resolved) else { return };
        if first {
            self.note_silence(id, &routed, severity, !addresses.is_empty());
        }
        self.note_unreached(id, &routed);
    }

    /// Where the routes lead to people and none of them can be told, what is urgent is told by the fallback, as where no step of an
    /// escalation reaches anybody.
    fn note_unreached(&mut self, id: IncidentId, routed: &Audience) {
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let is_urgent = incident.state == IncidentState::Open && incident.severity >= Severity::High;
        let is_known = self.state.index.of_alert(&unreached(id).to_string()).is_some();
        if let Some(why) = self.missed(routed).filter(|_| is_urgent && !is_known) {
            self.nobody_reached(id, format!("The routes reached nobody: {why}."));
        }
    }

    /// Why the routes reach nobody although they lead to somebody; `None` where they do, and where an escalation sees to it.
    fn missed(&self, routed: &Audience) -> Option<String> {
        let to = self.state.addresses(&routed.at_once, self.now);
        let missed = to.all.is_empty() && !to.nobody.is_empty() && routed.escalations.is_empty();
        missed.then(|| to.nobody.join("; "))
    }

    /// That a route is missing, mutes or leads to nobody is part of the history.
    fn note_silence(&mut self, id: IncidentId, routed: &Audience, severity: Severity, is_told: bool) {
        if routed.is_empty() {
            let who = if is_told { "Only the fallback is told" } else { "Nobody is told" };
            let text = format!("{who}: no route takes severity {severity}.");
            self.write(EntryKind::NoRoute, About::incident(id), text);
        } else if routed.is_muted && !is_told && routed.escalations.is_empty() {
            self.write(EntryKind::Quiet, About::incident(id), "Nobody is told: a route mutes it.");
        } else if severity < Severity::High
            && !is_told
            && let Some(why) = self.missed(routed)
        {
            self.write(EntryKind::NotTold, About::incident(id), format!("Nobody is told at once: {why}."));
        }
    }

    /// Puts one message for each address into the outbox, unless this step did so already; says what is under way.
    pub(crate) fn send(
        &mut self,
        id: IncidentId,
        kind: MessageKind,
        to: &[Address],
        change: Option<String>,
    ) -> Vec<DeliveryId> {
        if to.is_empty() {
            return Vec::new();
        }
        let landscape = self.state.landscape.clone();
        let now = self.now;
        let Some(incident) = self.incident_mut(id) else { return Vec::new() };
        incident.told.at = Some(now);
        let mut messages = Vec::new();
        for address in to {
            let sequence = incident.told.channels.entry(address.channel.clone()).or_default();
            *sequence = sequence.saturating_add(1);
            // Whoever hears of it for the first time hears that it was opened.
            let kind = if *sequence == 1 { MessageKind::Opened } else { kind };
            messages.push((address, *sequence, kind));
        }
        let incident = incident.clone();
        let mut under_way = Vec::with_capacity(messages.len());
        for (address, sequence, kind) in messages {
            let change = change.clone().filter(|_| kind != MessageKind::Opened);
            let message = self.message(&incident, kind, change, &landscape);
            let message = Message { person: address.person.clone(), ..message };
            let delivery = self.queue(id, address.channel.clone(), sequence, message);
            self.called(id, delivery, address, kind);
            under_way.push(delivery);
        }
        under_way
    }

    /// Services that show where an incident stands, and were told of it, show that somebody took it up; nobody is told anew.
    pub(crate) fn show_taken_up(&mut self, id: IncidentId, text: &str) {
        let landscape = self.state.landscape.clone();
        let shows =
            |name: &ChannelName| landscape.channels.get(name).is_some_and(|one| one.kind.shows_state());
        let Some(incident) = self.state.incidents.get(&id) else { return };
        if !incident.told.channels.keys().any(shows) {
            return;
        }
        let Some(incident) = self.incident_mut(id) else { return };
        let mut told = Vec::new();
        for (channel, sequence) in incident.told.channels.iter_mut().filter(|(name, _)| shows(name)) {
            *sequence = sequence.saturating_add(1);
            told.push((channel.clone(), *sequence));
        }
        let incident = incident.clone();
        let message = self.message(&incident, MessageKind::TakenUp, Some(text.to_owned()), &landscape);
        for (channel, sequence) in told {
            self.queue(id, channel, sequence, message.clone());
        }
    }

    /// The messages of one step of an escalation; what this step told already counts as told by it.
    pub(crate) fn send_step(
        &mut self,
        id: IncidentId,
        to: &[Address],
        why: Option<String>,
    ) -> BTreeSet<DeliveryId> {
        let told = |one: &Address| self.sent.get(&(id, one.channel.clone())).copied();
        let mut under_way: BTreeSet<DeliveryId> = to.iter().filter_map(told).collect();
        let rest: Vec<Address> = to.iter().filter(|one| told(one).is_none()).cloned().collect();
        under_way.extend(self.send(id, MessageKind::Escalated, &rest, why));
        under_way
    }

    pub(crate) fn queue(
        &mut self,
        incident: IncidentId,
        channel: ChannelName,
        sequence: u32,
        message: Message,
    ) -> DeliveryId {
        self.queue_again(incident, channel, sequence, message, None)
    }

    /// The same for a message that may repeat another.
    pub(crate) fn queue_again(
        &mut self,
        incident: IncidentId,
        channel: ChannelName,
        sequence: u32,
        message: Message,
        again_of: Option<DeliveryId>,
    ) -> DeliveryId {
        let state = DeliveryState::Queued { next_attempt_at: self.now, attempts: 0, last_error: None };
        let id = DeliveryId::new(self.now, self.random);
        self.sent.insert((incident, channel.clone()), id);
        let delivery = Delivery { id, channel, sequence, created_at: self.now, message, again_of, state };
        self.effects.commit.deliveries.push(delivery);
        id
    }

    /// Who is told: by the routes now, and whoever was told before, so that nobody is left with a message that it began.
    fn audience(&self, incident: &Incident, kind: MessageKind) -> Vec<Address> {
        let landscape = &self.state.landscape;
        let mut addresses = match kind {
            MessageKind::Resolved => Vec::new(),
            _ => match self.routed(incident) {
                Some(routed) if routed.is_empty() && incident.severity >= Severity::High => {
                    self.state.addresses(&landscape.fallback, self.now).all
                }
                Some(routed) => self.state.addresses(&routed.at_once, self.now).all,
                None => self.audience_of_last_resort(incident),
            },
        };
        let told = incident.told.channels.keys().filter(|name| landscape.channels.contains_key(*name));
        for name in told {
            if !addresses.iter().any(|one| one.channel == *name) {
                addresses.push(Address { channel: name.clone(), person: self.only_owner(name) });
            }
        }
        addresses
    }

    /// Whose channel it is, where it is that of one person: a later message is theirs as the first was.
    fn only_owner(&self, channel: &ChannelName) -> Option<PersonName> {
        let people = &self.state.landscape.people;
        let mut owners = people.iter().filter(|(_, person)| person.channels.contains(channel));
        let (name, _) = owners.next()?;
        owners.next().is_none().then(|| name.clone())
    }

    /// Where the routes lead; `None` for an incident that says that telling itself fails, which has ways of its own.
    pub(crate) fn routed(&self, incident: &Incident) -> Option<Audience> {
        let about_telling = |alert: &Alert| {
            use Rule::{ChannelFailing, ChannelUnproven, NobodyReached};
            matches!(alert.key.rule.built_in(), Some(ChannelFailing | ChannelUnproven | NobodyReached))
        };
        if incident.alerts.values().any(about_telling) {
            return None;
        }
        let landscape = &self.state.landscape;
        Some(Audience::of(&Topic::of(incident, landscape), landscape, self.now))
    }

    /// That telling fails is told by no channel that fails: that nobody was reached by the fallback, and anything else by the
    /// routes. Any other means is better than silence, whatever those say.
    fn audience_of_last_resort(&self, incident: &Incident) -> Vec<Address> {
        let landscape = &self.state.landscape;
        let unreached = incident.alerts.values().any(|alert| alert.key.rule == Rule::NobodyReached);
        let routed = Audience::of(&Topic::of(incident, landscape), landscape, self.now);
        let by_route = !unreached && !routed.at_once.is_empty();
        let to = if by_route { &routed.at_once } else { &landscape.fallback };
        let mut addresses = self.state.addresses(to, self.now).all;
        let doubtful = |name: &ChannelName| {
            let subject = Subject::Channel(name.clone());
            let is_about = |alert: &Alert| alert.key.subject == subject && !is_in_part(alert);
            self.is_failing(name) || incident.alerts.values().any(is_about)
        };
        addresses.retain(|one| !doubtful(&one.channel));
        if addresses.is_empty() {
            let all = landscape.channels.keys().filter(|name| !doubtful(name));
            addresses = all.map(|name| Address { channel: name.clone(), person: None }).collect();
        }
        addresses
    }

    /// What shows the cause, and that a waiver is in force or waits for somebody to agree.
    fn evidence(&self, incident: &Incident) -> Vec<String> {
        let here = |one: &&Arc<Waiver>| {
            let stands = one.is_in_force(self.now) || one.state == WaiverState::Requested;
            stands && self.state.home_of_waiver(one) == Some(incident.id)
        };
        let waivers = self.state.waivers().filter(here).filter_map(|one| waiver_line(one));
        waivers.chain(incident.diagnosis.evidence.iter().cloned()).collect()
    }

    pub(crate) fn message(
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
            evidence: self.evidence(incident),
            actions: incident.diagnosis.actions.iter().cloned().chain(links(incident, landscape)).collect(),
            change,
            drill: incident.is_drill(),
            person: None,
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
