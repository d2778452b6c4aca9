use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use mainstay_model::{CheckReport, DependencyState, Severity, Verdict};
use mainstay_store::{CertificateOnDuty, DeliveryCounts};

use super::context::Context;
use super::known::Known;

mod exposition;
mod relays;

use exposition::Exposition;

/// `GET /metrics`: the text format of Prometheus. What the store cannot say now is left out rather than failing all.
pub(super) async fn get(State(context): State<Arc<Context>>) -> Response {
    let known = Known::read(&context);
    let store = &context.operator.store;
    let certificates = context.certificates(&known).await.inspect_err(log).ok();
    let deliveries = store.delivery_counts().await.inspect_err(log).ok();
    let outbox = match store.next_delivery_at().await.inspect_err(log) {
        Ok(due) => deliveries.map(|counts| Outbox { counts, due }),
        Err(_) => None,
    };
    let mut text = exposition(&known, certificates.as_ref().map(|all| all.as_slice()), outbox.as_ref());
    relays::families(&mut text, &context.operator.relays.read());
    let text = text.into_text();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

fn log(error: &mainstay_store::StoreError) {
    tracing::warn!(%error, "a part of the metrics is left out");
}

/// The messages that are kept, and when the next one of those that wait is due.
struct Outbox {
    counts: DeliveryCounts,
    due: Option<Timestamp>,
}

fn exposition(
    known: &Known,
    certificates: Option<&[CertificateOnDuty]>,
    outbox: Option<&Outbox>,
) -> Exposition {
    let mut text = Exposition::default();
    text.gauge("mainstay_build_info", "The program that answers.").sample(&[("version", known.version)], 1.0);
    text.gauge("mainstay_offline", "1 while Mainstay's own network is gone.")
        .sample(&[], f64::from(known.offline_since.is_some()));
    if let Some(at) = known.stepped_at {
        let help = "When it was last decided what is so; far back, Mainstay stands still.";
        text.gauge("mainstay_decided_timestamp_seconds", help).sample(&[], seconds(at));
    }
    verdicts(&mut text, known);
    checks(&mut text, known);
    if let Some(certificates) = certificates {
        ends(&mut text, certificates);
    }
    incidents(&mut text, known);
    if let Some(outbox) = outbox {
        messages(&mut text, outbox);
    }
    text
}

fn verdicts(text: &mut Exposition, known: &Known) {
    let up = "Whether the dependency works, as confirmed; absent while that cannot be told.";
    let mut family = text.gauge("mainstay_dependency_up", up);
    for state in known.dependencies.iter().filter(|state| state.verdict != Verdict::Inconclusive) {
        let provider =
            known.configured(state).and_then(|one| one.provider.as_ref()).map_or("", |name| name.as_str());
        let works = state.verdict != Verdict::Down;
        family.sample(&[("dependency", state.name.as_str()), ("provider", provider)], f64::from(works));
    }
    let mut family =
        text.gauge("mainstay_dependency_verdict", "1 for the confirmed verdict, 0 for the others.");
    for state in &known.dependencies {
        for verdict in [Verdict::Healthy, Verdict::Degraded, Verdict::Down, Verdict::Inconclusive] {
            let labels = [("dependency", state.name.as_str()), ("verdict", verdict.as_str())];
            family.sample(&labels, f64::from(state.verdict == verdict));
        }
    }
}

fn checks(text: &mut Exposition, known: &Known) {
    let all: Vec<(&DependencyState, &CheckReport)> =
        known.dependencies.iter().filter_map(|state| Some((&**state, state.last.as_ref()?))).collect();
    let mut family = text.gauge("mainstay_dependency_failure", "1 for what was wrong in the latest check.");
    for (state, failure) in all.iter().filter_map(|(state, last)| Some((state, last.failure.as_ref()?))) {
        let labels = [
            ("dependency", state.name.as_str()),
            ("kind", failure.kind.as_str()),
            ("blame", failure.blame.as_str()),
        ];
        family.sample(&labels, 1.0);
    }
    let mut family = text.gauge("mainstay_check_timestamp_seconds", "When the latest check began.");
    for (state, last) in &all {
        family.sample(&[("dependency", state.name.as_str())], seconds(last.checked_at));
    }
    let mut family =
        text.gauge("mainstay_check_phase_seconds", "How long each phase of the latest check took.");
    for (state, last) in &all {
        if let Some(ms) = last.resolve_ms {
            let labels = [("dependency", state.name.as_str()), ("address", ""), ("phase", "resolve")];
            family.sample(&labels, ms / 1000.0);
        }
        for address in &last.addresses {
            for (phase, ms) in address.phases.named() {
                let labels =
                    [("dependency", state.name.as_str()), ("address", &address.address), ("phase", phase)];
                if let Some(ms) = ms {
                    family.sample(&labels, ms / 1000.0);
                }
            }
        }
    }
}

fn ends(text: &mut Exposition, certificates: &[CertificateOnDuty]) {
    let help = "When a certificate ends; kept while its server cannot be reached.";
    let mut family = text.gauge("mainstay_certificate_not_after_timestamp_seconds", help);
    for one in certificates {
        let labels = [
            ("dependency", one.dependency.as_str()),
            ("address", &one.address),
            ("position", &one.position.to_string()),
            ("name", one.certificate.short_name()),
        ];
        family.sample(&labels, one.certificate.not_after.as_second() as f64);
    }
}

fn incidents(text: &mut Exposition, known: &Known) {
    let mut family = text.gauge("mainstay_incidents_open", "Open incidents by severity, without drills.");
    for severity in Severity::ALL {
        let count = known.in_earnest().filter(|one| one.severity == severity).count();
        family.sample(&[("severity", severity.as_str())], count as f64);
    }
}

fn messages(text: &mut Exposition, Outbox { counts, due }: &Outbox) {
    let mut family = text.gauge("mainstay_deliveries", "Kept messages by where they stand.");
    for (state, count) in [
        ("queued", counts.queued),
        ("delivered", counts.delivered),
        ("given-up", counts.given_up),
        ("merged", counts.merged),
        ("bounced", counts.bounced),
    ] {
        family.sample(&[("state", state)], count as f64);
    }
    if let Some(due) = due {
        let help = "When the next waiting message is due; far back, messages are not handed over. Absent while none waits.";
        text.gauge("mainstay_delivery_due_timestamp_seconds", help).sample(&[], seconds(*due));
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}
