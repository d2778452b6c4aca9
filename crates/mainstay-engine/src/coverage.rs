//! Coverage: the proof that somebody will be told, whatever breaks and whenever it does.
//!
//! Every dependency is broken in every way in which it can break, on a simulated clock, and the real engine decides who is told, by
//! the real configuration. Nobody takes anything up, so that escalations go on until they are exhausted.
//!
//! # Why few plays stand for every moment
//!
//! What the engine decides depends on the time only through what a [`calendar`] knows: hours, quiet times, who is on call, when
//! digests go out. A play decides something at a few moments after the break: when a check fails, when that is believed, when a step is
//! due. Between one break and the next for which one of those moments crosses a change of the calendar, nothing can be decided
//! differently. So breaks are played at those borders alone ([`sweep`]), and there, where the wait for whatever comes at a fixed
//! time is longest. Two borders at which the calendar looks the same, for as long as a play lasts, need one play. Dependencies that
//! no route, quiet time, rule or protocol can tell apart share all of theirs ([`alike`]). A test compares this with a play for every hour
//! of four weeks.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Breaking, ChannelName, Coverage, Covered, Dependency, DependencyName, DependencyState, KeptOverride,
    Landscape, Resolved, Silence,
};

mod alert;
mod alike;
mod breaks;
mod calendar;
mod fate;
mod ground;
mod holes;
mod judge;
mod own;
mod play;
mod stand;
mod sweep;

use crate::State;
use crate::proof::proven_channels;
use crate::rules::Own;
use crate::time::later;
use calendar::Calendars;
use fate::Fates;
pub use fate::lookups;
use holes::Holes;
use judge::Judge;
use play::{Script, Stage};
use sweep::{Classes, Sweep};

/// What a running Mainstay knows beside its configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// For how long the certificates were issued that dependencies show.
    pub lives: BTreeMap<DependencyName, SignedDuration>,
    /// When each channel last took a message or a trial as it is configured now; a channel that is not named never did.
    pub proven: BTreeMap<ChannelName, Timestamp>,
    /// The overrides of on-call schedules that were made at run time, in the order in which they were made.
    pub overrides: Vec<KeptOverride>,
    /// The silences that were made at run time.
    pub silences: Vec<Silence>,
}

impl State {
    /// What a rehearsal wants to know of a running Mainstay.
    pub fn known(&self) -> Known {
        let life = |state: &Arc<DependencyState>| {
            let end = state.nearest_end.as_ref()?;
            Some((state.name.clone(), end.not_after.duration_since(end.not_before)))
        };
        Known {
            lives: self.dependencies.values().filter_map(life).collect(),
            proven: proven_channels(self.channels.values(), &self.landscape),
            overrides: self.overrides.values().cloned().collect(),
            silences: self.silences.values().cloned().collect(),
        }
    }
}

/// What is to be rehearsed.
#[derive(Debug, Clone, Copy)]
pub struct Rehearsal<'a> {
    /// The configuration.
    pub landscape: &'a Landscape,
    /// What a running Mainstay knows; `None` where there is only the configuration.
    pub known: Option<&'a Known>,
    /// The first moment at which something breaks.
    pub from: Timestamp,
    /// The moment before which everything breaks.
    pub until: Timestamp,
    /// Where names lead, as far as it was answered; `None` where nobody was asked.
    pub resolved: Option<&'a Resolved>,
    /// Whether a channel of which nothing is known counts as one that never worked.
    pub require_proven: bool,
}

/// One way to break, played: once, or for a certificate's end once for each step towards it.
struct Swept {
    breaking: Breaking,
    classes: Arc<Vec<Classes>>,
}

/// So long after the last break the calendar has to be known: as long as a play may take.
const TAIL: SignedDuration = SignedDuration::from_hours(70 * 24);

impl Rehearsal<'_> {
    /// Plays everything.
    ///
    /// `progress` hears how many dependencies of how many are done.
    pub fn play(&self, progress: &mut dyn FnMut(usize, usize)) -> Coverage {
        self.play_some(&self.landscape.dependencies.values().collect::<Vec<_>>(), progress)
    }

    /// Plays one dependency; `None` when there is no such one.
    pub fn play_one(&self, name: &str) -> Option<Coverage> {
        let dependency = self.landscape.dependencies.get(name)?;
        Some(self.play_some(&[dependency], &mut |_, _| {}))
    }

    /// Plays a few dependencies of the configuration.
    pub fn play_some(
        &self,
        dependencies: &[&Dependency],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Coverage {
        let (rules, _) = crate::rules::compile(&self.landscape.rules);
        let bare = Landscape { dependencies: BTreeMap::new(), ..self.landscape.clone() };
        let end = later(self.until, TAIL);
        let mut calendars = Calendars::new(self.landscape, self.known, &rules, self.from, end);
        let fates = Fates::of(self.landscape, self.resolved);
        let mut holes = Holes::new(self);
        let mut own = own::Fired::default();
        let mut all = Vec::new();
        let mut plays = 0;
        let groups = alike::groups(dependencies, self.landscape, self.known, &rules);
        for group in &groups {
            let Some(first) = group.first() else { continue };
            let stage = Stage::new(&bare, first, self.known);
            let mut sweep = Sweep::new(&stage, calendars.of(first), self.from, self.until);
            let ways = self.ways(first, &mut sweep, &rules);
            own.note(&ways, &stage, &rules, self.from);
            plays += sweep.plays();
            for dependency in group {
                let shared = fates.shared_with(dependency);
                let judge = Judge { rehearsal: self, shared: &shared };
                let covered = ways.iter().map(|swept| {
                    let judged = judge.way(dependency, swept);
                    holes.note(dependency, swept.breaking, &judged);
                    judged.way
                });
                all.push(Covered { name: dependency.name.clone(), ways: covered.collect() });
            }
            progress(all.len(), dependencies.len());
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let whole = dependencies.len() == self.landscape.dependencies.len();
        let holes = holes.all(whole.then_some(own), &fates, &rules, dependencies);
        Coverage {
            from: self.from,
            until: self.until,
            dependencies: all,
            holes,
            plays,
            proof_known: self.known.is_some(),
        }
    }

    fn ways(&self, dependency: &Dependency, sweep: &mut Sweep<'_>, rules: &[Own]) -> Vec<Swept> {
        let life = sweep.life();
        let mut alike: BTreeMap<String, Arc<Vec<Classes>>> = BTreeMap::new();
        let mut play = |breaking| {
            let way = alike::way(dependency, breaking, self.landscape, self.known, rules);
            let classes = alike.entry(way).or_insert_with(|| match breaking {
                Breaking::CertificateEnding => {
                    Arc::new((0..3).map(|step| sweep.play(Script::Nears { life, step })).collect())
                }
                _ => Arc::new(vec![sweep.play(Script::Breaks(breaking))]),
            });
            Swept { breaking, classes: classes.clone() }
        };
        breaks::breaks(dependency).into_iter().map(&mut play).collect()
    }

    fn is_proven(&self, channel: &ChannelName) -> bool {
        match self.known {
            Some(known) => known.proven.contains_key(channel),
            None => !self.require_proven,
        }
    }
}

#[cfg(test)]
mod tests;
