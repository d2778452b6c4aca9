use mainstay_model::{
    CheckReport, Criticality, Failure, FailureKind, FindingKind, Phase, Rule, Severity, Verdict,
};

use super::{Facts, Outcome};
use crate::confirm;
use crate::time::clock;
use crate::wording::{diagnosis, list};

/// More siblings than this are not counted one by one for a piece of evidence.
const SIBLINGS: usize = 50;

/// The connection that the application would make does not work.
pub(super) fn down(facts: &Facts<'_>) -> Outcome {
    if facts.state.verdict != Verdict::Down {
        return Outcome::Over;
    }
    let Some(report) = facts.state.last.as_ref().filter(|report| report.verdict == Verdict::Down) else {
        return Outcome::AsBefore;
    };
    let failure = first_failure(report);
    // The evidence is gathered once; a check every few seconds need not gather it anew.
    if facts.existing(Rule::Down).is_some_and(|alert| is_same(alert.failure.as_ref(), &failure)) {
        return Outcome::AsBefore;
    }
    let diagnosis = diagnosis(report, &failure, evidence(facts, &failure), facts.provider());
    let severity = facts.dependency.criticality.severity_when_down();
    let mut alert = facts.holds(Rule::Down, severity, facts.state.since, diagnosis);
    alert.failure = Some(failure);
    Outcome::Holds(alert)
}

/// What to act on. A report that names nothing, which no prober of ours makes, is still told.
fn first_failure(report: &CheckReport) -> Failure {
    let named =
        report.failure.as_ref().or_else(|| report.addresses.iter().find_map(|one| one.failure.as_ref()));
    let unnamed =
        || Failure::new(FailureKind::ContentUnexpected, Phase::Query, "The check failed without saying why.");
    named.cloned().unwrap_or_else(unnamed)
}

/// Some addresses do not work.
pub(super) fn degraded(facts: &Facts<'_>) -> Outcome {
    if facts.state.verdict == Verdict::Down {
        return Outcome::Over;
    }
    let confirm = facts.dependency.confirm;
    if facts.existing(Rule::Degraded).is_some() {
        let over = facts.state.partial.good_in_a_row >= confirm.recoveries;
        return if over { Outcome::Over } else { Outcome::AsBefore };
    }
    let confirmed = confirm::confirmed(&facts.state.partial, confirm.failures, confirm.of);
    match facts.last_good().filter(|report| confirmed && confirm::is_partial(report)) {
        Some(report) => partly_down(facts, report),
        None => Outcome::Over,
    }
}

fn partly_down(facts: &Facts<'_>, report: &CheckReport) -> Outcome {
    let bad: Vec<_> = report.addresses.iter().filter(|one| one.verdict == Verdict::Down).collect();
    let Some(failure) = bad.iter().find_map(|one| one.failure.as_ref()) else { return Outcome::AsBefore };
    let finding = report.findings.iter().find(|finding| finding.kind == FindingKind::AddressDown);
    let mut diagnosis = diagnosis(report, failure, used_by(facts).into_iter().collect(), facts.provider());
    if report.diagnosis.is_none() {
        diagnosis.cause = finding.map_or_else(|| failure.message.clone(), |finding| finding.message.clone());
        diagnosis
            .evidence
            .insert(0, format!("These do not work: {}.", list(bad.iter().map(|one| &one.address))));
    }
    let since = facts.state.partial.first_bad_at.unwrap_or(report.checked_at);
    let severity = match facts.dependency.criticality {
        Criticality::Critical => Severity::High,
        _ => Severity::Warn,
    };
    let mut alert = facts.holds(Rule::Degraded, severity, since, diagnosis);
    alert.failure = Some(failure.clone());
    Outcome::Holds(alert)
}

fn is_same(before: Option<&Failure>, now: &Failure) -> bool {
    before.is_some_and(|before| before.kind == now.kind && before.expired == now.expired)
}

fn evidence(facts: &Facts<'_>, failure: &Failure) -> Vec<String> {
    let first_seen = format!("First seen at {}.", clock(facts.state.since));
    [Some(first_seen), key_seen_before(facts, failure), siblings(facts), used_by(facts)]
        .into_iter()
        .flatten()
        .collect()
}

/// Whether the server still has the key that it had when it verified: the strongest sign that it is the same server.
fn key_seen_before(facts: &Facts<'_>, failure: &Failure) -> Option<String> {
    let known = facts.state.renewals.verified_spki.filter(|_| failure.kind.is_certificate())?;
    let tls = facts.state.last.as_ref()?.tls()?;
    let served = tls.certificates.iter().find(|one| one.position == 0)?.spki_sha256;
    let text = if served == known {
        "The public key is the one that was seen while the certificate verified."
    } else {
        "The public key is another than the one that was seen while the certificate verified."
    };
    Some(text.to_owned())
}

/// How the provider's other dependencies do, so that one can tell a part from the whole.
fn siblings(facts: &Facts<'_>) -> Option<String> {
    let provider = facts.dependency.provider.as_ref()?;
    let names = facts.whole.providers.get(provider)?;
    let others = names.len().saturating_sub(1);
    if others == 0 || others > SIBLINGS {
        return None;
    }
    let states = names.iter().filter(|name| **name != facts.dependency.name);
    let down = states.filter_map(|name| facts.whole.dependencies.get(name));
    let down = down.filter(|state| state.verdict == Verdict::Down).count();
    let title = facts.whole.landscape.provider_title(provider);
    Some(match (others, down) {
        (1, 0) => format!("The other dependency of {title} works."),
        (1, _) => format!("The other dependency of {title} is down too."),
        (_, 0) => format!("The {others} other dependencies of {title} work."),
        _ if down == others => format!("All {others} other dependencies of {title} are down too."),
        _ => format!("{down} of the {others} other dependencies of {title} are down."),
    })
}

fn used_by(facts: &Facts<'_>) -> Option<String> {
    let used_by = &facts.dependency.used_by;
    (!used_by.is_empty()).then(|| format!("Used by {}.", list(used_by)))
}
