use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Alert, AlertKey, Diagnosis, Override, Rule, Schedule, ScheduleName, Severity, Subject, in_words,
};

use super::{Shift, gaps, on_call};
use crate::agenda::Due;
use crate::time::{clock, later, signed};
use crate::turn::Turn;

/// From then on a gap is urgent.
const SOON: SignedDuration = SignedDuration::from_hours(24);

/// Every schedule is looked at at least this often: the horizon moves on, and with it gaps come into sight.
const EVERY: SignedDuration = SignedDuration::from_hours(24);

/// What has passed is shown for this long after its end, and then forgotten.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(90 * 24);

/// More gaps are not listed one by one.
const LISTED: usize = 10;

impl Turn<'_> {
    /// Judges whether somebody is on call now and within the horizon, and says when to look again.
    pub(crate) fn look_at_schedule(&mut self, name: &ScheduleName) {
        self.forget_old_overrides(name);
        let landscape = self.state.landscape.clone();
        let Some(schedule) = landscape.schedules.get(name) else { return };
        let warning = signed(landscape.gap_warning.0);
        // A gap that begins just then is in sight.
        let horizon = later(later(self.now, warning), SignedDuration::from_secs(1));
        let overrides: Vec<Override> =
            self.state.overrides(name.as_str()).map(|kept| kept.terms.clone()).collect();
        let gaps = gaps(schedule, &overrides, self.now, horizon);
        match gaps.first() {
            Some(first) => {
                let end = on_call(schedule, &overrides, first.from).until;
                let sight = Sight { name, schedule, gaps: &gaps, end, now: self.now, horizon };
                let alert = sight.alert(&landscape.operator_url);
                self.raise_gap(alert);
            }
            None => self.ended(&key(name), ""),
        }
        let next = next_look(schedule, &overrides, &gaps, self.now, warning);
        self.state.agenda.by(next, Due::Schedule(name.clone()));
    }

    /// Schedules that are no longer configured have no gaps.
    pub(crate) fn forget_schedules(&mut self) {
        let named = self.state.index.alerts().filter_map(|(key, _)| schedule_of(key));
        let gone: Vec<ScheduleName> =
            named.filter(|name| !self.state.landscape.schedules.contains_key(name)).collect();
        for name in gone {
            self.ended(&key(&name), "it was removed from the configuration");
            self.state.agenda.forget(&Due::Schedule(name));
        }
    }

    /// Says it only when something of it is new.
    fn raise_gap(&mut self, mut alert: Alert) {
        let key = alert.key.to_string();
        let of_before = self.state.index.of_alert(&key).and_then(|id| self.state.incidents.get(&id));
        let before = of_before.and_then(|incident| incident.alerts.get(&key)).cloned();
        alert.since = before.as_ref().map_or(alert.since, |before| before.since);
        if before.as_ref() == Some(&alert) {
            return;
        }
        self.raised(&alert, &[]);
        let began = before.is_some_and(|before| before.breaks_at.is_some()) && alert.breaks_at.is_none();
        if began && let Some(id) = self.state.index.of_alert(&key) {
            let news = self.news(id);
            news.urgent = true;
            news.lines.push(alert.diagnosis.cause);
        }
    }

    fn forget_old_overrides(&mut self, name: &ScheduleName) {
        let old = self
            .state
            .overrides(name.as_str())
            .filter(|kept| later(kept.terms.until, REMEMBERED) <= self.now);
        for id in old.map(|kept| kept.id).collect::<Vec<_>>() {
            self.forget_override(id);
        }
    }
}

/// What is seen of a schedule's gaps from now to the horizon.
struct Sight<'a> {
    name: &'a ScheduleName,
    schedule: &'a Schedule,
    /// At least one.
    gaps: &'a [Shift],
    /// When the first gap ends; absent when no end is in sight.
    end: Option<Timestamp>,
    now: Timestamp,
    horizon: Timestamp,
}

impl Sight<'_> {
    fn alert(&self, operator_url: &str) -> Alert {
        let from = self.gaps.first().map_or(self.now, |gap| gap.from);
        let severity = if from.duration_since(self.now) <= SOON { Severity::High } else { Severity::Warn };
        Alert {
            key: key(self.name),
            severity,
            since: self.now,
            failure: None,
            diagnosis: Diagnosis {
                cause: self.cause(from),
                evidence: self.others(),
                actions: self.actions(operator_url),
            },
            breaks_at: (from > self.now).then_some(from),
        }
    }

    fn cause(&self, from: Timestamp) -> String {
        let (title, zone) = (&self.schedule.title, &self.schedule.timezone);
        match (from > self.now, self.end) {
            (true, Some(end)) => format!(
                "Nobody will be on call for {title} from {} until {}, for {}.",
                both(from, zone),
                both(end, zone),
                in_words(end.duration_since(from))
            ),
            (true, None) => {
                format!("Nobody will be on call for {title} from {}, without an end.", both(from, zone))
            }
            (false, Some(end)) => format!("Nobody is on call for {title} until {}.", both(end, zone)),
            (false, None) => format!("Nobody is on call for {title}, and nobody will be."),
        }
    }

    /// The gaps after the first one.
    fn others(&self) -> Vec<String> {
        let zone = &self.schedule.timezone;
        let others = self.gaps.get(1..).unwrap_or_default();
        let mut lines: Vec<String> = others
            .iter()
            .take(LISTED)
            .map(|gap| {
                // The last one may go on beyond what was looked at.
                let length = in_words(gap.until.duration_since(gap.from));
                let least = if gap.until == self.horizon { "at least " } else { "" };
                format!("Nobody will be on call from {} for {least}{length} either.", both(gap.from, zone))
            })
            .collect();
        if others.len() > LISTED {
            lines.push(format!(
                "{} more gaps follow until {}.",
                others.len() - LISTED,
                both(self.horizon, zone)
            ));
        }
        lines
    }

    fn actions(&self, operator_url: &str) -> Vec<String> {
        let name = self.name;
        vec![
            format!("Have somebody stand in for that time: {operator_url}/on-call"),
            format!(
                "Or close it for good: the layers of `schedules.{name}` in the configuration leave these hours out."
            ),
        ]
    }
}

/// A moment in the zone of the schedule and in UTC: `Sat 2026-08-01 09:00 (Europe/Berlin; 07:00 UTC)`.
fn both(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    let utc = at.to_zoned(TimeZone::UTC);
    let name = zone.iana_name().unwrap_or("local time");
    if name == "UTC" {
        return local.strftime("%a %Y-%m-%d %H:%M UTC").to_string();
    }
    let utc = if utc.date() == local.date() { utc.strftime("%H:%M UTC").to_string() } else { clock(at) };
    format!("{} ({name}; {utc})", local.strftime("%a %Y-%m-%d %H:%M"))
}

/// When something about the schedule may be other than now: a gap comes into sight, is near, begins or ends, or something is to be
/// forgotten.
fn next_look(
    schedule: &Schedule,
    overrides: &[Override],
    gaps: &[Shift],
    now: Timestamp,
    horizon: SignedDuration,
) -> Timestamp {
    let from_first = gaps.first().map(|gap| [crate::time::earlier(gap.from, SOON), gap.from, gap.until]);
    // A gap that comes into sight with the horizon is told then, and not up to a day later.
    let end_of_sight = later(now, horizon);
    let beyond = super::gaps(schedule, overrides, end_of_sight, later(end_of_sight, EVERY));
    let into_sight = beyond.first().map(|gap| crate::time::earlier(gap.from, horizon));
    let forgotten = overrides.iter().map(|one| later(one.until, REMEMBERED)).min();
    let times = from_first.into_iter().flatten().chain(into_sight).chain(forgotten);
    times.filter(|at| *at > now).chain([later(now, EVERY)]).min().unwrap_or(now)
}

fn key(name: &ScheduleName) -> AlertKey {
    AlertKey { subject: Subject::Schedule(name.clone()), rule: Rule::ScheduleGap.into() }
}

fn schedule_of(key: &str) -> Option<ScheduleName> {
    key.strip_prefix("schedule:")?.strip_suffix("/schedule-gap")?.parse().ok()
}
