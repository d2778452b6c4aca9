use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Pin, PolicyWaiver, RelayPolicy};
use mainstay_rustls::{PolicyPublicKey, Roots};
use mainstay_testkit::Pki;
use mainstay_tls::{CertificateDer, PolicyKey, SignedPolicy, judge_file};
use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;

pub(crate) const HOUR: SignedDuration = SignedDuration::from_hours(1);
pub(crate) const DEPENDENCY: &str = "orders-db";

pub(crate) fn now() -> Timestamp {
    "2026-03-15T00:39:00Z".parse().unwrap()
}

pub(crate) fn roots(pki: &Pki) -> Roots {
    Roots::from_pem(pki.root_pem().as_bytes(), "root.pem").unwrap()
}

/// A key of which nothing is known but this number.
pub(crate) fn key(number: u8) -> PolicyKey {
    let text = format!("{}{}", "A".repeat(41), ["AA", "BA", "CA"][usize::from(number)]);
    PolicyKey::parse(&text).unwrap()
}

pub(crate) fn public_key() -> PolicyPublicKey {
    key(0).public()
}

/// A waiver from now on for three hours.
pub(crate) fn waiver(leaf: &CertificateDer<'_>, name: &str) -> PolicyWaiver {
    let pem = pem(leaf);
    let certificate = judge_file(pem.as_bytes(), None, None, now()).certificates.remove(0);
    PolicyWaiver {
        id: "0199c0de-0000-7000-8000-000000000001".parse().unwrap(),
        dependency: DEPENDENCY.parse().unwrap(),
        server_name: name.to_owned(),
        pin: Pin { sha256: certificate.sha256, spki_sha256: certificate.spki_sha256 },
        not_after: certificate.not_after,
        from: now(),
        until: now() + HOUR * 3,
        url: None,
    }
}

pub(crate) fn policy(issued_at: Timestamp, waivers: Vec<PolicyWaiver>) -> RelayPolicy {
    RelayPolicy { issued_at, waivers, ..RelayPolicy::default() }
}

pub(crate) fn signed(policy: &RelayPolicy) -> Vec<u8> {
    signed_by(0, policy)
}

pub(crate) fn signed_by(number: u8, policy: &RelayPolicy) -> Vec<u8> {
    serde_json::to_vec(&SignedPolicy::sign(policy, &key(number)).unwrap()).unwrap()
}

/// A path of this test's; nothing is there yet.
pub(crate) fn place(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _absent = fs::remove_file(&path);
    path
}

/// The time for rustls, which the test moves.
#[derive(Debug)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn new() -> Arc<Clock> {
        Arc::new(Clock(AtomicU64::new(now().as_second().unsigned_abs())))
    }

    pub(crate) fn set(&self, time: Timestamp) {
        self.0.store(time.as_second().unsigned_abs(), Ordering::Relaxed);
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::Relaxed))))
    }
}

fn pem(leaf: &CertificateDer<'_>) -> String {
    let identity = mainstay_testkit::Identity {
        chain: vec![leaf.clone().into_owned()],
        key: Pki::new(now()).client("unused.example.test").key,
    };
    identity.chain_pem()
}
