//! What is asked of the store, and how it answers.

use jiff::Timestamp;
use mainstay_model::{
    Certificate, ChannelName, ChannelRecord, DependencyName, DependencyState, EntryId, Failure,
    HeartbeatRecord, Histogram, Incident, IncidentId, KeptOverride, NearestEnd, Phases, Silence, Verdict,
};

/// What the service needs to go on where it stopped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Restored {
    /// Every dependency's state as it was last written, those that are no longer configured included.
    pub dependencies: Vec<DependencyState>,
    /// Incidents that are open, and those that were resolved in the 24 hours before, oldest first.
    pub incidents: Vec<Incident>,
    /// What is remembered of channels, those that are no longer configured included.
    pub channels: Vec<ChannelRecord>,
    /// What is remembered of heartbeats, those that are no longer configured included.
    pub heartbeats: Vec<HeartbeatRecord>,
    /// The silences that hold, oldest first.
    pub silences: Vec<Silence>,
    /// Overrides of on-call schedules that were made at run time, in the order in which they were made.
    pub overrides: Vec<KeptOverride>,
    /// The latest moment that anything written speaks of; absent in a new store.
    pub last_written: Option<Timestamp>,
}

/// What is known beside the configuration, read without being the one who writes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beside {
    /// Overrides of on-call schedules that were made at run time, in the order in which they were made.
    pub overrides: Vec<KeptOverride>,
    /// The silences that were made at run time, oldest first; those that are over are among them.
    pub silences: Vec<Silence>,
    /// The channels that ever took a message.
    pub proven: Vec<Proven>,
    /// The certificate that matters most of each dependency that showed one.
    pub ends: Vec<(DependencyName, NearestEnd)>,
}

/// A channel that took a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Which.
    pub channel: ChannelName,
    /// When it did last.
    pub at: Timestamp,
}

/// One proof of coverage, in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoveragePoint {
    /// When it was made.
    pub at: Timestamp,
    /// How many holes it found.
    pub holes: u64,
    /// In how many ways anything can break.
    pub ways: u64,
}

/// What one address answered in one check.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedPoint {
    /// When the check began, to the microsecond.
    pub at: Timestamp,
    /// The address; empty when the name had none.
    pub address: String,
    /// The verdict for this address.
    pub verdict: Verdict,
    /// What to act on first, with its message.
    pub failure: Option<Failure>,
    /// How long each phase took, to the microsecond.
    pub phases: Phases,
}

/// One check as a whole, without its certificates and findings.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckPoint {
    /// When it began, to the microsecond.
    pub at: Timestamp,
    /// The sum over all addresses.
    pub verdict: Verdict,
    /// What to act on first.
    pub failure: Option<Failure>,
    /// The slowest address's sum of phases in milliseconds, name resolution included.
    pub total_ms: Option<f64>,
}

/// Which lines of the history, newest first.
#[derive(Debug, Clone)]
pub struct TimelineFilter {
    /// Only those of this incident.
    pub incident: Option<IncidentId>,
    /// Only those about this dependency.
    pub dependency: Option<DependencyName>,
    /// Only those older than this one: the last of the page before.
    pub before: Option<EntryId>,
    /// At most so many, and never more than [`MOST_ROWS`].
    pub limit: u32,
}

impl Default for TimelineFilter {
    fn default() -> Self {
        TimelineFilter { incident: None, dependency: None, before: None, limit: 100 }
    }
}

/// Which incidents, newest first.
#[derive(Debug, Clone)]
pub struct IncidentFilter {
    /// Only those that are open (`true`) or resolved (`false`).
    pub open: Option<bool>,
    /// Only those that customers may see.
    pub public_only: bool,
    /// Only those that were still going on then or later.
    pub since: Option<Timestamp>,
    /// Only those older than this one: the last of the page before.
    pub before: Option<IncidentId>,
    /// At most so many, and never more than [`MOST_ROWS`].
    pub limit: u32,
}

impl Default for IncidentFilter {
    fn default() -> Self {
        IncidentFilter { open: None, public_only: false, since: None, before: None, limit: 100 }
    }
}

/// No answer has more rows than this, whatever was asked for, so that no page can exhaust memory.
pub const MOST_ROWS: u32 = 100_000;

/// A certificate that an address presents now.
#[derive(Debug, Clone, PartialEq)]
pub struct CertificateOnDuty {
    /// Its facts, without the DER.
    pub certificate: Certificate,
    /// Which dependency.
    pub dependency: DependencyName,
    /// Which address of it.
    pub address: String,
    /// Place in the chain as sent, 0 for the server's own.
    pub position: u32,
    /// Since when it stands there without a break.
    pub first_seen: Timestamp,
    /// When that address was last observed.
    pub last_seen: Timestamp,
}

/// Checks of one dependency over an hour or a day, in sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollUp {
    /// Where the hour or the day (UTC) begins.
    pub start: Timestamp,
    /// How many checks began in it: the sum of the four verdicts.
    pub checks: u64,
    /// How many of them were healthy.
    pub healthy: u64,
    /// How many were degraded.
    pub degraded: u64,
    /// How many were down.
    pub down: u64,
    /// How many could not tell.
    pub inconclusive: u64,
    /// For how much of the time it is known whether the dependency worked.
    pub observed_seconds: u64,
    /// For how much of that time it was down.
    pub down_seconds: u64,
    /// Total times of the checks that were healthy or degraded.
    pub latency: Histogram,
}

/// How many messages stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// To be tried.
    pub queued: u64,
    /// Accepted by their channel.
    pub delivered: u64,
    /// Given up.
    pub given_up: u64,
}
