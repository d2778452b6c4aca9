use jiff::Timestamp;
use mainstay_model::{Alert, ChannelName, ChannelRecord, IncidentId, Rule, Subject};

use crate::operator::known::Known;
use crate::show::Sign;

/// Whether a channel can be relied on, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::operator) enum Condition {
    /// It took a message or a trial lately.
    Works,
    /// It lost or held up a message and has not taken one since.
    Fails { since: Timestamp, reason: String, incident: IncidentId },
    /// It did not take what waits, but for a moment only so far.
    HeldUp { reason: String },
    /// It was shown to work, too long ago.
    Lapsed { proven_at: Timestamp },
    /// Nothing has shown that it works as it is configured now; untried when it is known that nothing was ever sent by it.
    Unproven { untried: bool },
}

impl Condition {
    /// What can be told without reading what is kept.
    pub(in crate::operator) fn remembered(name: &ChannelName, known: &Known) -> Condition {
        if let Some((incident, alert)) = failure(name, known) {
            let reason = alert.diagnosis.evidence.first().cloned().unwrap_or_default();
            return Condition::Fails { since: alert.since, reason, incident };
        }
        match record(name, known).and_then(|record| record.proven_at) {
            Some(proven_at) if is_long_ago(proven_at, known) => Condition::Lapsed { proven_at },
            Some(_) => Condition::Works,
            None => Condition::Unproven { untried: false },
        }
    }

    /// The word of the API.
    pub(in crate::operator) fn as_str(&self) -> &'static str {
        match self {
            Condition::Works => "works",
            Condition::Fails { .. } => "fails",
            Condition::HeldUp { .. } => "held-up",
            Condition::Lapsed { .. } => "lapsed",
            Condition::Unproven { .. } => "unproven",
        }
    }

    /// The word for people.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Condition::Works => "works",
            Condition::Fails { .. } => "fails",
            Condition::HeldUp { .. } => "held up",
            Condition::Lapsed { .. } => "not proven lately",
            Condition::Unproven { .. } => "never proven",
        }
    }

    pub(super) fn sign(&self) -> Sign {
        match self {
            Condition::Works => Sign::Healthy,
            Condition::Fails { .. } => Sign::Down,
            Condition::HeldUp { .. } => Sign::Degraded,
            Condition::Lapsed { .. } | Condition::Unproven { .. } => Sign::Unknown,
        }
    }
}

pub(super) fn record<'a>(name: &ChannelName, known: &'a Known) -> Option<&'a ChannelRecord> {
    known.channels.iter().find(|record| record.name == *name)
}

fn failure<'a>(name: &ChannelName, known: &'a Known) -> Option<(IncidentId, &'a Alert)> {
    let subject = Subject::Channel(name.clone());
    let is_it = |alert: &&Alert| alert.key.subject == subject && alert.key.rule == Rule::ChannelFailing;
    known.open.iter().find_map(|incident| Some((incident.id, incident.alerts.values().find(is_it)?)))
}

fn is_long_ago(proven_at: Timestamp, known: &Known) -> bool {
    known.now.duration_since(proven_at).unsigned_abs() > known.landscape.proven_within.0
}
