use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use mainstay_model::{
    Alert, CheckReport, ComponentName, Criticality, DependencyName, DependencyState, Failure, HumanDuration,
    NearestEnd, ProviderName, TlsMode, Verdict,
};
use serde::{Deserialize, Serialize};

use crate::operator::asked::Asked;
use crate::operator::context::Context;
use crate::operator::dependency::find;
use crate::operator::filter::Filter;
use crate::operator::known::Known;
use crate::operator::overview::sorted;
use crate::operator::trouble::{ApiTrouble, Trouble};
use crate::operator::words;

/// At most so many dependencies are in one answer.
const MOST: usize = 1_000;

/// Which dependencies: as on the overview, and from which place on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    state: String,
    provider: String,
    q: String,
    offset: usize,
}

/// Worst first.
#[derive(Debug, Serialize)]
pub(super) struct List {
    dependencies: Vec<Summary>,
    /// How many match in all.
    found: usize,
    /// Where to go on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Summary {
    name: DependencyName,
    provider: Option<ProviderName>,
    target: String,
    verdict: Verdict,
    since: Timestamp,
    sentence: String,
    explanation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Failure>,
    checked_at: Option<Timestamp>,
    total_ms: Option<f64>,
    nearest_certificate_end: Option<NearestEnd>,
    used_by: Vec<ComponentName>,
    criticality: Option<Criticality>,
    alerts: usize,
}

/// Everything about one.
#[derive(Debug, Serialize)]
pub(super) struct Detail {
    #[serde(flatten)]
    summary: Summary,
    alerts_now: Vec<Alert>,
    /// The latest check, as `check --output json` prints it.
    last: Option<CheckReport>,
    configuration: Option<Configuration>,
}

/// How it is watched. No secret is among it.
#[derive(Debug, Serialize)]
struct Configuration {
    every: HumanDuration,
    timeout: HumanDuration,
    verify: TlsMode,
    server_name: Option<String>,
    query: Option<String>,
}

/// `GET /api/v1/dependencies`.
pub(super) async fn list(State(context): State<Arc<Context>>, Asked(asked): Asked<Which>) -> Json<List> {
    let known = Known::read(&context);
    let filter = Filter { state: asked.state, provider: asked.provider, q: asked.q, ..Filter::default() };
    let found = sorted(&known, &filter);
    let dependencies: Vec<_> =
        found.iter().skip(asked.offset).take(MOST).map(|state| summary(&known, state)).collect();
    let next = asked.offset.saturating_add(dependencies.len());
    Json(List { dependencies, next_offset: (next < found.len()).then_some(next), found: found.len() })
}

/// `GET /api/v1/dependencies/{name}`.
pub(super) async fn one(
    State(context): State<Arc<Context>>,
    Path(name): Path<String>,
) -> Result<Json<Detail>, ApiTrouble> {
    let known = Known::read(&context);
    let state = find(&known, &name)?;
    let configuration = known.configured(&state).map(|one| Configuration {
        every: HumanDuration(one.every),
        timeout: HumanDuration(one.timeout),
        verify: one.tls.mode,
        server_name: one.tls.server_name.clone(),
        query: one.query.clone(),
    });
    let summary = summary(&known, &state);
    Ok(Json(Detail { summary, alerts_now: state.alerts.clone(), last: state.last.clone(), configuration }))
}

fn summary(known: &Known, state: &DependencyState) -> Summary {
    let configured = known.configured(state);
    let last = state.last.as_ref();
    Summary {
        name: state.name.clone(),
        provider: configured.and_then(|one| one.provider.clone()),
        target: configured.map(|one| one.target.to_string()).unwrap_or_default(),
        verdict: state.verdict,
        since: state.since,
        sentence: words::dependency(state, known.now),
        explanation: words::explanation(state),
        failure: last.and_then(|last| last.failure.clone()),
        checked_at: last.map(|last| last.checked_at),
        total_ms: last.and_then(CheckReport::total_ms),
        nearest_certificate_end: state.nearest_end.clone(),
        used_by: configured.map(|one| one.used_by.clone()).unwrap_or_default(),
        criticality: configured.map(|one| one.criticality),
        alerts: state.alerts.len(),
    }
}

/// The name of the dependency that is asked for; `None` when none is.
pub(super) fn named(text: &str) -> Result<Option<DependencyName>, Trouble> {
    let unknown = |_| Trouble::nothing("No dependency is called so.", "See /api/v1/dependencies.");
    (!text.is_empty()).then(|| text.parse().map_err(unknown)).transpose()
}
