use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use mainstay_engine::Event;
use mainstay_model::{Landscape, Target, Verdict};
use mainstay_probe::{CheckRequest, Prober};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::tasks::record::Inbox;

/// A reference target that does not answer in this time counts as away.
const PATIENCE: Duration = Duration::from_secs(3);

/// Tries the reference targets when poked: are *we* online?
pub(crate) struct References {
    pub(crate) landscape: watch::Receiver<Arc<Landscape>>,
    pub(crate) prober: Arc<Prober>,
    pub(crate) inbox: Inbox,
    pub(crate) poked: Arc<Notify>,
}

impl References {
    pub(crate) async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.poked.notified() => self.try_all().await,
            }
        }
    }

    async fn try_all(&self) {
        let references = self.landscape.borrow().references.clone();
        let tried = references.len();
        if tried == 0 {
            return;
        }
        let mut checks = JoinSet::new();
        for target in references {
            checks.spawn(answers(self.prober.clone(), target));
        }
        let reachable = checks.join_all().await.into_iter().filter(|answered| *answered).count();
        self.inbox.send(Event::ReferencesChecked { reachable, tried }).await;
    }
}

async fn answers(prober: Arc<Prober>, target: Target) -> bool {
    let request = CheckRequest::new(target, PATIENCE);
    let checked = AssertUnwindSafe(prober.check(&request, clock::now())).catch_unwind().await;
    checked.is_ok_and(|report| matches!(report.verdict, Verdict::Healthy | Verdict::Degraded))
}
