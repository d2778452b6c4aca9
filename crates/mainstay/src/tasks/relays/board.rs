use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use mainstay_model::{
    Admission, AdmissionDecision, DependencyName, LatestDecision, RelayReport, ShadowFinding,
};
use mainstay_relay::{Meter, News};

/// So many decisions of each relay are kept for the page; the log has all of them.
const LATEST: usize = 50;

/// What is known of every relay, for pages and metrics.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board(Arc<RwLock<BTreeMap<DependencyName, Line>>>);

#[derive(Debug, Default)]
struct Line {
    listen: Vec<String>,
    trouble: Option<String>,
    meter: Arc<Meter>,
    latest: VecDeque<LatestDecision>,
    shadows: BTreeMap<String, ShadowFinding>,
}

impl Board {
    /// Where every relay stands, by name.
    pub(crate) fn reports(&self) -> Vec<RelayReport> {
        let lines = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let report = |(name, line): (&DependencyName, &Line)| RelayReport {
            dependency: name.clone(),
            listen: line.listen.clone(),
            trouble: line.trouble.clone(),
            figures: line.meter.figures(),
            latest: line.latest.iter().cloned().collect(),
            shadows: line.shadows.values().cloned().collect(),
        };
        lines.iter().map(report).collect()
    }

    /// Takes down what a relay told.
    pub(super) fn heard(&self, news: &News) {
        let name = match news {
            News::Decided(admission) => &admission.dependency,
            News::FullyVerified { dependency, .. } => dependency,
            News::Shadow { dependency, .. } => dependency,
        };
        self.change(name, |line| match news {
            News::Decided(admission) => line.decided(admission),
            News::Shadow { address, finding: Some(finding), .. } => {
                line.shadows.insert(address.clone(), finding.clone());
            }
            News::Shadow { address, finding: None, .. } => {
                line.shadows.remove(address);
            }
            News::FullyVerified { .. } => {}
        });
    }

    pub(super) fn runs(&self, name: &DependencyName, listen: Vec<String>, meter: Arc<Meter>) {
        self.change(name, |line| {
            line.listen = listen;
            line.trouble = None;
            line.meter = meter;
            line.shadows.clear();
        });
    }

    /// Whether this is new.
    pub(super) fn troubled(&self, name: &DependencyName, why: String) -> bool {
        self.change(name, |line| line.trouble.replace(why.clone()) != Some(why))
    }

    pub(super) fn forget(&self, name: &DependencyName) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn change<T>(&self, name: &DependencyName, change: impl FnOnce(&mut Line) -> T) -> T {
        change(self.0.write().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default())
    }
}

impl Line {
    /// An application that tries again and again must not push everything else out.
    fn decided(&mut self, admission: &Admission) {
        match self.latest.front_mut().filter(|latest| is_alike(&latest.admission, admission)) {
            Some(latest) => {
                latest.admission = admission.clone();
                latest.times += 1;
            }
            None => {
                self.latest.truncate(LATEST - 1);
                self.latest.push_front(LatestDecision { admission: admission.clone(), times: 1 });
            }
        }
    }
}

/// Whether they are of one machine's applications and were decided alike; why in the very words may name another moment.
fn is_alike(one: &Admission, other: &Admission) -> bool {
    let machine = |admission: &Admission| match admission.client.parse::<SocketAddr>() {
        Ok(address) => address.ip().to_string(),
        Err(_) => admission.client.clone(),
    };
    let decided = match (&one.decision, &other.decision) {
        (AdmissionDecision::Refused { reason, .. }, AdmissionDecision::Refused { reason: again, .. }) => {
            reason == again
        }
        (decision, again) => decision == again,
    };
    decided && one.address == other.address && machine(one) == machine(other)
}

#[cfg(test)]
mod tests {
    use mainstay_model::{FailureKind, RefusalReason};

    use super::*;

    #[test]
    fn an_application_that_tries_again_and_again_is_told_once() {
        let decided = |client: &str, reason: Option<RefusalReason>| {
            let refused = |reason| AdmissionDecision::Refused { reason, message: String::new() };
            News::Decided(Admission {
                at: jiff::Timestamp::UNIX_EPOCH,
                dependency: "db".parse().unwrap(),
                client: client.into(),
                address: None,
                decision: reason.map_or(AdmissionDecision::Verified, refused),
            })
        };
        let (board, expired) = (Board::default(), Some(RefusalReason::Expired));
        board.heard(&decided("192.0.2.1:4000", None));
        (0..100).for_each(|port| board.heard(&decided(&format!("192.0.2.1:{port}"), expired)));
        board.heard(&decided("192.0.2.2:4000", expired));
        let latest = &board.reports()[0].latest;
        let times: Vec<(&str, u64)> =
            latest.iter().map(|one| (one.admission.client.as_str(), one.times)).collect();
        assert_eq!(times, [("192.0.2.2:4000", 1), ("192.0.2.1:99", 100), ("192.0.2.1:4000", 1)]);
    }

    #[test]
    fn what_would_fail_later_is_taken_back_once_it_would_not() {
        let dependency: DependencyName = "db".parse().unwrap();
        let address = "192.0.2.1:5432".to_owned();
        let finding = ShadowFinding {
            dependency: dependency.clone(),
            address: address.clone(),
            kind: FailureKind::CertificateExpired,
            message: "it ends".into(),
            as_of: jiff::Timestamp::UNIX_EPOCH,
        };
        let said =
            |finding| News::Shadow { dependency: dependency.clone(), address: address.clone(), finding };
        let board = Board::default();
        board.heard(&said(Some(finding)));
        assert_eq!(board.reports()[0].shadows.len(), 1);
        board.heard(&said(None));
        assert_eq!(board.reports()[0].shadows, []);
    }
}
