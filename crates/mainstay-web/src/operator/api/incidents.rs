use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::routing::{MethodRouter, post};
use jiff::Timestamp;
use mainstay_engine::Action;
use mainstay_model::{
    Alert, ComponentName, Delivery, DependencyName, Diagnosis, Escalating, EscalationName, Failure, Hushed,
    Impact, Incident, IncidentId, IncidentState, ProviderName, Publication, Room, Severity, TimelineEntry,
    Waiver,
};
use mainstay_store::IncidentFilter;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::ShownWaiver;
use crate::operator::asked::Asked;
use crate::operator::by::By;
use crate::operator::context::Context;
use crate::operator::incident::{File, Matter, Times, finishing_task, perform};
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
    /// Whether it is a rehearsal.
    drill: bool,
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
    /// Until when it is taken up, if not for good.
    snoozed_until: Option<Timestamp>,
    /// The alerts that hold now, by the key by which one is split off.
    alerts: BTreeMap<String, Alert>,
    /// Who works on it, and what there is to do.
    room: Room,
    /// The escalations that run, by policy.
    escalations: BTreeMap<EscalationName, Escalating>,
    /// Why nobody is told of it.
    hushed: Option<Hushed>,
    /// The moments by which it is judged how it was dealt with.
    times: Moments,
    /// The waivers that were asked for in it, as far as they are at hand: those that are not over, and those that ended lately.
    waivers: Vec<ShownWaiver>,
    /// Newest first.
    timeline: Vec<TimelineEntry>,
    deliveries: Vec<Delivery>,
}

#[derive(Debug, Serialize)]
struct Moments {
    began_at: Timestamp,
    detected_at: Timestamp,
    acknowledged_at: Option<Timestamp>,
    mitigated_at: Option<Timestamp>,
    resolved_at: Option<Timestamp>,
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

/// Does something about an incident that needs no further word.
pub(super) fn doing(action: fn(&Matter<'_>) -> Result<Action, Trouble>) -> MethodRouter<Arc<Context>> {
    post(move |State(context): State<Arc<Context>>, Path(id): Path<String>, by: By| async move {
        act(&context, by, &id, action).await
    })
}

/// Does what the body says about an incident.
pub(super) fn saying<T: DeserializeOwned + Send + 'static>(
    action: fn(&Matter<'_>, T) -> Result<Action, Trouble>,
) -> MethodRouter<Arc<Context>> {
    post(
        move |State(context): State<Arc<Context>>,
              Path(id): Path<String>,
              by: By,
              body: Result<Json<T>, JsonRejection>| async move {
            let body = read(body)?;
            act(&context, by, &id, |matter| action(matter, body)).await
        },
    )
}

/// `POST /api/v1/incidents/{id}/tasks/{task}/done`.
pub(super) async fn finish_task(
    State(context): State<Arc<Context>>,
    Path((id, task)): Path<(String, String)>,
    by: By,
) -> Result<Json<Detail>, ApiTrouble> {
    act(&context, by, &id, |matter| finishing_task(matter, &task)).await
}

/// The body as it was meant.
pub(super) fn read<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Trouble> {
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
    action: impl FnOnce(&Matter<'_>) -> Result<Action, Trouble>,
) -> Result<Json<Detail>, ApiTrouble> {
    perform(context, by, id, action).await?;
    Ok(detail(context, id).await?)
}

async fn detail(context: &Context, id: &str) -> Result<Json<Detail>, Trouble> {
    let known = Known::read(context);
    let File { incident, timeline, deliveries } = File::read(context, &known, id).await?;
    let times = Times::of(&incident);
    Ok(Json(Detail {
        snoozed_until: match incident.state {
            IncidentState::Acknowledged { until, .. } => until,
            _ => None,
        },
        alerts: incident.alerts.clone(),
        room: incident.room.clone(),
        escalations: incident.escalations.clone(),
        hushed: incident.hushed.clone(),
        times: Moments {
            began_at: times.began,
            detected_at: times.detected,
            acknowledged_at: times.taken_up,
            mitigated_at: times.mitigated,
            resolved_at: times.resolved,
        },
        waivers: waivers(context, incident.id),
        summary: summary(incident, known.now),
        timeline,
        deliveries,
    }))
}

fn waivers(context: &Context, incident: IncidentId) -> Vec<ShownWaiver> {
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let of_it = state.waivers().filter(|one| one.incident == Some(incident));
    of_it.map(|one| ShownWaiver::from(Waiver::clone(one))).collect()
}

fn summary(incident: Incident, now: Timestamp) -> Summary {
    Summary {
        id: incident.id,
        drill: incident.is_drill(),
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
