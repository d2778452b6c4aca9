use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::failure::kinds;
use crate::{Match, QuietId, Recurrence};

/// A time in which nobody is told of what begins, because it is expected or known. Checks go on, and so do recoveries.
#[derive(Debug, Clone, PartialEq)]
pub struct Quiet {
    /// Maintenance or a silence.
    pub kind: QuietKind,
    /// Why, for people.
    pub reason: String,
    /// What it is about. What is about no dependency, such as a channel that fails, is never quiet.
    pub what: Match,
    /// When.
    pub when: QuietTime,
}

kinds! {
    /// Why it is quiet.
    QuietKind {
        /// Work that was announced.
        Maintenance = "maintenance",
        /// Somebody knows and does not want to be told again.
        Silence = "silence",
    }
}

/// When it is quiet.
#[derive(Debug, Clone, PartialEq)]
pub enum QuietTime {
    /// Once.
    Once {
        /// From when on. Absent: always so far.
        from: Option<Timestamp>,
        /// Until when. Absent: for ever, which nobody should want.
        until: Option<Timestamp>,
    },
    /// Again and again.
    Recurring {
        /// The wall-clock time of the first beginning; every further one is at its time of day.
        start: DateTime,
        /// When it begins again.
        recurrence: Recurrence,
        /// How long it lasts each time.
        length: Duration,
        /// Whose wall clock.
        timezone: TimeZone,
    },
}

/// A silence that somebody made at run time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// Its identity.
    pub id: QuietId,
    /// Why.
    pub reason: String,
    /// Who made it.
    pub by: String,
    /// What it is about.
    pub what: Match,
    /// When it was made; it holds from then on.
    pub from: Timestamp,
    /// When it ends, which may be earlier than it was meant to.
    pub until: Timestamp,
}
