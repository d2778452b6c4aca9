use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use mainstay_model::{Attempt, ChannelName, DeliveryId, Landscape};
use serde::Serialize;

use crate::operator::asked::Asked;
use crate::operator::by::By;
use crate::operator::channels::{Condition, File, How, read, try_channel};
use crate::operator::context::Context;
use crate::operator::known::Known;
use crate::operator::trouble::{ApiTrouble, Trouble};

/// The channels of the configuration.
#[derive(Debug, Serialize)]
pub(super) struct List {
    channels: Vec<One>,
}

/// A channel and whether it works; never its address or secret.
#[derive(Debug, Serialize)]
struct One {
    name: ChannelName,
    kind: &'static str,
    state: &'static str,
    /// Whether it lost a message and has not taken one since.
    failing: bool,
    failing_since: Option<Timestamp>,
    /// Whether its service knows a trial that nobody notices.
    quiet_trial: bool,
    proven_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
    waiting: u64,
    waiting_since: Option<Timestamp>,
    last_accepted: Option<Tried>,
    last_failure: Option<Tried>,
}

#[derive(Debug, Serialize)]
struct Tried {
    delivery: DeliveryId,
    #[serde(flatten)]
    attempt: Attempt,
}

impl From<(DeliveryId, Attempt)> for Tried {
    fn from((delivery, attempt): (DeliveryId, Attempt)) -> Tried {
        Tried { delivery, attempt }
    }
}

/// `GET /api/v1/channels`.
pub(super) async fn list(State(context): State<Arc<Context>>) -> Result<Json<List>, ApiTrouble> {
    let known = Known::read(&context);
    let files = read(&context, &known).await.map_err(Trouble::from)?;
    let channels = files.into_iter().filter_map(|file| One::of(file, &known.landscape)).collect();
    Ok(Json(List { channels }))
}

/// `POST /api/v1/channels/{name}/trial`: a trial goes out, and `/api/v1/deliveries?channel=` shows what becomes of it.
pub(super) async fn trial(
    State(context): State<Arc<Context>>,
    Path(name): Path<String>,
    by: By,
    Asked(how): Asked<How>,
) -> Result<StatusCode, ApiTrouble> {
    try_channel(&context, by, &name, how).await?;
    Ok(StatusCode::ACCEPTED)
}

impl One {
    fn of(file: File, landscape: &Landscape) -> Option<One> {
        let kind = &landscape.channels.get(&file.name)?.kind;
        let failing_since = match file.condition {
            Condition::Fails { since, .. } => Some(since),
            _ => None,
        };
        Some(One {
            kind: kind.as_str(),
            state: file.condition.as_str(),
            failing: failing_since.is_some(),
            failing_since,
            quiet_trial: kind.is_quiet_to_try(),
            proven_at: file.proof.map(|proof| proof.at),
            tried_at: file.record.and_then(|record| record.tried_at),
            waiting: file.queue.as_ref().map_or(0, |queue| queue.messages),
            waiting_since: file.queue.map(|queue| queue.since),
            last_accepted: file.last_accepted.map(Tried::from),
            last_failure: file.last_failure.map(Tried::from),
            name: file.name,
        })
    }
}
