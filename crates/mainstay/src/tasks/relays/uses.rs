use std::collections::BTreeMap;

use jiff::Timestamp;
use mainstay_model::{Admission, AdmissionDecision, WaiverId};

/// How many connections were admitted under each waiver since that was told last, and when the latest was.
#[derive(Debug, Default)]
pub(crate) struct Uses(BTreeMap<WaiverId, (u64, Timestamp)>);

impl Uses {
    /// Counts a connection, if it was admitted under a waiver.
    pub(crate) fn count(&mut self, admission: &Admission) {
        if let AdmissionDecision::Waived(id) = admission.decision {
            let (count, latest) = self.0.entry(id).or_insert((0, admission.at));
            *count += 1;
            *latest = admission.at.max(*latest);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which waiver, how many, and when the latest was.
    pub(crate) fn all(&self) -> impl Iterator<Item = (WaiverId, u64, Timestamp)> {
        self.0.iter().map(|(id, (count, at))| (*id, *count, *at))
    }
}
