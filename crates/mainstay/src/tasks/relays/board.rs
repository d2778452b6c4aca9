use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use mainstay_model::{Admission, DependencyName, RelayReport, ShadowFinding};
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
    latest: VecDeque<Admission>,
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
            News::Decided(admission) => {
                line.latest.truncate(LATEST - 1);
                line.latest.push_front(admission.clone());
            }
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

#[cfg(test)]
mod tests {
    use mainstay_model::FailureKind;

    use super::*;

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
