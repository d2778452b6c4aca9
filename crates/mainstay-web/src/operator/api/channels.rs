use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use mainstay_engine::Action;
use mainstay_model::{Attempt, ChannelName, ChannelRecord, DeliveryId, nearest};
use serde::{Deserialize, Serialize};

use crate::operator::asked::Asked;
use crate::operator::by::By;
use crate::operator::context::Context;
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
    /// Whether it lost a message and has not taken one since.
    failing: bool,
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

/// How a trial is to be.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct How {
    /// In the way that nobody notices where the service allows it.
    quiet: bool,
}

/// `GET /api/v1/channels`.
pub(super) async fn list(State(context): State<Arc<Context>>) -> Result<Json<List>, ApiTrouble> {
    let known: Vec<(ChannelName, &'static str, bool, Option<ChannelRecord>)> = {
        let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
        let configured = state.landscape().channels.iter();
        let of = |name: &ChannelName| state.channels().find(|record| record.name == *name).cloned();
        configured
            .map(|(name, one)| (name.clone(), one.kind.as_str(), state.channel_fails(name), of(name)))
            .collect()
    };
    let store = &context.operator.store;
    let queues = store.queues().await.map_err(Trouble::from)?;
    let mut channels = Vec::with_capacity(known.len());
    for (name, kind, failing, record) in known {
        let queue = queues.iter().find(|queue| queue.channel == name);
        channels.push(One {
            kind,
            failing,
            proven_at: record.as_ref().and_then(|record| record.proven_at),
            tried_at: record.as_ref().and_then(|record| record.tried_at),
            waiting: queue.map_or(0, |queue| queue.messages),
            waiting_since: queue.map(|queue| queue.since),
            last_accepted: store.latest_attempt(&name, true).await.map_err(Trouble::from)?.map(Tried::from),
            last_failure: store.latest_attempt(&name, false).await.map_err(Trouble::from)?.map(Tried::from),
            name,
        });
    }
    Ok(Json(List { channels }))
}

/// `POST /api/v1/channels/{name}/trial`: a trial goes out, and `/api/v1/deliveries?channel=` shows what becomes of it.
pub(super) async fn trial(
    State(context): State<Arc<Context>>,
    Path(name): Path<String>,
    by: By,
    Asked(How { quiet }): Asked<How>,
) -> Result<StatusCode, ApiTrouble> {
    let channel = configured(&context, &name)?;
    context.submit(by, Action::TryChannel { channel, loudly: !quiet }).await?;
    Ok(StatusCode::ACCEPTED)
}

fn configured(context: &Context, name: &str) -> Result<ChannelName, Trouble> {
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let all = &state.landscape().channels;
    if let Some((name, _)) = all.get_key_value(name) {
        return Ok(name.clone());
    }
    let advice = match nearest(name, all.keys().map(ChannelName::as_str)) {
        Some(near) => format!("Did you mean {near}?"),
        None => "Add it under channels in the configuration.".to_owned(),
    };
    Err(Trouble::nothing("There is no channel of that name.", advice))
}
