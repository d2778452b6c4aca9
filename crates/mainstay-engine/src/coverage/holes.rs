//! Everything that is wrong, each cause once, in sentences.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use mainstay_model::{
    Breaking, ChannelName, Cover, Dependency, DependencyName, Hole, HoleCode, QuietKind, Rule, ScheduleName,
    Severity, Stretch,
};

use super::Rehearsal;
use super::fate::Fates;
use super::judge::{Cause, Judged};
use super::own::{Fault, Fired};
use crate::oncall::gaps;
use crate::rules::Own;
use crate::wording::list;

mod whole;

/// Collects the causes of all ways that are not covered.
pub(super) struct Holes<'a> {
    rehearsal: &'a Rehearsal<'a>,
    causes: BTreeMap<Cause, BTreeMap<DependencyName, Concerned>>,
}

/// What a cause does to one dependency.
#[derive(Debug, Default)]
struct Concerned {
    ways: BTreeSet<Breaking>,
    worst: Option<Cover>,
    stretches: Vec<Stretch>,
}

impl<'a> Holes<'a> {
    pub(super) fn new(rehearsal: &'a Rehearsal<'a>) -> Holes<'a> {
        Holes { rehearsal, causes: BTreeMap::new() }
    }

    pub(super) fn note(&mut self, dependency: &Dependency, breaking: Breaking, judged: &Judged) {
        for (cause, cover, stretches) in &judged.causes {
            // A course that is better than the way as a whole has a cause of its own, which is told all the same.
            let all = self.causes.entry(cause.clone()).or_default();
            let concerned = all.entry(dependency.name.clone()).or_default();
            concerned.ways.insert(breaking);
            concerned.worst = concerned.worst.max(Some(*cover));
            concerned.stretches.extend(stretches);
        }
    }

    /// All of them, worst first. What can be said of the configuration alone is among them when all of it was played.
    pub(super) fn all(
        self,
        whole: Option<Fired>,
        fates: &Fates<'_>,
        rules: &[Own],
        dependencies: &[&Dependency],
    ) -> Vec<Hole> {
        let rehearsal = self.rehearsal;
        let mut holes: Vec<Hole> =
            self.causes.into_iter().flat_map(|(cause, all)| of_cause(rehearsal, &cause, all)).collect();
        holes.extend(whole::status_page(fates, dependencies));
        if let Some(fired) = whole {
            whole::all(rehearsal, &fired, rules, &mut holes);
        }
        holes.sort_by(|a, b| {
            (b.severity, b.ways, a.code, &a.place).cmp(&(a.severity, a.ways, b.code, &b.place))
        });
        holes
    }
}

/// One hole of each cause; where no route takes something, one for each set of ways, since those have different routes missing.
fn of_cause(rehearsal: &Rehearsal<'_>, cause: &Cause, all: BTreeMap<DependencyName, Concerned>) -> Vec<Hole> {
    if *cause != Cause::NoRoute {
        return vec![hole(rehearsal, cause, all)];
    }
    let mut by_ways: BTreeMap<BTreeSet<Breaking>, BTreeMap<DependencyName, Concerned>> = BTreeMap::new();
    for (name, concerned) in all {
        by_ways.entry(concerned.ways.clone()).or_default().insert(name, concerned);
    }
    by_ways.into_values().map(|alike| hole(rehearsal, cause, alike)).collect()
}

fn hole(rehearsal: &Rehearsal<'_>, cause: &Cause, all: BTreeMap<DependencyName, Concerned>) -> Hole {
    let ways = all.values().map(|one| one.ways.len() as u64).sum();
    let breaking: BTreeSet<Breaking> = all.values().flat_map(|one| one.ways.iter().copied()).collect();
    let worst = all.values().filter_map(|one| one.worst).max().unwrap_or(Cover::Covered);
    let severity = if worst >= Cover::Shared { Severity::High } else { Severity::Warn };
    let stretches = all.values().flat_map(|one| one.stretches.iter().copied()).collect();
    let dependencies: Vec<DependencyName> = all.into_keys().collect();
    let said = Said { rehearsal, names: &dependencies, breaking: &breaking, worst };
    let (code, place, what, mend) = said.cause(cause);
    let times = match cause {
        Cause::Unstaffed(schedule) => whole::gaps_of(rehearsal, schedule),
        _ => joined(stretches),
    };
    let always = |times: &[Stretch]| matches!(times, [one] if one.from <= rehearsal.from && one.until >= rehearsal.until);
    let times = if always(&times) { Vec::new() } else { times.into_iter().take(Hole::MOST_TIMES).collect() };
    Hole { code, severity, place, what, mend, dependencies, ways, times }
}

/// Stretches in order, those that touch as one.
fn joined(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    stretches.sort_unstable();
    let mut joined: Vec<Stretch> = Vec::new();
    for one in stretches {
        match joined.last_mut().filter(|last| one.from <= last.until) {
            Some(last) => last.until = last.until.max(one.until),
            None => joined.push(one),
        }
    }
    joined
}

/// What is said of a cause.
struct Said<'a> {
    rehearsal: &'a Rehearsal<'a>,
    names: &'a [DependencyName],
    breaking: &'a BTreeSet<Breaking>,
    worst: Cover,
}

type Sentences = (HoleCode, String, String, String);

impl Said<'_> {
    fn cause(&self, cause: &Cause) -> Sentences {
        match cause {
            Cause::NoRoute => self.no_route(),
            Cause::MutedBy(path) => self.muted(path),
            Cause::SwitchedOff(rule) => self.switched_off(*rule),
            Cause::NotNoticed => (
                HoleCode::NotNoticed,
                self.place(),
                format!("No rule notices that {}.", self.trouble()),
                "See whether its `slow` is longer than its `timeout`, or a check comes too seldom to show it.".into(),
            ),
            Cause::Unstaffed(schedule) => self.unstaffed(schedule),
            Cause::WithoutChannel(person) => (
                HoleCode::PersonWithoutChannel,
                format!("people.{person}"),
                format!("{person} has no channel, and {} when {}.", self.nobody_else(), self.trouble()),
                format!("Name channels of {person} under `channels`, or somebody else in what leads there."),
            ),
            Cause::SilentFor(reason) => self.silent(reason),
            Cause::SharedFate(channels) => self.shared_fate(channels),
            Cause::NeverProven(channels) => (
                HoleCode::ChannelNeverProven,
                format!("channels.{}", channels.first().map_or("", |name| name.as_str())),
                format!("That {} is told only by {}, which never took a message so far.", self.trouble(), list(channels)),
                "Send a message by it, so that it is known to work.".into(),
            ),
            Cause::TooLate(channels) => (
                HoleCode::TooLate,
                self.place(),
                format!("That {} is told by {} only when it is late.", self.trouble(), list(channels)),
                "Lead there by a route that tells at once and at every hour; digests and office hours are for what can wait.".into(),
            ),
        }
    }

    fn shared_fate(&self, channels: &BTreeMap<ChannelName, String>) -> Sentences {
        let names: BTreeSet<&ChannelName> = channels.keys().collect();
        let (fail, why) = match channels.iter().next() {
            Some((_, why)) if channels.len() == 1 => ("fails", why.clone()),
            _ => {
                let each = channels.iter().map(|(name, why)| format!("{name}, because {why}"));
                ("fail", each.collect::<Vec<_>>().join("; "))
            }
        };
        (
            HoleCode::SharedFate,
            format!("channels.{}", names.first().map_or("", |name| name.as_str())),
            format!(
                "That {} is told only by {}, which {fail} together with {}: {why}.",
                self.trouble(),
                list(&names),
                if self.names.len() == 1 { "it" } else { "them" }
            ),
            "Lead there by a channel of somebody else, too.".into(),
        )
    }

    fn no_route(&self) -> Sentences {
        let who = if self.worst == Cover::Fallback { "Only the fallback is told" } else { "Nobody is told" };
        (
            HoleCode::NoRoute,
            "routes".into(),
            format!("{who} when {}: no route takes it.", self.trouble()),
            "Add a route for it; one without conditions, as the last one, takes whatever no other does."
                .into(),
        )
    }

    fn muted(&self, path: &[usize]) -> Sentences {
        let places: Vec<String> = path.iter().map(ToString::to_string).collect();
        let ordinal = path.iter().map(|place| (place + 1).to_string()).collect::<Vec<_>>().join(".");
        (
            HoleCode::Muted,
            format!("routes.{}", places.join(".routes.")),
            format!("Nobody is told when {}: route {ordinal} mutes it.", self.trouble()),
            format!(
                "Narrow what route {ordinal} takes, remove its `mute`, or let a route before it tell somebody."
            ),
        )
    }

    fn switched_off(&self, rule: Rule) -> Sentences {
        (
            HoleCode::RuleSwitchedOff,
            format!("rules.{rule}"),
            format!("Nobody is told when {}: the rule {rule} is switched off.", self.trouble()),
            format!("Remove `enabled: false` of the rule {rule}, or give it the severity `info`."),
        )
    }

    fn unstaffed(&self, schedule: &str) -> Sentences {
        let (from, until) = (self.rehearsal.from, self.rehearsal.until);
        let gaps = whole::gaps_of(self.rehearsal, schedule);
        let empty = matches!(gaps.as_slice(), [one] if one.from <= from && one.until >= until);
        let place = format!("schedules.{schedule}");
        if empty {
            return (
                HoleCode::EmptyRotation,
                place,
                format!(
                    "Nobody is ever on call in {schedule}, and {} when {}.",
                    self.nobody_else(),
                    self.trouble()
                ),
                format!("See the layers of {schedule}: when they start, and which hours they leave."),
            );
        }
        (
            HoleCode::UnstaffedShift,
            place,
            format!(
                "Nobody is on call in {schedule} {}, and {} when {}.",
                whole::when(&gaps),
                self.nobody_else(),
                self.trouble()
            ),
            "Have somebody stand in by an override, or close the gap in its layers.".into(),
        )
    }

    fn silent(&self, reason: &str) -> Sentences {
        let quiets = &self.rehearsal.landscape.quiets;
        let place = quiets.iter().position(|one| one.reason == reason).map_or("silences".to_owned(), |at| {
            let kind = quiets.get(at).map(|one| one.kind);
            let before = quiets.iter().take(at).filter(|one| Some(one.kind) == kind).count();
            let section = if kind == Some(QuietKind::Maintenance) { "maintenance" } else { "silences" };
            format!("{section}.{before}")
        });
        (
            HoleCode::SilenceWithoutEnd,
            place,
            format!("Nobody is told when {}: the silence “{reason}” does not end.", self.trouble()),
            "Give it an `until`, or remove it.".into(),
        )
    }

    fn nobody_else(&self) -> &'static str {
        match self.worst {
            Cover::Fallback => "only the fallback is told",
            Cover::Late => "nobody else is told in time",
            _ => "nobody else is told",
        }
    }

    /// `orders-db breaks in any of 12 ways`, `orders-db and cache are too-slow`.
    fn trouble(&self) -> String {
        let names = list(self.names);
        let one = self.names.len() == 1;
        let mut ways = self.breaking.iter();
        match (ways.next(), ways.next()) {
            (Some(way), None) => format!("{names} {}", clause(*way, one)),
            _ if self.breaking.len() <= 3 => {
                let clauses: Vec<&str> = self.breaking.iter().map(|way| clause(*way, one)).collect();
                let (last, first) = clauses.split_last().unwrap_or((&"", &[]));
                format!("{names} {} or {last}", first.join(", "))
            }
            _ => format!(
                "{names} {} in any of {} ways",
                if one { "breaks" } else { "break" },
                self.breaking.len()
            ),
        }
    }

    fn place(&self) -> String {
        match self.names {
            [one] => format!("dependencies.{one}"),
            _ => "routes".into(),
        }
    }
}

/// What happens to one or to several.
fn clause(way: Breaking, one: bool) -> &'static str {
    use mainstay_model::FailureKind::TooSlow;
    match (way, one) {
        (Breaking::Failure(TooSlow), true) => "is slow",
        (Breaking::Failure(TooSlow), false) => "are slow",
        (Breaking::SomeAddresses, true) => "is down on some addresses",
        (Breaking::SomeAddresses, false) => "are down on some addresses",
        (Breaking::Flapping, true) => "keeps changing between good and bad",
        (Breaking::Flapping, false) => "keep changing between good and bad",
        (Breaking::CertificateEnding, true) => "comes near the end of its certificate",
        (Breaking::CertificateEnding, false) => "come near the end of their certificates",
        (Breaking::Unchecked, true) => "is not checked",
        (Breaking::Unchecked, false) => "are not checked",
        (Breaking::Failure(_), true) => "is down",
        (Breaking::Failure(_), false) => "are down",
    }
}
