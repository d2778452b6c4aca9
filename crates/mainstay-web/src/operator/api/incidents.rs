use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use jiff::Timestamp;
use mainstay_engine::Action;
use mainstay_model::{
    ComponentName, Delivery, DependencyName, Diagnosis, Failure, Impact, Incident, IncidentId, IncidentState,
    ProviderName, Publication, Severity, TimelineEntry,
};
use mainstay_store::IncidentFilter;
use serde::{Deserialize, Serialize};

use crate::operator::asked::Asked;
use crate::operator::by::By;
use crate::operator::context::Context;
use crate::operator::incident::{
    File, NoteText, Publish, Update, acknowledging, noting, perform, publishing, resolving, updating,
};
use crate::operator::incidents::state;
use crate::operator::known::Known;
use crate::operator::trouble::{ApiTrouble, Trouble};

/// At most so many incidents are in one answer.
const MOST: u32 = 200;

/// Which incidents.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    state: String,
    before: String,
}

#[derive(Debug, Serialize)]
pub(super) struct List {
    /// Newest first.
    incidents: Vec<Summary>,
    /// What to send as `before` to go on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_before: Option<IncidentId>,
}

#[derive(Debug, Serialize)]
struct Summary {
    id: IncidentId,
    title: String,
    /// `impending`, `open`, `acknowledged` or `resolved`.
    state: &'static str,
    severity: Severity,
    impact: Impact,
    opened_at: Timestamp,
    since: Timestamp,
    acknowledged_by: Option<String>,
    resolved_at: Option<Timestamp>,
    breaks_at: Option<Timestamp>,
    dependencies: Vec<DependencyName>,
    providers: Vec<ProviderName>,
    components: Vec<ComponentName>,
    failure: Option<Failure>,
    diagnosis: Diagnosis,
    publication: Option<Publication>,
}

#[derive(Debug, Serialize)]
pub(super) struct Detail {
    #[serde(flatten)]
    summary: Summary,
    /// Newest first.
    timeline: Vec<TimelineEntry>,
    deliveries: Vec<Delivery>,
}

/// `GET /api/v1/incidents`.
pub(super) async fn list(
    State(context): State<Arc<Context>>,
    Asked(asked): Asked<Which>,
) -> Result<Json<List>, ApiTrouble> {
    let open = match asked.state.as_str() {
        "" => None,
        "open" => Some(true),
        "resolved" => Some(false),
        _ => return Err(Trouble::unusable("The state is unknown.", "It is open or resolved.").into()),
    };
    let before = match asked.before.as_str() {
        "" => None,
        text => Some(
            text.parse()
                .map_err(|_| Trouble::unusable("`before` is no incident.", "Send an incident's id."))?,
        ),
    };
    let filter = IncidentFilter { open, before, limit: MOST, ..IncidentFilter::default() };
    let incidents = context.operator.store.incidents(&filter).await?;
    let next_before =
        (incidents.len() == MOST as usize).then(|| incidents.last().map(|one| one.id)).flatten();
    let now = (context.operator.clock)();
    Ok(Json(List { incidents: incidents.into_iter().map(|one| summary(one, now)).collect(), next_before }))
}

/// `GET /api/v1/incidents/{id}`.
pub(super) async fn one(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
) -> Result<Json<Detail>, ApiTrouble> {
    Ok(detail(&context, &id).await?)
}

/// `POST /api/v1/incidents/{id}/acknowledge`.
pub(super) async fn acknowledge(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
) -> Result<Json<Detail>, ApiTrouble> {
    act(&context, by, &id, acknowledging).await
}

/// `POST /api/v1/incidents/{id}/resolve`.
pub(super) async fn resolve(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
) -> Result<Json<Detail>, ApiTrouble> {
    act(&context, by, &id, resolving).await
}

/// `POST /api/v1/incidents/{id}/publish`.
pub(super) async fn publish(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
    body: Result<Json<Publish>, JsonRejection>,
) -> Result<Json<Detail>, ApiTrouble> {
    let body = read(body)?;
    act(&context, by, &id, |incident| publishing(incident, body)).await
}

/// `POST /api/v1/incidents/{id}/updates`.
pub(super) async fn update(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
    body: Result<Json<Update>, JsonRejection>,
) -> Result<Json<Detail>, ApiTrouble> {
    let body = read(body)?;
    act(&context, by, &id, |incident| updating(incident, body)).await
}

/// `POST /api/v1/incidents/{id}/notes`.
pub(super) async fn note(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
    body: Result<Json<NoteText>, JsonRejection>,
) -> Result<Json<Detail>, ApiTrouble> {
    let body = read(body)?;
    act(&context, by, &id, |incident| noting(incident, body)).await
}

fn read<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Trouble> {
    let refused = |rejection: JsonRejection| {
        Trouble::unusable(
            format!("The body could not be read: {}.", rejection.body_text().trim_end_matches('.')),
            "Send a JSON object with the header Content-Type: application/json, as /api/v1/openapi.json says.",
        )
    };
    body.map(|Json(body)| body).map_err(refused)
}

/// Does what was asked for and answers with the incident as it is then.
async fn act(
    context: &Context,
    by: By,
    id: &str,
    action: impl FnOnce(&Incident) -> Result<Action, Trouble>,
) -> Result<Json<Detail>, ApiTrouble> {
    perform(context, by, id, action).await?;
    Ok(detail(context, id).await?)
}

async fn detail(context: &Context, id: &str) -> Result<Json<Detail>, Trouble> {
    let known = Known::read(context);
    let File { incident, timeline, deliveries } = File::read(context, &known, id).await?;
    Ok(Json(Detail { summary: summary(incident, known.now), timeline, deliveries }))
}

fn summary(incident: Incident, now: Timestamp) -> Summary {
    Summary {
        id: incident.id,
        state: state(&incident, now),
        severity: incident.severity,
        impact: incident.impact,
        opened_at: incident.opened_at,
        since: incident.since,
        acknowledged_by: match &incident.state {
            IncidentState::Acknowledged { by, .. } => Some(by.clone()),
            _ => None,
        },
        resolved_at: incident.resolved_at(),
        breaks_at: incident.breaks_at,
        title: incident.title,
        dependencies: incident.dependencies,
        providers: incident.providers,
        components: incident.components,
        failure: incident.failure,
        diagnosis: incident.diagnosis,
        publication: incident.publication,
    }
}
