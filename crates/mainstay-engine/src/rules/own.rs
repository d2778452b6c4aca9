//! Rules of one's own: compiled when the configuration is taken over, judged beside the built-in ones.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Alert, AlertKey, Diagnosis, OwnRule, RuleKey, RuleName, Rules, Severity, Subject, Verdict,
};

use super::Facts;
use super::known::Known;
use crate::expr::{Answer, Fault, Program, Source as _, Template};
use crate::time::{later, signed};
use crate::wording::provider_actions;

/// A rule that names what changes with time alone is judged this often between checks, too.
const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// A rule of one's own, ready to be judged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Own {
    pub(crate) name: RuleName,
    pub(crate) program: Program,
    message: Option<Template>,
    severity: Severity,
    hold_for: SignedDuration,
    when: String,
}

impl Own {
    /// # Errors
    /// The faults of its condition, or else of its message.
    pub(crate) fn compile(name: &RuleName, rule: &OwnRule) -> Result<Own, Vec<Fault>> {
        Ok(Own {
            name: name.clone(),
            program: Program::compile(&rule.when)?,
            message: rule.message.as_deref().map(Template::compile).transpose()?,
            severity: rule.severity,
            hold_for: signed(rule.hold_for),
            when: rule.when.clone(),
        })
    }

    pub(crate) fn key(&self) -> RuleKey {
        RuleKey::Own(self.name.clone())
    }
}

/// The enabled ones, and the names of those that cannot be read with the reason: none, where the configuration was checked.
pub(crate) fn compile(rules: &Rules) -> (Vec<Own>, Vec<(RuleName, String)>) {
    let (mut own, mut unreadable) = (Vec::new(), Vec::new());
    for (name, rule) in rules.own.iter().filter(|(_, rule)| rule.enabled) {
        match Own::compile(name, rule) {
            Ok(one) => own.push(one),
            Err(faults) => {
                let why = faults.first().map_or_else(String::new, |fault| fault.message.clone());
                unreadable.push((name.clone(), why));
            }
        }
    }
    (own, unreadable)
}

/// What comes of judging them.
pub(crate) struct Judged {
    /// The alerts that hold now.
    pub(crate) alerts: Vec<Alert>,
    /// Since when conditions hold that do not hold long enough yet.
    pub(crate) holding: BTreeMap<RuleName, Timestamp>,
}

/// Judges all of them, given the verdict that the built-in ones led to.
pub(crate) fn judge(facts: &Facts<'_>, verdict: Verdict) -> Judged {
    let known = Known { dependency: facts.dependency, state: facts.state, verdict, now: facts.now };
    let mut judged = Judged { alerts: Vec::new(), holding: BTreeMap::new() };
    for rule in facts.whole.own.iter() {
        match rule.program.judge(&known) {
            Answer::Fails => {}
            Answer::Holds => held(rule, facts, &known, &mut judged),
            // What cannot be told is neither true nor over: what was before goes on, and nothing begins.
            Answer::Untold(_) => {
                judged.alerts.extend(existing(rule, facts).cloned().map(|alert| graded(rule, alert)));
                let since = facts.state.holding.get(&rule.name);
                judged.holding.extend(since.map(|since| (rule.name.clone(), *since)));
            }
        }
    }
    judged
}

fn held(rule: &Own, facts: &Facts<'_>, known: &Known<'_>, judged: &mut Judged) {
    if let Some(alert) = existing(rule, facts) {
        return judged.alerts.push(graded(rule, alert.clone()));
    }
    let since = holds_since(rule, facts);
    if facts.now < later(since, rule.hold_for) {
        judged.holding.insert(rule.name.clone(), since);
    } else {
        judged.alerts.push(alert(rule, facts, known, since));
    }
}

/// A moment that is yet to come is one of a clock that was set back meanwhile.
fn holds_since(rule: &Own, facts: &Facts<'_>) -> Timestamp {
    let before = facts.state.holding.get(&rule.name).filter(|since| **since <= facts.now);
    let last = facts.state.last.as_ref().map(|report| report.checked_at);
    let seen = last.filter(|at| *at <= facts.now && !rule.program.follows_time());
    before.copied().or(seen).unwrap_or(facts.now)
}

fn existing<'a>(rule: &Own, facts: &Facts<'a>) -> Option<&'a Alert> {
    facts
        .state
        .alerts
        .iter()
        .find(|alert| matches!(&alert.key.rule, RuleKey::Own(name) if *name == rule.name))
}

fn graded(rule: &Own, alert: Alert) -> Alert {
    Alert { severity: rule.severity, ..alert }
}

/// What a rule that holds says with the values of now; `None` where it does not hold or that cannot be told.
///
/// Its alert keeps the words with which it began: values that change with every check would be a change with every check. They are
/// renewed when there is something to tell.
pub(crate) fn words(facts: &Facts<'_>, name: &RuleName) -> Option<Diagnosis> {
    let verdict = facts.state.verdict;
    let known = Known { dependency: facts.dependency, state: facts.state, verdict, now: facts.now };
    let rule = facts.whole.own.iter().find(|rule| rule.name == *name)?;
    matches!(rule.program.judge(&known), Answer::Holds).then(|| diagnosis(rule, facts, &known))
}

fn diagnosis(rule: &Own, facts: &Facts<'_>, known: &Known<'_>) -> Diagnosis {
    let told = rule.message.as_ref().map(|message| message.fill(known));
    Diagnosis {
        cause: told.unwrap_or_else(|| format!("{} meets the rule {}.", facts.dependency.name, rule.name)),
        evidence: evidence(rule, known),
        actions: provider_actions(facts.provider()),
    }
}

fn alert(rule: &Own, facts: &Facts<'_>, known: &Known<'_>, since: Timestamp) -> Alert {
    Alert {
        key: AlertKey { subject: Subject::Dependency(facts.dependency.name.clone()), rule: rule.key() },
        severity: rule.severity,
        since,
        failure: None,
        diagnosis: diagnosis(rule, facts, known),
        breaks_at: None,
        external: None,
    }
}

/// The condition, and what was known of each fact that it names.
fn evidence(rule: &Own, known: &Known<'_>) -> Vec<String> {
    let condition = format!("The rule {} says: {}", rule.name, rule.when.trim());
    let fact = |fact: &crate::expr::Fact| format!("{}: {}", fact.about().name, known.find(*fact));
    std::iter::once(condition).chain(rule.program.facts().iter().map(fact)).collect()
}

/// When the passing of time alone may change what they say.
pub(super) fn next_look(facts: &Facts<'_>) -> Option<Timestamp> {
    let own = facts.whole.own.iter();
    let follows_time = own.clone().any(|rule| rule.program.follows_time());
    let look = follows_time.then(|| later(facts.now, LOOK_EVERY));
    let long_enough = |rule: &Own| Some(later(*facts.state.holding.get(&rule.name)?, rule.hold_for));
    own.filter_map(long_enough).filter(|at| *at > facts.now).chain(look).min()
}
