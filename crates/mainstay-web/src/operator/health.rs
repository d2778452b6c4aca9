use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::Readiness;
use super::context::Context;

/// `GET /healthz`: the process runs and answers.
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// `GET /readyz`: it also does its work. Otherwise one line for each thing that is missing.
pub(super) async fn ready(State(context): State<Arc<Context>>) -> (StatusCode, String) {
    let readiness = context.operator.readiness.borrow().clone();
    let mut missing = missing(&readiness);
    // The trouble itself may name files; whoever may not see the pages need not know them.
    if let Err(error) = context.operator.store.ping().await {
        tracing::warn!(%error, "not ready: the store does not answer");
        missing.push("the store does not answer");
    }
    match missing.is_empty() {
        true => (StatusCode::OK, "ready\n".into()),
        false => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", missing.join("\nnot ready: "))),
    }
}

fn missing(readiness: &Readiness) -> Vec<&'static str> {
    let all = [
        (readiness.configured, "no configuration is in force"),
        (readiness.scheduled, "the first checks are not scheduled"),
        (readiness.store_trouble.is_none(), "the store cannot be written"),
    ];
    all.into_iter().filter(|(done, _)| !done).map(|(_, what)| what).collect()
}
