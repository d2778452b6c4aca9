use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

mod dates;
mod parse;

pub use dates::Dates;
pub use parse::RecurrenceError;

/// When something happens again: a recurrence rule of RFC 5545 (section 3.3.10), by days and larger units.
///
/// Understood are `FREQ` from `DAILY` to `YEARLY`, `INTERVAL`, `BYDAY` (with ordinals for months and years), `BYMONTHDAY`,
/// `BYMONTH`, `COUNT`, `UNTIL` and `WKST`. The time of day is always that of the start, so that there is at most one
/// occurrence a day. Everything else that the RFC knows is refused by name rather than ignored.
///
/// Beside the text of the RFC there are words: `daily`, `weekly`, `monthly`, `yearly`, `every 3 days`, `every 2 weeks`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recurrence {
    pub(crate) frequency: Frequency,
    pub(crate) interval: NonZeroU32,
    /// Empty: no restriction. The same holds for the other two.
    pub(crate) by_day: Vec<DayOf>,
    /// 1 to 31 from the beginning of the month, -1 to -31 from its end.
    pub(crate) by_month_day: Vec<i8>,
    /// 1 to 12.
    pub(crate) by_month: Vec<i8>,
    pub(crate) end: End,
    pub(crate) week_start: Weekday,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// `TU`, `2TU` or `-1FR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DayOf {
    /// Which one of the month or year, negative from its end. Absent: each of them.
    pub(crate) nth: Option<i8>,
    pub(crate) weekday: Weekday,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum End {
    Never,
    /// After so many occurrences.
    Count(u32),
    /// With the last occurrence on or before this day.
    Date(Date),
    /// With the last occurrence at or before this wall-clock time.
    Local(DateTime),
    /// With the last occurrence at or before this moment.
    Moment(Timestamp),
}

impl Recurrence {
    /// Every so many days, from the start on.
    pub fn every_days(days: NonZeroU32) -> Recurrence {
        Recurrence {
            frequency: Frequency::Daily,
            interval: days,
            by_day: Vec::new(),
            by_month_day: Vec::new(),
            by_month: Vec::new(),
            end: End::Never,
            week_start: Weekday::Monday,
        }
    }

    /// Whether it has a last occurrence.
    pub fn ends(&self) -> bool {
        self.end != End::Never
    }

    /// The length of its step in days, when it is nothing but "every so many days or weeks".
    pub fn plain_days(&self) -> Option<u32> {
        let plain = self.by_day.is_empty() && self.by_month_day.is_empty() && self.by_month.is_empty();
        let days = match self.frequency {
            Frequency::Daily => 1,
            Frequency::Weekly => 7,
            Frequency::Monthly | Frequency::Yearly => return None,
        };
        if plain && !self.ends() { self.interval.get().checked_mul(days) } else { None }
    }

    /// The days of its occurrences, beginning with `start` where that is one, in order.
    ///
    /// An end that is a moment is not seen here, as it needs a time zone: [`Recurrence::occurrences`] sees it.
    pub fn dates(&self, start: Date) -> Dates<'_> {
        Dates::new(self, start, start)
    }

    /// The same without those before `not_before`; without `COUNT` they are not even looked at.
    pub fn dates_from(&self, start: Date, not_before: Date) -> Dates<'_> {
        Dates::new(self, start, not_before)
    }

    /// The same with their numbers, counted from 0 at the first one: from one on or before `near` on, where there is one.
    ///
    /// Those before that are counted without being looked at, where each day, week or month has equally many.
    pub fn numbered(&self, start: Date, near: Date) -> impl Iterator<Item = (u32, Date)> + '_ {
        Dates::numbered(self, start, near)
    }

    /// The moments of its occurrences that are after `after`, in order.
    ///
    /// A wall-clock time that does not exist is read with the offset before the gap, one that exists twice is the first of the
    /// two, as RFC 5545 says of every date and time (section 3.3.5); no occurrence is left out.
    pub fn occurrences<'a>(
        &'a self,
        start: DateTime,
        zone: &'a TimeZone,
        after: Timestamp,
    ) -> impl Iterator<Item = Timestamp> + 'a {
        // No zone is more than 26 hours from another, and a wall clock is set by less than a day.
        let near = zone.to_datetime(after).date().saturating_sub(jiff::Span::new().days(2));
        self.dates_from(start.date(), near)
            .map_while(move |date| {
                let local = date.to_datetime(start.time());
                let at = moment(zone, local)?;
                let over = match self.end {
                    End::Local(last) => local > last,
                    End::Moment(last) => at > last,
                    End::Never | End::Count(_) | End::Date(_) => false,
                };
                (!over).then_some(at)
            })
            .filter(move |at| *at > after)
    }

    /// The next occurrence after a moment, if there is one.
    pub fn next_after(&self, start: DateTime, zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
        self.occurrences(start, zone, after).next()
    }
}

/// The moment of a wall-clock time, read as RFC 5545, section 3.3.5, says: in a gap with the offset before it, in a fold the first
/// of the two. `None` only beyond the years that can be counted with.
pub fn moment(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(local).compatible().ok()
}

impl FromStr for Recurrence {
    type Err = RecurrenceError;

    fn from_str(text: &str) -> Result<Self, RecurrenceError> {
        parse::parse(text)
    }
}

/// The text of the RFC, without what is the default.
impl fmt::Display for Recurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FREQ={}", self.frequency.as_str())?;
        if self.interval.get() != 1 {
            write!(f, ";INTERVAL={}", self.interval)?;
        }
        list(f, "BYMONTH", &self.by_month)?;
        list(f, "BYMONTHDAY", &self.by_month_day)?;
        list(f, "BYDAY", &self.by_day)?;
        match self.end {
            End::Never => {}
            End::Count(count) => write!(f, ";COUNT={count}")?,
            End::Date(date) => write!(f, ";UNTIL={}", date.strftime("%Y%m%d"))?,
            End::Local(local) => write!(f, ";UNTIL={}", local.strftime("%Y%m%dT%H%M%S"))?,
            End::Moment(at) => write!(f, ";UNTIL={}", at.strftime("%Y%m%dT%H%M%SZ"))?,
        }
        if self.week_start != Weekday::Monday {
            write!(f, ";WKST={}", letters(self.week_start))?;
        }
        Ok(())
    }
}

fn list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, key: &str, values: &[T]) -> fmt::Result {
    for (i, value) in values.iter().enumerate() {
        if i == 0 { write!(f, ";{key}={value}")? } else { write!(f, ",{value}")? }
    }
    Ok(())
}

impl fmt::Display for DayOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(nth) = self.nth {
            write!(f, "{nth}")?;
        }
        f.write_str(letters(self.weekday))
    }
}

impl Frequency {
    fn as_str(self) -> &'static str {
        match self {
            Frequency::Daily => "DAILY",
            Frequency::Weekly => "WEEKLY",
            Frequency::Monthly => "MONTHLY",
            Frequency::Yearly => "YEARLY",
        }
    }
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];

fn letters(day: Weekday) -> &'static str {
    WEEKDAYS[usize::from(day.to_monday_zero_offset().unsigned_abs())].0
}

impl Serialize for Recurrence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Recurrence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
