use jiff::Timestamp;
use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::{OverrideId, PersonName, Recurrence, ScheduleName};

/// Who is on call when: layers of rotations, and what was changed by hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// For people.
    pub title: String,
    /// The zone of every wall-clock time in it.
    pub timezone: TimeZone,
    /// Later layers cover earlier ones wherever they have somebody.
    pub layers: Vec<Layer>,
    /// Exceptions from the configuration; later ones cover earlier ones, and those made at run time cover these.
    pub overrides: Vec<Override>,
}

/// People who take turns.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// In the order of their turns, at least one. The same person may stand in it more than once.
    pub people: Vec<PersonName>,
    /// When the next one takes over.
    ///
    /// It has no end: after the last hand-over somebody would be on call for ever.
    pub rotation: Recurrence,
    /// The wall-clock time at which the first person's first turn begins. Every hand-over is at its time of day.
    pub start: DateTime,
    /// The hours at which the layer has somebody. Absent: always.
    pub restriction: Option<Restriction>,
}

/// Hours of the day, on some days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restriction {
    /// The wall-clock time at which they begin.
    pub from: Time,
    /// The wall-clock time at which they end; when that is not after the beginning, on the day after.
    pub until: Time,
    /// The days on which they begin.
    pub days: Weekdays,
}

/// A set of days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Weekdays(u8);

impl Weekdays {
    /// Every day.
    pub const ALL: Weekdays = Weekdays(0b111_1111);

    /// Whether the day is one of them.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & bit(day) != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Weekday> for Weekdays {
    fn from_iter<I: IntoIterator<Item = Weekday>>(days: I) -> Self {
        Weekdays(days.into_iter().fold(0, |set, day| set | bit(day)))
    }
}

fn bit(day: Weekday) -> u8 {
    1 << day.to_monday_zero_offset()
}

/// Somebody stands in, for everybody or in a swap for one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends, after `from`.
    pub until: Timestamp,
    /// Who takes over.
    pub person: PersonName,
    /// A swap: only where this person would be on call. Absent: whoever is, and also where nobody is.
    #[serde(default)]
    pub instead_of: Option<PersonName>,
    /// Who made it; absent for one from the configuration.
    #[serde(default)]
    pub by: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// An override that was made at run time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptOverride {
    /// Its identity.
    pub id: OverrideId,
    /// Of which schedule.
    pub schedule: ScheduleName,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it says.
    pub terms: Override,
}
