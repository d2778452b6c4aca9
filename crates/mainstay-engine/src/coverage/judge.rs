//! From what was played to whether somebody is told, well enough.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Breaking, ChannelName, Course, Cover, Dependency, FailureKind, Heard, Leads, Rule, Severity, Stretch, Way,
};

use super::play::Played;
use super::sweep::{Class, Classes};
use super::{Rehearsal, Swept};
use crate::time::signed;

/// What is urgent is to be told within this, beside the time that it takes to be seen and believed.
const URGENT_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// What is not urgent may wait for the next digest.
const OTHERS_WITHIN: SignedDuration = SignedDuration::from_hours(26);

/// So long before its end somebody has to know of a certificate; of one with a short life, a fiftieth of that.
const BEFORE_ITS_END: SignedDuration = SignedDuration::from_hours(24);

/// Judges what was played.
pub(super) struct Judge<'a> {
    pub(super) rehearsal: &'a Rehearsal<'a>,
    /// The channels that fail together with the dependency that is judged, and why.
    pub(super) shared: &'a BTreeMap<ChannelName, String>,
}

/// One way to break, and what is wrong with it.
pub(super) struct Judged {
    pub(super) way: Way,
    /// Why it is not covered at which moments; empty where it is.
    pub(super) causes: Vec<(Cause, Cover, Vec<Stretch>)>,
}

/// Why somebody is not told, or not well enough.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    NoRoute,
    MutedBy(Vec<usize>),
    SwitchedOff(Rule),
    NotNoticed,
    Unstaffed(String),
    WithoutChannel(String),
    SilentFor(String),
    SharedFate(BTreeMap<ChannelName, String>),
    NeverProven(BTreeSet<ChannelName>),
    TooLate(BTreeSet<ChannelName>),
}

impl Judge<'_> {
    /// Whether somebody is told of one way to break.
    pub(super) fn way(&self, dependency: &Dependency, swept: &Swept) -> Judged {
        match swept.breaking {
            Breaking::CertificateEnding => self.ending(dependency, &swept.classes),
            breaking => {
                self.sweep(dependency, breaking, swept.classes.first().map_or(&[][..], Vec::as_slice))
            }
        }
    }

    fn sweep(&self, dependency: &Dependency, breaking: Breaking, classes: &[Class]) -> Judged {
        let mut way = Way { breaking, cover: Cover::Covered, slowest_ms: None, courses: Vec::new() };
        let mut causes = Vec::new();
        for class in classes {
            let Some(first) = class.first() else { continue };
            let (cover, cause, after) = self.played(dependency, breaking, &class.played, first);
            way.cover = way.cover.max(cover);
            way.slowest_ms = way.slowest_ms.max(after);
            let told = class.told.clone();
            way.courses.push(Course { first, seconds: class.seconds(), cover, told });
            causes.extend(cause.map(|cause| (cause, cover, class.stretches.clone())));
        }
        way.courses.sort_by_key(|course| course.first);
        Judged { way, causes }
    }

    /// Of the three steps towards its end, it is enough that one is told, early enough before the end.
    fn ending(&self, dependency: &Dependency, steps: &[Classes]) -> Judged {
        let known = self.rehearsal.known.and_then(|known| known.lives.get(&dependency.name)).copied();
        let life = known.unwrap_or(super::play::USUAL_LIFE);
        let judged = steps.iter().zip(left_at_steps(life)).map(|(classes, left)| {
            let mut judged = self.sweep(dependency, Breaking::CertificateEnding, classes);
            let told_at = left - SignedDuration::from_millis(millis(judged.way.slowest_ms));
            if judged.way.cover == Cover::Covered && told_at < BEFORE_ITS_END.min(life / 50) {
                judged.way.cover = Cover::Late;
                let channels = channels(&judged.way.courses);
                let always = classes.iter().flat_map(|class| class.stretches.clone()).collect();
                judged.causes.push((Cause::TooLate(channels), Cover::Late, always));
            }
            judged
        });
        // Of those that are equally good, the earliest.
        let best = judged.min_by_key(|judged| judged.way.cover);
        let none = || self.sweep(dependency, Breaking::CertificateEnding, &[]);
        best.unwrap_or_else(none)
    }

    /// How a course ends, why if not well, and after how many milliseconds the first message went out that counts.
    fn played(
        &self,
        dependency: &Dependency,
        breaking: Breaking,
        played: &Played,
        at: Timestamp,
    ) -> (Cover, Option<Cause>, Option<u64>) {
        let first_of = |heard: &[&Heard]| heard.iter().map(|one| one.after_ms).min();
        let all: Vec<&Heard> = played.told.iter().collect();
        let meant: Vec<&Heard> = all.iter().copied().filter(|one| one.by != Leads::Fallback).collect();
        let apart = |one: &&Heard| !self.shared.contains_key(&one.channel);
        let works = |one: &&Heard| self.rehearsal.is_proven(&one.channel);
        if all.is_empty() || self.is_silent_throughout(played, at) {
            return (Cover::Nobody, Some(self.cause(breaking, played)), None);
        }
        if !all.iter().any(apart) || !meant.is_empty() && !meant.iter().any(apart) {
            return (Cover::Shared, Some(Cause::SharedFate(self.of_shared(&all))), first_of(&all));
        }
        if meant.is_empty() {
            return (Cover::Fallback, Some(self.cause(breaking, played)), first_of(&all));
        }
        let reach: Vec<&Heard> = meant.into_iter().filter(apart).collect();
        let proven: Vec<&Heard> = reach.iter().copied().filter(works).collect();
        let Some(first) = first_of(&proven) else {
            return (Cover::Unproven, Some(Cause::NeverProven(names(&reach))), first_of(&reach));
        };
        let late = first > self.allowed_ms(dependency, played, at);
        let unstaffed = played.why.unstaffed.first().cloned().map(Cause::Unstaffed);
        let cause = late.then(|| unstaffed.unwrap_or_else(|| Cause::TooLate(names(&proven))));
        (if late { Cover::Late } else { Cover::Covered }, cause, Some(first))
    }

    /// Those that fail together with the dependency, and why.
    fn of_shared(&self, heard: &[&Heard]) -> BTreeMap<ChannelName, String> {
        let shared = |name| self.shared.get_key_value(&name).map(|(name, why)| (name.clone(), why.clone()));
        names(heard).into_iter().filter_map(shared).collect()
    }

    /// Whether it is quiet for as long as is looked at, or longer.
    fn is_silent_throughout(&self, played: &Played, at: Timestamp) -> bool {
        let looked_at = self.rehearsal.until.duration_since(self.rehearsal.from);
        let lasts =
            |until: &Option<Timestamp>| until.is_none_or(|until| until.duration_since(at) >= looked_at);
        played.why.hushed.as_ref().is_some_and(|(_, until)| lasts(until))
    }

    /// How long the first message may take: the time to see and believe it, what a quiet time holds it back, and the time to tell.
    fn allowed_ms(&self, dependency: &Dependency, played: &Played, at: Timestamp) -> u64 {
        let every = signed(dependency.every);
        let checks = i32::try_from(dependency.confirm.of).unwrap_or(i32::MAX).saturating_add(4);
        let believed =
            every.saturating_mul(checks).saturating_add(signed(dependency.timeout).saturating_mul(4));
        let urgent = played.why.severity.or(played.told.first().map(|one| one.severity));
        let within =
            if urgent.is_some_and(|one| one >= Severity::High) { URGENT_WITHIN } else { OTHERS_WITHIN };
        let quiet = played.why.hushed.as_ref().and_then(|(_, until)| *until);
        let quiet = quiet.map_or(SignedDuration::ZERO, |until| until.duration_since(at));
        let allowed = believed.saturating_add(within).saturating_add(quiet);
        u64::try_from(allowed.as_millis()).unwrap_or(u64::MAX)
    }

    fn cause(&self, breaking: Breaking, played: &Played) -> Cause {
        let why = &played.why;
        let rule = rule_of(breaking);
        if !why.noticed {
            let enabled = self.rehearsal.landscape.rules.is_enabled(&rule.into());
            return if enabled { Cause::NotNoticed } else { Cause::SwitchedOff(rule) };
        }
        if let Some((reason, _)) = &why.hushed {
            return Cause::SilentFor(reason.clone());
        }
        if let Some(path) = &why.muted_by {
            return Cause::MutedBy(path.clone());
        }
        let unstaffed = why.unstaffed.first().cloned().map(Cause::Unstaffed);
        let unreachable = || why.unreachable.first().cloned().map(Cause::WithoutChannel);
        unstaffed.or_else(unreachable).unwrap_or(Cause::NoRoute)
    }
}

/// The rule that is there to notice it.
pub(super) fn rule_of(breaking: Breaking) -> Rule {
    match breaking {
        Breaking::Failure(FailureKind::TooSlow) => Rule::TooSlow,
        Breaking::Failure(_) => Rule::Down,
        Breaking::SomeAddresses => Rule::Degraded,
        Breaking::Flapping => Rule::Flapping,
        Breaking::CertificateEnding => Rule::CertificateExpiring,
        Breaking::Unchecked => Rule::Stale,
    }
}

/// How much of its life a certificate has left when it reaches each step towards its end.
fn left_at_steps(life: SignedDuration) -> impl Iterator<Item = SignedDuration> {
    let begin = Timestamp::UNIX_EPOCH;
    let end = crate::time::later(begin, life);
    mainstay_model::expiry_steps(begin, end).into_iter().map(move |(at, _)| end.duration_since(at))
}

fn millis(ms: Option<u64>) -> i64 {
    ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or_default()
}

fn names(heard: &[&Heard]) -> BTreeSet<ChannelName> {
    heard.iter().map(|one| one.channel.clone()).collect()
}

fn channels(courses: &[Course]) -> BTreeSet<ChannelName> {
    courses.iter().flat_map(|course| course.told.iter().map(|one| one.channel.clone())).collect()
}
