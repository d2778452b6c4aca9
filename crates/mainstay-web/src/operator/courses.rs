use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use mainstay_model::{DependencyName, DependencyState, Verdict};
use mainstay_store::Store;

/// How many checks a course shows.
const CHECKS: u32 = 48;

/// At most so many courses are remembered; a page shows fewer.
const REMEMBERED: usize = 4096;

/// At most so many are read at once.
const AT_ONCE: usize = 8;

/// The verdicts and times of the latest checks, oldest first.
pub(super) type Course = Arc<Vec<(Verdict, Option<f64>)>>;

/// The courses of the dependencies that somebody looks at, read again only after a newer check.
#[derive(Debug, Default)]
pub(super) struct Courses {
    known: Mutex<HashMap<DependencyName, (Timestamp, Course)>>,
}

impl Courses {
    /// The courses of these dependencies, as far as they can be read: a page without them is better than none.
    pub(super) async fn of(
        &self,
        store: &Store,
        states: &[Arc<DependencyState>],
    ) -> HashMap<DependencyName, Course> {
        let reading = stream::iter(states.iter().cloned()).map(|state| async move {
            let course = self.one(store, &state).await?;
            Some((state.name.clone(), course))
        });
        reading.buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await
    }

    async fn one(&self, store: &Store, state: &DependencyState) -> Option<Course> {
        let latest = state.last.as_ref()?.checked_at;
        if let Some(course) = self.remembered(&state.name, latest) {
            return Some(course);
        }
        let read = store.recent_reports(&state.name, CHECKS).await;
        let reports = read.inspect_err(|error| tracing::warn!(%error, "a course could not be read")).ok()?;
        let course: Course = Arc::new(reports.iter().rev().map(|one| (one.verdict, one.total_ms)).collect());
        self.remember(state.name.clone(), latest, Arc::clone(&course));
        Some(course)
    }

    fn remembered(&self, name: &DependencyName, latest: Timestamp) -> Option<Course> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).filter(|(at, _)| *at == latest).map(|(_, course)| Arc::clone(course))
    }

    fn remember(&self, name: DependencyName, latest: Timestamp, course: Course) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(name, (latest, course));
    }
}
