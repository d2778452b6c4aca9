use std::sync::{Arc, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use mainstay_engine::Event;
use mainstay_model::{Heartbeat, HeartbeatName, nearest};
use serde::Serialize;

use crate::operator::context::Context;
use crate::operator::trouble::{ApiTrouble, Trouble};

/// `POST /api/v1/heartbeats/{name}`: somebody else is alive.
pub(super) async fn beat(
    State(context): State<Arc<Context>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Taken>, ApiTrouble> {
    let name = expected(&context, &name, &headers)?;
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
fn expected(context: &Context, name: &str, headers: &HeaderMap) -> Result<HeartbeatName, Trouble> {
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let all = &state.landscape().heartbeats;
    let Some((name, heartbeat)) = all.get_key_value(name) else {
        let advice = match nearest(name, all.keys().map(HeartbeatName::as_str)) {
            Some(near) => format!("Did you mean {near}?"),
            None => "Add it under heartbeats in the configuration.".to_owned(),
        };
        return Err(Trouble::nothing("No heartbeat of that name is expected.", advice));
    };
    if !shows_token(heartbeat, headers) {
        let advice =
            "Send the header Authorization: Bearer, with the token that stands in the configuration.";
        return Err(Trouble::new(
            StatusCode::UNAUTHORIZED,
            "The token is missing or is not the expected one.",
            advice,
        ));
    }
    Ok(name.clone())
}

fn shows_token(heartbeat: &Heartbeat, headers: &HeaderMap) -> bool {
    let Some(token) = &heartbeat.token else { return true };
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default();
    verify_slices_are_equal(shown.as_bytes(), token.expose().as_bytes()).is_ok()
}
