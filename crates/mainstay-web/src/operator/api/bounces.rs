use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{MethodRouter, post};
use mainstay_engine::Event;
use mainstay_model::{Bounce, BounceKind, DeliveryId, DeliveryState};
use serde::Serialize;

use super::token::Proof;
use crate::operator::context::Context;
use crate::operator::trouble::{ApiTrouble, Trouble};

/// `POST` alone, with room of its own for the body.
pub(super) fn route() -> MethodRouter<Arc<Context>> {
    post(receive).layer(DefaultBodyLimit::max(Bounce::LARGEST_MAIL))
}

/// What was understood.
#[derive(Debug, Serialize)]
pub(super) struct Taken {
    delivery: DeliveryId,
    /// Whether it is lost; if not, its server still tries.
    lost: bool,
    reason: String,
}

/// `POST /api/v1/bounces`: one mail that came back, as `message/rfc822`.
async fn receive(
    State(context): State<Arc<Context>>,
    proof: Proof,
    message: Bytes,
) -> Result<Json<Taken>, ApiTrouble> {
    let token = {
        let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
        state.landscape().receive.bounce_token.clone()
    };
    let whereabouts = "Bring along the token of receive.bounce_token.";
    proof.authorize(token.as_ref(), whereabouts)?;
    let bounce = (context.operator.read_bounce)(&message).ok_or_else(no_bounce).inspect_err(|_| {
        tracing::info!("a mail that was handed in as returned says of no message that it did not arrive");
    })?;
    let Bounce { delivery: id, fate, reason } = bounce.clone();
    let delivery = context.operator.store.delivery(id).await.map_err(Trouble::from)?;
    let delivery = delivery.ok_or_else(|| {
        let what = format!("There is no message {id} any more, or there never was.");
        Trouble::unusable(what, "Messages are kept for 90 days.")
    })?;
    let taken = Taken { delivery: id, lost: fate == BounceKind::Lost, reason: reason.clone() };
    match (fate, &delivery.state) {
        (BounceKind::Delayed, _) => context.record(Event::DeliveryStillTrying { id, reason }).await?,
        // Servers may say it twice; others have been told already.
        (BounceKind::Lost, DeliveryState::Bounced { .. } | DeliveryState::GivenUp { .. }) => {}
        (BounceKind::Lost, _) => {
            let (incident, channel) = (delivery.about(), delivery.channel);
            context.record(Event::DeliveryBounced { id, channel, incident, reason }).await?;
        }
    }
    Ok(Json(taken))
}

fn no_bounce() -> Trouble {
    Trouble::unusable(
        "This says of no message of Mainstay's that it did not arrive.",
        "Hand in what mail servers send to the address of mail.bounce_address, as it came, headers included.",
    )
}
