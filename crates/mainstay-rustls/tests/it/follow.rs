//! Which policy is in use, and what it lets in.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Fingerprint, RelayPolicy};
use mainstay_rustls::{Policies, verifier};
use mainstay_testkit::{Identity, Pki, Scenario};
use mainstay_tls::parse_server_name;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::UnixTime;

use crate::scene::{DEPENDENCY, HOUR, now, place, policy, public_key, roots, signed, signed_by, waiver};

const NAME: &str = "db.example.test";
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// A program and the server that it connects to.
struct Scene {
    identity: Identity,
    verifier: Arc<dyn ServerCertVerifier>,
    policies: Arc<Policies>,
}

impl Scene {
    fn new(scenario: Scenario, policies: Policies) -> Scene {
        let pki = Pki::new(now());
        let policies = Arc::new(policies);
        let verifier = verifier(roots(&pki), DEPENDENCY.parse().unwrap(), policies.clone());
        Scene { identity: pki.identity(scenario, NAME), verifier, policies }
    }

    fn waiving(&self, issued_at: Timestamp) -> RelayPolicy {
        policy(issued_at, vec![waiver(&self.identity.chain[0], NAME)])
    }

    fn admits(&self, at: Timestamp) -> bool {
        let name = parse_server_name(NAME).unwrap();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(at.as_second().unsigned_abs()));
        let (leaf, others) = self.identity.chain.split_first().unwrap();
        self.verifier.verify_server_cert(leaf, others, &name, &[], time).is_ok()
    }
}

fn offered() -> Policies {
    Policies::offered([public_key()])
}

#[test]
fn an_expired_certificate_is_refused_waived_and_refused_again() {
    let scene = Scene::new(Scenario::Expired, offered());
    assert!(!scene.admits(now()), "there is no policy yet");
    scene.policies.offer(&signed(&scene.waiving(now()))).unwrap();
    assert!(scene.admits(now()));
    assert!(scene.admits(now() + HOUR * 3 - SECOND));
    assert!(!scene.admits(now() + HOUR * 3), "the waiver is over, without any word from Mainstay");
    assert!(scene.admits(now() + HOUR));
    scene.policies.offer(&signed(&policy(now() + HOUR, Vec::new()))).unwrap();
    assert!(!scene.admits(now() + HOUR), "it was withdrawn");
}

/// rustls tells whole seconds, and a waiver may end within one.
#[test]
fn no_waiver_lasts_a_part_of_a_second_too_long() {
    let scene = Scene::new(Scenario::Expired, offered());
    let mut policy = scene.waiving(now());
    policy.waivers[0].until = now() + SECOND + SignedDuration::from_millis(500);
    scene.policies.offer(&signed(&policy)).unwrap();
    assert!(scene.admits(now()) && !scene.admits(now() + SECOND));
}

#[test]
fn a_waiver_of_another_dependency_lets_nobody_in() {
    let scene = Scene::new(Scenario::Expired, offered());
    let mut policy = scene.waiving(now());
    policy.waivers[0].dependency = "other-db".parse().unwrap();
    scene.policies.offer(&signed(&policy)).unwrap();
    assert!(!scene.admits(now()));
}

#[test]
fn what_the_policy_calls_revoked_is_refused() {
    let scene = Scene::new(Scenario::Fine, offered());
    assert!(scene.admits(now()));
    let sha256: Fingerprint = waiver(&scene.identity.chain[0], NAME).pin.sha256;
    let policy = RelayPolicy { revoked: vec![sha256], ..policy(now(), Vec::new()) };
    scene.policies.offer(&signed(&policy)).unwrap();
    assert!(!scene.admits(now()));
}

#[test]
fn the_last_good_policy_stays() {
    let scene = Scene::new(Scenario::Expired, offered());
    let good = scene.waiving(now());
    scene.policies.offer(&signed(&good)).unwrap();
    let refused = |envelope: &[u8], expected: &str| {
        let error = scene.policies.offer(envelope).unwrap_err().to_string();
        assert_eq!(error, expected);
        assert_eq!(scene.policies.problem(), Some(error));
        assert_eq!(*scene.policies.in_use(), good);
        assert!(scene.admits(now()));
    };
    refused(
        b"502",
        "the policy was not taken: what was read is no signed policy (invalid type: integer `502`, expected an object with payload, protected and signature at line 1 column 3); look at what the address or file really gives",
    );
    refused(
        &signed_by(1, &policy(now() + HOUR, Vec::new())),
        "the policy was not taken: its signature was made by none of the keys that are trusted here (1); compare them with the public key that Mainstay shows",
    );
    refused(
        &signed(&policy(now() - SECOND, Vec::new())),
        "the policy was not taken: it is of 2026-03-15T00:38:59Z, and that of 2026-03-15T00:39:00Z is in use; somebody may have put back an old one",
    );
    scene.policies.offer(&signed(&good)).unwrap();
    assert_eq!(scene.policies.problem(), None);
}

#[test]
fn a_file_is_followed() {
    let path = place("followed.json");
    let scene = Scene::new(Scenario::Expired, Policies::of_file(&path, [public_key()]));
    assert!(
        scene.policies.problem().unwrap().contains("followed.json was not taken: the file cannot be read")
    );
    let mut at = now();
    let mut next = || {
        at += SECOND;
        scene.admits(at)
    };
    assert!(!next());
    fs::write(&path, signed(&scene.waiving(now()))).unwrap();
    assert!(next(), "without any word to the program");
    assert_eq!(scene.policies.problem(), None);
    fs::write(&path, "half a pol").unwrap();
    assert!(next(), "a file that is just being written");
    fs::remove_file(&path).unwrap();
    assert!(next());
    assert!(scene.policies.problem().is_some());
    fs::write(&path, signed(&policy(now() + SECOND, Vec::new()))).unwrap();
    assert!(!next());
    fs::write(&path, signed(&scene.waiving(now()))).unwrap();
    assert!(!next(), "an old one that was put back");
}

/// A thousand connections in a second must not read a file a thousand times.
#[test]
fn a_file_is_read_once_in_a_second() {
    let path = place("once.json");
    let scene = Scene::new(Scenario::Expired, Policies::of_file(&path, [public_key()]));
    assert!(!scene.admits(now()));
    fs::write(&path, signed(&scene.waiving(now()))).unwrap();
    assert!(!scene.admits(now()), "it was looked at in this second already");
    scene.policies.refresh().unwrap();
    assert!(scene.admits(now()), "unless the program says so");
}
