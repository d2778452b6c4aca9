use jiff::Timestamp;
use mainstay_model::{Admission, DependencyName, ShadowFinding, WaiverId};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::meter::Meter;

/// What relays tell whoever runs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A connection was let through, or not.
    Decided(Admission),
    /// Full verification succeeded while a waiver was in force: it is needed no more.
    FullyVerified {
        /// Of the relay of which dependency.
        dependency: DependencyName,
        /// That waiver.
        waiver: WaiverId,
        /// When.
        at: Timestamp,
    },
    /// What would fail later at an address, or that nothing would.
    Shadow {
        /// Of the relay of which dependency.
        dependency: DependencyName,
        /// The address that shows it.
        address: String,
        /// What would.
        finding: Option<ShadowFinding>,
    },
}

/// The way for news. Nothing waits for it: what nobody takes in time is counted and dropped, but for what is said only once.
#[derive(Debug, Clone)]
pub(crate) struct Teller(pub(crate) mpsc::Sender<News>);

impl Teller {
    pub(crate) fn tell(&self, news: News, meter: &Meter) {
        match self.0.try_send(news) {
            Ok(()) => {}
            Err(TrySendError::Full(once @ News::FullyVerified { .. })) => {
                let way = self.0.clone();
                // Whoever listened may be gone by then.
                tokio::spawn(async move { way.send(once).await });
            }
            Err(_) => meter.untold(),
        }
    }
}
