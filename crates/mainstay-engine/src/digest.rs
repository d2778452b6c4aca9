use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, ToSpan};
use mainstay_model::{
    ChannelName, DigestTime, Incident, IncidentId, IncidentState, Message, MessageIncident, MessageKind,
    Recipient, Severity, in_words, moment,
};

use crate::agenda::Due;
use crate::time::clock;
use crate::turn::Turn;

/// As many incidents are listed in one digest; the others are counted.
const LISTED: usize = 20;

impl Turn<'_> {
    /// Has the next digest of these recipients speak of an incident.
    pub(crate) fn collect(&mut self, id: IncidentId, to: &[Recipient]) {
        if to.is_empty() {
            return;
        }
        let channels: BTreeSet<ChannelName> =
            self.state.addresses(to, self.now).all.into_iter().map(|one| one.channel).collect();
        // What is only played would be read as if it had been so.
        let known = self.state.incidents.get(&id).filter(|incident| !incident.is_drill());
        let Some(incident) = known else { return };
        if !channels.is_subset(&incident.told.digest)
            && let Some(incident) = self.incident_mut(id)
        {
            incident.told.digest.extend(channels);
        }
        self.await_digest();
    }

    /// Makes sure that the next digest is thought of.
    pub(crate) fn await_digest(&mut self) {
        let at = next_digest(&self.state.landscape.digest_at, self.now);
        self.state.agenda.by(at, Due::Digest);
    }

    /// Tells each channel what was collected for it.
    pub(crate) fn send_digests(&mut self) {
        let mut collected: BTreeMap<ChannelName, Vec<IncidentId>> = BTreeMap::new();
        for incident in self.state.incidents.values() {
            for channel in &incident.told.digest {
                collected.entry(channel.clone()).or_default().push(incident.id);
            }
        }
        for (channel, ids) in collected {
            if self.state.landscape.channels.contains_key(&channel) {
                self.send_digest(channel.clone(), &ids);
            }
            for id in ids {
                if let Some(incident) = self.incident_mut(id) {
                    incident.told.digest.remove(&channel);
                }
            }
        }
    }

    fn send_digest(&mut self, channel: ChannelName, ids: &[IncidentId]) {
        let mut incidents: Vec<&Incident> =
            ids.iter().filter_map(|id| Some(&**self.state.incidents.get(id)?)).collect();
        // What is open first, then the most urgent, then the oldest.
        incidents.sort_by_key(|one| (!one.is_open(), std::cmp::Reverse(one.severity), one.opened_at));
        let open = incidents.iter().filter(|one| one.is_open()).count();
        let severity = incidents.iter().map(|one| one.severity).max().unwrap_or(Severity::Info);
        let since = incidents.iter().map(|one| one.since).min().unwrap_or(self.now);
        let mut lines: Vec<String> = incidents.iter().take(LISTED).map(|one| line(one, self.now)).collect();
        if incidents.len() > LISTED {
            lines.push(format!("And {} more; see the page.", incidents.len() - LISTED));
        }
        let title = title(open, incidents.len() - open);
        // A digest is about several incidents and none of them: it has an identity of its own, so that it waits for no other message.
        let id = IncidentId::new(self.now, self.random);
        let message = self.digest(id, title, severity, since, lines);
        self.queue(id, channel, 1, message);
    }

    fn digest(
        &self,
        id: IncidentId,
        title: String,
        severity: Severity,
        since: Timestamp,
        lines: Vec<String>,
    ) -> Message {
        Message {
            kind: MessageKind::Digest,
            at: self.now,
            incident: MessageIncident {
                id,
                title,
                state: IncidentState::Open.as_str().into(),
                severity,
                opened_at: self.now,
                since,
                resolved_at: None,
                breaks_at: None,
                url: format!("{}/incidents", self.state.landscape.operator_url),
                ack_url: None,
            },
            dependencies: Vec::new(),
            components: Vec::new(),
            cause: "What happened since the last digest and was not urgent.".into(),
            failure: None,
            evidence: lines,
            actions: Vec::new(),
            change: None,
            drill: false,
            person: None,
        }
    }
}

fn title(open: usize, over: usize) -> String {
    match (open, over) {
        (open, 0) => format!("{open} open"),
        (0, over) => format!("{over} over"),
        (open, over) => format!("{open} open, {over} over"),
    }
}

fn line(incident: &Incident, now: Timestamp) -> String {
    let Incident { title, severity, since, .. } = incident;
    match incident.resolved_at() {
        Some(at) => format!("Over after {}: {title} ({severity}).", in_words(at.duration_since(*since))),
        None => {
            let lasts = in_words(now.duration_since(*since));
            format!("Open for {lasts}, since {}: {title} ({severity}).", clock(*since))
        }
    }
}

/// The next moment at which digests are sent, after `now`.
pub(crate) fn next_digest(digest: &DigestTime, now: Timestamp) -> Timestamp {
    let today = digest.timezone.to_datetime(now).date();
    let on = |days: i64| {
        let day = today.checked_add(days.days()).ok()?;
        moment(&digest.timezone, day.to_datetime(digest.at))
    };
    let soonest = (-1..=2).filter_map(on).find(|at| *at > now);
    soonest.unwrap_or_else(|| crate::time::later(now, SignedDuration::from_hours(24)))
}
