use std::sync::Arc;
use std::time::Duration;

use mainstay_model::Landscape;
use mainstay_store::{CertificateOnDuty, StoreError};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Operator;
use super::known::Known;

/// A list that takes less than this to read is read after every change.
const SHORT: Duration = Duration::from_millis(50);

/// Reading a longer one takes at most one part in so many of the time, however many pages ask and however much changes.
const SHARE: u32 = 20;

/// The certificates that configured dependencies present, soonest end first, read again only after something changed. The
/// list is as long as what is watched, and every page that follows live would otherwise have it read for itself alone.
#[derive(Debug, Default)]
pub(super) struct Duties {
    read: Mutex<Option<Read>>,
}

#[derive(Debug)]
struct Read {
    revision: u64,
    landscape: Arc<Landscape>,
    at: Instant,
    took: Duration,
    certificates: Arc<Vec<CertificateOnDuty>>,
}

impl Duties {
    /// The certificates of what is configured; where there are very many, as they were a few seconds ago.
    pub(super) async fn of(
        &self,
        operator: &Operator,
        known: &Known,
    ) -> Result<Arc<Vec<CertificateOnDuty>>, StoreError> {
        // Whoever comes while they are read waits for that, instead of reading them once more.
        let mut read = self.read.lock().await;
        let revision = *operator.changes.borrow();
        if let Some(last) = read.as_ref().filter(|last| last.will_do(revision, known)) {
            return Ok(Arc::clone(&last.certificates));
        }
        let at = Instant::now();
        let mut all = operator.store.certificates().await?;
        all.retain(|one| known.landscape.dependencies.contains_key(&one.dependency));
        let certificates = Arc::new(all);
        let landscape = Arc::clone(&known.landscape);
        let took = at.elapsed();
        *read = Some(Read { revision, landscape, at, took, certificates: Arc::clone(&certificates) });
        Ok(certificates)
    }
}

impl Read {
    fn will_do(&self, revision: u64, known: &Known) -> bool {
        let as_configured = Arc::ptr_eq(&self.landscape, &known.landscape);
        let spared = self.took >= SHORT && self.at.elapsed() < self.took * SHARE;
        as_configured && (self.revision == revision || spared)
    }
}
