use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use mainstay_engine::Event;
use mainstay_model::{HeartbeatName, nearest};
use serde::Serialize;

use super::token::Proof;
use crate::operator::context::Context;
use crate::operator::trouble::{ApiTrouble, Trouble};

/// `POST /api/v1/heartbeats/{name}`: somebody else is alive.
pub(super) async fn beat(
    State(context): State<Arc<Context>>,
    Path(name): Path<String>,
    proof: Proof,
) -> Result<Json<Taken>, ApiTrouble> {
    let name = expected(&context, &name, &proof)?;
    let taken = Taken { taken_at: (context.operator.clock)(), name: name.clone() };
    context.record(Event::Heartbeat(name)).await?;
    Ok(Json(taken))
}

/// The answer to a sign of life.
#[derive(Debug, Serialize)]
pub(super) struct Taken {
    name: HeartbeatName,
    taken_at: Timestamp,
}

/// The configured heartbeat of that name, when the sender shows its token.
fn expected(context: &Context, name: &str, proof: &Proof) -> Result<HeartbeatName, Trouble> {
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let all = &state.landscape().heartbeats;
    let Some((name, heartbeat)) = all.get_key_value(name) else {
        let advice = match nearest(name, all.keys().map(HeartbeatName::as_str)) {
            Some(near) => format!("Did you mean {near}?"),
            None => "Add it under heartbeats in the configuration.".to_owned(),
        };
        return Err(Trouble::nothing("No heartbeat of that name is expected.", advice));
    };
    let advice = "Send the header Authorization: Bearer, with the token that stands in the configuration.";
    proof.authorize(heartbeat.token.as_ref(), advice)?;
    Ok(name.clone())
}
