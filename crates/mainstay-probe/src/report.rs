use jiff::Timestamp;
use mainstay_model::{CheckReport, Failure, Finding, Observation, Verdict};

use crate::drive::Observed;
use crate::{CheckRequest, compare, diagnose, verdict};

/// What came of the parts of a check.
pub(crate) struct Outcome {
    pub(crate) resolve_ms: Option<f64>,
    pub(crate) addresses: Result<Vec<Observed>, (Failure, Verdict)>,
    /// About the addresses as such.
    pub(crate) finding: Option<Finding>,
}

impl Outcome {
    /// Something on this machine stands in the way: it says nothing about the server.
    pub(crate) fn could_not_begin(failure: Failure) -> Outcome {
        Outcome { resolve_ms: None, addresses: Err((failure, Verdict::Inconclusive)), finding: None }
    }
}

/// Adds the parts up to a report: findings, verdict, what to act on first, diagnosis.
pub(crate) fn assemble(request: &CheckRequest, now: Timestamp, outcome: Outcome) -> CheckReport {
    let mut report = CheckReport {
        target: request.target.to_string(),
        dependency: request.dependency.clone(),
        endpoint: request.endpoint.clone(),
        verdict: Verdict::Inconclusive,
        failure: None,
        addresses: Vec::new(),
        findings: outcome.finding.into_iter().collect(),
        diagnosis: None,
        resolve_ms: outcome.resolve_ms,
        checked_at: now,
    };
    match outcome.addresses {
        Err((failure, verdict)) => {
            report.verdict = verdict;
            report.failure = Some(failure);
        }
        Ok(observed) => add_up(&mut report, request, observed),
    }
    if report.verdict != Verdict::Healthy {
        report.diagnosis = Some(diagnose(&request.target, request.provider.as_deref(), &report));
    }
    report
}

fn add_up(report: &mut CheckReport, request: &CheckRequest, observed: Vec<Observed>) {
    for Observed { observation, findings } in observed {
        report.addresses.push(observation);
        findings.into_iter().for_each(|finding| add_once(&mut report.findings, finding));
    }
    for finding in compare::findings(request, report) {
        add_once(&mut report.findings, finding);
    }
    report.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let verdicts: Vec<Verdict> = report.addresses.iter().map(|one| one.verdict).collect();
    report.verdict = verdict::of_report(&verdicts, &report.findings);
    report.failure = first_failure(report.verdict, &report.addresses);
}

/// Addresses with the same certificate have the same findings.
fn add_once(findings: &mut Vec<Finding>, finding: Finding) {
    if !findings.contains(&finding) {
        findings.push(finding);
    }
}

/// The failure behind the verdict: of an address that is down, else of one about which nothing could be told.
fn first_failure(verdict: Verdict, addresses: &[Observation]) -> Option<Failure> {
    let of = |wanted| addresses.iter().find(|one| one.verdict == wanted).and_then(|one| one.failure.clone());
    match verdict {
        Verdict::Healthy => None,
        Verdict::Inconclusive => of(Verdict::Inconclusive),
        Verdict::Degraded | Verdict::Down => of(Verdict::Down),
    }
}
