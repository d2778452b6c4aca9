use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use mainstay_model::{AdmissionDecision, DependencyName, LatestDecision, RelayReport, ShadowFinding};
use serde::Serialize;

use crate::operator::context::Context;

/// `GET /api/v1/relays`: where every relay stands.
pub(super) async fn list(State(context): State<Arc<Context>>) -> Json<List> {
    Json(List { relays: context.operator.relays.read().into_iter().map(Relay::of).collect() })
}

#[derive(Debug, Serialize)]
pub(super) struct List {
    relays: Vec<Relay>,
}

#[derive(Debug, Serialize)]
struct Relay {
    dependency: DependencyName,
    listen: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    open: u64,
    verified: u64,
    waived: u64,
    refused: std::collections::BTreeMap<&'static str, u64>,
    bytes_sent: u64,
    bytes_received: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake_p50_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake_p99_ms: Option<f64>,
    /// Newest first.
    latest: Vec<Decision>,
    will_fail: Vec<ShadowFinding>,
}

#[derive(Debug, Serialize)]
struct Decision {
    at: Timestamp,
    client: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// `verified`, `waived`, or the reason of a refusal.
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// How often in a row for applications of this machine.
    times: u64,
}

impl Relay {
    fn of(report: RelayReport) -> Relay {
        let figures = report.figures;
        Relay {
            dependency: report.dependency,
            listen: report.listen,
            trouble: report.trouble,
            open: figures.open,
            verified: figures.verified,
            waived: figures.waived,
            refused: figures.refused.iter().map(|(reason, count)| (reason.as_str(), *count)).collect(),
            bytes_sent: figures.sent,
            bytes_received: figures.received,
            handshake_p50_ms: figures.handshakes.quantile_ms(0.5),
            handshake_p99_ms: figures.handshakes.quantile_ms(0.99),
            latest: report.latest.into_iter().map(Decision::of).collect(),
            will_fail: report.shadows,
        }
    }
}

impl Decision {
    fn of(LatestDecision { admission, times }: LatestDecision) -> Decision {
        let (decision, waiver, message) = match admission.decision {
            AdmissionDecision::Verified => ("verified", None, None),
            AdmissionDecision::Waived(id) => ("waived", Some(id.to_string()), None),
            AdmissionDecision::Refused { reason, message } => (reason.as_str(), None, Some(message)),
        };
        Decision {
            at: admission.at,
            client: admission.client,
            address: admission.address,
            decision,
            waiver,
            message,
            times,
        }
    }
}
