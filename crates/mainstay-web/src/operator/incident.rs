use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Delivery, EntryId, Incident, IncidentId, Subject, TimelineEntry, in_words};
use mainstay_store::TimelineFilter;

use super::context::Context;
use super::incidents::{components, sign, state};
use super::known::Known;
use super::messages::Row as MessageRow;
use super::overview::address_of;
use super::page::{Here, Page, html, window_title};
use super::trouble::Trouble;
use super::waivers::Offers;
use super::words;
use crate::show::{Sign, When};

mod act;
mod before;
mod desk;
mod escalation;
mod forms;
mod roll_call;
mod room;
mod runbook;
mod ticket;
mod times;

pub(super) use act::{
    Matter, acknowledging, is_for_taking, noting, perform, publishing, resolving, updating,
};
pub(super) use forms::{filled, routes};
pub(super) use room::{
    adding_task, assigning, choosing_severity, finishing_task, giving_role, merging, one_of, promising,
    silence, snoozing, splitting,
};
pub(super) use times::Times;

use before::Before;
use desk::Desk;
use roll_call::{RollCall, roll_call};
use runbook::{Shown, shown};

/// The latest entries of the timeline that a page shows; an incident that flaps for weeks must not make it endless.
const MOMENTS: u32 = 500;

/// Everything that is known of one incident.
pub(super) struct File {
    pub(super) incident: Incident,
    /// Newest first.
    pub(super) timeline: Vec<TimelineEntry>,
    pub(super) deliveries: Vec<Delivery>,
}

impl File {
    /// Reads it: what is open from the engine's state, which is never behind, and what is past from the store.
    pub(super) async fn read(context: &Context, known: &Known, id: &str) -> Result<File, Trouble> {
        let incident = find(context, known, id).await?;
        let (id, store) = (Some(incident.id), &context.operator.store);
        let filter = TimelineFilter { incident: id, limit: MOMENTS, ..TimelineFilter::default() };
        let timeline = store.timeline(&filter).await?;
        let deliveries = store.deliveries(incident.id).await?;
        Ok(File { incident, timeline, deliveries })
    }
}

/// One incident: an open one from the engine's state, any other from the store.
pub(super) async fn find(context: &Context, known: &Known, id: &str) -> Result<Incident, Trouble> {
    let missing = || {
        let advice = "Incidents are listed under Incidents, the latest first.";
        Trouble::nothing("There is no such incident.", advice)
    };
    let id: IncidentId = id.parse().map_err(|_| missing())?;
    match known.open.iter().find(|one| one.id == id) {
        Some(incident) => Ok(Incident::clone(incident)),
        None => context.operator.store.incident(id).await?.ok_or_else(missing),
    }
}

/// `GET /incidents/{id}`: what happened, why, who was told, and what can be done.
pub(super) async fn get(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let file = File::read(&context, &known, &id).await?;
    let desk = Desk::of(&file.incident, &known, &|schedule| context.on_call(schedule, known.now));
    let before = Before::of(&file.incident, &context.operator.store, known.now).await?;
    let offers = Offers::of(&context, &file.incident, known.now);
    Ok(html(&page(&known, file, desk, before, offers)))
}

#[derive(Template)]
#[template(path = "operator/incident.html")]
struct IncidentPage {
    page: Page,
    id: IncidentId,
    sign: Sign,
    state: &'static str,
    severity: &'static str,
    title: String,
    standing: String,
    cause: String,
    evidence: Vec<String>,
    actions: Vec<String>,
    affected: Vec<(String, String)>,
    /// The channels that it is about.
    channels: Vec<(String, String)>,
    components: String,
    open: bool,
    for_taking: bool,
    merged_into: Option<IncidentId>,
    desk: Desk,
    runbooks: Vec<Shown>,
    /// To whom it can be written: the name and the title.
    providers: Vec<(String, String)>,
    before: Before,
    offers: Offers,
    /// Whether closing it would tell customers something that is not so.
    still_felt: bool,
    times: Vec<(&'static str, When, String)>,
    public: Option<Public>,
    suggestion: Option<(String, String)>,
    statuses: Vec<(&'static str, bool)>,
    roll_call: RollCall,
    messages: Vec<MessageRow>,
    timeline: Vec<Moment>,
    cut: bool,
}

/// What customers see.
struct Public {
    title: String,
    status: &'static str,
    updates: Vec<PublicLine>,
    address: String,
}

struct PublicLine {
    at: When,
    status: &'static str,
    body: String,
}

/// One line of a history.
pub(super) struct Moment {
    pub(super) id: EntryId,
    pub(super) at: When,
    pub(super) text: String,
    pub(super) by: String,
    pub(super) evidence: Vec<String>,
}

/// The lines of a history, newest first, as the store gives them.
pub(super) fn moments(timeline: &[TimelineEntry], now: Timestamp) -> Vec<Moment> {
    let moment = |entry: &TimelineEntry| Moment {
        id: entry.id,
        at: When::clock(entry.at, now),
        text: entry.text.clone(),
        // Mainstay says by itself who did it where that is a part of the sentence.
        by: entry
            .by
            .clone()
            .filter(|by| !entry.text.contains(by.as_str()))
            .map(|by| format!("by {by}"))
            .unwrap_or_default(),
        evidence: entry.evidence.clone(),
    };
    timeline.iter().map(moment).collect()
}

fn page(known: &Known, file: File, desk: Desk, before: Before, offers: Offers) -> IncidentPage {
    let File { incident, timeline, mut deliveries } = file;
    deliveries.sort_by_key(|one| std::cmp::Reverse((one.created_at, one.id)));
    let (now, is_open) = (known.now, incident.is_open());
    let sign = sign(&incident, now);
    let public = public(known, &incident);
    let status = incident.publication.as_ref().map(|publication| publication.status());
    IncidentPage {
        page: Page::new(known, Here::Incidents, &window_title(sign, &incident.title)),
        id: incident.id,
        sign,
        state: state(&incident, now),
        severity: incident.severity.as_str(),
        title: sentence(&incident.title),
        standing: words::standing(&incident, now),
        affected: incident.dependencies.iter().map(|name| (address_of(name), name.to_string())).collect(),
        channels: channels(&incident),
        components: components(known, &incident),
        open: is_open,
        for_taking: is_for_taking(&incident.state),
        merged_into: incident.room.merged_into,
        desk,
        runbooks: shown(&incident, known),
        providers: incident
            .providers
            .iter()
            .map(|name| (name.to_string(), known.landscape.provider_title(name).to_owned()))
            .collect(),
        before,
        offers,
        still_felt: mainstay_engine::is_still_felt(&incident),
        times: times(&Times::of(&incident), now),
        suggestion: (is_open && public.is_none() && !incident.is_drill())
            .then(|| suggestion(known, &incident)),
        public,
        statuses: act::statuses(&incident).map(|one| (one.as_str(), Some(one) == status)).collect(),
        roll_call: roll_call(&deliveries, &known.landscape, now),
        messages: deliveries.iter().map(|one| MessageRow::of(one, now)).collect(),
        timeline: moments(&timeline, now),
        cut: timeline.len() == MOMENTS as usize,
        cause: incident.diagnosis.cause,
        evidence: incident.diagnosis.evidence,
        actions: incident.diagnosis.actions,
    }
}

/// The channels whose trouble it tells, and where they stand.
fn channels(incident: &Incident) -> Vec<(String, String)> {
    let names: BTreeSet<&str> = incident
        .alerts
        .values()
        .filter_map(|alert| match &alert.key.subject {
            Subject::Channel(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    names.into_iter().map(|name| (super::channels::address_of(name), name.to_owned())).collect()
}

/// The moments by which it is judged how it was dealt with, and how long each took.
fn times(times: &Times, now: Timestamp) -> Vec<(&'static str, When, String)> {
    let took = |length: Option<Duration>| match length {
        Some(Duration::ZERO) | None => String::new(),
        Some(length) => format!("after {}", in_words(SignedDuration::try_from(length).unwrap_or_default())),
    };
    let moments = [
        ("Detected", Some(times.detected), times.to_detect()),
        ("Taken up", times.taken_up, times.to_take_up()),
        ("Mitigated", times.mitigated, times.to_mitigate()),
        ("Resolved", times.resolved, times.to_resolve()),
    ];
    moments
        .into_iter()
        .filter_map(|(what, at, length)| Some((what, When::clock(at?, now), took(length))))
        .collect()
}

/// A title as a sentence.
pub(super) fn sentence(title: &str) -> String {
    if title.ends_with('.') { title.to_owned() } else { format!("{title}.") }
}

fn public(known: &Known, incident: &Incident) -> Option<Public> {
    let publication = incident.publication.as_ref()?;
    let line = |update: &mainstay_model::PublicUpdate| PublicLine {
        at: When::clock(update.at, known.now),
        status: update.status.as_str(),
        body: update.body.clone(),
    };
    Some(Public {
        title: publication.title.clone(),
        status: publication.status().as_str(),
        updates: publication.updates.iter().rev().map(line).collect(),
        address: format!("{}/incidents/{}", known.landscape.status_page.public_url, incident.id),
    })
}

/// What Mainstay would tell customers; a person may write it better.
fn suggestion(known: &Known, incident: &Incident) -> (String, String) {
    mainstay_engine::customer_wording(incident, &known.landscape)
}
