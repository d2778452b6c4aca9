use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, post};
use jiff::Timestamp;
use mainstay_engine::{Event, ExternalAlert, MOST_EXTERNAL, State as Engine};
use mainstay_model::{Diagnosis, ExternalSource, Severity};
use serde::{Deserialize, Serialize};

use super::token::Proof;
use crate::operator::context::Context;
use crate::operator::trouble::{ApiTrouble, Trouble};

/// Room for thousands of alerts with long annotations. Alertmanager does not try again what is refused as too large, and it is
/// large when most is at stake.
const LARGEST_BODY: usize = 8 * 1024 * 1024;
/// So many alerts are written at once; checks are not to wait for more.
const AT_ONCE: usize = 500;
const SOURCE: ExternalSource = ExternalSource::Alertmanager;
/// What is shown of one label, annotation or name.
const LONGEST_TEXT: usize = 300;
/// What is shown of a description.
const LONGEST_CAUSE: usize = 1_000;
/// Labels that are shown of one alert.
const MOST_LABELS: usize = 20;

const WHERE_THE_TOKEN_GOES: &str = "Give Alertmanager the token of receive.alertmanager_token: in its webhook_config under http_config, \
     authorization, credentials.";

/// `POST` alone, with room of its own for the body.
pub(super) fn route() -> MethodRouter<Arc<Context>> {
    post(receive).layer(DefaultBodyLimit::max(LARGEST_BODY))
}

/// The webhook of Alertmanager, version 4 (its documentation, "webhook_config").
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    version: String,
    /// How many alerts it left out.
    #[serde(default)]
    truncated_alerts: u64,
    alerts: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    status: Status,
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    starts_at: Timestamp,
    #[serde(default, rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Firing,
    Resolved,
}

/// What became of it.
#[derive(Debug, Serialize)]
pub(super) struct Taken {
    firing: usize,
    resolved: usize,
    /// Left out by Alertmanager itself.
    truncated: u64,
}

/// What is done with the alerts of one request.
struct Batch {
    /// Ends and repetitions of what holds, and then what is new and taken.
    taken: Vec<ExternalAlert>,
    /// New ones for which there is no room.
    refused: usize,
}

impl Batch {
    /// Ends come first, so that there is room for what is new.
    fn of(alerts: Vec<ExternalAlert>, state: &Engine) -> Batch {
        let (ended, firing): (Vec<_>, Vec<_>) = alerts.into_iter().partition(|alert| !alert.firing);
        let holds = |alert: &ExternalAlert| state.holds_external(SOURCE, alert);
        // The end of what does not hold is none.
        let ended: Vec<_> = ended.into_iter().filter(holds).collect();
        let (repeated, mut new): (Vec<_>, Vec<_>) = firing.into_iter().partition(holds);
        let ends: BTreeSet<_> = ended.iter().map(|alert| &alert.key).collect();
        let room = (MOST_EXTERNAL + ends.len()).saturating_sub(state.external_alerts());
        let refused = new.len().saturating_sub(room);
        new.truncate(room);
        Batch { taken: ended.into_iter().chain(repeated).chain(new).collect(), refused }
    }
}

/// `POST /api/v1/alertmanager`.
async fn receive(
    State(context): State<Arc<Context>>,
    proof: Proof,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Taken>, ApiTrouble> {
    let state = || context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let token = state().landscape().receive.alertmanager_token.clone();
    proof.authorize(token.as_ref(), WHERE_THE_TOKEN_GOES)?;
    let webhook = read(body)?;
    let others = webhook.alerts.iter().filter(|alert| !is_our_own(alert));
    let alerts = others.map(external).collect::<Result<Vec<_>, _>>()?;
    let firing = alerts.iter().filter(|alert| alert.firing).count();
    let resolved = alerts.len() - firing;
    let Batch { taken: alerts, refused } = Batch::of(alerts, &state());
    let taken = Taken { firing, resolved, truncated: webhook.truncated_alerts };
    if taken.truncated > 0 {
        tracing::warn!(
            alerts = taken.truncated,
            "Alertmanager left out alerts: raise max_alerts of its webhook"
        );
    }
    for some in alerts.chunks(AT_ONCE) {
        context.record(Event::External { source: SOURCE, alerts: some.to_vec() }).await?;
    }
    if refused > 0 {
        return Err(full().into());
    }
    Ok(Json(taken))
}

fn read(body: Result<Bytes, BytesRejection>) -> Result<Webhook, Trouble> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Trouble::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "This is more than 8 megabytes.",
            "Set max_alerts in Alertmanager's webhook_config, or group alerts by more labels.",
        ),
        _ => Trouble::unusable("The body could not be read to its end.", "Send it again."),
    })?;
    let webhook: Webhook = serde_json::from_slice(&body).map_err(|error| {
        let what = format!("This is no webhook of Alertmanager: {error}.");
        Trouble::unusable(
            what,
            "Point a webhook_config of Alertmanager here; what it sends stands in /api/v1/openapi.json.",
        )
    })?;
    if webhook.version != "4" {
        let version = cut(&webhook.version, 20);
        let what = format!("Version {version} of Alertmanager's webhook is not known here.");
        return Err(Trouble::unusable(what, "Version 4 is; Alertmanager sends it since 0.9."));
    }
    Ok(webhook)
}

/// Alertmanager tries again what is refused with 5xx.
fn full() -> Trouble {
    Trouble::new(
        StatusCode::SERVICE_UNAVAILABLE,
        format!(
            "{MOST_EXTERNAL} alerts of other systems hold already, and no more are taken until some have ended."
        ),
        "Resolve them, or have Alertmanager send less: a rule that matches everything is the usual reason.",
    )
}

/// What we told Alertmanager, by a channel, comes back from there. It would be told again, and come back again.
fn is_our_own(alert: &Alert) -> bool {
    name(alert) == "MainstayIncident" && alert.labels.contains_key("incident")
}

fn external(alert: &Alert) -> Result<ExternalAlert, Trouble> {
    let key = alert.fingerprint.parse().map_err(|error| {
        let what = format!("An alert has no usable fingerprint: {error}.");
        Trouble::unusable(what, "Alertmanager sends one since 0.19.")
    })?;
    let label = |name: &str| alert.labels.get(name);
    Ok(ExternalAlert {
        key,
        firing: alert.status == Status::Firing,
        title: title(alert),
        severity: severity(label("severity")).unwrap_or(Severity::High),
        since: alert.starts_at,
        dependency: label("dependency").and_then(|name| name.parse().ok()),
        provider: label("provider").and_then(|name| name.parse().ok()),
        diagnosis: diagnosis(alert),
    })
}

/// The words that people use for how urgent an alert is. `None` where it says nothing that is known.
fn severity(label: Option<&String>) -> Option<Severity> {
    match label?.to_ascii_lowercase().as_str() {
        "critical" | "page" | "emergency" | "disaster" => Some(Severity::Page),
        "error" | "high" | "major" => Some(Severity::High),
        "warning" | "warn" | "minor" => Some(Severity::Warn),
        "info" | "informational" | "low" | "none" => Some(Severity::Info),
        _ => None,
    }
}

fn title(alert: &Alert) -> String {
    let summary = alert.annotations.get("summary").filter(|text| !text.trim().is_empty());
    cut(summary.map_or_else(|| name(alert), String::as_str), 150)
}

fn name(alert: &Alert) -> &str {
    alert.labels.get("alertname").map_or("An alert without a name", String::as_str)
}

fn diagnosis(alert: &Alert) -> Diagnosis {
    let annotation = |key: &str| alert.annotations.get(key).filter(|text| !text.trim().is_empty());
    let said = annotation("description").or_else(|| annotation("message")).or_else(|| annotation("summary"));
    let cause = said.map_or_else(
        || format!("{} fires in Prometheus.", cut(name(alert), LONGEST_TEXT)),
        |text| cut(text, LONGEST_CAUSE),
    );
    let mut evidence =
        vec![format!("Alertmanager: {} since {}.", cut(name(alert), LONGEST_TEXT), alert.starts_at)];
    if severity(alert.labels.get("severity")).is_none() {
        evidence.push("It has no label `severity` that is known here, so it counts as high.".into());
    }
    let labels = alert.labels.iter().filter(|(name, _)| *name != "alertname").take(MOST_LABELS);
    evidence.extend(labels.map(|(name, value)| cut(&format!("{name} = {value}"), LONGEST_TEXT)));
    let runbook =
        annotation("runbook_url").map(|url| format!("Follow the runbook: {}", cut(url, LONGEST_TEXT)));
    let source = Some(&alert.generator_url).filter(|url| !url.is_empty());
    let source = source.map(|url| format!("See what Prometheus says: {}", cut(url, LONGEST_CAUSE)));
    Diagnosis { cause, evidence, actions: runbook.into_iter().chain(source).collect() }
}

/// On one line, and not longer.
fn cut(text: &str, longest: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(longest) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}
