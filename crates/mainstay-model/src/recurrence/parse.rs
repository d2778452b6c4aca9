use std::num::NonZeroU32;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};

use super::{DayOf, End, Frequency, Recurrence, WEEKDAYS};
use crate::nearest;

/// Why a text is no recurrence; each names the part that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecurrenceError {
    /// Neither words nor a rule.
    #[error(
        "{0:?} is no recurrence; write daily, weekly, every 2 weeks, or a rule such as FREQ=MONTHLY;BYDAY=2TU"
    )]
    Unknown(String),
    /// A part without `=`.
    #[error(
        "{0:?} is no part of a rule; parts are NAME=VALUE with ; between them, such as FREQ=WEEKLY;INTERVAL=2"
    )]
    NoPair(String),
    /// A part that the RFC or nobody knows.
    #[error("{part} is not understood here{hint}")]
    Part {
        /// Its name.
        part: String,
        /// What may have been meant, or why it is not understood.
        hint: String,
    },
    /// The same part twice.
    #[error("{0} stands twice")]
    Twice(String),
    /// A value that the part cannot have.
    #[error("{part}={value}: {expected}")]
    Value {
        /// Its name.
        part: &'static str,
        /// What it says.
        value: String,
        /// What it can be.
        expected: &'static str,
    },
    /// No `FREQ`.
    #[error("FREQ is missing; write FREQ=DAILY, FREQ=WEEKLY, FREQ=MONTHLY or FREQ=YEARLY")]
    NoFrequency,
    /// Parts that exclude each other.
    #[error("{0}")]
    Together(&'static str),
}

/// Parts of the RFC that are not understood, and why.
const ELSEWHERE: [(&str, &str); 7] = [
    ("BYHOUR", ": the time of day is that of the start"),
    ("BYMINUTE", ": the time of day is that of the start"),
    ("BYSECOND", ": the time of day is that of the start"),
    ("BYSETPOS", ": say which one with BYDAY, such as BYDAY=-1FR for the last Friday"),
    ("BYWEEKNO", ": say which weeks with INTERVAL, or which days with BYMONTH and BYDAY"),
    ("BYYEARDAY", ": say which days with BYMONTH and BYMONTHDAY"),
    ("DTSTART", ": the start has a key of its own"),
];

const PARTS: [&str; 8] = ["FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "COUNT", "UNTIL", "WKST"];

/// Longer lists than this say nothing that a shorter one could not.
const LONGEST_LIST: usize = 62;

pub(super) fn parse(text: &str) -> Result<Recurrence, RecurrenceError> {
    let text = text.trim();
    match in_words(text) {
        Some(recurrence) => Ok(recurrence),
        None if text.contains('=') => rule(text.strip_prefix("RRULE:").unwrap_or(text)),
        None => Err(RecurrenceError::Unknown(text.to_owned())),
    }
}

/// `daily`, `weekly`, `monthly`, `yearly`, `every 2 weeks`.
fn in_words(text: &str) -> Option<Recurrence> {
    let (interval, unit) = match *text.split_whitespace().collect::<Vec<_>>() {
        ["daily"] => (NonZeroU32::MIN, "days"),
        ["weekly"] => (NonZeroU32::MIN, "weeks"),
        ["monthly"] => (NonZeroU32::MIN, "months"),
        ["yearly"] => (NonZeroU32::MIN, "years"),
        ["every", unit] => (NonZeroU32::MIN, unit),
        ["every", number, unit] => (number.parse().ok().filter(is_sensible)?, unit),
        _ => return None,
    };
    let frequency = match unit {
        "day" | "days" => Frequency::Daily,
        "week" | "weeks" => Frequency::Weekly,
        "month" | "months" => Frequency::Monthly,
        "year" | "years" => Frequency::Yearly,
        _ => return None,
    };
    Some(Recurrence { frequency, ..Recurrence::every_days(interval) })
}

fn rule(text: &str) -> Result<Recurrence, RecurrenceError> {
    let mut draft = Draft { rule: Recurrence::every_days(NonZeroU32::MIN), seen: Vec::new() };
    for part in text.split(';') {
        let (name, value) = part.split_once('=').ok_or_else(|| RecurrenceError::NoPair(part.to_owned()))?;
        draft.take(&name.trim().to_ascii_uppercase(), &value.trim().to_ascii_uppercase())?;
    }
    draft.checked()
}

/// A rule in the making.
struct Draft {
    rule: Recurrence,
    seen: Vec<&'static str>,
}

impl Draft {
    fn take(&mut self, name: &str, value: &str) -> Result<(), RecurrenceError> {
        let Some(part) = PARTS.into_iter().find(|part| *part == name) else {
            return Err(RecurrenceError::Part { part: name.to_owned(), hint: hint(name) });
        };
        if self.seen.contains(&part) {
            return Err(RecurrenceError::Twice(part.to_owned()));
        }
        self.seen.push(part);
        let wrong = |expected| RecurrenceError::Value { part, value: value.to_owned(), expected };
        match part {
            "FREQ" => self.rule.frequency = frequency(value).ok_or_else(|| wrong(FREQUENCIES))?,
            "INTERVAL" => {
                self.rule.interval =
                    value.parse().ok().filter(is_sensible).ok_or_else(|| wrong(INTERVALS))?;
            }
            "COUNT" => {
                let count = value.parse().ok().filter(|count| *count > 0);
                self.rule.end = End::Count(count.ok_or_else(|| wrong("a whole number from 1"))?);
            }
            "UNTIL" => self.rule.end = until(value).ok_or_else(|| wrong(UNTILS))?,
            "WKST" => self.rule.week_start = weekday(value).ok_or_else(|| wrong(DAYS))?,
            "BYDAY" => self.rule.by_day = list(value, day_of).ok_or_else(|| wrong(ORDINALS))?,
            "BYMONTHDAY" => {
                self.rule.by_month_day =
                    list(value, |day| number(day, -31, 31)).ok_or_else(|| wrong(MONTH_DAYS))?;
            }
            _ => {
                self.rule.by_month = list(value, |month| number(month, 1, 12)).ok_or_else(|| wrong(MONTHS))?
            }
        }
        Ok(())
    }

    /// The rule, when its parts go together (the notes and the table of RFC 5545, section 3.3.10).
    fn checked(self) -> Result<Recurrence, RecurrenceError> {
        let Draft { rule, seen } = self;
        let together = |message| Err(RecurrenceError::Together(message));
        if !seen.contains(&"FREQ") {
            return Err(RecurrenceError::NoFrequency);
        }
        if seen.contains(&"COUNT") && seen.contains(&"UNTIL") {
            return together("COUNT and UNTIL exclude each other: keep one");
        }
        let by_month_or_year = matches!(rule.frequency, Frequency::Monthly | Frequency::Yearly);
        if !by_month_or_year && rule.by_day.iter().any(|day| day.nth.is_some()) {
            return together("BYDAY with a number, such as 2TU, goes only with FREQ=MONTHLY or FREQ=YEARLY");
        }
        if rule.frequency == Frequency::Weekly && !rule.by_month_day.is_empty() {
            return together("BYMONTHDAY does not go with FREQ=WEEKLY: use FREQ=MONTHLY, or BYDAY");
        }
        Ok(rule)
    }
}

const FREQUENCIES: &str = "it is DAILY, WEEKLY, MONTHLY or YEARLY";
const INTERVALS: &str = "it is a whole number from 1 to 1000";
const DAYS: &str = "it is one of MO, TU, WE, TH, FR, SA, SU";
const ORDINALS: &str =
    "it is a list of days such as MO,TU, or with which one of the month, such as 2TU or -1FR";
const MONTH_DAYS: &str = "it is a list of days from 1 to 31, or from the end of the month from -1 to -31";
const MONTHS: &str = "it is a list of months from 1 to 12";
const UNTILS: &str = "it is a day such as 20261231, or a time such as 20261231T235959Z";

fn hint(name: &str) -> String {
    if let Some((_, why)) = ELSEWHERE.iter().find(|(part, _)| *part == name) {
        return (*why).to_owned();
    }
    let lower = name.to_ascii_lowercase();
    let known = PARTS.map(str::to_ascii_lowercase);
    nearest(&lower, known.iter().map(String::as_str))
        .map_or_else(String::new, |meant| format!("; did you mean {}?", meant.to_ascii_uppercase()))
}

fn is_sensible(interval: &NonZeroU32) -> bool {
    interval.get() <= 1000
}

fn frequency(value: &str) -> Option<Frequency> {
    [Frequency::Daily, Frequency::Weekly, Frequency::Monthly, Frequency::Yearly]
        .into_iter()
        .find(|frequency| frequency.as_str() == value)
}

fn weekday(value: &str) -> Option<Weekday> {
    WEEKDAYS.into_iter().find(|(letters, _)| *letters == value).map(|(_, day)| day)
}

fn day_of(value: &str) -> Option<DayOf> {
    let (nth, letters) = value.split_at_checked(value.len().checked_sub(2)?)?;
    let nth = if nth.is_empty() { None } else { Some(number(nth, -53, 53)?) };
    Some(DayOf { nth, weekday: weekday(letters)? })
}

/// A number other than 0, perhaps with its sign.
fn number(text: &str, least: i8, most: i8) -> Option<i8> {
    text.parse().ok().filter(|number| *number != 0 && (least..=most).contains(number))
}

/// The values of a list, in order and each once.
fn list<T: PartialEq>(text: &str, one: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let mut values = Vec::new();
    for item in text.split(',') {
        let value = one(item.trim())?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    (values.len() <= LONGEST_LIST).then_some(values)
}

fn until(value: &str) -> Option<End> {
    if let Some(utc) = value.strip_suffix('Z') {
        let local = DateTime::strptime("%Y%m%dT%H%M%S", utc).ok()?;
        return jiff::tz::TimeZone::UTC.to_timestamp(local).ok().map(|at: Timestamp| End::Moment(at));
    }
    let local = DateTime::strptime("%Y%m%dT%H%M%S", value).map(End::Local);
    local.or_else(|_| Date::strptime("%Y%m%d", value).map(End::Date)).ok()
}
