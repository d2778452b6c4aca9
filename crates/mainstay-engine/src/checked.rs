use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Alert, CheckReport, Dependency, DependencyName, DependencyState, EntryKind, FindingKind, Landscape, Rule,
    RuleName, Severity, Streak, Verdict, in_words,
};

use crate::agenda::Due;
use crate::confirm::{self, Belief};
use crate::renewal::Renewed;
use crate::rules::{self, Facts, Judged};
use crate::time::{clock, earlier, since};
use crate::turn::{About, Turn};
use crate::{Recheck, network, renewal, slowness, wording};

/// A check that began within this time saw what relays see now.
const LATELY: SignedDuration = SignedDuration::from_secs(2);

/// More changes than flapping needs are not remembered.
const CHANGES: usize = 64;

impl Turn<'_> {
    /// A check ended: it is kept as a fact, and judged together with those before it.
    pub(crate) fn checked(&mut self, mut report: CheckReport) {
        let landscape = self.state.landscape.clone();
        let Some(dependency) = configured(&report, &landscape) else { return };
        let name = &dependency.name;
        match self.arrival(dependency, &report) {
            Arrival::Again => return,
            Arrival::Late | Arrival::Elsewhere => return self.effects.commit.reports.push(report),
            Arrival::InOrder => {}
        }
        self.network_saw(dependency, &report);
        if self.state.offline_since().is_some() && network::may_be_ours(dependency, &report) {
            // Our own network is gone, so this says nothing about anybody else.
            report.verdict = Verdict::Inconclusive;
        }
        self.remember(dependency, &report);
        self.waivers_saw(name, &report);
        // What it asks to have repeated is asked last, and comes sooner than what a waiver asks for.
        self.settle(dependency);
        self.keep_in_time(name);
        self.effects.commit.reports.push(report);
    }

    /// A check that began before the last one, though the clock did not go back, is too late to change anything; one that was under
    /// way when its dependency was pointed elsewhere, or given another rule of trust, says nothing of the new one.
    fn arrival(&self, dependency: &Dependency, report: &CheckReport) -> Arrival {
        let last = self.state.dependencies.get(&dependency.name).and_then(|state| state.last.as_ref());
        let is_of_another = report.endpoint.as_ref().is_some_and(|one| *one != dependency.endpoint());
        match last {
            _ if is_of_another || report.target != dependency.target.to_string() => Arrival::Elsewhere,
            Some(last) if last.checked_at == report.checked_at => Arrival::Again,
            Some(last) if report.checked_at < last.checked_at && last.checked_at <= self.now => Arrival::Late,
            _ => Arrival::InOrder,
        }
    }

    fn remember(&mut self, dependency: &Dependency, report: &CheckReport) {
        let Some(state) = self.dependency_mut(&dependency.name) else { return };
        confirm::note(state, report);
        let before = state.renewals.current;
        let renewed = renewal::note(state, report);
        renewal::begin(state, report);
        let is_new = renewal::note_seen_valid(state, report);
        let replaced = state.renewals.current != before || is_new;
        slowness::note(state, dependency, report);
        if report.verdict != Verdict::Inconclusive {
            state.last_conclusive_at = Some(report.checked_at);
        }
        state.last = Some(report.clone());
        if replaced {
            self.keep(&dependency.name);
        }
        if let Some(renewed) = renewed {
            self.write_renewal(&dependency.name, &renewed);
        }
    }

    fn write_renewal(&mut self, name: &DependencyName, renewed: &Renewed) {
        let left = in_words(SignedDuration::from_secs(renewed.left_seconds));
        let when = match renewed.left_seconds {
            0.. => format!("{left} before the old one's end"),
            _ => format!("{left} after the old one's end"),
        };
        let text = format!("{name} has a new certificate until {}, {when}.", clock(renewed.until));
        let about = About::dependency(name).shown_by(vec![format!("It is for {}.", renewed.name)]);
        self.write(EntryKind::CertificateRenewed, about, text);
    }

    /// A relay cannot serve its application: whether a check sees the same is asked at once, however far off the next one is.
    pub(crate) fn relay_refused(&mut self, name: &DependencyName) {
        let Some(state) = self.state.dependencies.get(name) else { return };
        let lately = state.last.as_ref().is_some_and(|last| since(last.checked_at, self.now).abs() < LATELY);
        if state.verdict != Verdict::Down && !lately {
            self.effects.rechecks.push(Recheck { dependency: name.clone(), after: Duration::ZERO });
        }
    }

    /// Believes the last check or asks for another, and judges what follows.
    pub(crate) fn settle(&mut self, dependency: &Dependency) {
        let name = &dependency.name;
        let Some(state) = self.state.dependencies.get(name) else { return };
        let Some(report) = &state.last else { return };
        let before = (state.verdict, state.since);
        let may_be_ours = network::may_be_ours(dependency, report);
        match confirm::believe(state, report, dependency.confirm) {
            Belief::Down if may_be_ours && self.is_held_back(name) => return,
            Belief::Down => self.turn_down(name),
            Belief::Up => self.turn_up(name),
            Belief::Repeat(after) => {
                self.effects.rechecks.push(Recheck { dependency: name.clone(), after });
            }
            Belief::AsBefore => {}
        }
        self.judge_from(name, before);
    }

    fn turn_down(&mut self, name: &DependencyName) {
        let now = self.now;
        let Some(state) = self.dependency_mut(name) else { return };
        // From "could not tell" to down is the first word about it, not a change.
        if state.verdict != Verdict::Inconclusive {
            count_change(state, now);
        }
        state.verdict = Verdict::Down;
        state.since = state.streak.first_bad_at.unwrap_or(now);
    }

    fn turn_up(&mut self, name: &DependencyName) {
        let now = self.now;
        let Some(state) = self.dependency_mut(name) else { return };
        count_change(state, now);
        state.verdict = Verdict::Healthy;
        state.since = now;
        // What was bad before has been told; the next trouble is confirmed on its own.
        state.streak = Streak { good_in_a_row: state.streak.good_in_a_row, ..Streak::default() };
    }

    /// Judges a dependency anew, without a new check.
    pub(crate) fn judge(&mut self, name: &DependencyName) {
        if let Some(state) = self.state.dependencies.get(name) {
            let before = (state.verdict, state.since);
            self.judge_from(name, before);
        }
    }

    fn judge_from(&mut self, name: &DependencyName, before: (Verdict, Timestamp)) {
        let landscape = self.state.landscape.clone();
        let (Some(dependency), Some(state)) =
            (landscape.dependencies.get(name), self.state.dependencies.get(name).cloned())
        else {
            return;
        };
        let offline = self.state.offline_since().is_some();
        let facts = Facts { whole: self.state, dependency, state: &state, now: self.now, offline };
        let mut alerts = rules::alerts(&facts);
        let is_stale = alerts.iter().any(|alert| alert.key.rule == Rule::Stale);
        alerts.retain(|alert| landscape.rules.is_enabled(&alert.key.rule));
        let verdict = verdict(&state, &alerts, is_stale);
        let Judged { alerts: own, holding } = rules::own(&facts, verdict);
        alerts.extend(own);
        drop(state);
        self.hold(name, holding);
        self.change_verdict(name, before, verdict, &alerts);
        self.change_alerts(name, alerts, "");
        self.look_again(dependency, offline);
    }

    fn hold(&mut self, name: &DependencyName, holding: BTreeMap<RuleName, Timestamp>) {
        if self.state.dependencies.get(name).is_none_or(|state| state.holding == holding) {
            return;
        }
        if let Some(state) = self.dependency_mut(name) {
            state.holding = holding;
        }
        self.keep(name);
    }

    fn look_again(&mut self, dependency: &Dependency, offline: bool) {
        let Some(state) = self.state.dependencies.get(&dependency.name) else { return };
        let facts = Facts { whole: self.state, dependency, state, now: self.now, offline };
        if let Some(at) = rules::next_look(&facts) {
            // Never twice in the same moment, whatever a deadline says.
            let at = at.max(crate::time::later(self.now, SignedDuration::from_millis(100)));
            self.state.agenda.by(at, Due::Dependency(dependency.name.clone()));
        }
    }

    fn change_verdict(
        &mut self,
        name: &DependencyName,
        (before, since): (Verdict, Timestamp),
        verdict: Verdict,
        alerts: &[Alert],
    ) {
        let now = self.now;
        let unchanged = self.state.dependencies.get(name).is_some_and(|state| state.verdict == verdict);
        if before == verdict && unchanged {
            return;
        }
        let Some(state) = self.dependency_mut(name) else { return };
        state.verdict = verdict;
        state.since = match verdict {
            Verdict::Down => state.since,
            _ if before == verdict => since,
            _ => now,
        };
        let first_word = before == Verdict::Inconclusive && state.streak.seen == 1;
        self.keep(name);
        self.effects.publish = true;
        // That a dependency is fine at first sight is no line of history; 100,000 of them would be a start-up's noise.
        if first_word && verdict == Verdict::Healthy {
            return;
        }
        let evidence = alerts.iter().map(|alert| alert.diagnosis.cause.clone()).collect();
        let text = format!("{name}: {} after {}.", verdict.in_words(), before.in_words());
        self.write(EntryKind::VerdictChanged, About::dependency(name).shown_by(evidence), text);
    }

    /// Replaces a dependency's alerts, and tells the incidents what began, changed and ended.
    pub(crate) fn change_alerts(&mut self, name: &DependencyName, alerts: Vec<Alert>, why: &str) {
        let Some(state) = self.state.dependencies.get(name) else { return };
        if state.alerts == alerts {
            return;
        }
        let (before, mut now) = (state.alerts.clone(), alerts);
        for alert in &mut now {
            match before.iter().find(|old| old.key == alert.key) {
                Some(old) if is_same(old, alert) => *alert = old.clone(),
                Some(_) => self.changed(alert),
                None => self.raised(alert, &before),
            }
        }
        for old in before.iter().filter(|old| !now.iter().any(|alert| alert.key == old.key)) {
            let why = if why.is_empty() && is_hidden(old, &now) { "it is down" } else { why };
            self.ended(&old.key, why);
        }
        if now == before {
            return;
        }
        if let Some(state) = self.dependency_mut(name) {
            state.alerts = now;
        }
        self.keep(name);
    }

    /// Sets a belief aside that turned out to rest on our own network.
    pub(crate) fn withdraw(&mut self, name: &DependencyName, why: &str) {
        let now = self.now;
        let Some(state) = self.dependency_mut(name) else { return };
        state.streak = Streak::default();
        if state.verdict != Verdict::Down {
            return;
        }
        state.verdict = Verdict::Inconclusive;
        state.since = now;
        let rest: Vec<Alert> =
            state.alerts.iter().filter(|alert| alert.key.rule != Rule::Down).cloned().collect();
        self.write(EntryKind::VerdictChanged, About::dependency(name), wording::named(name, why));
        self.effects.publish = true;
        self.change_alerts(name, rest, why);
        self.keep(name);
    }
}

enum Arrival {
    InOrder,
    Late,
    Again,
    Elsewhere,
}

fn configured<'a>(report: &CheckReport, landscape: &'a Landscape) -> Option<&'a Dependency> {
    landscape.dependencies.get(report.dependency.as_ref()?)
}

/// Text that merely counts seconds is no change: what was told stays as it was told.
fn is_same(old: &Alert, new: &Alert) -> bool {
    old.severity == new.severity && old.failure == new.failure && old.breaks_at == new.breaks_at
}

/// Whether a certificate's end is no longer announced because the connection already fails over a certificate.
fn is_hidden(old: &Alert, now: &[Alert]) -> bool {
    let down = now.iter().filter(|alert| alert.key.rule == Rule::Down);
    let ending = wording::is_ending(&old.key.rule);
    ending && down.filter_map(|alert| alert.failure.as_ref()).any(rules::is_in_tls)
}

fn count_change(state: &mut DependencyState, now: Timestamp) {
    let begin = earlier(now, rules::FLAPPING_WINDOW);
    while state.changes.front().is_some_and(|at| *at < begin) || state.changes.len() >= CHANGES {
        state.changes.pop_front();
    }
    state.changes.push_back(now);
}

/// The verdict that follows from what holds, unless it is down, which only checks decide.
///
/// That nobody looked is no opinion, so it counts even where the rule that tells it is switched off.
fn verdict(state: &DependencyState, alerts: &[Alert], is_stale: bool) -> Verdict {
    if state.verdict == Verdict::Down {
        return Verdict::Down;
    }
    if is_stale {
        return Verdict::Inconclusive;
    }
    match &state.last {
        Some(report) if matches!(report.verdict, Verdict::Healthy | Verdict::Degraded) => {
            if needs_attention(report, alerts) { Verdict::Degraded } else { Verdict::Healthy }
        }
        _ => state.verdict,
    }
}

fn needs_attention(report: &CheckReport, alerts: &[Alert]) -> bool {
    let ours = |rule| matches!(rule, Rule::Flapping | Rule::RenewalOverdue);
    // A rule of one's own may ask for the verdict, so it has no say in it.
    let counts = |alert: &&Alert| alert.key.rule.built_in().is_some_and(|rule| !ours(rule));
    let alerted = alerts.iter().filter(counts).any(|alert| alert.severity >= Severity::Warn);
    // These have a rule that waits for confirmation or knows better than one check.
    let ruled = |kind| {
        matches!(kind, FindingKind::AddressDown | FindingKind::TooSlow | FindingKind::CertificateExpiring)
    };
    alerted || report.findings.iter().any(|found| found.severity >= Severity::Warn && !ruled(found.kind))
}

/// An empty state for a dependency that is new.
pub(crate) fn unchecked(name: &DependencyName, now: Timestamp) -> Arc<DependencyState> {
    Arc::new(DependencyState::unchecked(name.clone(), now))
}
