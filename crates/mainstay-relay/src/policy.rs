use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{DependencyName, Pin, PolicyWaiver, RelayPolicy, WaiverId};
use mainstay_tls::{Revocations, Terms};
use tokio::sync::watch;

/// The time may be set, and a long sleep would not notice.
const LOOK_AT_LEAST: Duration = Duration::from_secs(5);

/// Waivers that full verification has ended. Those who share it agree on them.
#[derive(Debug, Clone, Default)]
pub struct Needless(watch::Sender<HashSet<WaiverId>>);

/// What is in force: the latest policy, less what full verification has ended here already.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    latest: watch::Receiver<Arc<RelayPolicy>>,
    /// Waivers that are needed no more. A server that is gone cannot say so, and must not have to.
    needless: Needless,
    clock: fn() -> Timestamp,
    /// What the latest policy says was seen revoked, made ready once for each policy.
    revocations: Arc<Mutex<(Timestamp, Arc<Revocations>)>>,
}

impl Policy {
    pub(crate) fn new(
        latest: watch::Receiver<Arc<RelayPolicy>>,
        needless: Needless,
        clock: fn() -> Timestamp,
    ) -> Policy {
        Policy { latest, needless, clock, revocations: Arc::default() }
    }

    /// The waiver in force for a dependency.
    pub(crate) fn waiver(&self, dependency: &DependencyName) -> Option<PolicyWaiver> {
        let now = (self.clock)();
        let latest = self.latest.borrow();
        latest
            .waiver(dependency, now)
            .filter(|waiver| !self.needless.0.borrow().contains(&waiver.id))
            .cloned()
    }

    /// By what a connection to this dependency is admitted, beside full verification.
    pub(crate) fn terms(&self, dependency: &DependencyName) -> Arc<Terms> {
        let latest = self.latest();
        let mut revocations = self.revocations.lock().unwrap_or_else(PoisonError::into_inner);
        if revocations.0 != latest.issued_at {
            *revocations = (latest.issued_at, Arc::new(latest.revoked.iter().copied().collect()));
        }
        let revocations = revocations.1.clone();
        Arc::new(Terms { dependency: dependency.clone(), waiver: self.waiver(dependency), revocations })
    }

    /// Sees every change.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<RelayPolicy>> {
        self.latest.clone()
    }

    /// All that is in force.
    pub(crate) fn latest(&self) -> Arc<RelayPolicy> {
        self.latest.borrow().clone()
    }

    /// Full verification has succeeded: the waiver for this dependency, if there is one, is over here and now. Gives which.
    pub(crate) fn verified(&self, dependency: &DependencyName) -> Option<WaiverId> {
        let waiver = self.waiver(dependency)?;
        let is_new = self.needless.0.send_if_modified(|needless| {
            // What a policy no longer names needs no remembering.
            let latest = self.latest.borrow();
            needless.retain(|id| latest.waivers.iter().any(|one| one.id == *id));
            needless.insert(waiver.id)
        });
        is_new.then_some(waiver.id)
    }

    /// Waits until this certificate is no longer waived, whatever ended that. One waiver may follow another: an extension is a new one.
    pub(crate) async fn over(&self, dependency: &DependencyName, pin: Pin) {
        let (mut latest, mut needless) = (self.latest.clone(), self.needless.0.subscribe());
        loop {
            let Some(waiver) = self.waiver(dependency).filter(|waiver| waiver.pin == pin) else { return };
            let left = waiver.until.duration_since((self.clock)()).unsigned_abs();
            tokio::select! {
                changed = latest.changed() => if changed.is_err() {
                    // Whoever made policies is gone; what is in force stays so until its own end.
                    tokio::time::sleep(left.min(LOOK_AT_LEAST)).await;
                },
                _ = needless.changed() => {}
                () = tokio::time::sleep(left.min(LOOK_AT_LEAST)) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mainstay_model::{Fingerprint, Random};

    use super::*;

    fn noon() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn policy(number: u64, certificate: u8) -> Arc<RelayPolicy> {
        let waiver = PolicyWaiver {
            id: WaiverId::new(noon(), &mut Random::seeded(number)),
            dependency: "db".parse().unwrap(),
            server_name: "db.example.com".into(),
            pin: Pin { sha256: Fingerprint([certificate; 32]), spki_sha256: Fingerprint([9; 32]) },
            not_after: noon() - Duration::from_secs(60),
            from: noon(),
            until: noon() + Duration::from_secs(3_600),
            url: None,
        };
        Arc::new(RelayPolicy { issued_at: noon(), waivers: vec![waiver], ..RelayPolicy::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn an_extension_ends_nothing_and_a_waiver_for_another_certificate_does() {
        let latest = watch::Sender::new(policy(1, 1));
        let policy_here = Policy::new(latest.subscribe(), Needless::default(), noon);
        let (name, pin) = ("db".parse().unwrap(), policy(1, 1).waivers[0].pin);
        let is_over = async || {
            tokio::time::timeout(Duration::from_secs(60), policy_here.over(&name, pin)).await.is_ok()
        };
        latest.send_replace(policy(2, 1));
        assert!(!is_over().await, "the same certificate is waived by the next one");
        latest.send_replace(policy(3, 2));
        assert!(is_over().await);
    }
}
