use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Override, PersonName, Schedule};

use crate::time::later;

mod cover;
mod gap;
mod layer;
mod overrides;

pub use overrides::{OverrideFault, check_override};

pub(crate) use layer::hours;

/// Somebody's time on call, or a time when nobody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends, after `from`.
    pub until: Timestamp,
    /// Who is on call, and by what. `None`: a gap.
    pub duty: Option<Duty>,
}

/// Who is on call, and what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// Who.
    pub person: PersonName,
    /// By what.
    pub source: Source,
}

/// What puts somebody on call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The layer with this place in the schedule, from 0.
    Layer(usize),
    /// Somebody stands in.
    Override(Box<Override>),
}

/// Who is on call at one moment, and who will be after that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnCall {
    /// Who is. `None`: nobody.
    pub now: Option<Duty>,
    /// When that changes to another person or to nobody; `None` when it does not within 400 days.
    pub until: Option<Timestamp>,
    /// Who is from then on. `None`: nobody, or no change is in sight.
    pub next: Option<Duty>,
}

impl Shift {
    /// Who is on call; `None` in a gap.
    pub fn person(&self) -> Option<&PersonName> {
        self.duty.as_ref().map(|duty| &duty.person)
    }
}

/// Looking further ahead costs more, and most rotations change within the first two of these, in days.
const LOOK_AHEAD: [i64; 4] = [2, 16, 128, 400];

/// Who is on call at `at`.
///
/// `extra` are the overrides made at run time, in the order in which they were made. To ask for many moments, ask once for the
/// [`shifts`] around them: that costs hardly more than this does.
pub fn on_call<'a>(
    schedule: &'a Schedule,
    extra: impl IntoIterator<Item = &'a Override>,
    at: Timestamp,
) -> OnCall {
    let overrides: Vec<&Override> = extra.into_iter().collect();
    let mut now = None;
    for days in LOOK_AHEAD {
        let ahead =
            shifts(schedule, overrides.iter().copied(), at, later(at, SignedDuration::from_hours(24 * days)));
        let mut ahead = ahead.into_iter();
        now = ahead.next().and_then(|shift| shift.duty);
        let person = now.as_ref().map(|duty| &duty.person);
        if let Some(change) = ahead.find(|shift| shift.person() != person) {
            return OnCall { now, until: Some(change.from), next: change.duty };
        }
    }
    OnCall { now, until: None, next: None }
}

/// Everybody's time on call from `from` until `until`, in order and without a hole: where nobody is on call, a shift says so.
///
/// Neighbours differ in who is on call or in what puts them there. The first and the last shift are cut at the ends of the time
/// asked for. Empty when `until` is not after `from`.
///
/// `extra` are the overrides made at run time, in the order in which they were made: a later one covers an earlier one, and all
/// of them cover those from the configuration.
pub fn shifts<'a>(
    schedule: &'a Schedule,
    extra: impl IntoIterator<Item = &'a Override>,
    from: Timestamp,
    until: Timestamp,
) -> Vec<Shift> {
    if until <= from {
        return Vec::new();
    }
    let mut shifts = vec![Shift { from, until, duty: None }];
    for (place, layer) in schedule.layers.iter().enumerate() {
        shifts = cover::cover(shifts, layer::shifts(layer, place, &schedule.timezone, from, until));
    }
    for stand_in in schedule.overrides.iter().chain(extra) {
        let pieces = cover::pieces(&shifts, stand_in);
        shifts = cover::cover(shifts, pieces);
    }
    shifts
}

/// The times from `from` until `until` at which nobody is on call, in order.
pub fn gaps<'a>(
    schedule: &'a Schedule,
    extra: impl IntoIterator<Item = &'a Override>,
    from: Timestamp,
    until: Timestamp,
) -> Vec<Shift> {
    let mut shifts = shifts(schedule, extra, from, until);
    shifts.retain(|shift| shift.duty.is_none());
    shifts
}

#[cfg(test)]
mod tests;
