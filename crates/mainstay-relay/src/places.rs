use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many connections are open, so that they stay within a limit: whoever asks for a place says which, for it may change between
/// one relay and the next in its place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(Arc<AtomicU32>);

/// A connection's place, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place(Places);

impl Places {
    /// `None` where so many are taken.
    pub(crate) fn take(&self, most: u32) -> Option<Place> {
        let more = |taken: u32| (taken < most).then(|| taken + 1);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(Place(self.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
