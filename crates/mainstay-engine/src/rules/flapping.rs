use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Diagnosis, Rule, Severity};

use super::{Facts, Outcome};
use crate::time::{later, since};

/// Changes are counted over this long.
pub(crate) const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// So many changes between good and bad within [`WINDOW`] are too many to follow one by one: three breaks and returns.
const TOO_MANY: usize = 6;

/// So long without a change, and it is believed to be stable.
const CALM: SignedDuration = SignedDuration::from_mins(30);

/// It changes between good and bad too often to follow.
pub(super) fn flapping(facts: &Facts<'_>) -> Outcome {
    let changes = &facts.state.changes;
    let recent = |at: &&Timestamp| **at <= facts.now && facts.now < later(**at, CALM);
    let Some(latest) = changes.iter().rev().find(recent) else {
        return Outcome::Over;
    };
    if facts.existing(Rule::Flapping).is_some() {
        return Outcome::AsBefore;
    }
    let counted = changes.iter().filter(|at| **at <= facts.now && since(**at, facts.now) <= WINDOW);
    let first = counted.clone().next().unwrap_or(latest);
    if counted.count() < TOO_MANY {
        return Outcome::Over;
    }
    let severity = facts.dependency.criticality.severity_when_down().min(Severity::High);
    let mut alert = facts.holds(Rule::Flapping, severity, *first, diagnosis(facts));
    let down = facts.existing(Rule::Down).and_then(|alert| alert.failure.clone());
    alert.failure = down.or_else(|| facts.down_because().cloned());
    Outcome::Holds(alert)
}

/// When it will be calm, unless it changes again.
pub(super) fn calm_at(facts: &Facts<'_>) -> Option<Timestamp> {
    facts.existing(Rule::Flapping)?;
    let latest = facts.state.changes.iter().rev().find(|at| **at <= facts.now)?;
    Some(later(*latest, CALM)).filter(|at| *at > facts.now)
}

fn diagnosis(facts: &Facts<'_>) -> Diagnosis {
    Diagnosis {
        cause: format!(
            "It changed between good and bad {} times within an hour; the single changes are no longer told.",
            facts.state.changes.len()
        ),
        evidence: facts.down_because().map(|failure| failure.message.clone()).into_iter().collect(),
        actions: vec![format!(
            "Treat it as unreliable; Mainstay says so when it was stable for {} minutes.",
            CALM.as_mins()
        )],
    }
}
