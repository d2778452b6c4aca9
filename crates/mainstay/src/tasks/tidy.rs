use std::time::Duration;

use mainstay_store::{Retention, Store};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::clock;
use crate::tasks::record::in_full;

const EVERY: Duration = Duration::from_secs(600);

/// Sums up closed hours and days, and removes what is older than it is kept.
pub(crate) async fn run(store: Store, retention: Retention, stop: CancellationToken) {
    loop {
        if let Err(error) = store.roll_up(clock::now()).await {
            warn!("closed hours cannot be summed up now: {}", in_full(&error));
        }
        if let Err(error) = store.retain(clock::now(), retention).await {
            warn!("old observations cannot be removed now: {}", in_full(&error));
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
