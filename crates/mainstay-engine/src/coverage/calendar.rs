//! When who is told may change only because time passed.
//!
//! What the engine decides depends on the time of day through a few things alone: the hours of routes and of escalations, quiet
//! times, who is on call, when digests are sent, and, where a rule of one's own asks for it, the hour and the day of the week. Each of
//! them is a [`Track`]: a value that changes at known moments. All that matter to a dependency together are its [`Calendar`].

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Dependency, Escalation, EscalationName, Hours, Landscape, Manner, PersonName, QuietTime, Recipient,
    Route, Schedule, ScheduleName, Silence,
};

use super::Known;
use crate::digest::next_digest;
use crate::expr::Fact;
use crate::oncall::{hours, shifts};
use crate::quiet::LONGEST;
use crate::rules::own::Own;
use crate::time::{earlier, later, signed};

/// A value that changes at known moments.
type Track = Vec<(Timestamp, u32)>;

/// What a moment of the time played is like, as far as it matters to a dependency.
///
/// Two moments with the same label, between which and the end of a play nothing changes, or everything changes in the same way
/// after the same lengths of time, cannot be told apart by the engine: it sees the time through nothing else.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calendar {
    /// The moments at which anything changes, each with a number for how everything is from then on.
    changes: Vec<(Timestamp, u32)>,
}

impl Calendar {
    /// How it is at a moment: moments that are alike have the same number.
    pub(crate) fn label(&self, at: Timestamp) -> u32 {
        let after = self.changes.partition_point(|(change, _)| *change <= at);
        after.checked_sub(1).and_then(|last| self.changes.get(last)).map_or(0, |(_, label)| *label)
    }

    /// When anything changes next.
    pub(crate) fn next(&self, at: Timestamp) -> Option<Timestamp> {
        let after = self.changes.partition_point(|(change, _)| *change <= at);
        self.changes.get(after).map(|(change, _)| *change)
    }

    /// Whether anything changes after a moment and not later than another.
    pub(crate) fn has_change(&self, after: Timestamp, until: Timestamp) -> bool {
        self.next(after).is_some_and(|change| change <= until)
    }

    /// What changes after a moment and until a length of time later: how much later, and to what.
    pub(crate) fn profile(
        &self,
        from: Timestamp,
        length: SignedDuration,
    ) -> impl Iterator<Item = (SignedDuration, u32)> + '_ {
        let end = later(from, length);
        let after = self.changes.partition_point(|(change, _)| *change <= from);
        let rest = self.changes.get(after..).unwrap_or_default().iter();
        rest.take_while(move |(at, _)| *at <= end).map(move |(at, label)| (at.duration_since(from), *label))
    }

    fn of(tracks: &[&Track]) -> Calendar {
        let mut moments: Vec<Timestamp> =
            tracks.iter().flat_map(|track| track.iter().map(|(at, _)| *at)).collect();
        moments.sort_unstable();
        moments.dedup();
        let mut labels: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
        let label = |at: Timestamp| {
            let values = tracks.iter().map(|track| value(track, at)).collect();
            let new = u32::try_from(labels.len()).unwrap_or(u32::MAX);
            (at, *labels.entry(values).or_insert(new))
        };
        Calendar { changes: moments.into_iter().map(label).collect() }
    }
}

fn value(track: &Track, at: Timestamp) -> u32 {
    let after = track.partition_point(|(change, _)| *change <= at);
    after.checked_sub(1).and_then(|last| track.get(last)).map_or(0, |(_, value)| *value)
}

/// Makes calendars for dependencies; what several of them share is worked out once.
pub(crate) struct Calendars<'a> {
    landscape: &'a Landscape,
    known: Option<&'a Known>,
    rules: &'a [Own],
    from: Timestamp,
    until: Timestamp,
    tracks: BTreeMap<(u8, usize), Track>,
    made: BTreeMap<Vec<(u8, usize)>, Calendar>,
}

/// Something that changes with time.
#[derive(Debug, Clone, Copy)]
enum Item<'a> {
    Hours(&'a Hours),
    Quiet(&'a QuietTime),
    Silence(&'a Silence),
    Schedule(&'a ScheduleName, &'a Schedule),
    Digest,
    Clock,
}

impl Item<'_> {
    /// Where it lies tells it from all others.
    fn key(self) -> (u8, usize) {
        match self {
            Item::Hours(hours) => (0, std::ptr::from_ref(hours).addr()),
            Item::Quiet(when) => (1, std::ptr::from_ref(when).addr()),
            Item::Silence(silence) => (2, std::ptr::from_ref(silence).addr()),
            Item::Schedule(_, schedule) => (3, std::ptr::from_ref(schedule).addr()),
            Item::Digest => (4, 0),
            Item::Clock => (5, 0),
        }
    }
}

impl<'a> Calendars<'a> {
    /// For breaks from `from`, what follows of which is over by `until`.
    pub(crate) fn new(
        landscape: &'a Landscape,
        known: Option<&'a Known>,
        rules: &'a [Own],
        from: Timestamp,
        until: Timestamp,
    ) -> Calendars<'a> {
        Calendars { landscape, known, rules, from, until, tracks: BTreeMap::new(), made: BTreeMap::new() }
    }

    /// What matters to one dependency.
    pub(crate) fn of(&mut self, dependency: &Dependency) -> Calendar {
        let mut items = self.items(dependency);
        items.sort_by_key(|item| item.key());
        items.dedup_by_key(|item| item.key());
        let keys: Vec<_> = items.iter().map(|item| item.key()).collect();
        if let Some(made) = self.made.get(&keys) {
            return made.clone();
        }
        for item in items {
            if !self.tracks.contains_key(&item.key()) {
                let track = self.track(item);
                self.tracks.insert(item.key(), track);
            }
        }
        let tracks: Vec<&Track> = keys.iter().filter_map(|key| self.tracks.get(key)).collect();
        let calendar = Calendar::of(&tracks);
        self.made.insert(keys, calendar.clone());
        calendar
    }

    fn items(&self, dependency: &Dependency) -> Vec<Item<'a>> {
        let landscape = self.landscape;
        let mut items = Vec::new();
        routes(&landscape.routes, dependency, landscape, &mut items);
        recipients(&landscape.fallback, landscape, &mut items);
        let quiets = landscape.quiets.iter().filter(|quiet| quiet.what.takes_dependency(dependency));
        items.extend(quiets.map(|quiet| Item::Quiet(&quiet.when)));
        let silences = self.known.into_iter().flat_map(|known| &known.silences);
        items.extend(silences.filter(|one| one.what.takes_dependency(dependency)).map(Item::Silence));
        let clock = [Fact::Hour, Fact::Weekday, Fact::Now];
        let asks = |rule: &Own| rule.program.facts().iter().any(|fact| clock.contains(fact));
        items.extend(self.rules.iter().any(asks).then_some(Item::Clock));
        items
    }

    fn track(&self, item: Item<'_>) -> Track {
        let stretches = match item {
            Item::Hours(during) => hours(&during.restriction, &during.timezone, self.from, self.until),
            Item::Quiet(when) => quiets(when, self.from, self.until),
            Item::Silence(silence) => vec![(silence.from, silence.until)],
            Item::Schedule(name, schedule) => return self.turns(name, schedule),
            Item::Digest => return self.digests(),
            Item::Clock => return self.clock(),
        };
        self.within(stretches)
    }

    /// Stretches that touch or overlap count as one.
    fn within(&self, mut stretches: Vec<(Timestamp, Timestamp)>) -> Track {
        stretches.retain(|(begin, end)| *end > self.from && begin < end);
        stretches.sort_unstable();
        let mut track = vec![(self.from, 0)];
        let mut open_until = Timestamp::MIN;
        for (begin, end) in stretches {
            if begin <= open_until {
                track.pop();
            } else {
                track.push((begin.max(self.from), 1));
            }
            open_until = open_until.max(end);
            track.push((open_until, 0));
        }
        track
    }

    fn turns(&self, name: &ScheduleName, schedule: &Schedule) -> Track {
        let made = self.known.into_iter().flat_map(|known| &known.overrides);
        let made = made.filter(|kept| kept.schedule == *name).map(|kept| &kept.terms);
        let mut people: Vec<Option<PersonName>> = Vec::new();
        let mut number = |person: Option<&PersonName>| {
            let place = people.iter().position(|one| one.as_ref() == person).unwrap_or_else(|| {
                people.push(person.cloned());
                people.len() - 1
            });
            u32::try_from(place).unwrap_or(u32::MAX)
        };
        let shifts = shifts(schedule, made, self.from, self.until);
        shifts.iter().map(|shift| (shift.from, number(shift.person()))).collect()
    }

    /// That a digest is sent changes nothing, and how long it is until then does.
    fn digests(&self) -> Track {
        let next = |at: &Timestamp| Some(next_digest(&self.landscape.digest_at, *at));
        let all = std::iter::successors(next(&self.from), next).take_while(|at| *at < self.until);
        [self.from].into_iter().chain(all).map(|at| (at, 0)).collect()
    }

    /// A rule that asks for the time is judged for every hour of the week.
    fn clock(&self) -> Track {
        let hour = SignedDuration::from_hours(1);
        let second = self.from.as_second().div_euclid(3_600) * 3_600;
        let first = Timestamp::from_second(second).unwrap_or(self.from);
        let all = std::iter::successors(Some(first), |at| Some(later(*at, hour)));
        let of_week = |at: Timestamp| {
            let local = TimeZone::UTC.to_datetime(at);
            u32::from(local.weekday().to_monday_zero_offset().unsigned_abs()) * 24
                + u32::from(local.hour().unsigned_abs())
        };
        all.take_while(|at| *at < self.until).map(|at| (at, of_week(at))).collect()
    }
}

fn routes<'a>(
    all: &'a [Route],
    dependency: &Dependency,
    landscape: &'a Landscape,
    items: &mut Vec<Item<'a>>,
) {
    let may = |route: &&Route| !route.when.is_about_dependencies() || route.when.takes_dependency(dependency);
    for route in all.iter().filter(may) {
        items.extend(route.during.as_ref().map(Item::Hours));
        items.extend((route.manner == Manner::Digest).then_some(Item::Digest));
        recipients(&route.to, landscape, items);
        let policy = route.escalate.as_ref().and_then(|name| landscape.escalations.get(name));
        if let Some(policy) = policy {
            items.extend(policy.during.as_ref().map(Item::Hours));
            policy.steps.iter().for_each(|step| recipients(&step.to, landscape, items));
        }
        routes(&route.routes, dependency, landscape, items);
    }
}

fn recipients<'a>(to: &[Recipient], landscape: &'a Landscape, items: &mut Vec<Item<'a>>) {
    let schedules = to.iter().filter_map(|recipient| match recipient {
        Recipient::Schedule(name) => landscape.schedules.get_key_value(name),
        Recipient::Channel(_) | Recipient::Person(_) => None,
    });
    items.extend(schedules.map(|(name, schedule)| Item::Schedule(name, schedule)));
}

/// The stretches of a quiet time that lie between two moments at least in part.
fn quiets(when: &QuietTime, from: Timestamp, until: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    match when {
        QuietTime::Once { from: begin, until: end } => {
            vec![(begin.unwrap_or(Timestamp::MIN), end.unwrap_or(Timestamp::MAX))]
        }
        QuietTime::Recurring { start, recurrence, length, timezone } => {
            let length = signed(*length).min(LONGEST);
            let begins = recurrence.occurrences(*start, timezone, earlier(from, length));
            begins.take_while(|begin| *begin < until).map(|begin| (begin, later(begin, length))).collect()
        }
    }
}

/// The policies that any route leads to.
pub(crate) fn led_to<'a>(
    routes: &'a [Route],
    escalations: &'a BTreeMap<EscalationName, Escalation>,
) -> BTreeMap<&'a EscalationName, &'a Escalation> {
    let own = routes.iter().filter_map(|route| escalations.get_key_value(route.escalate.as_ref()?));
    let below = routes.iter().flat_map(|route| led_to(&route.routes, escalations));
    own.chain(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn moments_are_alike_where_every_track_is() {
        let by_day: Track = vec![(second(0), 0), (second(10), 1), (second(20), 0), (second(30), 1)];
        let by_shift: Track = vec![(second(0), 0), (second(20), 1)];
        let calendar = Calendar::of(&[&by_day, &by_shift]);
        let labels: Vec<u32> = [0, 9, 10, 19, 20, 30].map(|at| calendar.label(second(at))).into();
        assert_eq!(labels, [0, 0, 1, 1, 2, 3]);
        assert_eq!(calendar.next(second(10)), Some(second(20)));
        assert_eq!(calendar.next(second(30)), None);
        let profile: Vec<_> = calendar.profile(second(5), SignedDuration::from_secs(15)).collect();
        assert_eq!(profile, [(SignedDuration::from_secs(5), 1), (SignedDuration::from_secs(15), 2)]);
        assert_eq!(Calendar::default().label(second(1)), 0);
    }
}
