use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use mainstay_engine::Action;
use mainstay_model::{Delivery, EntryId, Incident, IncidentId, TimelineEntry};
use mainstay_store::TimelineFilter;

use super::by::By;
use super::context::Context;
use super::incidents::{components, sign, state};
use super::known::Known;
use super::messages::Row as MessageRow;
use super::overview::address_of;
use super::page::{Here, Page, html, window_title};
use super::trouble::Trouble;
use super::words;
use crate::show::{Sign, When};

mod act;

pub(super) use act::{
    NoteText, Publish, Update, acknowledging, is_for_taking, noting, perform, publishing, resolving, updating,
};

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
        let missing = || {
            let advice = "Incidents are listed under Incidents, the latest first.";
            Trouble::nothing("There is no such incident.", advice)
        };
        let id: IncidentId = id.parse().map_err(|_| missing())?;
        let store = &context.operator.store;
        let open = known.open.iter().find(|one| one.id == id).map(|one| Incident::clone(one));
        let incident = match open {
            Some(incident) => incident,
            None => store.incident(id).await?.ok_or_else(missing)?,
        };
        let filter = TimelineFilter { incident: Some(id), limit: MOMENTS, ..TimelineFilter::default() };
        let timeline = store.timeline(&filter).await?;
        let deliveries = store.deliveries(id).await?;
        Ok(File { incident, timeline, deliveries })
    }
}

/// `GET /incidents/{id}`: what happened, why, who was told, and what can be done.
pub(super) async fn get(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let file = File::read(&context, &known, &id).await?;
    Ok(html(&page(&known, file)))
}

/// `POST /incidents/{id}/acknowledge`.
pub(super) async fn acknowledge(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
) -> Result<Response, Trouble> {
    act(&context, by, &id, acknowledging).await
}

/// `POST /incidents/{id}/resolve`.
pub(super) async fn resolve(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
) -> Result<Response, Trouble> {
    act(&context, by, &id, resolving).await
}

/// `POST /incidents/{id}/publish`.
pub(super) async fn publish(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
    form: Result<Form<Publish>, FormRejection>,
) -> Result<Response, Trouble> {
    let form = filled(form)?;
    act(&context, by, &id, |incident| publishing(incident, form)).await
}

/// `POST /incidents/{id}/updates`.
pub(super) async fn update(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
    form: Result<Form<Update>, FormRejection>,
) -> Result<Response, Trouble> {
    let form = filled(form)?;
    act(&context, by, &id, |incident| updating(incident, form)).await
}

/// `POST /incidents/{id}/notes`.
pub(super) async fn note(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
    form: Result<Form<NoteText>, FormRejection>,
) -> Result<Response, Trouble> {
    let form = filled(form)?;
    act(&context, by, &id, |incident| noting(incident, form)).await
}

fn filled<T>(form: Result<Form<T>, FormRejection>) -> Result<T, Trouble> {
    let refused = |rejection: FormRejection| {
        Trouble::unusable(format!("The form could not be read: {rejection}."), "Go back and send it again.")
    };
    form.map(|Form(form)| form).map_err(refused)
}

/// Does what was asked for and shows the incident as it is then.
async fn act(
    context: &Context,
    by: By,
    id: &str,
    action: impl FnOnce(&Incident) -> Result<Action, Trouble>,
) -> Result<Response, Trouble> {
    let id = perform(context, by, id, action).await?;
    Ok(Redirect::to(&format!("/incidents/{id}")).into_response())
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
    components: String,
    open: bool,
    acknowledged: bool,
    public: Option<Public>,
    suggestion: Option<(String, String)>,
    statuses: Vec<(&'static str, bool)>,
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

fn page(known: &Known, file: File) -> IncidentPage {
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
        components: components(known, &incident),
        open: is_open,
        acknowledged: matches!(incident.state, mainstay_model::IncidentState::Acknowledged { .. }),
        suggestion: (is_open && public.is_none()).then(|| suggestion(known, &incident)),
        public,
        statuses: act::statuses(&incident).map(|one| (one.as_str(), Some(one) == status)).collect(),
        messages: deliveries.iter().map(|one| MessageRow::of(one, now)).collect(),
        timeline: moments(&timeline, now),
        cut: timeline.len() == MOMENTS as usize,
        cause: incident.diagnosis.cause,
        evidence: incident.diagnosis.evidence,
        actions: incident.diagnosis.actions,
    }
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
