use mainstay_model::{Diagnosis, FindingKind, Rule, Severity};

use super::{Facts, Outcome};
use crate::wording::provider_actions;

/// The chain works here and would fail for a strict client.
pub(super) fn problem(facts: &Facts<'_>) -> Outcome {
    use FindingKind::*;
    found(facts, Rule::ChainProblem, &[ChainHasExpired, ChainIncomplete, ChainUntidy])
}

/// Addresses of one name serve different certificates.
pub(super) fn addresses_differ(facts: &Facts<'_>) -> Outcome {
    found(facts, Rule::AddressesDiffer, &[FindingKind::AddressesDiffer])
}

/// Findings of the last good check become an alert from `warn` upwards; what is merely worth knowing stays with the check.
fn found(facts: &Facts<'_>, rule: Rule, kinds: &[FindingKind]) -> Outcome {
    let Some(report) = facts.last_good() else { return Outcome::AsBefore };
    let mut findings: Vec<_> = report
        .findings
        .iter()
        .filter(|finding| finding.severity >= Severity::Warn && kinds.contains(&finding.kind))
        .collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let Some((worst, others)) = findings.split_first() else { return Outcome::Over };
    let diagnosis = Diagnosis {
        cause: worst.message.clone(),
        evidence: others.iter().map(|finding| finding.message.clone()).collect(),
        actions: provider_actions(facts.provider()),
    };
    Outcome::Holds(facts.holds(rule, worst.severity, report.checked_at, diagnosis))
}
