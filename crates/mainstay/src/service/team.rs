use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

/// The tasks of a service. One that ends before it was told to takes the service with it: half a Mainstay, which looks
/// alive and tells nobody anything, is worse than none.
#[derive(Clone)]
pub(super) struct Team {
    tasks: TaskTracker,
    stop: CancellationToken,
    broken: CancellationToken,
}

impl Team {
    pub(super) fn new() -> Team {
        Team { tasks: TaskTracker::new(), stop: CancellationToken::new(), broken: CancellationToken::new() }
    }

    /// Tells every task to stop when cancelled.
    pub(super) fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Runs a task until it ends by itself, which it may only after [`Team::stop`].
    pub(super) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let (stop, broken) = (self.stop.clone(), self.broken.clone());
        self.tasks.spawn(async move {
            let fault = AssertUnwindSafe(task).catch_unwind().await.is_err();
            if fault || !stop.is_cancelled() {
                error!("the task {name} ended by a fault of Mainstay; please report what stands above");
                broken.cancel();
            }
        });
    }

    /// Waits until a task ended that should not have.
    pub(super) async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// Tells all to stop, and waits until they have, so long at most.
    pub(super) async fn end(&self, at_most: Duration) {
        self.stop.cancel();
        self.tasks.close();
        // What does not end in time is cut off; everything decided is already written.
        let _ = tokio::time::timeout(at_most, self.tasks.wait()).await;
    }
}
