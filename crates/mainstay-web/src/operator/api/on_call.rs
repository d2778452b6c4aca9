use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Duty, Source};
use mainstay_model::{KeptOverride, OverrideId, PersonName, ScheduleName};
use serde::{Deserialize, Serialize};

use super::incidents::read;
use crate::operator::asked::Asked;
use crate::operator::by::By;
use crate::operator::context::Context;
use crate::operator::known::Known;
use crate::operator::on_call::{self, Roster, StandIn, called, zone_name};
use crate::operator::trouble::{ApiTrouble, Trouble};

/// Shifts of so many days are in the answer unless it is asked otherwise, and never more than of a year.
const DAYS: i64 = 28;
const MOST_DAYS: i64 = 366;

/// How far ahead.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Reach {
    days: String,
}

#[derive(Debug, Serialize)]
pub(super) struct List {
    /// By name.
    schedules: Vec<Rota>,
}

#[derive(Debug, Serialize)]
struct Rota {
    name: ScheduleName,
    title: String,
    timezone: String,
    /// Who is on call; absent when nobody is.
    now: Option<Who>,
    /// When that changes; absent when it does not within 400 days.
    until: Option<Timestamp>,
    /// Who is from then on.
    next: Option<Who>,
    /// From now on, without a hole.
    shifts: Vec<Shift>,
    /// Those that are not over.
    overrides: Vec<Override>,
}

#[derive(Debug, Serialize)]
struct Who {
    person: PersonName,
    title: String,
    /// `layer` or `override`.
    by: &'static str,
    /// Which layer, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Shift {
    from: Timestamp,
    until: Timestamp,
    /// Absent: a gap.
    on_call: Option<Who>,
}

#[derive(Debug, Serialize)]
pub(super) struct Override {
    /// Absent for one from the configuration.
    id: Option<OverrideId>,
    from: Timestamp,
    until: Timestamp,
    person: PersonName,
    instead_of: Option<PersonName>,
    by: Option<String>,
    reason: Option<String>,
}

/// `GET /api/v1/on-call`.
pub(super) async fn list(
    State(context): State<Arc<Context>>,
    Asked(asked): Asked<Reach>,
) -> Result<Json<List>, ApiTrouble> {
    let days = match asked.days.as_str() {
        "" => DAYS,
        text => text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days)).ok_or_else(|| {
            Trouble::unusable(
                "`days` is no number of days.",
                format!("Send a whole number from 1 to {MOST_DAYS}."),
            )
        })?,
    };
    let known = Known::read(&context);
    let rosters = Roster::all(&context, &known.landscape);
    Ok(Json(List { schedules: rosters.iter().map(|roster| rota(&known, roster, days)).collect() }))
}

/// `POST /api/v1/on-call/{schedule}/overrides`.
pub(super) async fn stand_in(
    State(context): State<Arc<Context>>,
    by: By,
    Path(schedule): Path<String>,
    body: Result<Json<StandIn>, JsonRejection>,
) -> Result<(StatusCode, Json<Override>), ApiTrouble> {
    let KeptOverride { id, terms, .. } = on_call::stand_in(&context, by, &schedule, read(body)?).await?;
    Ok((StatusCode::CREATED, Json(shown(Some(id), terms))))
}

/// `DELETE /api/v1/on-call/{schedule}/overrides/{id}`.
pub(super) async fn remove(
    State(context): State<Arc<Context>>,
    by: By,
    Path((schedule, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiTrouble> {
    on_call::remove(&context, by, &schedule, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn rota(known: &Known, roster: &Roster, days: i64) -> Rota {
    let on_call = roster.on_call(known.now);
    let shifts = roster.shifts(known.now, known.now + SignedDuration::from_hours(24 * days));
    let shift = |shift: mainstay_engine::Shift| Shift {
        from: shift.from,
        until: shift.until,
        on_call: shift.duty.map(|duty| who(known, duty)),
    };
    let configured = roster.schedule.overrides.iter().map(|terms| (None, terms));
    let made = roster.kept.iter().map(|one| (Some(one.id), &one.terms));
    let current = configured.chain(made).filter(|(_, terms)| terms.until > known.now);
    Rota {
        name: roster.name.clone(),
        title: roster.schedule.title.clone(),
        timezone: zone_name(&roster.schedule.timezone),
        now: on_call.now.map(|duty| who(known, duty)),
        until: on_call.until,
        next: on_call.next.map(|duty| who(known, duty)),
        shifts: shifts.into_iter().map(shift).collect(),
        overrides: current.map(|(id, terms)| shown(id, terms.clone())).collect(),
    }
}

fn who(known: &Known, duty: Duty) -> Who {
    let (by, layer) = match duty.source {
        Source::Layer(place) => ("layer", Some(place + 1)),
        Source::Override(_) => ("override", None),
    };
    Who { title: called(&known.landscape, duty.person.as_str()), person: duty.person, by, layer }
}

fn shown(id: Option<OverrideId>, terms: mainstay_model::Override) -> Override {
    let mainstay_model::Override { from, until, person, instead_of, by, reason } = terms;
    Override { id, from, until, person, instead_of, by, reason }
}
