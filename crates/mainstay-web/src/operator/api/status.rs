use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use mainstay_model::Verdict;
use serde::Serialize;

use crate::operator::context::Context;
use crate::operator::known::Known;
use crate::operator::words;

/// Everything in one answer.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    /// The sentence that the overview begins with.
    sentence: String,
    /// How many dependencies need people.
    needing: usize,
    dependencies: Counts,
    open_incidents: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    offline_since: Option<Timestamp>,
    version: &'static str,
    at: Timestamp,
}

#[derive(Debug, Serialize)]
struct Counts {
    all: usize,
    healthy: usize,
    degraded: usize,
    down: usize,
    inconclusive: usize,
}

/// `GET /api/v1/status`.
pub(super) async fn get(State(context): State<Arc<Context>>) -> Json<Status> {
    let known = Known::read(&context);
    let count = |verdict: Verdict| known.dependencies.iter().filter(|state| state.verdict == verdict).count();
    Json(Status {
        sentence: words::overview(&known),
        needing: known.needing().count(),
        dependencies: Counts {
            all: known.dependencies.len(),
            healthy: count(Verdict::Healthy),
            degraded: count(Verdict::Degraded),
            down: count(Verdict::Down),
            inconclusive: count(Verdict::Inconclusive),
        },
        open_incidents: known.open.len(),
        offline_since: known.offline_since,
        version: known.version,
        at: known.now,
    })
}
