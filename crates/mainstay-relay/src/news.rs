use jiff::Timestamp;
use mainstay_model::{Admission, DependencyName, ShadowFinding};
use tokio::sync::mpsc;

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
        /// When.
        at: Timestamp,
    },
    /// What would fail later.
    Shadow(ShadowFinding),
}

/// The way for news. Nothing waits for it: what nobody takes in time is counted and dropped.
#[derive(Debug, Clone)]
pub(crate) struct Teller(pub(crate) mpsc::Sender<News>);

impl Teller {
    pub(crate) fn tell(&self, news: News, meter: &Meter) {
        if self.0.try_send(news).is_err() {
            meter.untold();
        }
    }
}
