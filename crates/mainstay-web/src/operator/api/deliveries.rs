use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use mainstay_engine::Action;
use mainstay_model::{Attempt, ChannelName, Delivery, DeliveryId, DeliveryState, IncidentId};
use mainstay_store::{DeliveryFilter, Standing};
use serde::{Deserialize, Serialize};

use crate::operator::asked::Asked;
use crate::operator::by::By;
use crate::operator::context::Context;
use crate::operator::trouble::{ApiTrouble, Trouble};

/// At most so many messages are in one answer.
const MOST: u32 = 200;

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
    let delivery = known(&context, &id).await?;
    let attempts = context.operator.store.attempts(delivery.id).await.map_err(Trouble::from)?;
    Ok(Json(One { delivery, attempts }))
}

/// `POST /api/v1/deliveries/{id}/retry`: a waiting message is tried now, one that did not arrive goes again as a new one.
pub(super) async fn retry(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
) -> Result<Json<Delivery>, ApiTrouble> {
    let delivery = known(&context, &id).await?;
    context.submit(by, retrying(&delivery)?).await?;
    Ok(Json(delivery))
}

/// What has a message go, as it stands.
fn retrying(delivery: &Delivery) -> Result<Action, Trouble> {
    match delivery.state {
        DeliveryState::Queued { .. } => Ok(Action::TryNow(delivery.id)),
        DeliveryState::GivenUp { .. } | DeliveryState::Bounced { .. } => {
            Ok(Action::SendAgain(Box::new(delivery.clone())))
        }
        DeliveryState::Delivered { .. } | DeliveryState::Merged { .. } => Err(Trouble::unusable(
            "This message was told already.",
            "Only a message that waits, was given up or bounced can be sent again.",
        )),
    }
}

async fn known(context: &Context, id: &str) -> Result<Delivery, Trouble> {
    let nothing =
        || Trouble::nothing("There is no such message.", "See /api/v1/deliveries for those that are kept.");
    let id: DeliveryId = id.parse().map_err(|_| nothing())?;
    context.operator.store.delivery(id).await?.ok_or_else(nothing)
}

fn standing(word: &str) -> Result<Standing, Trouble> {
    word.parse().map_err(|()| {
        let what = format!("No message stands as {word:?}.");
        Trouble::unusable(what, "Ask for queued, delivered, given-up, merged or bounced.")
    })
}
