use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Alert, CheckReport, DependencyName, Fingerprint, Verdict};

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
}
