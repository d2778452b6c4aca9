//! Rules of one's own that cannot do what they are for, found by playing them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Breaking, RuleName};

use super::play::Stage;
use super::{Swept, breaks};
use crate::expr::Fact;
use crate::rules::Own;
use crate::time::{earlier, later};

/// What plays vary, so that a rule over these alone that never fires in any of them never does.
const PLAYED: [Fact; 21] = [
    Fact::DependencyName,
    Fact::Provider,
    Fact::Protocol,
    Fact::Host,
    Fact::Port,
    Fact::Criticality,
    Fact::UsedBy,
    Fact::Every,
    Fact::Verdict,
    Fact::DownFor,
    Fact::LastCheckedAgo,
    Fact::FailureKind,
    Fact::FailureBlame,
    Fact::FailurePhase,
    Fact::TlsDaysLeft,
    Fact::TlsHoursLeft,
    Fact::TlsLifetimeLeft,
    Fact::TotalMs,
    Fact::AddressesDown,
    Fact::Hour,
    Fact::Weekday,
];

/// What says how near a certificate is to its end.
const ENDING: [Fact; 4] = [Fact::TlsDaysLeft, Fact::TlsHoursLeft, Fact::TlsLifetimeLeft, Fact::TlsEndsAt];

/// So long after the end of a certificate it is looked at whether a rule fires then.
const AFTER_THE_END: SignedDuration = SignedDuration::from_hours(8 * 24);

/// Which rules of one's own fired, and when.
#[derive(Debug, Default)]
pub(super) struct Fired {
    /// In any play of a break, or while a certificate came near its end.
    ever: BTreeSet<RuleName>,
    /// Before the end of a certificate, for at least one dependency.
    in_time: BTreeSet<RuleName>,
    /// Only after it.
    after_the_end: BTreeSet<RuleName>,
    /// For a healthy dependency at every moment, and for which.
    always: BTreeMap<RuleName, String>,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fault {
    /// It notices a certificate's end when that is past.
    FiresTooLate,
    /// Nothing makes it fire.
    NeverFires,
    /// It fires for this dependency while nothing is wrong.
    AlwaysFires(String),
}

impl Fired {
    /// Takes in what was played of one group, and watches a healthy one of it get older.
    pub(super) fn note(&mut self, ways: &[Swept], stage: &Stage<'_>, rules: &[Own], at: Timestamp) {
        if rules.is_empty() {
            return;
        }
        let classes = ways.iter().flat_map(|swept| swept.classes.iter().flatten());
        self.ever.extend(classes.flat_map(|class| class.played.fired.iter().cloned()));
        self.watch(stage, rules, at);
    }

    fn watch(&mut self, stage: &Stage<'_>, rules: &[Own], at: Timestamp) {
        let ends = breaks::breaks(stage.dependency).contains(&Breaking::CertificateEnding);
        let life = stage.life();
        let begin = earlier(at, life / 4);
        let end = later(begin, life);
        let moments = if ends { towards(at, end) } else { week_from(at) };
        let half = later(begin, life / 2);
        // Whatever has to hold for a while first, or for a day of the week, has done so by then.
        let settled = later(at, SignedDuration::from_hours(24));
        let mut always: BTreeSet<RuleName> = rules.iter().map(|rule| rule.name.clone()).collect();
        let (mut before, mut after) = (BTreeSet::new(), BTreeSet::new());
        stage.prepare(at).watch(moments.into_iter(), |moment, holding| {
            if moment >= settled && (moment < half || !ends) {
                always.retain(|name| holding.contains(name));
            }
            let seen = if moment < end || !ends { &mut before } else { &mut after };
            seen.extend(holding.iter().cloned());
        });
        after.retain(|name| !before.contains(name));
        self.ever.extend(before.iter().chain(&after).cloned());
        if ends {
            self.in_time.extend(before);
            self.after_the_end.extend(after);
        }
        for name in always {
            self.always.entry(name).or_insert_with(|| stage.dependency.name.to_string());
        }
    }

    /// What is wrong with each of these rules.
    pub(super) fn faults(&self, rules: &[Own]) -> Vec<(RuleName, Fault)> {
        rules.iter().filter_map(|rule| Some((rule.name.clone(), self.fault(rule)?))).collect()
    }

    fn fault(&self, rule: &Own) -> Option<Fault> {
        let facts = rule.program.facts();
        let ending = facts.iter().any(|fact| ENDING.contains(fact));
        let played = facts.iter().all(|fact| PLAYED.contains(fact));
        let name = &rule.name;
        if ending && self.after_the_end.contains(name) && !self.in_time.contains(name) {
            return Some(Fault::FiresTooLate);
        }
        if !played {
            return None;
        }
        if let Some(dependency) = self.always.get(name) {
            return Some(Fault::AlwaysFires(dependency.clone()));
        }
        (!self.ever.contains(name)).then_some(Fault::NeverFires)
    }
}

/// From a moment to some days after a certificate's end: closer together the nearer the end is.
fn towards(from: Timestamp, end: Timestamp) -> Vec<Timestamp> {
    let hours = SignedDuration::from_hours;
    let near = later(end, -hours(48));
    let nearest = later(end, -hours(2));
    let far = every(from, near, hours(6));
    let closer = every(near.max(from), nearest, hours(1));
    let closest = every(nearest.max(from), later(end, hours(1)), SignedDuration::from_mins(5));
    let past = every(later(end, hours(1)), later(end, AFTER_THE_END), hours(6));
    [far, closer, closest, past].concat()
}

fn week_from(from: Timestamp) -> Vec<Timestamp> {
    every(from, later(from, SignedDuration::from_hours(7 * 24)), SignedDuration::from_hours(1))
}

fn every(from: Timestamp, until: Timestamp, step: SignedDuration) -> Vec<Timestamp> {
    std::iter::successors(Some(from), |at| Some(later(*at, step))).take_while(|at| *at < until).collect()
}
