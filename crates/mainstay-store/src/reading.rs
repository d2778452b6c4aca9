//! What is asked of the store, and how it answers.

use std::str::FromStr;

use jiff::Timestamp;
use mainstay_model::{
    Certificate, ChannelName, ChannelRecord, DeliveryId, DependencyName, DependencyState, EntryId, Failure,
    Fingerprint, HeartbeatRecord, Histogram, Incident, IncidentId, KeptOverride, NearestEnd, Phases, Random,
    Silence, Verdict, Waiver,
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
    /// The waivers that are not over, and those that ended in the 24 hours before, oldest first.
    pub waivers: Vec<Waiver>,
    /// Every certificate that was ever seen revoked.
    pub revoked: Vec<Fingerprint>,
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
    /// What is remembered of each channel.
    pub channels: Vec<ChannelRecord>,
    /// The certificate that matters most of each dependency that showed one.
    pub ends: Vec<(DependencyName, NearestEnd)>,
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
    /// Told by a later message.
    pub merged: u64,
    /// Accepted, and come back.
    pub bounced: u64,
}

/// Which messages are asked for, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only those that stand so.
    pub standing: Option<Standing>,
    /// Only those of this channel.
    pub channel: Option<ChannelName>,
    /// Only those about this incident.
    pub incident: Option<IncidentId>,
    /// Only those older than this one: the last of the page before.
    pub before: Option<DeliveryId>,
    /// At most so many, and never more than [`MOST_ROWS`].
    pub limit: u32,
}

impl Default for DeliveryFilter {
    fn default() -> Self {
        DeliveryFilter { standing: None, channel: None, incident: None, before: None, limit: 100 }
    }
}

/// Where a message stands, as the word of [`mainstay_model::DeliveryState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// To be tried.
    Queued,
    /// Accepted by its channel.
    Delivered,
    /// Given up.
    GivenUp,
    /// Told by a later message.
    Merged,
    /// Accepted, and come back.
    Bounced,
}

impl FromStr for Standing {
    type Err = ();

    fn from_str(word: &str) -> Result<Standing, ()> {
        Ok(match word {
            "queued" => Standing::Queued,
            "delivered" => Standing::Delivered,
            "given-up" => Standing::GivenUp,
            "merged" => Standing::Merged,
            "bounced" => Standing::Bounced,
            _ => return Err(()),
        })
    }
}

/// Who carries messages: made once by each that does, so that no two carry the same one at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimant(u64);

impl Claimant {
    /// Another one than any before.
    pub fn new(random: &mut Random) -> Claimant {
        Claimant(random.next_u64())
    }

    pub(crate) fn number(self) -> i64 {
        i64::from_ne_bytes(self.0.to_ne_bytes())
    }
}

/// What waits for one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Which channel.
    pub channel: ChannelName,
    /// How many messages.
    pub messages: u64,
    /// Since when the oldest of them waits.
    pub since: Timestamp,
}
