use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use jiff::Timestamp;
use mainstay_engine::quiet_until;
use mainstay_model::{Match, Quiet, QuietKind, Silence};
use serde::{Deserialize, Serialize};

use super::incidents::read;
use crate::operator::by::By;
use crate::operator::context::Context;
use crate::operator::known::Known;
use crate::operator::quiet::{ending, next_beginnings, silencing};
use crate::operator::trouble::ApiTrouble;

/// A silence to be made.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    what: Match,
    until: String,
    reason: String,
}

#[derive(Debug, Serialize)]
pub(super) struct List {
    /// Those that hold and were made at run time, oldest first.
    silences: Vec<Silence>,
    /// Maintenance and silences of the configuration.
    configured: Vec<Configured>,
}

#[derive(Debug, Serialize)]
struct Configured {
    kind: QuietKind,
    reason: String,
    what: Match,
    /// Whether it holds now.
    holds: bool,
    /// When it ends, if it holds now and ends at all.
    until: Option<Timestamp>,
    /// When it begins next.
    next: Option<Timestamp>,
}

/// `GET /api/v1/silences`.
pub(super) async fn list(State(context): State<Arc<Context>>) -> Json<List> {
    Json(now(&context))
}

/// `POST /api/v1/silences`: answers with the list as it is then.
pub(super) async fn make(
    State(context): State<Arc<Context>>,
    by: By,
    body: Result<Json<Wish>, JsonRejection>,
) -> Result<Json<List>, ApiTrouble> {
    let Wish { what, until, reason } = read(body)?;
    let action = silencing(&Known::read(&context), what, &until, reason)?;
    context.submit(by, action).await?;
    Ok(Json(now(&context)))
}

/// `DELETE /api/v1/silences/{id}`: answers with the list as it is then.
pub(super) async fn end(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
) -> Result<Json<List>, ApiTrouble> {
    let action = ending(&Known::read(&context), &id)?;
    context.submit(by, action).await?;
    Ok(Json(now(&context)))
}

fn now(context: &Context) -> List {
    let known = Known::read(context);
    let configured = known.landscape.quiets.iter().map(|one| configured(one, known.now)).collect();
    List { silences: known.silences, configured }
}

fn configured(quiet: &Quiet, now: Timestamp) -> Configured {
    let holding = quiet_until(&quiet.when, now);
    Configured {
        kind: quiet.kind,
        reason: quiet.reason.clone(),
        what: quiet.what.clone(),
        holds: holding.is_some(),
        until: holding.flatten(),
        next: next_beginnings(&quiet.when, now).into_iter().next(),
    }
}
