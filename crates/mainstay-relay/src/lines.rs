use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mainstay_model::{DependencyName, RefusalReason};
use tokio::time::Instant;
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
    /// Logs a refusal, unless another for this reason was logged just now. The next line says how many were left out.
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
}
