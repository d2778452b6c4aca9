use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Alert, CheckReport, DependencyName, Fingerprint, Pin, RuleName, Verdict};

/// What is known of a dependency between checks: the engine's memory, kept by the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DependencyState {
    /// Which dependency.
    pub name: DependencyName,
    /// The confirmed verdict.
    pub verdict: Verdict,
    /// Since when it holds.
    pub since: Timestamp,
    /// The latest check's outcome; absent before the first.
    pub last: Option<CheckReport>,
    /// When the latest check that told anything began (anything but `inconclusive`).
    pub last_conclusive_at: Option<Timestamp>,
    /// The latest checks on the way to a change of verdict.
    pub streak: Streak,
    /// The alerts that hold.
    pub alerts: Vec<Alert>,
    /// Recent changes of the confirmed verdict, oldest first, for damping.
    pub changes: VecDeque<Timestamp>,
    /// How renewals went so far.
    pub renewals: RenewalHistory,
    /// How fast it usually is.
    pub latency: LatencyBaseline,
    /// The checks in which some addresses failed and others worked, on the way to believing that.
    #[serde(default)]
    pub partial: Streak,
    /// The certificate of the verified path that is most urgent, as of the latest check that verified.
    #[serde(default)]
    pub nearest_end: Option<NearestEnd>,
    /// What this memory is of, as [`Dependency::endpoint`](crate::Dependency::endpoint) says; absent before that was written down.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Since when the conditions of rules of one's own hold that have to hold for a while before they are told.
    #[serde(default)]
    pub holding: BTreeMap<RuleName, Timestamp>,
    /// When it was drilled last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drilled_at: Option<Timestamp>,
    /// The server's certificates that passed full verification, the latest last: the strongest evidence of what a server is that shows
    /// one of them after its end. At most [`SeenValid::REMEMBERED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen_valid: Vec<SeenValid>,
}

/// A certificate of the server's that passed full verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenValid {
    /// Which, and its key.
    pub pin: Pin,
    /// When it did last, as far as that was written down: a restart may lose the latest hour.
    pub last_at: Timestamp,
}

impl SeenValid {
    /// Addresses behind one name may show different certificates, and those of before a renewal tell something too.
    pub const REMEMBERED: usize = 8;
}

/// The certificate whose end matters most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearestEnd {
    /// Place in the chain, 0 for the server's own.
    pub position: u32,
    /// Its short name.
    pub name: String,
    /// Its issuer as a distinguished name.
    pub issuer: String,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity, inclusive.
    pub not_after: Timestamp,
    /// Which certificate.
    pub sha256: Fingerprint,
}

impl DependencyState {
    /// A dependency that was never checked.
    pub fn unchecked(name: DependencyName, now: Timestamp) -> DependencyState {
        DependencyState {
            name,
            verdict: Verdict::Inconclusive,
            since: now,
            last: None,
            last_conclusive_at: None,
            streak: Streak::default(),
            alerts: Vec::new(),
            changes: VecDeque::new(),
            renewals: RenewalHistory::default(),
            latency: LatencyBaseline::default(),
            partial: Streak::default(),
            nearest_end: None,
            endpoint: None,
            holding: BTreeMap::new(),
            drilled_at: None,
            seen_valid: Vec::new(),
        }
    }
}

/// The latest checks on the way to a change of verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streak {
    /// One bit a check, the newest lowest: set where it was bad.
    pub bad: u32,
    /// How many of the bits are filled, at most 32.
    pub seen: u32,
    /// Good checks in a row.
    pub good_in_a_row: u32,
    /// When the first of the bad ones was.
    pub first_bad_at: Option<Timestamp>,
}

/// How renewals of the server's certificate went so far on this endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RenewalHistory {
    /// The server's certificate now.
    pub current: Option<Fingerprint>,
    /// Key of the server's certificate while it verified, the strongest evidence of sameness later.
    pub verified_spki: Option<Fingerprint>,
    /// For each renewal seen, how many seconds the old certificate still had, oldest first, at most 16.
    pub left_seconds: VecDeque<i64>,
    /// End of the server's certificate now.
    #[serde(default)]
    pub current_ends_at: Option<Timestamp>,
}

/// How fast a dependency usually is: exponentially weighted mean and deviation of the total time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LatencyBaseline {
    /// How many checks it is made of.
    pub count: u64,
    /// Mean in milliseconds.
    pub mean_ms: f64,
    /// Mean deviation in milliseconds.
    pub deviation_ms: f64,
    /// Slow checks in a row.
    pub slow_in_a_row: u32,
    /// Checks in a row that were not slow.
    #[serde(default)]
    pub usual_in_a_row: u32,
}
