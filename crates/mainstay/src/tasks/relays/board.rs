use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use mainstay_model::{
    Admission, AdmissionDecision, DependencyName, LatestDecision, RelayReport, ShadowFinding,
};
use mainstay_relay::{Meter, News};
use tokio::time::Instant;

/// So many decisions of each relay are kept for the page.
const LATEST: usize = 50;
/// What will fail at an address is told once an hour while connections go there. What was not told twice in a row is about an address
/// that serves no more.
const SHADOW_HOLDS: Duration = Duration::from_secs(2 * 3_600 + 60);

/// What is known of every relay, for pages and metrics.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board(Arc<RwLock<BTreeMap<DependencyName, Line>>>);

#[derive(Debug, Default)]
struct Line {
    listen: Vec<String>,
    trouble: Option<String>,
    meter: Arc<Meter>,
    latest: VecDeque<LatestDecision>,
    /// By address, with the moment when it was told last.
    shadows: BTreeMap<String, (Instant, ShadowFinding)>,
}

impl Board {
    /// Where every relay stands, by name.
    pub(crate) fn reports(&self, now: Instant) -> Vec<RelayReport> {
        let lines = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let report = |(name, line): (&DependencyName, &Line)| RelayReport {
            dependency: name.clone(),
            listen: line.listen.clone(),
            trouble: line.trouble.clone(),
            figures: line.meter.figures(),
            latest: line.latest.iter().cloned().collect(),
            shadows: line.shadows_at(now).cloned().collect(),
        };
        lines.iter().map(report).collect()
    }

    /// Takes down what a relay told. Of one that is gone by then, nothing.
    pub(super) fn heard(&self, news: &News, now: Instant) {
        let name = match news {
            News::Decided(admission) => &admission.dependency,
            News::FullyVerified { dependency, .. } => dependency,
            News::Shadow { dependency, .. } => dependency,
        };
        let mut lines = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(line) = lines.get_mut(name) else { return };
        match news {
            News::Decided(admission) => line.decided(admission),
            News::Shadow { address, finding, .. } => line.foretold(address, finding.clone(), now),
            News::FullyVerified { .. } => {}
        }
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

    pub(super) fn listens_nowhere(&self, name: &DependencyName) {
        self.change(name, |line| line.listen.clear());
    }

    pub(super) fn forget(&self, name: &DependencyName) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    fn change<T>(&self, name: &DependencyName, change: impl FnOnce(&mut Line) -> T) -> T {
        change(self.0.write().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_default())
    }
}

impl Line {
    fn shadows_at(&self, now: Instant) -> impl Iterator<Item = &ShadowFinding> {
        let holds = move |(at, _): &&(Instant, ShadowFinding)| now.duration_since(*at) < SHADOW_HOLDS;
        self.shadows.values().filter(holds).map(|(_, finding)| finding)
    }

    fn foretold(&mut self, address: &str, finding: Option<ShadowFinding>, now: Instant) {
        self.shadows.retain(|_, (at, _)| now.duration_since(*at) < SHADOW_HOLDS);
        match finding {
            Some(finding) => self.shadows.insert(address.to_owned(), (now, finding)),
            None => self.shadows.remove(address),
        };
    }

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

    /// A board with the relay of `db`.
    fn board() -> Board {
        let board = Board::default();
        board.runs(&db(), vec!["127.0.0.1:5432".into()], Arc::default());
        board
    }

    fn db() -> DependencyName {
        "db".parse().unwrap()
    }

    fn decided(client: &str, reason: Option<RefusalReason>) -> News {
        let refused = |reason| AdmissionDecision::Refused { reason, message: String::new() };
        News::Decided(Admission {
            at: jiff::Timestamp::UNIX_EPOCH,
            dependency: db(),
            client: client.into(),
            address: None,
            decision: reason.map_or(AdmissionDecision::Verified, refused),
        })
    }

    fn foretold(address: &str, fails: bool) -> News {
        let finding = ShadowFinding {
            dependency: db(),
            address: address.into(),
            kind: FailureKind::CertificateExpired,
            message: "it ends".into(),
            as_of: jiff::Timestamp::UNIX_EPOCH,
        };
        News::Shadow { dependency: db(), address: address.into(), finding: fails.then_some(finding) }
    }

    fn shadows(board: &Board, now: Instant) -> Vec<String> {
        board.reports(now)[0].shadows.iter().map(|finding| finding.address.clone()).collect()
    }

    #[test]
    fn an_application_that_tries_again_and_again_is_told_once() {
        let (board, now, expired) = (board(), Instant::now(), Some(RefusalReason::Expired));
        board.heard(&decided("192.0.2.1:4000", None), now);
        (0..100).for_each(|port| board.heard(&decided(&format!("192.0.2.1:{port}"), expired), now));
        board.heard(&decided("192.0.2.2:4000", expired), now);
        let latest = &board.reports(now)[0].latest;
        let times: Vec<(&str, u64)> =
            latest.iter().map(|one| (one.admission.client.as_str(), one.times)).collect();
        assert_eq!(times, [("192.0.2.2:4000", 1), ("192.0.2.1:99", 100), ("192.0.2.1:4000", 1)]);
    }

    #[test]
    fn what_would_fail_later_is_taken_back_once_it_would_not() {
        let (board, now) = (board(), Instant::now());
        board.heard(&foretold("192.0.2.1:5432", true), now);
        assert_eq!(shadows(&board, now), ["192.0.2.1:5432"]);
        board.heard(&foretold("192.0.2.1:5432", false), now);
        assert!(shadows(&board, now).is_empty());
    }

    #[test]
    fn what_would_fail_at_an_address_that_serves_no_more_is_forgotten() {
        let (board, start) = (board(), Instant::now());
        let after = |hours: u64| start + Duration::from_secs(hours * 3_600);
        board.heard(&foretold("192.0.2.1:5432", true), start);
        let other_heard = |hours: std::ops::RangeInclusive<u64>| {
            hours.for_each(|hour| board.heard(&foretold("192.0.2.2:5432", true), after(hour)));
        };
        other_heard(0..=2);
        assert_eq!(shadows(&board, after(2)), ["192.0.2.1:5432", "192.0.2.2:5432"]);
        other_heard(3..=4);
        assert_eq!(shadows(&board, after(4)), ["192.0.2.2:5432"]);
        assert!(shadows(&board, after(7)).is_empty(), "though nothing was heard of any address since");
    }

    #[test]
    fn news_of_a_relay_that_is_gone_do_not_bring_it_back() {
        let (board, now) = (board(), Instant::now());
        board.forget(&db());
        board.heard(&decided("192.0.2.1:4000", None), now);
        board.heard(&foretold("192.0.2.1:5432", true), now);
        assert_eq!(board.reports(now), []);
    }
}
