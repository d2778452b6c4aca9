use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use mainstay_store::{Store, StoreError};
use mainstay_web::public::{Public, Snapshot};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock;
use crate::tasks::record::{SharedState, in_full};

/// The page says how long ago things were, and days end, so it is made anew at least this often.
const AT_LEAST_EVERY: Duration = Duration::from_secs(60);

/// And at most this often, however much changes: customers see it a second later.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// How much history customers see.
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Makes the status page anew when what customers see may have changed.
pub(crate) struct Publisher {
    pub(crate) state: SharedState,
    pub(crate) store: Store,
    pub(crate) public: Public,
    pub(crate) poked: Arc<Notify>,
}

impl Publisher {
    pub(crate) async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.poked.notified() => {}
                () = tokio::time::sleep(AT_LEAST_EVERY) => {}
            }
            self.publish().await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(AT_MOST_EVERY) => {}
            }
        }
    }

    /// When the history cannot be read, the page stays as it was: old truth is better than none.
    pub(crate) async fn publish(&self) {
        match self.snapshot().await {
            Ok(snapshot) => self.public.replace(snapshot),
            Err(error) => {
                warn!("the status page cannot be made anew and stays as it was: {}", in_full(&error))
            }
        }
    }

    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let now = clock::now();
        let landscape = self.state.read().unwrap_or_else(PoisonError::into_inner).landscape().clone();
        let watched_since = self.store.watched_since().await?;
        let incidents = self.store.public_incidents(now - HISTORY).await?;
        Ok(Snapshot::render(&landscape, &incidents, watched_since, now))
    }
}
