//! A rule of one's own against the past: what it would have told, had it been there.

use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::{
    CheckReport, Dependency, DependencyName, Finding, FindingKind, Landscape, OwnRule, Random, RuleKey,
    RuleName, Rules, Severity, Verdict,
};

use crate::expr::{Answer, Fact, Fault, Program, Untold};
use crate::rules::{Known, Own};
use crate::{Event, State};

/// So many alerts are described one by one; more are only counted, so that a rule that keeps changing needs no memory.
const DESCRIBED: usize = 1_000;

/// One rule and one dependency on their way through the past. The very engine judges them, with a memory that begins empty.
#[derive(Debug)]
pub struct Replay {
    state: State,
    dependency: Dependency,
    rule: RuleKey,
    program: Program,
    at: Timestamp,
    open: Option<Held>,
    replayed: Replayed,
}

/// What a rule would have told about one dependency.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Replayed {
    /// How many checks were looked at.
    pub checks: u64,
    /// After how many of them the condition could not be told.
    pub untold: u64,
    /// The fact that was missing first, where one was.
    pub missing: Option<Fact>,
    /// How many alerts there would have been.
    pub alerts: u64,
    /// The first thousand of them, oldest first.
    pub held: Vec<Held>,
}

/// One alert that there would have been.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Since when the condition held.
    pub since: Timestamp,
    /// When it would have been told: later, where it has to hold for a while.
    pub told_at: Timestamp,
    /// When it was over; `None` where it still holds at the end.
    pub until: Option<Timestamp>,
    /// What it would have said.
    pub message: String,
}

/// Why a rule cannot be tried.
#[derive(Debug, Clone, PartialEq)]
pub enum NoReplay {
    /// Its condition or its message has faults.
    Faults(Vec<Fault>),
    /// It names facts that are not kept with past checks.
    NotKept(Vec<Fact>),
}

impl Replay {
    /// Begins at a moment, before the first check.
    ///
    /// # Errors
    /// When the rule cannot be read, or the past does not tell what it asks for.
    pub fn new(
        dependency: &Dependency,
        name: &RuleName,
        rule: &OwnRule,
        from: Timestamp,
    ) -> Result<Replay, NoReplay> {
        let rule = OwnRule { enabled: true, ..rule.clone() };
        let program = Own::compile(name, &rule).map_err(NoReplay::Faults)?.program;
        let lost: Vec<_> = program.facts().iter().copied().filter(|fact| fact.about().not_kept).collect();
        if !lost.is_empty() {
            return Err(NoReplay::NotKept(lost));
        }
        let landscape = Landscape {
            dependencies: [(dependency.name.clone(), dependency.clone())].into(),
            rules: Rules { own: [(name.clone(), rule)].into(), ..Rules::default() },
            ..Landscape::default()
        };
        let mut replay = Replay {
            state: State::default(),
            dependency: dependency.clone(),
            rule: RuleKey::Own(name.clone()),
            program,
            at: from,
            open: None,
            replayed: Replayed::default(),
        };
        replay.step(Event::Configured(Arc::new(landscape)), from);
        Ok(replay)
    }

    /// The next check, as it is kept. Checks come in the order of their times.
    pub fn check(&mut self, mut report: CheckReport) {
        let at = report.checked_at;
        self.pass_until(at);
        // Findings are not kept; this one is what addresses that do not work were told by.
        if report.verdict == Verdict::Degraded
            && report.addresses.iter().any(|one| one.verdict == Verdict::Down)
        {
            report.findings.push(Finding {
                kind: FindingKind::AddressDown,
                severity: Severity::Warn,
                message: "Some addresses do not work.".to_owned(),
            });
        }
        self.step(Event::Checked(Box::new(report)), at);
        self.count();
    }

    /// Lets the time pass until the end.
    pub fn finish(mut self, to: Timestamp) -> Replayed {
        self.pass_until(to);
        if let Some(held) = self.open.take() {
            self.describe(held);
        }
        self.replayed
    }

    /// Ticks only when something is due.
    fn pass_until(&mut self, to: Timestamp) {
        while let Some(due) = self.state.agenda.next_at().filter(|due| *due <= to) {
            self.step(Event::Tick, due.max(self.at));
        }
    }

    fn step(&mut self, event: Event, at: Timestamp) {
        // Between two steps here no time was slept through: nothing was due.
        self.state.last_step_at = None;
        self.at = at.max(self.at);
        // Nobody is told, so that identifiers may be the same ones again.
        self.state.step(event, self.at, &mut Random::seeded(0));
        self.forget_resolved();
        self.observe();
    }

    fn forget_resolved(&mut self) {
        let State { incidents, index, .. } = &mut self.state;
        incidents.retain(|_, incident| {
            if !incident.is_open() {
                index.forget(incident);
            }
            incident.is_open()
        });
    }

    fn observe(&mut self) {
        let name: &DependencyName = &self.dependency.name;
        let state = self.state.dependencies.get(name);
        let alert = state.and_then(|state| state.alerts.iter().find(|alert| alert.key.rule == self.rule));
        match (alert, self.open.take()) {
            (Some(_), Some(open)) => self.open = Some(open),
            (Some(alert), None) => {
                let message = alert.diagnosis.cause.clone();
                self.open = Some(Held { since: alert.since, told_at: self.at, until: None, message });
                self.replayed.alerts += 1;
            }
            (None, Some(held)) => self.describe(Held { until: Some(self.at), ..held }),
            (None, None) => {}
        }
    }

    fn describe(&mut self, held: Held) {
        if self.replayed.held.len() < DESCRIBED {
            self.replayed.held.push(held);
        }
    }

    fn count(&mut self) {
        self.replayed.checks += 1;
        let Some(state) = self.state.dependencies.get(&self.dependency.name) else { return };
        let known = Known { dependency: &self.dependency, state, verdict: state.verdict, now: self.at };
        if let Answer::Untold(untold) = self.program.judge(&known) {
            self.replayed.untold += 1;
            if let Untold::Missing(fact) = untold {
                self.replayed.missing.get_or_insert(fact);
            }
        }
    }
}
