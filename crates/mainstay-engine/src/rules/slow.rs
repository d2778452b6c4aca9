use mainstay_model::{Diagnosis, Rule, Severity, Verdict};

use super::{Facts, Outcome};
use crate::latency::unusual_from_ms;

/// So many slow ones in a row begin it, and so many that are not slow end it: one slow answer is no news.
const IN_A_ROW: u32 = 3;

/// It answers slower than allowed or than usual.
pub(super) fn too_slow(facts: &Facts<'_>) -> Outcome {
    let latency = &facts.state.latency;
    let holds = facts.existing(Rule::TooSlow).is_some();
    if facts.state.verdict == Verdict::Down || holds && latency.usual_in_a_row < IN_A_ROW {
        return Outcome::AsBefore;
    }
    if holds || latency.slow_in_a_row < IN_A_ROW {
        return Outcome::Over;
    }
    let Some(report) = facts.last_good() else { return Outcome::AsBefore };
    let diagnosis =
        Diagnosis { cause: cause(facts), evidence: evidence(facts, report), actions: actions(facts) };
    Outcome::Holds(facts.holds(Rule::TooSlow, Severity::Warn, report.checked_at, diagnosis))
}

fn cause(facts: &Facts<'_>) -> String {
    match (facts.dependency.slow, unusual_from_ms(&facts.state.latency)) {
        (Some(slow), _) => format!("It answers slower than the {} ms that are allowed.", slow.as_millis()),
        (None, Some(unusual)) => {
            let usual = facts.state.latency.mean_ms;
            format!(
                "It answers slower than usual: {usual:.0} ms is usual, and more than {unusual:.0} ms is not."
            )
        }
        (None, None) => "It answers slower than usual.".into(),
    }
}

fn actions(facts: &Facts<'_>) -> Vec<String> {
    let look = "See which phase takes the time on the page of the dependency.";
    let stay = "If it is to stay like this, resolve the incident: how long it takes then counts as usual.";
    std::iter::once(look).chain(facts.dependency.slow.is_none().then_some(stay)).map(str::to_owned).collect()
}

fn evidence(facts: &Facts<'_>, report: &mainstay_model::CheckReport) -> Vec<String> {
    let took = report.total_ms().map(|ms| format!("The last check took {ms:.0} ms."));
    let phases = report.addresses.iter().flat_map(|one| one.phases.named());
    let slowest = phases.filter_map(|(phase, ms)| Some((phase, ms?))).max_by(|a, b| a.1.total_cmp(&b.1));
    let slowest = slowest.map(|(phase, ms)| format!("Most of it went into {phase}: {ms:.0} ms."));
    let row = format!("{} checks in a row were slow.", facts.state.latency.slow_in_a_row);
    took.into_iter().chain(slowest).chain([row]).collect()
}
