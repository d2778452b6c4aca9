//! Who is on call now and next: the page, its form, and the calendars.

use std::sync::{Arc, PoisonError};

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Unit};
use mainstay_engine::{OnCall, Shift};
use mainstay_model::{
    KeptOverride, Landscape, Override, OverrideId, PersonName, Schedule, ScheduleName, in_words,
};

use super::by::By;
use super::context::Context;
use super::incident::filled;
use super::known::Known;
use super::page::{Here, Page, html, window_title};
use super::trouble::Trouble;
use crate::picture::Rota;
use crate::show::{Local, Sign, listed};

mod act;
mod feed;

pub(super) use act::{StandIn, remove, stand_in};
pub(super) use feed::{of_person, of_schedule};

/// Gaps that are listed one by one.
const GAPS: usize = 5;

/// Shifts that the text alternative of the calendar names; the list below it has all.
const IN_WORDS: usize = 8;

/// `GET /on-call`: who is on call for what, until when, and who is next.
pub(super) async fn get(State(context): State<Arc<Context>>) -> Response {
    let known = Known::read(&context);
    let rosters = Roster::all(&context, &known.landscape);
    html(&page(&known, &rosters))
}

/// `POST /on-call/{schedule}/overrides`.
pub(super) async fn post(
    State(context): State<Arc<Context>>,
    by: By,
    Path(schedule): Path<String>,
    form: Result<Form<StandIn>, FormRejection>,
) -> Result<Response, Trouble> {
    let done = stand_in(&context, by, &schedule, filled(form)?).await;
    let kept = done.map_err(|trouble| trouble.leading_to("/on-call".into(), "Back to who is on call"))?;
    Ok(Redirect::to(&format!("/on-call#{}", kept.schedule)).into_response())
}

/// `POST /on-call/{schedule}/overrides/{id}/remove`: forms have no other method.
pub(super) async fn post_remove(
    State(context): State<Arc<Context>>,
    by: By,
    Path((schedule, id)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    let done = remove(&context, by, &schedule, &id).await;
    done.map_err(|trouble| trouble.leading_to("/on-call".into(), "Back to who is on call"))?;
    Ok(Redirect::to(&format!("/on-call#{schedule}")).into_response())
}

/// A schedule with the overrides that were made at run time, taken out of the engine's state.
pub(super) struct Roster {
    pub(super) name: ScheduleName,
    pub(super) schedule: Schedule,
    pub(super) kept: Vec<KeptOverride>,
}

impl Roster {
    /// Every configured schedule, by name.
    pub(super) fn all(context: &Context, landscape: &Landscape) -> Vec<Roster> {
        let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
        let roster = |(name, schedule): (&ScheduleName, &Schedule)| Roster {
            name: name.clone(),
            schedule: schedule.clone(),
            kept: state.overrides(name.as_str()).cloned().collect(),
        };
        landscape.schedules.iter().map(roster).collect()
    }

    pub(super) fn shifts(&self, from: Timestamp, until: Timestamp) -> Vec<Shift> {
        mainstay_engine::shifts(&self.schedule, self.extra(), from, until)
    }

    pub(super) fn on_call(&self, at: Timestamp) -> OnCall {
        mainstay_engine::on_call(&self.schedule, self.extra(), at)
    }

    fn extra(&self) -> impl Iterator<Item = &Override> {
        self.kept.iter().map(|one| &one.terms)
    }

    fn zone(&self) -> &TimeZone {
        &self.schedule.timezone
    }
}

/// How a person is called.
pub(super) fn called(landscape: &Landscape, name: &str) -> String {
    landscape.people.get(name).map_or_else(|| name.to_owned(), |person| person.title.clone())
}

#[derive(Template)]
#[template(path = "operator/on_call.html")]
struct OnCallPage {
    page: Page,
    sentence: String,
    rosters: Vec<Part>,
}

/// What the page says of one schedule.
struct Part {
    name: String,
    title: String,
    zone: String,
    sign: Sign,
    now: String,
    next: String,
    /// What time it is for whoever is on call, where that is another than here.
    there: String,
    gaps: Vec<String>,
    picture: Rota,
    shifts: Vec<Line>,
    overrides: Vec<Exception>,
    people: Vec<(String, String)>,
    from: String,
    until: String,
}

/// One shift of the list.
struct Line {
    from: Local,
    until: Local,
    who: String,
    by: String,
}

/// Somebody who stands in, now or later.
struct Exception {
    /// Absent for one from the configuration, which only the file can change.
    id: Option<OverrideId>,
    words: String,
    detail: String,
}

fn page(known: &Known, rosters: &[Roster]) -> OnCallPage {
    let nows: Vec<OnCall> = rosters.iter().map(|roster| roster.on_call(known.now)).collect();
    let parts: Vec<Part> = rosters.iter().zip(&nows).map(|(roster, now)| part(known, roster, now)).collect();
    let worst = parts.iter().map(|part| part.sign).max().unwrap_or(Sign::Unknown);
    OnCallPage {
        page: Page::new(known, Here::OnCall, &window_title(worst, "On call")),
        sentence: sentence(known, rosters, &nows, &parts),
        rosters: parts,
    }
}

/// What needs people first, then who is on call.
fn sentence(known: &Known, rosters: &[Roster], nows: &[OnCall], parts: &[Part]) -> String {
    let titles = |wanted: &dyn Fn(usize) -> bool| -> Vec<&str> {
        (0..rosters.len()).filter(|at| wanted(*at)).map(|at| rosters[at].schedule.title.as_str()).collect()
    };
    let empty = titles(&|at| nows[at].now.is_none());
    if rosters.is_empty() {
        return "No on-call schedule is configured.".into();
    }
    if !empty.is_empty() {
        return format!("Nobody is on call for {}.", listed(&empty));
    }
    let ahead = titles(&|at| !parts[at].gaps.is_empty());
    if let ([roster], [now]) = (rosters, nows)
        && ahead.is_empty()
    {
        return format!("{} {}", now_sentence(known, roster, now), next_sentence(known, roster, now))
            .trim()
            .into();
    }
    let mut people: Vec<String> = nows
        .iter()
        .flat_map(|now| &now.now)
        .map(|duty| called(&known.landscape, duty.person.as_str()))
        .collect();
    people.sort();
    people.dedup();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let are = if people.len() == 1 { "is" } else { "are" };
    let whole = format!("{} {are} on call.", listed(&people));
    if ahead.is_empty() {
        whole
    } else {
        format!("{whole} {} will have a time without anybody.", listed(&ahead))
    }
}

fn now_sentence(known: &Known, roster: &Roster, now: &OnCall) -> String {
    let title = &roster.schedule.title;
    let who = now.now.as_ref().map(|duty| called(&known.landscape, duty.person.as_str()));
    match (who, now.until) {
        (Some(who), Some(until)) => {
            format!("{who} is on call for {title} until {}.", local(until, roster, known))
        }
        (Some(who), None) => format!("{who} is on call for {title}."),
        (None, Some(until)) => {
            format!("Nobody is on call for {title} until {}.", local(until, roster, known))
        }
        (None, None) => format!("Nobody is on call for {title}, and nobody will be."),
    }
}

fn next_sentence(known: &Known, roster: &Roster, now: &OnCall) -> String {
    let Some(from) = now.until else { return String::new() };
    let Some(duty) = &now.next else {
        return if now.now.is_some() { "Then nobody is.".into() } else { String::new() };
    };
    let who = called(&known.landscape, duty.person.as_str());
    match roster.on_call(from).until {
        Some(until) => format!("Then {who} until {}.", local(until, roster, known)),
        None => format!("Then {who}."),
    }
}

/// So that it is known whether somebody is woken.
fn there(known: &Known, roster: &Roster, now: &OnCall) -> String {
    let person = now.now.as_ref().and_then(|duty| known.landscape.people.get(&duty.person));
    let Some((person, zone)) = person.and_then(|person| Some((person, person.timezone.as_ref()?))) else {
        return String::new();
    };
    if zone.to_datetime(known.now) == roster.zone().to_datetime(known.now) {
        return String::new();
    }
    format!("For {} it is {} now.", person.title, known.now.to_zoned(zone.clone()).strftime("%a %H:%M"))
}

fn local(at: Timestamp, roster: &Roster, known: &Known) -> String {
    Local::new(at, roster.zone(), known.now).text()
}

fn part(known: &Known, roster: &Roster, now: &OnCall) -> Part {
    let (from, until) = Rota::reach(roster.zone(), known.now);
    let whole = roster.shifts(from, until);
    let ahead: Vec<Shift> = whole.iter().filter(|shift| shift.until > known.now).cloned().collect();
    let gaps = gaps(known, roster, &ahead, until);
    let sign = match (now.now.is_none(), gaps.is_empty()) {
        (true, _) => Sign::Down,
        (false, true) => Sign::Healthy,
        (false, false) => Sign::Impending,
    };
    let words = in_words_of(known, roster, &ahead);
    let called = |name: &str| called(&known.landscape, name);
    let people = known.landscape.people.keys().map(|name| (name.to_string(), called(name.as_str())));
    // A form that can be sent as it is: the rest of the shift that is running, or a day of a gap.
    let begin = known.now.round(Unit::Hour).unwrap_or(known.now);
    let end = now.until.filter(|until| *until > begin).unwrap_or(begin + SignedDuration::from_hours(24));
    let field = |at: Timestamp| roster.zone().to_datetime(at).strftime("%Y-%m-%dT%H:%M").to_string();
    Part {
        name: roster.name.to_string(),
        title: roster.schedule.title.clone(),
        zone: zone_name(roster.zone()),
        sign,
        now: now_sentence(known, roster, now),
        next: next_sentence(known, roster, now),
        there: there(known, roster, now),
        gaps,
        picture: Rota::draw(&whole, roster.zone(), known.now, called, words),
        shifts: ahead.iter().map(|shift| line(known, roster, shift)).collect(),
        overrides: exceptions(known, roster),
        people: people.collect(),
        from: field(begin),
        until: field(end),
    }
}

pub(super) fn zone_name(zone: &TimeZone) -> String {
    zone.iana_name().unwrap_or("local time").to_owned()
}

/// Every time without anybody in the weeks that are shown, in words.
fn gaps(known: &Known, roster: &Roster, shifts: &[Shift], end: Timestamp) -> Vec<String> {
    let gaps: Vec<&Shift> = shifts.iter().filter(|shift| shift.duty.is_none()).collect();
    let sentence = |gap: &&Shift| {
        let until = local(gap.until, roster, known);
        let length = in_words(gap.until.duration_since(gap.from.max(known.now)));
        match (gap.from <= known.now, gap.until == end) {
            (true, true) => format!("Nobody is on call until {until}, nor is there an end in these weeks."),
            (true, false) => format!("Nobody is on call until {until}, for another {length}."),
            (false, true) => format!("Nobody is on call from {} on.", local(gap.from, roster, known)),
            (false, false) => {
                format!("Nobody is on call from {} to {until}, for {length}.", local(gap.from, roster, known))
            }
        }
    };
    let mut lines: Vec<String> = gaps.iter().take(GAPS).map(sentence).collect();
    if gaps.len() > GAPS {
        lines.push(format!(
            "{} more times without anybody follow; the list of shifts has them all.",
            gaps.len() - GAPS
        ));
    }
    lines
}

/// The calendar in words, for who does not see it.
fn in_words_of(known: &Known, roster: &Roster, shifts: &[Shift]) -> String {
    let one = |shift: &Shift| {
        let who =
            shift.person().map_or_else(|| "nobody".into(), |name| called(&known.landscape, name.as_str()));
        format!("{who} until {}", local(shift.until, roster, known))
    };
    let named: Vec<String> = shifts.iter().take(IN_WORDS).map(one).collect();
    let more = if shifts.len() > IN_WORDS { ", and so on; the list of shifts has all" } else { "" };
    format!("On call for {} in four weeks: {}{more}.", roster.schedule.title, named.join(", then "))
}

fn line(known: &Known, roster: &Roster, shift: &Shift) -> Line {
    let at = |at| Local::new(at, roster.zone(), known.now);
    let (who, by) = match &shift.duty {
        None => ("Nobody".to_owned(), String::new()),
        Some(duty) => {
            let by = match &duty.source {
                mainstay_engine::Source::Layer(_) if roster.schedule.layers.len() == 1 => String::new(),
                mainstay_engine::Source::Layer(place) => format!("layer {}", place + 1),
                mainstay_engine::Source::Override(terms) => match &terms.instead_of {
                    Some(name) => format!("stands in for {}", called(&known.landscape, name.as_str())),
                    None => "stands in".into(),
                },
            };
            (called(&known.landscape, duty.person.as_str()), by)
        }
    };
    Line { from: at(shift.from), until: at(shift.until), who, by }
}

/// Those that are not over, the first to begin at the top.
fn exceptions(known: &Known, roster: &Roster) -> Vec<Exception> {
    let configured = roster.schedule.overrides.iter().map(|terms| (None, terms));
    let made = roster.kept.iter().map(|one| (Some(one.id), &one.terms));
    let mut all: Vec<_> = configured.chain(made).filter(|(_, terms)| terms.until > known.now).collect();
    all.sort_by_key(|(_, terms)| terms.from);
    all.into_iter().map(|(id, terms)| exception(known, roster, id, terms)).collect()
}

fn exception(known: &Known, roster: &Roster, id: Option<OverrideId>, terms: &Override) -> Exception {
    let called = |name: &PersonName| called(&known.landscape, name.as_str());
    let instead = terms.instead_of.as_ref().map_or_else(String::new, |name| format!(" for {}", called(name)));
    let words = format!(
        "{} stands in{instead} from {} to {}.",
        called(&terms.person),
        local(terms.from, roster, known),
        local(terms.until, roster, known)
    );
    let by = match (&terms.by, id) {
        (Some(by), _) => format!("Made by {by}"),
        (None, None) => "From the configuration".into(),
        (None, Some(_)) => "Made by hand".into(),
    };
    let reason = terms
        .reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(": {}", reason.trim_end_matches('.')));
    Exception { id, words, detail: format!("{by}{reason}.") }
}

/// A wall-clock time as a form or a program sends it: with its own offset, or on the clock of the schedule.
fn moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        mainstay_model::moment(zone, local)
    })
}
