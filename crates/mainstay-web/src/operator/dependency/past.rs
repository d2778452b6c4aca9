use jiff::{SignedDuration, Timestamp};
use mainstay_model::DependencyState;
use mainstay_store::{CheckPoint, RollUp, StoreError};

use super::{Context, Known};
use crate::picture::{Bucket, History, Sample};

/// How far back the phases are shown.
const PHASES_OVER: SignedDuration = SignedDuration::from_hours(3);

/// At most so many checks are read for a page; where a day has more, it is drawn from the sums of its hours.
const MOST_CHECKS: u32 = 6_000;

const DAY: SignedDuration = SignedDuration::from_hours(24);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What was observed before, as far as a page shows it.
pub(super) struct Past {
    pub(super) samples: Vec<Sample>,
    /// Newest first.
    pub(super) checks: Vec<CheckPoint>,
    pub(super) day: Option<History>,
    pub(super) week: Option<History>,
}

impl Past {
    pub(super) async fn read(
        context: &Context,
        known: &Known,
        state: &DependencyState,
    ) -> Result<Past, StoreError> {
        let (store, now) = (&context.operator.store, known.now);
        let points = store.observations(&state.name, now - PHASES_OVER, after(now), MOST_CHECKS).await?;
        let every = known.configured(state).map_or(60, |one| one.every.as_secs().max(1));
        let a_day = u32::try_from(86_400 / every + 60).unwrap_or(MOST_CHECKS).min(MOST_CHECKS);
        let checks = store.recent_reports(&state.name, a_day).await?;
        let hours = store.hourly(&state.name, now - WEEK, after(now)).await?;
        let whole_day =
            checks.len() < a_day as usize || checks.last().is_some_and(|first| first.at <= now - DAY);
        let day = if whole_day { quarters(&checks, now) } else { by_hour(&hours, now, 24) };
        let mut week = by_hour(&hours, now, 7 * 24);
        add_running_hour(&mut week, &checks, now);
        Ok(Past { samples: Sample::of(&points), day: history(&day), week: history(&week), checks })
    }
}

/// `to` is exclusive, and the latest check is to be among them.
fn after(now: Timestamp) -> Timestamp {
    now + SignedDuration::from_secs(1)
}

/// A day in quarters of an hour, from single checks.
fn quarters(checks: &[CheckPoint], now: Timestamp) -> Vec<Bucket> {
    let mut buckets = vec![Bucket::default(); 96];
    for check in checks {
        let quarters_ago = now.duration_since(check.at).as_secs().max(0) / 900;
        if let Some(bucket) = index(quarters_ago, 96).and_then(|at| buckets.get_mut(at)) {
            bucket.add(check.verdict);
        }
    }
    buckets
}

/// The latest hours, from the sums of each.
fn by_hour(hours: &[RollUp], now: Timestamp, count: usize) -> Vec<Bucket> {
    let mut buckets = vec![Bucket::default(); count];
    let this_hour = now.as_second().div_euclid(3600);
    for hour in hours {
        let hours_ago = this_hour - hour.start.as_second().div_euclid(3600);
        if let Some(bucket) = index(hours_ago, count).and_then(|at| buckets.get_mut(at)) {
            *bucket = Bucket {
                healthy: hour.healthy,
                degraded: hour.degraded,
                down: hour.down,
                inconclusive: hour.inconclusive,
            };
        }
    }
    buckets
}

/// The running hour is not summed yet, so its checks are counted one by one; so are those of the hour before until it is.
fn add_running_hour(buckets: &mut [Bucket], checks: &[CheckPoint], now: Timestamp) {
    let this_hour = now.as_second().div_euclid(3600);
    let count = buckets.len();
    let open: Vec<bool> = buckets.iter().map(|bucket| *bucket == Bucket::default()).collect();
    for check in checks {
        let Some(at) = index(this_hour - check.at.as_second().div_euclid(3600), count) else { continue };
        if let (Some(true), Some(bucket)) = (open.get(at), buckets.get_mut(at)) {
            bucket.add(check.verdict);
        }
    }
}

/// The place of a bucket so many steps before the last one.
fn index(ago: i64, count: usize) -> Option<usize> {
    usize::try_from(ago).ok().filter(|ago| *ago < count).map(|ago| count - 1 - ago)
}

fn history(buckets: &[Bucket]) -> Option<History> {
    buckets.iter().any(|bucket| *bucket != Bucket::default()).then(|| History::draw(buckets))
}

#[cfg(test)]
mod tests {
    use mainstay_model::Verdict;

    use super::*;

    fn check(at: Timestamp, verdict: Verdict) -> CheckPoint {
        CheckPoint { at, verdict, failure: None, total_ms: None }
    }

    #[test]
    fn checks_fall_into_their_quarter_of_an_hour() {
        let now: Timestamp = "2026-11-22T22:00:00Z".parse().unwrap();
        let ago = |minutes: i64| now - SignedDuration::from_mins(minutes);
        let checks = [
            check(now, Verdict::Healthy),
            check(ago(14), Verdict::Down),
            check(ago(15), Verdict::Healthy),
            check(ago(24 * 60), Verdict::Down),
        ];
        let buckets = quarters(&checks, now);
        assert_eq!(buckets[95], Bucket { healthy: 1, down: 1, ..Bucket::default() });
        assert_eq!(buckets[94], Bucket { healthy: 1, ..Bucket::default() });
        assert!(buckets[..94].iter().all(|bucket| *bucket == Bucket::default()));
    }

    #[test]
    fn hours_that_are_not_summed_yet_are_counted() {
        let now: Timestamp = "2026-11-22T22:20:00Z".parse().unwrap();
        let mut week =
            vec![Bucket::default(), Bucket { healthy: 60, ..Bucket::default() }, Bucket::default()];
        let before = now - SignedDuration::from_mins(30);
        add_running_hour(&mut week, &[check(now, Verdict::Down), check(before, Verdict::Down)], now);
        assert_eq!(week[2].down, 1);
        assert_eq!(
            week[1],
            Bucket { healthy: 60, ..Bucket::default() },
            "an hour that is summed is not counted twice"
        );
    }
}
