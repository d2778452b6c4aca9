use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use mainstay_model::Coverage;
use serde::Serialize;

use crate::operator::context::Context;
use crate::operator::trouble::ApiTrouble;

/// So many earlier proofs are in an answer.
const HISTORY: u32 = 100;

#[derive(Debug, Serialize)]
pub(super) struct Proof {
    /// When it was proven; absent before the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    proven_at: Option<Timestamp>,
    /// The whole in a sentence.
    summary: String,
    /// Whether there is no hole.
    sound: bool,
    /// What was proven.
    #[serde(flatten)]
    coverage: Option<Coverage>,
    /// Earlier proofs, newest first, this one included.
    history: Vec<Point>,
}

#[derive(Debug, Serialize)]
struct Point {
    at: Timestamp,
    holes: u64,
    ways: u64,
}

/// `GET /api/v1/coverage`: whether somebody will be told, whatever breaks.
pub(super) async fn latest(State(context): State<Arc<Context>>) -> Result<Json<Proof>, ApiTrouble> {
    let store = &context.operator.store;
    let (proven_at, coverage) = store.coverage().await?.unzip();
    let history = store.coverage_history(HISTORY).await?;
    let summary = coverage.as_ref().map_or_else(|| "Nothing was rehearsed yet.".into(), Coverage::sentence);
    Ok(Json(Proof {
        proven_at,
        summary,
        sound: coverage.as_ref().is_some_and(|coverage| !coverage.has_holes()),
        coverage,
        history: history
            .into_iter()
            .map(|one| Point { at: one.at, holes: one.holes, ways: one.ways })
            .collect(),
    }))
}
