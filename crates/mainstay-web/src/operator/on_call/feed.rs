//! Calendars to subscribe to, in the form of RFC 5545.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use mainstay_engine::{Shift, Source};

use super::super::context::Context;
use super::super::known::Known;
use super::super::trouble::Trouble;
use super::{Roster, called};
use calendar::{Calendar, Event};

mod calendar;

/// Whole months of the past and of what is to come that a calendar has: whole, so that the same shift keeps its beginning, and with it
/// its identity, for as long as it is shown.
const MONTHS_BEFORE: i32 = 1;
const MONTHS_AFTER: i32 = 4;

/// `GET /on-call/{schedule}.ics`: every shift of a schedule, and the times without anybody.
pub(in crate::operator) async fn of_schedule(
    State(context): State<Arc<Context>>,
    Path(file): Path<String>,
) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let rosters = Roster::all(&context, &known.landscape);
    let name = file.strip_suffix(".ics");
    let roster = rosters.iter().find(|roster| name == Some(roster.name.as_str())).ok_or_else(missing)?;
    let calendar = Calendar {
        name: format!("On call for {}", roster.schedule.title),
        events: events(&known, roster, |_| true),
    };
    Ok(answer(&calendar, &known, &file))
}

/// `GET /on-call/people/{person}.ics`: every shift of a person, of whatever schedule.
pub(in crate::operator) async fn of_person(
    State(context): State<Arc<Context>>,
    Path(file): Path<String>,
) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let found = file.strip_suffix(".ics").and_then(|name| known.landscape.people.get_key_value(name));
    let (name, person) = found.ok_or_else(missing)?;
    let rosters = Roster::all(&context, &known.landscape);
    let theirs = |shift: &Shift| shift.person() == Some(name);
    let calendar = Calendar {
        name: format!("{} on call", person.title),
        events: rosters.iter().flat_map(|roster| events(&known, roster, theirs)).collect(),
    };
    Ok(answer(&calendar, &known, &file))
}

fn missing() -> Trouble {
    let advice = "A calendar is /on-call/SCHEDULE.ics, or /on-call/people/PERSON.ics, by the keys of the configuration.";
    Trouble::nothing("There is no such calendar.", advice)
}

fn answer(calendar: &Calendar, known: &Known, file: &str) -> Response {
    let kind = "text/calendar; charset=utf-8".to_owned();
    let place = format!("inline; filename=\"{file}\"");
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, place)];
    (headers, calendar.text(known.now)).into_response()
}

fn events(known: &Known, roster: &Roster, wanted: impl Fn(&Shift) -> bool) -> Vec<Event> {
    let (from, until) = reach(known.now);
    let shifts = roster.shifts(from, until);
    shifts.iter().filter(|shift| wanted(shift)).map(|shift| event(known, roster, shift)).collect()
}

fn reach(now: Timestamp) -> (Timestamp, Timestamp) {
    let month = now.to_zoned(TimeZone::UTC).date().first_of_month();
    let midnight = |date: Date| TimeZone::UTC.to_timestamp(date.to_datetime(jiff::civil::Time::midnight()));
    let from = midnight(month.saturating_sub(MONTHS_BEFORE.months()));
    let until = midnight(month.saturating_add(MONTHS_AFTER.months()));
    (from.unwrap_or(now), until.unwrap_or(now))
}

fn event(known: &Known, roster: &Roster, shift: &Shift) -> Event {
    let title = &roster.schedule.title;
    let summary = match shift.person() {
        Some(name) => format!("{} on call for {title}", called(&known.landscape, name.as_str())),
        None => format!("Nobody on call for {title}"),
    };
    let description = match shift.duty.as_ref().map(|duty| &duty.source) {
        Some(Source::Override(terms)) => match &terms.instead_of {
            Some(name) => format!("Stands in for {}.", called(&known.landscape, name.as_str())),
            None => "Stands in.".into(),
        },
        Some(Source::Layer(place)) => format!("Layer {} of {title}.", place + 1),
        None => format!("Have somebody stand in: {}/on-call", known.landscape.operator_url),
    };
    Event {
        // Of one schedule, no two shifts begin at the same moment.
        uid: format!("{}-{}@on-call.mainstay", roster.name, shift.from.as_second()),
        from: shift.from,
        until: shift.until,
        summary,
        description,
        url: format!("{}/on-call#{}", known.landscape.operator_url, roster.name),
    }
}
