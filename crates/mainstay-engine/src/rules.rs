use jiff::Timestamp;
use mainstay_model::{
    Alert, AlertKey, CheckReport, Dependency, DependencyState, Diagnosis, Failure, Provider, Rule, Severity,
    Subject, Verdict,
};

use crate::State;

mod certificate;
mod chain;
mod down;
mod flapping;
mod known;
pub(crate) mod own;
mod slow;
mod stale;

pub(crate) use certificate::is_in_tls;
pub(crate) use flapping::WINDOW as FLAPPING_WINDOW;
pub(crate) use known::Known;
pub(crate) use own::{Judged, Own, compile, judge as own, words};

/// What a rule may look at.
pub(crate) struct Facts<'a> {
    pub(crate) whole: &'a State,
    pub(crate) dependency: &'a Dependency,
    pub(crate) state: &'a DependencyState,
    pub(crate) now: Timestamp,
    pub(crate) offline: bool,
}

/// What a rule says.
pub(crate) enum Outcome {
    /// The condition holds.
    Holds(Alert),
    /// It cannot be told now: what was before goes on.
    AsBefore,
    /// It does not hold.
    Over,
}

type Judge = fn(&Facts<'_>) -> Outcome;

/// Every built-in rule about a dependency, in the order in which alerts are listed.
const RULES: [(Rule, Judge); 9] = [
    (Rule::Down, down::down),
    (Rule::Degraded, down::degraded),
    (Rule::CertificateExpiring, certificate::expiring),
    (Rule::RenewalOverdue, certificate::overdue),
    (Rule::ChainProblem, chain::problem),
    (Rule::AddressesDiffer, chain::addresses_differ),
    (Rule::TooSlow, slow::too_slow),
    (Rule::Stale, stale::stale),
    (Rule::Flapping, flapping::flapping),
];

/// The alerts of the built-in rules that hold now, those that are switched off included: the verdict may rest on them.
pub(crate) fn alerts(facts: &Facts<'_>) -> Vec<Alert> {
    RULES.iter().filter_map(|(rule, judge)| alert(facts, *rule, judge(facts))).collect()
}

/// When the passing of time alone may change what holds.
pub(crate) fn next_look(facts: &Facts<'_>) -> Option<Timestamp> {
    let times = [
        stale::next_look(facts),
        certificate::next_step(facts),
        certificate::next_overdue(facts),
        flapping::calm_at(facts),
        own::next_look(facts),
    ];
    times.into_iter().flatten().min()
}

fn alert(facts: &Facts<'_>, rule: Rule, outcome: Outcome) -> Option<Alert> {
    let before = facts.existing(rule);
    let severity = facts.whole.landscape.rules.severity_of(rule);
    let alert = match outcome {
        Outcome::Holds(mut alert) => {
            if let Some(before) = before {
                alert.since = before.since;
            }
            Some(alert)
        }
        Outcome::AsBefore => before.cloned(),
        Outcome::Over => None,
    };
    alert.map(|alert| Alert { severity: severity.unwrap_or(alert.severity), ..alert })
}

impl Facts<'_> {
    /// The alert of this rule that holds so far.
    fn existing(&self, rule: Rule) -> Option<&Alert> {
        self.state.alerts.iter().find(|alert| alert.key.rule == rule)
    }

    fn provider(&self) -> Option<&Provider> {
        self.whole.landscape.providers.get(self.dependency.provider.as_ref()?)
    }

    /// The last check, when everything or a part worked.
    fn last_good(&self) -> Option<&CheckReport> {
        let good = |report: &&CheckReport| matches!(report.verdict, Verdict::Healthy | Verdict::Degraded);
        self.state.last.as_ref().filter(good)
    }

    /// Why it is down, while it is believed to be.
    fn down_because(&self) -> Option<&Failure> {
        if self.state.verdict != Verdict::Down {
            return None;
        }
        let last = self.state.last.as_ref().filter(|report| report.verdict == Verdict::Down);
        let seen = last.and_then(|report| report.failure.as_ref());
        seen.or_else(|| self.existing(Rule::Down)?.failure.as_ref())
    }

    fn holds(&self, rule: Rule, severity: Severity, since: Timestamp, diagnosis: Diagnosis) -> Alert {
        Alert {
            key: AlertKey { subject: Subject::Dependency(self.dependency.name.clone()), rule: rule.into() },
            severity,
            since,
            failure: None,
            diagnosis,
            breaks_at: None,
            external: None,
        }
    }
}
