use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use mainstay_model::{
    Act, DependencyName, HumanDuration, IncidentId, Pin, RelayPolicy, Waiver, WaiverId, WaiverState,
    WaiverUses,
};
use serde::{Deserialize, Serialize};

use super::dependencies::named;
use super::incidents::read;
use crate::operator::asked::Asked;
use crate::operator::by::By;
use crate::operator::context::Context;
use crate::operator::trouble::{ApiTrouble, Trouble};
use crate::operator::waivers::{self, Decision, Grounds, Named, Wish};

/// At most so many are in one answer.
const MOST: u32 = 200;

/// Which ones.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    dependency: String,
    /// `requested`, `active` or `ended`.
    state: String,
}

#[derive(Debug, Serialize)]
pub(super) struct List {
    /// The latest first.
    waivers: Vec<Shown>,
}

/// A waiver.
#[derive(Debug, Serialize)]
pub(in crate::operator) struct Shown {
    id: WaiverId,
    dependency: DependencyName,
    incident: Option<IncidentId>,
    #[serde(flatten)]
    state: WaiverState,
    #[serde(flatten)]
    pin: Pin,
    subject: String,
    expired_at: Timestamp,
    reason: String,
    requested: Act,
    lasts: HumanDuration,
    evidence: Vec<String>,
    uses: WaiverUses,
}

impl From<Waiver> for Shown {
    fn from(waiver: Waiver) -> Shown {
        let Waiver { id, dependency, incident, state, pin, subject, expired_at, .. } = waiver;
        let Waiver { reason, requested, lasts, evidence, uses, .. } = waiver;
        Shown {
            id,
            dependency,
            incident,
            state,
            pin,
            subject,
            expired_at,
            reason,
            requested,
            lasts,
            evidence,
            uses,
        }
    }
}

/// What a waiver would rest on.
#[derive(Debug, Serialize)]
pub(super) struct Possible {
    dependency: DependencyName,
    /// Whether one can be asked for now.
    possible: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
    #[serde(flatten)]
    certificate: Option<Certificate>,
    /// What is known, one fact each.
    evidence: Vec<String>,
    /// What would be given up, and what would not, a sentence each.
    risks: Vec<String>,
    lasts: HumanDuration,
    until: Timestamp,
    longest: HumanDuration,
    second_person: bool,
}

#[derive(Debug, Serialize)]
struct Refusal {
    message: String,
    advice: &'static str,
}

#[derive(Debug, Serialize)]
struct Certificate {
    #[serde(flatten)]
    pin: Pin,
    subject: String,
    expired_at: Timestamp,
}

/// `GET /api/v1/waivers`.
pub(super) async fn list(
    State(context): State<Arc<Context>>,
    Asked(asked): Asked<Which>,
) -> Result<Json<List>, ApiTrouble> {
    let of = named(&asked.dependency)?;
    if !matches!(asked.state.as_str(), "" | "requested" | "active" | "ended") {
        return Err(
            Trouble::unusable("The state is unknown.", "It is one of requested, active and ended.").into()
        );
    }
    let all = match asked.state.as_str() {
        "requested" | "active" => standing(&context, of.as_ref()),
        _ => context.operator.store.waivers(of.as_ref(), MOST).await?,
    };
    let wanted = |one: &Waiver| asked.state.is_empty() || one.state.as_str() == asked.state;
    Ok(Json(List { waivers: all.into_iter().filter(wanted).map(Shown::from).collect() }))
}

/// Every one that is not over, the latest first, however many there are.
fn standing(context: &Context, of: Option<&DependencyName>) -> Vec<Waiver> {
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let mut all: Vec<Waiver> = state
        .waivers()
        .filter(|one| !one.is_over() && of.is_none_or(|name| one.dependency == *name))
        .map(|one| Waiver::clone(one))
        .collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.id));
    all
}

/// `GET /api/v1/waivers/grounds`: whether one is possible now, what speaks for it, and what it would give up.
pub(super) async fn grounds(
    State(context): State<Arc<Context>>,
    Asked(wish): Asked<Wish>,
) -> Result<Json<Possible>, ApiTrouble> {
    let Grounds { dependency, found, risks, lasts, until, longest, second_person } =
        waivers::grounds(&context, &wish)?;
    let (refusal, found) = match found {
        Ok(found) => (None, Some(found)),
        Err(refusal) => (Some(Refusal { message: refusal.happened(), advice: refusal.advice() }), None),
    };
    let (certificate, evidence) = match found {
        Some(found) => {
            let (pin, subject, expired_at) = (found.pin, found.subject, found.expired_at);
            (Some(Certificate { pin, subject, expired_at }), found.evidence)
        }
        None => (None, Vec::new()),
    };
    Ok(Json(Possible {
        dependency,
        possible: refusal.is_none(),
        refusal,
        certificate,
        evidence,
        risks,
        lasts: HumanDuration(lasts),
        until,
        longest: HumanDuration(longest),
        second_person,
    }))
}

/// `POST /api/v1/waivers`.
pub(super) async fn request(
    State(context): State<Arc<Context>>,
    by: By,
    body: Result<Json<Wish>, JsonRejection>,
) -> Result<(StatusCode, Json<Shown>), ApiTrouble> {
    let waiver = waivers::ask(&context, by, read(body)?).await?;
    Ok((StatusCode::CREATED, Json(waiver.into())))
}

/// `GET /api/v1/waivers/{id}`.
pub(super) async fn one(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
) -> Result<Json<Shown>, ApiTrouble> {
    let missing = || Trouble::nothing("There is no such waiver.", "They are listed at /api/v1/waivers.");
    let id: WaiverId = id.parse().map_err(|_| missing())?;
    let waiver = context.operator.store.waiver(id).await?.ok_or_else(missing)?;
    Ok(Json(waiver.into()))
}

/// `POST /api/v1/waivers/{id}/grant`.
pub(super) async fn grant(
    context: State<Arc<Context>>,
    id: Path<String>,
    by: By,
    body: Option<Json<Named>>,
) -> Result<Json<Shown>, ApiTrouble> {
    decide(context, id, by, body, Decision::Grant).await
}

/// `POST /api/v1/waivers/{id}/refuse`.
pub(super) async fn refuse(
    context: State<Arc<Context>>,
    id: Path<String>,
    by: By,
    body: Option<Json<Named>>,
) -> Result<Json<Shown>, ApiTrouble> {
    decide(context, id, by, body, Decision::Refuse).await
}

/// `POST /api/v1/waivers/{id}/end` and `DELETE /api/v1/waivers/{id}`.
pub(super) async fn end(
    context: State<Arc<Context>>,
    id: Path<String>,
    by: By,
    body: Option<Json<Named>>,
) -> Result<Json<Shown>, ApiTrouble> {
    decide(context, id, by, body, Decision::End).await
}

async fn decide(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
    body: Option<Json<Named>>,
    decision: Decision,
) -> Result<Json<Shown>, ApiTrouble> {
    let by = by.or(body.map(|Json(named)| named.name).unwrap_or_default().as_str());
    Ok(Json(waivers::decide(&context, by, &id, decision).await?.into()))
}

/// `GET /api/v1/policy`: what relays and applications go by.
pub(super) async fn policy(State(context): State<Arc<Context>>) -> Json<RelayPolicy> {
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    Json(state.policy((context.operator.clock)()))
}
