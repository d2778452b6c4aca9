//! Whether channels can be relied on: shown by what they take, or by a quiet trial when they were not needed for a while.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Alert, AlertKey, Channel, ChannelKind, ChannelName, ChannelRecord, Diagnosis, IncidentId, Landscape,
    Message, MessageKind, Rule, Severity, Subject, in_words,
};

use crate::agenda::Due;
use crate::time::{later, signed, since};
use crate::turn::Turn;

/// A channel that took nothing for so long is tried.
const TRY_EVERY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A channel that is new is tried so soon, where nobody notices: a slip in its address is then found by whoever made it.
const TRY_NEW: SignedDuration = SignedDuration::from_hours(1);

/// Proofs are written down this often at most; nothing is judged to the hour.
const WRITE_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// How often channels are looked at.
const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(10);

impl Turn<'_> {
    /// Tries channels that were not needed lately, and tells of those that were not shown to work for too long.
    pub(crate) fn look_at_channels(&mut self) {
        let landscape = self.state.landscape.clone();
        let records: Vec<ChannelRecord> = self.state.channels.values().cloned().collect();
        for record in records {
            let is_quiet = landscape.channels.get(&record.name).is_some_and(|one| one.kind.is_quiet_to_try());
            if self.now >= due_at(&record, is_quiet) {
                self.try_quietly(record.clone());
            }
            let since = record.proven_at.unwrap_or(record.known_since);
            if self.now >= later(since, signed(landscape.proven_within.0)) {
                self.unproven(&record);
            }
        }
        self.state.agenda.by(later(self.now, LOOK_EVERY), Due::Channels);
    }

    /// Begins a record for each channel that is new or points elsewhere, and forgets those that are gone.
    pub(crate) fn meet_channels(&mut self) {
        let landscape = self.state.landscape.clone();
        self.state.channels.retain(|name, _| landscape.channels.contains_key(name));
        for (name, channel) in &landscape.channels {
            let fingerprint = fingerprint(channel, &landscape);
            if self.state.channels.get(name).is_some_and(|record| record.fingerprint == fingerprint) {
                continue;
            }
            let known_since = self.now;
            let (name, proven_at, tried_at) = (name.clone(), None, None);
            self.note_channel(ChannelRecord { name, fingerprint, known_since, proven_at, tried_at });
        }
    }

    fn note_channel(&mut self, record: ChannelRecord) {
        self.effects.commit.channels.push(record.clone());
        self.state.channels.insert(record.name.clone(), record);
    }

    fn try_quietly(&mut self, record: ChannelRecord) {
        let name = record.name.clone();
        self.note_channel(ChannelRecord { tried_at: Some(self.now), ..record });
        self.send_trial(name, MessageKind::Probe);
    }

    pub(crate) fn send_trial(&mut self, name: ChannelName, kind: MessageKind) {
        // A trial is about no incident: it has an identity of its own, so that it waits for no other message and none for it.
        let id = IncidentId::new(self.now, self.random);
        let message = trial(id, kind, &name, self.now, &self.state.landscape.operator_url);
        self.queue(id, name, 1, message);
    }

    /// A channel took a message or a trial.
    pub(crate) fn proven(&mut self, name: &ChannelName) {
        let Some(record) = self.state.channels.get(name) else { return };
        let lately = record.proven_at.is_some_and(|at| since(at, self.now).abs() < WRITE_EVERY);
        if !lately {
            let record = ChannelRecord { proven_at: Some(self.now), ..record.clone() };
            self.note_channel(record);
        }
        self.ended(&key(name), "");
    }

    fn unproven(&mut self, record: &ChannelRecord) {
        let name = &record.name;
        if self.state.index.of_alert(&key(name).to_string()).is_some() {
            return;
        }
        let seen = match record.proven_at {
            Some(at) => format!("It last took a message {} ago.", in_words(since(at, self.now))),
            None => format!(
                "It is configured since {} and never took a message.",
                crate::time::clock(record.known_since)
            ),
        };
        let diagnosis = Diagnosis {
            cause: format!("It is not known whether {name} still works: nothing has shown it for too long."),
            evidence: vec![seen],
            actions: vec![format!(
                "Send a trial to {name} from {}/channels, and mend its settings when it fails.",
                self.state.landscape.operator_url
            )],
        };
        let alert = Alert {
            key: key(name),
            severity: Severity::Warn,
            since: self.now,
            failure: None,
            diagnosis,
            breaks_at: None,
            external: None,
        };
        self.raised(&alert, &[]);
    }
}

/// When each channel last took a message or a trial, of those that are remembered as they are configured now. What was proven of another
/// address says nothing of the one that a channel has now.
pub fn proven_channels<'a>(
    records: impl IntoIterator<Item = &'a ChannelRecord>,
    landscape: &Landscape,
) -> BTreeMap<ChannelName, Timestamp> {
    let is_configured = |record: &&ChannelRecord| {
        let channel = landscape.channels.get(&record.name);
        channel.is_some_and(|channel| fingerprint(channel, landscape) == record.fingerprint)
    };
    let records = records.into_iter().filter(is_configured);
    records.filter_map(|record| Some((record.name.clone(), record.proven_at?))).collect()
}

/// When a channel is tried next if nothing shows before that it works.
fn due_at(record: &ChannelRecord, is_quiet: bool) -> Timestamp {
    match record.proven_at.max(record.tried_at) {
        None if is_quiet => later(record.known_since, TRY_NEW),
        None => later(record.known_since, TRY_EVERY),
        Some(last) => later(last, TRY_EVERY),
    }
}

pub(crate) fn key(name: &ChannelName) -> AlertKey {
    AlertKey { subject: Subject::Channel(name.clone()), rule: Rule::ChannelUnproven.into() }
}

/// Stable between runs of the same build; another build may find every channel new, which costs one trial each.
fn fingerprint(channel: &Channel, landscape: &Landscape) -> u64 {
    let mut hasher = DefaultHasher::new();
    channel.hash(&mut hasher);
    if matches!(channel.kind, ChannelKind::Email { .. }) {
        landscape.mail.hash(&mut hasher);
    }
    hasher.finish()
}

fn trial(
    id: IncidentId,
    kind: MessageKind,
    name: &ChannelName,
    now: Timestamp,
    operator_url: &str,
) -> Message {
    let cause = "Nothing is wrong: Mainstay makes sure that this channel still works.".into();
    Message::about_itself(kind, id, Severity::Info, format!("Trial of {name}"), cause, operator_url, now)
}
