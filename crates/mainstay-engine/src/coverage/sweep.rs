//! One break at every moment of the time played, from as few plays as can tell all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Heard, Stretch};

use super::calendar::Calendar;
use super::play::{Played, Prepared, Script, Stage};

/// As many moments are kept ready for further breaks; they are few kilobytes each.
const READY: usize = 2_000;

/// What comes of a break, by when it happens.
pub(crate) type Classes = Vec<Class>;

/// The moments at which a break has the same course.
#[derive(Debug, Clone)]
pub(crate) struct Class {
    /// The course, played at the first of them.
    pub(crate) played: Arc<Played>,
    /// Whom it tells, for everybody who shows it.
    pub(crate) told: Arc<Vec<Heard>>,
    /// The moments, in order; they begin where the wait for anything that comes at a fixed time is longest.
    pub(crate) stretches: Vec<Stretch>,
    label: u32,
    profile: Vec<(SignedDuration, u32)>,
}

impl Class {
    /// When it was played.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.stretches.first().map(|stretch| stretch.from)
    }

    /// For how long of the time played it holds, in seconds.
    pub(crate) fn seconds(&self) -> u64 {
        let lengths = self.stretches.iter().map(|one| one.until.duration_since(one.from));
        let sum = lengths.fold(SignedDuration::ZERO, |sum, one| sum.saturating_add(one));
        u64::try_from(sum.as_secs()).unwrap_or_default()
    }
}

/// Plays breaks of one dependency over the whole time.
pub(crate) struct Sweep<'a> {
    stage: &'a Stage<'a>,
    calendar: Calendar,
    from: Timestamp,
    until: Timestamp,
    ready: BTreeMap<Timestamp, Prepared<'a>>,
    plays: u64,
}

impl<'a> Sweep<'a> {
    pub(crate) fn new(
        stage: &'a Stage<'a>,
        calendar: Calendar,
        from: Timestamp,
        until: Timestamp,
    ) -> Sweep<'a> {
        Sweep { stage, calendar, from, until, ready: BTreeMap::new(), plays: 0 }
    }

    pub(crate) fn plays(&self) -> u64 {
        self.plays
    }

    pub(crate) fn life(&self) -> SignedDuration {
        self.stage.life()
    }

    /// Every course of a break, and when it holds.
    pub(crate) fn play(&mut self, script: Script) -> Classes {
        let mut classes: Classes = Vec::new();
        let mut at = self.from;
        while at < self.until {
            let place = match classes.iter().position(|class| self.is_alike(class, at)) {
                Some(place) => place,
                None => {
                    classes.push(self.class(script, at));
                    classes.len() - 1
                }
            };
            let Some(class) = classes.get_mut(place) else { return classes };
            let next = border(&self.calendar, &class.played, at).unwrap_or(self.until).min(self.until);
            match class.stretches.last_mut().filter(|last| last.until == at) {
                Some(last) => last.until = next,
                None => class.stretches.push(Stretch { from: at, until: next }),
            }
            at = next;
        }
        classes
    }

    fn is_alike(&self, class: &Class, at: Timestamp) -> bool {
        class.label == self.calendar.label(at)
            && self.calendar.profile(at, class.played.length).eq(class.profile.iter().copied())
    }

    fn class(&mut self, script: Script, at: Timestamp) -> Class {
        if self.ready.len() > READY {
            self.ready.clear();
        }
        let stage = self.stage;
        let played = self.ready.entry(at).or_insert_with(|| stage.prepare(at)).play(script, &self.calendar);
        self.plays += 1;
        let profile = self.calendar.profile(at, played.length).collect();
        let told = Arc::new(played.told.clone());
        Class {
            played: Arc::new(played),
            told,
            stretches: Vec::new(),
            label: self.calendar.label(at),
            profile,
        }
    }
}

/// The next moment of a break at which one of the moments of the play falls on another side of a change.
fn border(calendar: &Calendar, played: &Played, at: Timestamp) -> Option<Timestamp> {
    let moments = played.moments.iter().chain([&SignedDuration::ZERO]);
    let crossings = moments.filter_map(|after| {
        let change = calendar.next(at.checked_add(*after).ok()?)?;
        change.checked_sub(*after).ok()
    });
    crossings.filter(|next| *next > at).min()
}

#[cfg(test)]
pub(super) fn at_every(
    stage: &Stage<'_>,
    script: Script,
    moments: impl Iterator<Item = Timestamp>,
) -> Vec<(Timestamp, Played)> {
    moments.map(|at| (at, stage.prepare(at).play(script, &Calendar::default()))).collect()
}
