use std::fmt;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use mainstay_model::{AdmissionDecision, LatestDecision, RelayReport, ShadowFinding};

use super::context::Context;
use super::known::Known;
use super::overview::address_of;
use super::page::{Here, Page, html, window_title};
use crate::show::{Sign, When, bytes, grouped, millis, plural};

/// Says where every relay stands, by the name of its dependency.
#[derive(Clone)]
pub struct RelayReports(pub Arc<dyn Fn() -> Vec<RelayReport> + Send + Sync>);

impl RelayReports {
    /// Where no relays are.
    pub fn none() -> RelayReports {
        RelayReports(Arc::new(Vec::new))
    }

    pub(super) fn read(&self) -> Vec<RelayReport> {
        (self.0)()
    }
}

impl fmt::Debug for RelayReports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelayReports")
    }
}

/// `GET /relays`: where each relay listens, whom it let through and why, and what will fail.
pub(super) async fn get(State(context): State<Arc<Context>>) -> Response {
    html(&page(&Known::read(&context), &context.operator.relays.read()))
}

#[derive(Template)]
#[template(path = "operator/relays.html")]
struct Relays {
    page: Page,
    sentence: String,
    relays: Vec<Shown>,
}

/// One relay.
struct Shown {
    name: String,
    address: String,
    sign: Sign,
    state: String,
    listen: Vec<String>,
    facts: Vec<(&'static str, String)>,
    shadows: Vec<Shadow>,
    latest: Vec<Row>,
}

struct Shadow {
    message: String,
    address: String,
    as_of: When,
}

/// One decision.
struct Row {
    when: When,
    sign: Sign,
    word: String,
    client: String,
    address: String,
    why: String,
}

fn page(known: &Known, reports: &[RelayReport]) -> Relays {
    let relays: Vec<Shown> = reports.iter().map(|report| shown(report, known)).collect();
    let worst = relays.iter().map(|relay| relay.sign).max().unwrap_or(Sign::Healthy);
    Relays {
        page: Page::new(known, Here::Relays, &window_title(worst, "Relays")),
        sentence: sentence(&relays),
        relays,
    }
}

fn sentence(relays: &[Shown]) -> String {
    let bad: Vec<&Shown> = relays.iter().filter(|relay| relay.sign > Sign::Unknown).collect();
    match (relays, bad.as_slice()) {
        ([], _) => "No relay is configured.".into(),
        (_, [one]) => format!("The relay of {} {}.", one.name, one.state),
        (_, [_, _, ..]) => {
            format!("{} of {} need you.", bad.len(), plural(relays.len(), "relay", "relays"))
        }
        (_, []) => format!("{}, and nothing is wrong.", runs(relays.len())),
    }
}

fn runs(count: usize) -> String {
    format!("{} {}", plural(count, "relay", "relays"), if count == 1 { "runs" } else { "run" })
}

fn shown(report: &RelayReport, known: &Known) -> Shown {
    let (sign, state) = standing(report);
    Shown {
        name: report.dependency.to_string(),
        address: address_of(&report.dependency),
        sign,
        state,
        listen: report.listen.clone(),
        facts: facts(report),
        shadows: report.shadows.iter().map(|finding| shadow(finding, known)).collect(),
        latest: report.latest.iter().map(|decision| row(decision, known)).collect(),
    }
}

/// How it stands, by its latest decision: `lets everything through that verifies`.
fn standing(report: &RelayReport) -> (Sign, String) {
    if let Some(trouble) = &report.trouble {
        return (Sign::Down, format!("does not run as it should: {trouble}"));
    }
    match report.latest.first().map(|latest| &latest.admission.decision) {
        None => (Sign::Healthy, "waits for its first connection".into()),
        Some(AdmissionDecision::Verified) if !report.shadows.is_empty() => {
            (Sign::Impending, "lets connections through that will fail later".into())
        }
        Some(AdmissionDecision::Verified) => (Sign::Healthy, "lets connections through, verified".into()),
        Some(AdmissionDecision::Waived(_)) => {
            (Sign::Degraded, "lets connections through under a waiver".into())
        }
        Some(AdmissionDecision::Refused { reason, .. }) if reason.is_of_the_client() => {
            (Sign::Healthy, "turned the latest client away".into())
        }
        Some(AdmissionDecision::Refused { reason, .. }) => {
            (Sign::Down, format!("refuses connections ({reason})"))
        }
    }
}

fn facts(report: &RelayReport) -> Vec<(&'static str, String)> {
    let figures = &report.figures;
    let count = |count: u64| grouped(usize::try_from(count).unwrap_or(usize::MAX));
    let mut facts = vec![
        ("Open now", count(figures.open)),
        ("Verified", count(figures.verified)),
        ("Under a waiver", count(figures.waived)),
    ];
    let refused: Vec<String> =
        figures.refused.iter().map(|(reason, number)| format!("{} {reason}", count(*number))).collect();
    facts.push(("Refused", if refused.is_empty() { "0".into() } else { refused.join(", ") }));
    if let (Some(half), Some(most)) =
        (figures.handshakes.quantile_ms(0.5), figures.handshakes.quantile_ms(0.99))
    {
        facts.push(("Handshake", format!("{}, 99 % below {}", millis(half), millis(most))));
    }
    facts
        .push(("Passed", format!("{} to the server, {} back", bytes(figures.sent), bytes(figures.received))));
    facts
}

fn shadow(finding: &ShadowFinding, known: &Known) -> Shadow {
    Shadow {
        message: finding.message.clone(),
        address: finding.address.clone(),
        as_of: When::date(finding.as_of, known.now),
    }
}

fn row(LatestDecision { admission, times }: &LatestDecision, known: &Known) -> Row {
    let (sign, word, why) = match &admission.decision {
        AdmissionDecision::Verified => (Sign::Healthy, "verified", String::new()),
        AdmissionDecision::Waived(_) => (Sign::Degraded, "waived", String::new()),
        AdmissionDecision::Refused { message, .. } => (Sign::Down, "refused", message.clone()),
    };
    Row {
        when: When::relative(admission.at, known.now),
        sign,
        word: if *times > 1 { format!("{word} {times} times") } else { word.into() },
        client: admission.client.clone(),
        address: admission.address.clone().unwrap_or_default(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use mainstay_model::{Admission, RefusalReason, RelayFigures};

    use super::*;

    fn report(decision: AdmissionDecision) -> RelayReport {
        let name: mainstay_model::DependencyName = "orders-db".parse().unwrap();
        let admission = Admission {
            at: jiff::Timestamp::UNIX_EPOCH,
            dependency: name.clone(),
            client: "127.0.0.1:4000".into(),
            address: None,
            decision,
        };
        RelayReport {
            dependency: name,
            listen: vec![],
            trouble: None,
            figures: RelayFigures::default(),
            latest: vec![LatestDecision { admission, times: 1 }],
            shadows: vec![],
        }
    }

    #[test]
    fn a_relay_that_refuses_its_server_needs_somebody_and_one_that_refuses_a_client_does_not() {
        let refused = |reason| AdmissionDecision::Refused { reason, message: String::new() };
        let sign = |decision| standing(&report(decision)).0;
        assert_eq!(sign(refused(RefusalReason::Expired)), Sign::Down);
        assert_eq!(sign(refused(RefusalReason::NotAllowed)), Sign::Healthy);
        assert_eq!(sign(AdmissionDecision::Verified), Sign::Healthy);
    }
}
