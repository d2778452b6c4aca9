use std::collections::BTreeMap;

use jiff::Timestamp;
use mainstay_model::{Failure, Verdict};

use super::HOUR;
use crate::CheckPoint;
use crate::record::{RollUpRow, Tally};

/// A verdict is taken to hold until the next check, and for at most ten minutes: longer silence is not evidence of anything.
pub(crate) const HOLDS_FOR: i64 = 600_000_000;

/// One check, put together from the rows of its addresses. Times in microseconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Check {
    pub(crate) at: i64,
    pub(crate) verdict: Verdict,
    pub(crate) failure: Option<Failure>,
    /// Name resolution and the slowest address.
    pub(crate) total_us: Option<i64>,
}

impl Check {
    /// The check as pages show it; `None` for a moment that no calendar has.
    pub(crate) fn into_point(self) -> Option<CheckPoint> {
        Some(CheckPoint {
            at: Timestamp::from_microsecond(self.at).ok()?,
            verdict: self.verdict,
            failure: self.failure,
            total_ms: self.total_us.map(|micros| micros as f64 / 1000.0),
        })
    }
}

/// The checks that the rows of one dependency make up, oldest first.
pub(crate) fn checks(tallies: Vec<Tally>) -> Vec<Check> {
    let mut by_time: BTreeMap<i64, Vec<Tally>> = BTreeMap::new();
    tallies.into_iter().for_each(|tally| by_time.entry(tally.at).or_default().push(tally));
    by_time.into_iter().filter_map(|(at, rows)| check(at, rows)).collect()
}

fn check(at: i64, rows: Vec<Tally>) -> Option<Check> {
    let slowest = rows.iter().filter_map(|row| row.phases_us).max();
    let speaker = rows.into_iter().find(|row| row.verdict.is_some())?;
    let total_us = match (speaker.resolve_us, slowest) {
        (None, None) => None,
        (resolve, slowest) => Some(resolve.unwrap_or(0) + slowest.unwrap_or(0)),
    };
    Some(Check { at, verdict: speaker.verdict?, failure: speaker.failure, total_us })
}

/// The sums of an hour; `None` when no check began in it. `checks` is in order of time and may begin before and end after the hour.
pub(crate) fn sum(dependency: &str, checks: &[Check], hour: i64) -> Option<RollUpRow> {
    let mut row = RollUpRow { dependency: dependency.to_owned(), start: hour, ..RollUpRow::default() };
    let mut began = false;
    for (index, check) in checks.iter().enumerate() {
        let next = checks.get(index + 1).map_or(i64::MAX, |next| next.at);
        row.hold(check.verdict, check.at.max(hour), next.min(check.at + HOLDS_FOR).min(hour + HOUR));
        if (hour..hour + HOUR).contains(&check.at) {
            began = true;
            row.count(check);
        }
    }
    began.then_some(row)
}

impl RollUpRow {
    fn hold(&mut self, verdict: Verdict, from: i64, to: i64) {
        let length = (to - from).max(0);
        match verdict {
            Verdict::Inconclusive => {}
            Verdict::Down => {
                self.observed_us += length;
                self.down_us += length;
            }
            Verdict::Healthy | Verdict::Degraded => self.observed_us += length,
        }
    }

    fn count(&mut self, check: &Check) {
        let counter = match check.verdict {
            Verdict::Healthy => &mut self.healthy,
            Verdict::Degraded => &mut self.degraded,
            Verdict::Down => &mut self.down,
            Verdict::Inconclusive => &mut self.inconclusive,
        };
        *counter += 1;
        // How long a failure took says how long the timeout is, not how fast the dependency is.
        if matches!(check.verdict, Verdict::Healthy | Verdict::Degraded)
            && let Some(total) = check.total_us.and_then(|total| u64::try_from(total).ok())
        {
            self.latency.record(total);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn at(minute: i64, verdict: Verdict) -> Check {
        Check { at: minute * MINUTE, verdict, failure: None, total_us: Some(1000) }
    }

    /// Minutes observed and down in the hour from minute 60 to 120.
    fn check(checks: &[Check], expected: Option<(i64, i64)>) {
        let row = sum("db", checks, HOUR);
        assert_eq!(row.map(|row| (row.observed_us / MINUTE, row.down_us / MINUTE)), expected, "{checks:?}");
    }

    #[test]
    fn a_verdict_holds_until_the_next_check_and_ten_minutes_at_most() {
        use Verdict::*;
        check(&[], None);
        check(&[at(59, Down)], None);
        check(&[at(60, Healthy)], Some((10, 0)));
        check(&[at(60, Down), at(65, Healthy)], Some((15, 5)));
        check(&[at(58, Down), at(63, Healthy)], Some((13, 3)));
        check(&[at(115, Down), at(121, Healthy)], Some((5, 5)));
        check(&[at(70, Inconclusive), at(75, Degraded)], Some((10, 0)));
        check(&[at(30, Down), at(80, Healthy)], Some((10, 0)));
    }

    #[test]
    fn the_latency_of_failures_is_not_counted() {
        use Verdict::*;
        let row = sum("db", &[at(60, Down), at(61, Healthy), at(62, Degraded), at(63, Inconclusive)], HOUR)
            .unwrap();
        assert_eq!(row.latency.count(), 2);
        assert_eq!((row.healthy, row.degraded, row.down, row.inconclusive), (1, 1, 1, 1));
    }

    #[test]
    fn rows_of_one_check_are_put_together() {
        let row = |at, verdict, resolve_us, phases_us| Tally {
            endpoint: 1,
            at,
            verdict,
            failure: None,
            resolve_us,
            phases_us,
        };
        let found = checks(vec![
            row(20, None, None, Some(900)),
            row(10, Some(Verdict::Down), Some(50), None),
            row(20, Some(Verdict::Healthy), Some(100), Some(300)),
            row(30, None, None, Some(1)),
        ]);
        let check = |at, verdict, total_us| Check { at, verdict, failure: None, total_us };
        assert_eq!(found, [check(10, Verdict::Down, Some(50)), check(20, Verdict::Healthy, Some(1000))]);
    }
}
