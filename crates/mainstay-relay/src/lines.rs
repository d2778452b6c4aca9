use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mainstay_model::{DependencyName, RefusalReason};
use tokio::time::{Instant, MissedTickBehavior};
use tracing::warn;

/// Refusals for one reason are logged this often at most. An application whose pool tries again thousands of times a second says
/// nothing new, and every line is work for whoever reads the log. The meter counts all of them.
const EVERY: Duration = Duration::from_secs(1);

/// Which refusals of one relay are logged.
#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<BTreeMap<RefusalReason, Latest>>);

#[derive(Debug)]
struct Latest {
    at: Instant,
    left_out: u64,
}

impl Lines {
    /// Logs a refusal, unless another for this reason was logged just now. The next line says how many were left out, or
    /// [`tell_rests`](Lines::tell_rests) does.
    pub(crate) fn refused(
        &self,
        dependency: &DependencyName,
        client: &str,
        (reason, message): (RefusalReason, &str),
        now: Instant,
    ) {
        if let Some(left_out) = self.due(reason, now) {
            let left_out = (left_out > 0).then_some(left_out);
            warn!(
                relay.dependency = %dependency, relay.client = client, relay.reason = %reason, relay.left_out = left_out,
                "a connection was refused: {message}"
            );
        }
    }

    /// Logs for as long as it is polled how many were left out where no next line came in time to say it, so that the end of a flood
    /// is told, too.
    pub(crate) async fn tell_rests(&self, dependency: &DependencyName) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.tell_rest(dependency, ticks.tick().await);
        }
    }

    /// The same where nothing follows at all.
    pub(crate) fn tell_last(&self, dependency: &DependencyName) {
        self.tell_rest(dependency, Instant::now() + EVERY);
    }

    fn tell_rest(&self, dependency: &DependencyName, now: Instant) {
        for (reason, left_out) in self.rest(now) {
            warn!(
                relay.dependency = %dependency, relay.reason = %reason, relay.left_out = left_out,
                "more connections were refused for the same reason"
            );
        }
    }

    /// What was left out after lines that are older than that.
    fn rest(&self, now: Instant) -> Vec<(RefusalReason, u64)> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over =
            latest.iter_mut().filter(|(_, one)| one.left_out > 0 && now.duration_since(one.at) >= EVERY);
        // That is a line, too.
        over.map(|(reason, one)| (*reason, std::mem::replace(one, Latest { at: now, left_out: 0 }).left_out))
            .collect()
    }

    /// Whether a line is due, and how many for the same reason were left out before it.
    fn due(&self, reason: RefusalReason, now: Instant) -> Option<u64> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match latest.entry(reason) {
            Entry::Occupied(mut latest) if now.duration_since(latest.get().at) < EVERY => {
                latest.get_mut().left_out += 1;
                None
            }
            Entry::Occupied(mut latest) => Some(latest.insert(Latest { at: now, left_out: 0 }).left_out),
            Entry::Vacant(first) => {
                first.insert(Latest { at: now, left_out: 0 });
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refusal_for_a_reason_is_logged_in_a_second_with_the_count_of_the_others() {
        let (lines, start) = (Lines::default(), Instant::now());
        let due = |reason, millis| lines.due(reason, start + Duration::from_millis(millis));
        let (expired, too_many) = (RefusalReason::Expired, RefusalReason::TooMany);
        assert_eq!(due(expired, 0), Some(0));
        assert_eq!((1..=3_000).find_map(|n| due(expired, n / 4)), None);
        assert_eq!(due(too_many, 900), Some(0), "another reason has lines of its own");
        assert_eq!(due(expired, 1_000), Some(3_000));
        assert_eq!(due(expired, 5_000), Some(0));
    }

    #[test]
    fn what_was_left_out_last_is_told_when_nothing_follows() {
        let (lines, start) = (Lines::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        let expired = RefusalReason::Expired;
        assert_eq!(lines.rest(at(0)), []);
        assert!(lines.due(expired, at(0)).is_some() && lines.due(RefusalReason::TooMany, at(0)).is_some());
        assert_eq!((1..=10).find_map(|n| lines.due(expired, at(n))), None);
        assert_eq!(lines.rest(at(999)), [], "the next line may say it");
        assert_eq!(lines.rest(at(1_000)), [(expired, 10)]);
        assert_eq!(lines.rest(at(9_000)), [], "once");
        assert_eq!(lines.due(expired, at(9_000)), Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_flood_is_told_within_seconds_or_with_the_relays_end() {
        let (lines, dependency, expired) = (Lines::default(), "db".parse().unwrap(), RefusalReason::Expired);
        let flood = || (1..=10).filter_map(|_| lines.due(expired, Instant::now())).count();
        assert_eq!(flood(), 1);
        let telling = lines.tell_rests(&dependency);
        tokio::time::timeout(2 * EVERY, telling).await.expect_err("it goes on");
        let later = || Instant::now() + 5 * EVERY;
        assert_eq!(lines.rest(later()), []);
        tokio::time::advance(10 * EVERY).await;
        assert_eq!(flood(), 1);
        lines.tell_last(&dependency);
        assert_eq!(lines.rest(later()), []);
    }
}
