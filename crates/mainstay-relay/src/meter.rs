use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mainstay_model::{AdmissionDecision, Histogram, RefusalReason, RelayFigures};

use crate::lines::Lines;

/// What one relay counted since it started, and those before it in its place.
#[derive(Debug, Default)]
pub struct Meter {
    open: AtomicU64,
    verified: AtomicU64,
    waived: AtomicU64,
    refused: [AtomicU64; RefusalReason::ALL.len()],
    sent: AtomicU64,
    received: AtomicU64,
    untold: AtomicU64,
    handshakes: Mutex<Histogram>,
    /// What is counted is not all said.
    pub(crate) lines: Lines,
}

impl Meter {
    /// What was counted so far.
    pub fn figures(&self) -> RelayFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let refused = RefusalReason::ALL.iter().copied().zip(self.refused.iter().map(read));
        RelayFigures {
            open: read(&self.open),
            verified: read(&self.verified),
            waived: read(&self.waived),
            refused: refused.filter(|(_, count)| *count > 0).collect(),
            sent: read(&self.sent),
            received: read(&self.received),
            untold: read(&self.untold),
            handshakes: self.handshakes.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(crate) fn opened(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn decided(&self, decision: &AdmissionDecision) {
        let counter = match decision {
            AdmissionDecision::Verified => Some(&self.verified),
            AdmissionDecision::Waived(_) => Some(&self.waived),
            AdmissionDecision::Refused { reason, .. } => {
                RefusalReason::ALL.iter().position(|one| one == reason).and_then(|at| self.refused.get(at))
            }
        };
        counter.map(|counter| counter.fetch_add(1, Ordering::Relaxed));
    }

    pub(crate) fn passed(&self, sent: u64, received: u64) {
        self.sent.fetch_add(sent, Ordering::Relaxed);
        self.received.fetch_add(received, Ordering::Relaxed);
    }

    pub(crate) fn untold(&self) {
        self.untold.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn handshake(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.handshakes.lock().unwrap_or_else(PoisonError::into_inner).record(micros);
    }
}
