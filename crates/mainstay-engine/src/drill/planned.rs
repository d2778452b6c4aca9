use jiff::{SignedDuration, Timestamp};
use mainstay_model::{DependencyName, EntryKind, Occurrence, PlannedDrill};

use super::{DrillFault, DrillTerms};
use crate::State;
use crate::agenda::Due;
use crate::audience::is_within;
use crate::time::{clock, earlier, since};
use crate::turn::{About, Turn};

/// One that was missed because Mainstay did not run is begun so late at most: whoever chose its time did so on purpose.
const LATE: SignedDuration = SignedDuration::from_hours(1);

/// What was written last may be a little younger than the last look at the plans.
const OVERLAP: SignedDuration = SignedDuration::from_mins(1);

/// As many times are looked through for one within the hours of a plan: more than a year of days.
const AHEAD: usize = 400;

/// When a planned drill begins next.
#[derive(Debug, Clone, PartialEq)]
pub struct NextDrill<'a> {
    /// By which plan.
    pub plan: &'a PlannedDrill,
    /// When.
    pub at: Timestamp,
    /// Whose turn it would be now. `None`: no dependency matches, or none can be drilled.
    pub dependency: Option<DependencyName>,
}

impl Turn<'_> {
    /// From when on plans are followed after a start: from where the process before this one left off.
    pub(crate) fn resume_drills(&mut self) {
        let from = self.state.blind_since.map_or(self.now, |at| earlier(at, OVERLAP));
        self.state.drills_settled = Some(from.min(self.now));
    }

    /// Begins what is due.
    pub(crate) fn look_at_drills(&mut self) {
        let landscape = self.state.landscape.clone();
        let settled = self.state.drills_settled.replace(self.now).unwrap_or(self.now);
        for plan in &landscape.drills {
            let times = plan.recurrence.occurrences(plan.start, &plan.timezone, settled);
            // Of several that were missed the last one stands for all.
            if let Some(at) = times.take_while(|at| *at <= self.now).last() {
                self.begin_planned(plan, at);
            }
        }
        self.await_drills();
    }

    /// Makes sure that the next one is thought of.
    pub(crate) fn await_drills(&mut self) {
        let landscape = self.state.landscape.clone();
        let next = landscape
            .drills
            .iter()
            .filter_map(|plan| plan.recurrence.next_after(plan.start, &plan.timezone, self.now));
        if let Some(at) = next.min() {
            self.state.agenda.by(at, Due::Drills);
        }
    }

    fn begin_planned(&mut self, plan: &PlannedDrill, at: Timestamp) {
        let occurrence = Occurrence { plan: plan.key(), at };
        if self.state.was_played(&occurrence) || !fits(plan, at) {
            return;
        }
        if since(at, self.now) > LATE || !fits(plan, self.now) {
            let text = format!(
                "The drill that was planned for {} was left out: Mainstay did not run then.",
                clock(at)
            );
            return self.write(EntryKind::Drill, About::default(), text);
        }
        let Some(dependency) = self.state.next_in_turn(plan) else {
            let text = format!(
                "The drill that was planned for {} was left out: there is no dependency of it that can be drilled now.",
                clock(at)
            );
            return self.write(EntryKind::Drill, About::default(), text);
        };
        // It was looked for among those that can be drilled.
        let _: Result<_, DrillFault> = self.begin_drill(terms(plan, dependency), None, Some(occurrence));
    }
}

impl State {
    /// When each planned drill begins next after a moment, the soonest first; plans that are over are left out.
    pub fn next_drills(&self, after: Timestamp) -> Vec<NextDrill<'_>> {
        let next = |plan| {
            let at = next_within(plan, after)?;
            Some(NextDrill { plan, at, dependency: self.next_in_turn(plan) })
        };
        let mut all: Vec<_> = self.landscape.drills.iter().filter_map(next).collect();
        all.sort_by_key(|one| one.at);
        all
    }

    /// Whoever was drilled longest ago, of those that can be drilled now.
    fn next_in_turn(&self, plan: &PlannedDrill) -> Option<DependencyName> {
        let fitting = self.landscape.dependencies.values().filter(|one| plan.what.takes_dependency(one));
        let free = fitting.filter(|one| self.check_drill(&terms(plan, one.name.clone())).is_ok());
        let drilled_at =
            |name: &DependencyName| self.dependencies.get(name).and_then(|state| state.drilled_at);
        free.map(|one| &one.name).min_by_key(|name| drilled_at(name)).cloned()
    }

    fn was_played(&self, occurrence: &Occurrence) -> bool {
        let mut rehearsals = self.incidents.values().filter_map(|incident| incident.rehearsal());
        rehearsals.any(|one| one.planned.as_ref() == Some(occurrence))
    }
}

fn next_within(plan: &PlannedDrill, after: Timestamp) -> Option<Timestamp> {
    let times = plan.recurrence.occurrences(plan.start, &plan.timezone, after);
    times.take(AHEAD).find(|at| fits(plan, *at))
}

fn fits(plan: &PlannedDrill, at: Timestamp) -> bool {
    plan.during.as_ref().is_none_or(|during| is_within(during, at))
}

fn terms(plan: &PlannedDrill, dependency: DependencyName) -> DrillTerms {
    let PlannedDrill { failure, respects_quiet, lasts, .. } = plan;
    DrillTerms { dependency, failure: *failure, respects_quiet: *respects_quiet, lasts: *lasts }
}
