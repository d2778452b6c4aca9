use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use mainstay_engine::{DrillPlan, Stage, StageKind, drill_score};
use mainstay_model::{
    ChannelName, DeliveryId, DependencyName, DrillResult, DrillStep, FailureKind, Fate, Incident, IncidentId,
    PersonName, Severity,
};
use serde::{Deserialize, Serialize};

use super::dependencies::named;
use super::incidents::read;
use crate::operator::asked::Asked;
use crate::operator::by::By;
use crate::operator::context::Context;
use crate::operator::drills::{Wanted, begin, plan};
use crate::operator::trouble::{ApiTrouble, Trouble};

/// At most so many drills are in one answer.
const MOST: u32 = 200;

/// Of which dependency.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    dependency: String,
}

#[derive(Debug, Serialize)]
pub(super) struct List {
    /// The latest first.
    drills: Vec<Report>,
    /// Those that are planned, the soonest first.
    next: Vec<Next>,
}

#[derive(Debug, Serialize)]
struct Next {
    at: Timestamp,
    /// Whose turn it would be now.
    dependency: Option<DependencyName>,
    failure: FailureKind,
    recurs: String,
}

/// A drill and what it showed.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    id: IncidentId,
    dependency: DependencyName,
    failure: FailureKind,
    by: Option<String>,
    planned_for: Option<Timestamp>,
    began_at: Timestamp,
    until: Timestamp,
    ended_at: Option<Timestamp>,
    result: DrillResult,
    sentence: String,
    answered_by: Option<String>,
    answered_at: Option<Timestamp>,
    answered_after_ms: Option<i128>,
    /// The steps that escalations had come to then.
    answered_at_steps: Vec<DrillStep>,
    messages: Vec<Told>,
    failed: usize,
}

#[derive(Debug, Serialize)]
struct Told {
    delivery: DeliveryId,
    channel: ChannelName,
    person: Option<PersonName>,
    step: Option<DrillStep>,
    decided_at: Timestamp,
    told_after_ms: Option<i128>,
    failed: Option<String>,
}

/// Who would be told.
#[derive(Debug, Serialize)]
pub(super) struct Plan {
    dependency: DependencyName,
    failure: FailureKind,
    severity: Severity,
    until: Timestamp,
    stages: Vec<Planned>,
}

#[derive(Debug, Serialize)]
struct Planned {
    after_s: i64,
    /// `route`, `step` or `fallback`.
    by: &'static str,
    step: Option<DrillStep>,
    told: Vec<Recipient>,
    /// Why a recipient is reached by no channel.
    nobody: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Recipient {
    channel: ChannelName,
    person: Option<PersonName>,
}

/// `GET /api/v1/drills`.
pub(super) async fn list(
    State(context): State<Arc<Context>>,
    Asked(asked): Asked<Which>,
) -> Result<Json<List>, ApiTrouble> {
    let of = named(&asked.dependency)?;
    let drills = context.operator.store.drills(of.as_ref(), MOST).await?;
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let next = state.next_drills((context.operator.clock)()).into_iter().map(|one| Next {
        at: one.at,
        dependency: one.dependency,
        failure: one.plan.failure,
        recurs: one.plan.recurrence.to_string(),
    });
    Ok(Json(List { next: next.collect(), drills: drills.iter().filter_map(report).collect() }))
}

/// `GET /api/v1/drills/plan`: who would be told of one that begins now.
pub(super) async fn planned(
    State(context): State<Arc<Context>>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Plan>, ApiTrouble> {
    let (terms, plan) = plan(&context, &wanted)?;
    let DrillPlan { severity, until, stages } = plan;
    let stages = stages.into_iter().map(stage).collect();
    Ok(Json(Plan { dependency: terms.dependency, failure: terms.failure, severity, until, stages }))
}

/// `POST /api/v1/drills`.
pub(super) async fn start(
    State(context): State<Arc<Context>>,
    by: By,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Result<(StatusCode, Json<Report>), ApiTrouble> {
    let id = begin(&context, by, read(body)?).await?;
    Ok((StatusCode::CREATED, Json(found(&context, id).await?)))
}

/// `GET /api/v1/drills/{id}`.
pub(super) async fn one(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
) -> Result<Json<Report>, ApiTrouble> {
    let id = id.parse().map_err(|_| missing())?;
    Ok(Json(found(&context, id).await?))
}

/// From the engine's state while it is there, which is never behind; else from the store.
async fn found(context: &Context, id: IncidentId) -> Result<Report, Trouble> {
    let at_hand = {
        let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
        state.incident(id).cloned()
    };
    if let Some(incident) = at_hand {
        return report(&incident).ok_or_else(missing);
    }
    let kept = context.operator.store.incident(id).await?;
    kept.as_ref().and_then(report).ok_or_else(missing)
}

fn missing() -> Trouble {
    Trouble::nothing("There is no such drill.", "Drills are listed at /api/v1/drills, the latest first.")
}

fn report(incident: &Incident) -> Option<Report> {
    let drill = incident.rehearsal()?;
    let answer = drill.answer.as_ref();
    let messages = drill.messages.iter().map(|(id, call)| Told {
        delivery: *id,
        channel: call.channel.clone(),
        person: call.person.clone(),
        step: call.step.clone(),
        decided_at: call.decided_at,
        told_after_ms: call.told_after().map(|after| after.as_millis()),
        failed: match &call.fate {
            Fate::Failed { reason, .. } => Some(reason.clone()),
            Fate::UnderWay | Fate::Accepted { .. } => None,
        },
    });
    Some(Report {
        id: incident.id,
        dependency: drill.dependency.clone(),
        failure: drill.failure,
        by: drill.by.clone(),
        planned_for: drill.planned.as_ref().map(|planned| planned.at),
        began_at: incident.opened_at,
        until: drill.until,
        ended_at: incident.resolved_at(),
        result: drill.result(),
        sentence: drill_score(drill, incident.opened_at),
        answered_by: answer.map(|answer| answer.by.clone()),
        answered_at: answer.map(|answer| answer.at),
        answered_after_ms: answer.map(|answer| answer.at.duration_since(incident.opened_at).as_millis()),
        answered_at_steps: answer.map(|answer| answer.steps.clone()).unwrap_or_default(),
        messages: messages.collect(),
        failed: drill.failed().count(),
    })
}

fn stage(stage: Stage) -> Planned {
    let (by, step) = match stage.kind {
        StageKind::Route => ("route", None),
        StageKind::Step(step) => ("step", Some(step)),
        StageKind::Fallback => ("fallback", None),
    };
    let told = stage.called.into_iter().map(|one| Recipient { channel: one.channel, person: one.person });
    Planned { after_s: stage.after.as_secs(), by, step, told: told.collect(), nobody: stage.nobody }
}
