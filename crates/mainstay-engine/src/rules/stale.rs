use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Diagnosis, Rule, Severity, Verdict};

use super::{Facts, Outcome};
use crate::time::{clock, later, signed};

/// However short the interval, so much silence is no news: a restart of a network device takes as long.
const AT_LEAST: SignedDuration = SignedDuration::from_secs(60);

/// It was not checked when it should have been, or no check could tell.
pub(super) fn stale(facts: &Facts<'_>) -> Outcome {
    if let Some(alert) = facts.existing(Rule::Stale) {
        let told = facts.state.last_conclusive_at.is_some_and(|at| is_after(at, alert.since, facts.now));
        return if told { Outcome::Over } else { Outcome::AsBefore };
    }
    // While our own network is gone, that is the news; it would be told once for each dependency here.
    if facts.offline || facts.now < stale_at(facts) {
        return Outcome::Over;
    }
    let severity = facts.dependency.criticality.severity_when_down().min(Severity::High);
    Outcome::Holds(facts.holds(Rule::Stale, severity, last_told(facts), diagnosis(facts)))
}

/// When it would become stale.
pub(super) fn next_look(facts: &Facts<'_>) -> Option<Timestamp> {
    let waiting = facts.existing(Rule::Stale).is_none() && !facts.offline;
    // Where the rule is switched off, it stays at that.
    waiting.then(|| stale_at(facts)).filter(|at| *at > facts.now)
}

fn stale_at(facts: &Facts<'_>) -> Timestamp {
    let every = signed(facts.dependency.every);
    let timeout = signed(facts.dependency.timeout);
    let three = every.saturating_mul(3);
    let limit = three.max(every.saturating_add(timeout.saturating_mul(2))).max(AT_LEAST);
    // Nothing could be checked before we were awake and online.
    let times = [facts.whole.awake_since, Some(last_told(facts)).filter(|told| *told <= facts.now)];
    later(times.into_iter().flatten().max().unwrap_or(facts.now), limit)
}

/// Whether a check came after that moment. A moment that is yet to come is one of a clock that was set back meanwhile: whatever
/// differs from it came after it.
fn is_after(at: Timestamp, moment: Timestamp, now: Timestamp) -> bool {
    at > moment || moment > now && at != moment
}

fn last_told(facts: &Facts<'_>) -> Timestamp {
    facts.state.last_conclusive_at.unwrap_or(facts.state.since)
}

fn diagnosis(facts: &Facts<'_>) -> Diagnosis {
    let at = clock(last_told(facts));
    let unclear = facts.state.last.as_ref().filter(|report| report.verdict == Verdict::Inconclusive);
    let (cause, action) = match (facts.state.last_conclusive_at, unclear) {
        (_, Some(_)) => (
            format!("Mainstay checks it but could not tell how it is since {at}."),
            "Look at the latest checks: they say what keeps Mainstay from telling.",
        ),
        (Some(_), None) => (
            format!("Mainstay itself did not check it since {at}; how it is now is not known."),
            "See whether Mainstay has enough processor time, and what its log says.",
        ),
        (None, None) => (
            format!("Mainstay itself has never checked it, though it is configured since {at}."),
            "See whether Mainstay has enough processor time, and what its log says.",
        ),
    };
    let seen = unclear.and_then(|report| report.failure.as_ref()).map(|failure| failure.message.clone());
    let every = format!("It should be checked every {} s.", facts.dependency.every.as_secs_f64());
    Diagnosis { cause, evidence: seen.into_iter().chain([every]).collect(), actions: vec![action.into()] }
}
