use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use mainstay_model::{Attempt, ChannelName, Delivery, DeliveryId, IncidentId};
use mainstay_store::{DeliveryFilter, Standing};
use serde::{Deserialize, Serialize};

use crate::operator::asked::Asked;
use crate::operator::by::By;
use crate::operator::context::Context;
use crate::operator::messages::{find, send_again};
use crate::operator::trouble::{ApiTrouble, Trouble};

/// At most so many messages are in one answer.
const MOST: u32 = 200;

const ADVICE: &str = "See /api/v1/deliveries for those that are kept.";

/// Which messages.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    state: Option<String>,
    channel: Option<ChannelName>,
    incident: Option<IncidentId>,
    before: Option<DeliveryId>,
    limit: Option<u32>,
}

/// Messages, newest first.
#[derive(Debug, Serialize)]
pub(super) struct List {
    deliveries: Vec<Delivery>,
}

/// One message and every try of it.
#[derive(Debug, Serialize)]
pub(super) struct One {
    #[serde(flatten)]
    delivery: Delivery,
    attempts: Vec<Attempt>,
}

/// `GET /api/v1/deliveries?state=&channel=&incident=`.
pub(super) async fn list(
    State(context): State<Arc<Context>>,
    Asked(which): Asked<Which>,
) -> Result<Json<List>, ApiTrouble> {
    let standing = which.state.as_deref().map(standing).transpose()?;
    let filter = DeliveryFilter {
        standing,
        channel: which.channel,
        incident: which.incident,
        before: which.before,
        limit: which.limit.unwrap_or(MOST).min(MOST),
    };
    let deliveries = context.operator.store.deliveries_where(&filter).await.map_err(Trouble::from)?;
    Ok(Json(List { deliveries }))
}

/// `GET /api/v1/deliveries/{id}`.
pub(super) async fn one(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
) -> Result<Json<One>, ApiTrouble> {
    let delivery = find(&context, &id, ADVICE).await?;
    let attempts = context.operator.store.attempts(delivery.id).await.map_err(Trouble::from)?;
    Ok(Json(One { delivery, attempts }))
}

/// `POST /api/v1/deliveries/{id}/retry`: a waiting message is tried now, one that did not arrive goes again as a new one.
pub(super) async fn retry(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
) -> Result<Json<Delivery>, ApiTrouble> {
    let delivery = find(&context, &id, ADVICE).await?;
    send_again(&context, by, &delivery).await?;
    Ok(Json(delivery))
}

fn standing(word: &str) -> Result<Standing, Trouble> {
    word.parse().map_err(|()| {
        let what = format!("No message stands as {word:?}.");
        Trouble::unusable(what, "Ask for queued, delivered, given-up, merged or bounced.")
    })
}
