//! Values of time: zones, days, hours, rotations.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use mainstay_model::{Recurrence, moment, nearest};

use super::reader::Reader;
use super::shape::Form;
use super::words::Word;

/// A time zone of the IANA database.
pub(super) struct Zone;

impl Word for Zone {
    type Out = TimeZone;
    const FORM: Form = Form::Text { what: "time zone", pattern: Some("^[A-Za-z0-9_+/-]+$") };
    const WHAT: &'static str = "a time zone";

    fn parse(text: &str, private: bool, _: &Reader<'_>) -> Result<TimeZone, String> {
        TimeZone::get(text).map_err(|_| match meant_zone(text).filter(|_| !private) {
            Some(zone) => format!("did you mean `{zone}`?"),
            None => "write a name of the IANA time zone database, such as Europe/Berlin or UTC".into(),
        })
    }
}

/// The zone whose name is nearest, or that is called after the place.
fn meant_zone(text: &str) -> Option<String> {
    let asked = text.to_ascii_lowercase().replace(' ', "_");
    let zones: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
    let lower: Vec<String> = zones.iter().map(|zone| zone.to_ascii_lowercase()).collect();
    let place = lower.iter().position(|zone| zone.rsplit('/').next() == Some(&asked));
    let near = || nearest(&asked, lower.iter().map(String::as_str));
    let found = place.or_else(|| near().and_then(|near| lower.iter().position(|zone| zone == near)));
    zones.get(found?).cloned()
}

/// When the next one takes over.
pub(super) struct Rotation;

impl Word for Rotation {
    type Out = Recurrence;
    const FORM: Form = Form::Text { what: "rotation", pattern: None };
    const WHAT: &'static str = "a rotation";

    fn parse(text: &str, private: bool, _: &Reader<'_>) -> Result<Recurrence, String> {
        let usual = "write daily, weekly, every 2 weeks, or a rule such as FREQ=MONTHLY;BYDAY=2TU";
        let rule: Recurrence =
            text.parse().map_err(|error| if private { usual.into() } else { format!("{error}") })?;
        if rule.ends() {
            let why = "a rotation has no COUNT or UNTIL, because the last one would stay on call for ever; \
                       write an override for an exception that ends";
            return Err(why.into());
        }
        Ok(rule)
    }
}

/// When something begins again.
pub(super) struct Recurring;

impl Word for Recurring {
    type Out = Recurrence;
    const FORM: Form = Form::Text { what: "recurrence", pattern: None };
    const WHAT: &'static str = "a recurrence";

    fn parse(text: &str, private: bool, _: &Reader<'_>) -> Result<Recurrence, String> {
        let usual = "write daily, weekly, every 2 weeks, or a rule such as FREQ=MONTHLY;BYDAY=1SU";
        text.parse().map_err(|error| if private { usual.into() } else { format!("{error}") })
    }
}

/// A time of day, perhaps with the day of the week.
pub(super) struct HandOver;

/// What [`HandOver`] becomes.
#[derive(Debug, Clone, Copy)]
pub(super) struct HandOverTime {
    pub(super) weekday: Option<Weekday>,
    pub(super) time: Time,
}

impl Word for HandOver {
    type Out = HandOverTime;
    const FORM: Form =
        Form::Text { what: "time of day", pattern: Some("^([A-Za-z]{3,9} +)?[0-9]{1,2}:[0-9]{2}$") };
    const WHAT: &'static str = "a time of day, with the day of the week or without";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<HandOverTime, String> {
        let (day, time) = text.rsplit_once(' ').map_or((None, text), |(day, time)| (Some(day.trim()), time));
        let weekday = day.map(weekday).transpose()?;
        let time = time_of_day(time).ok_or("write for example 09:00, or mon 09:00")?;
        Ok(HandOverTime { weekday, time })
    }
}

/// A day of the week.
pub(super) struct WeekdayWord;

impl Word for WeekdayWord {
    type Out = Weekday;
    const FORM: Form =
        Form::Text { what: "day of the week", pattern: Some("^(mon|tue|wed|thu|fri|sat|sun)[a-z]*$") };
    const WHAT: &'static str = "a day of the week";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<Weekday, String> {
        weekday(text)
    }
}

/// A day of the week by its English name, or the first three letters of it.
fn weekday(text: &str) -> Result<Weekday, String> {
    let asked = text.to_ascii_lowercase();
    let named = |day: &Weekday| {
        let name = weekday_name(*day).to_ascii_lowercase();
        asked == name || asked == name[..3]
    };
    let found = Weekday::Monday.cycle_forward().take(7).find(named);
    found.ok_or_else(|| "a day of the week is one of mon, tue, wed, thu, fri, sat, sun".into())
}

/// Its English name.
pub(super) fn weekday_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

/// A day of the calendar.
pub(super) struct Day;

impl Word for Day {
    type Out = Date;
    const FORM: Form = Form::Text { what: "day", pattern: Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}$") };
    const WHAT: &'static str = "a day";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<Date, String> {
        day(text).ok_or_else(|| "write year, month and day, such as 2026-01-05".into())
    }
}

/// Nobody means another one, and hand-overs are counted from it.
fn day(text: &str) -> Option<Date> {
    Date::strptime("%Y-%m-%d", text).ok().filter(|day| (1970..=2200).contains(&day.year()))
}

/// Hours of the day.
pub(super) struct Hours;

impl Word for Hours {
    /// From, until; where that is not later, it is on the day after.
    type Out = (Time, Time);
    const FORM: Form =
        Form::Text { what: "hours", pattern: Some("^[0-9]{1,2}:[0-9]{2} *- *[0-9]{1,2}:[0-9]{2}$") };
    const WHAT: &'static str = "hours of the day";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<(Time, Time), String> {
        let read = || {
            let (from, until) = text.split_once('-')?;
            let until = match until.trim() {
                "24:00" => Time::midnight(),
                until => time_of_day(until)?,
            };
            Some((time_of_day(from.trim())?, until))
        };
        read().ok_or_else(|| "write for example 09:00-17:00, or 22:00-06:00 for a night".into())
    }
}

fn time_of_day(text: &str) -> Option<Time> {
    Time::strptime("%H:%M", text).ok()
}

/// A time on the clock of a schedule, or a moment with its own offset.
pub(super) struct Moment;

/// What [`Moment`] becomes.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    Local(DateTime),
    Moment(Timestamp),
}

impl Word for Moment {
    type Out = When;
    const FORM: Form = Form::Text { what: "time", pattern: Some("^[0-9]{4}-[0-9]{2}-[0-9]{2}") };
    const WHAT: &'static str = "a time";

    fn parse(text: &str, _: bool, _: &Reader<'_>) -> Result<When, String> {
        let usual = "write for example 2026-08-01 09:00, or with its offset 2026-08-01T09:00+02:00";
        if let Some(day) = day(text) {
            return Ok(When::Local(day.to_datetime(Time::midnight())));
        }
        let local = |form| DateTime::strptime(form, text).ok();
        match local("%Y-%m-%d %H:%M").or_else(|| local("%Y-%m-%dT%H:%M")) {
            Some(local) => Ok(When::Local(local)),
            None => text.parse().map(When::Moment).map_err(|_| usual.into()),
        }
    }
}

impl When {
    /// The moment, for a schedule of this zone.
    pub(super) fn within(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            When::Local(local) => moment(zone, local),
            When::Moment(at) => Some(at),
        }
    }
}
