//! A waiver lets in one certificate that expired, and nothing else: each row is a real chain through a real handshake, under a
//! waiver for that very certificate, so that only the rule stands in the way.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{DependencyName, Fingerprint, PolicyWaiver};
use mainstay_testkit::openssl::{self, Level};
use mainstay_testkit::{Identity, Pki, Scenario, Spec, servers};
use mainstay_tls::{Admitted, CertificateDer, Judge, NotWaived, Revocations, Terms, parse_server_name};

use crate::attempt::{
    Attempt, DAY, HOUR, NAME, end, now, pin_of, roots, waiver_for, waiver_id, without_waiver,
};
use crate::judge::kinds;

const INTERMEDIATE: &str = "CN=Example Trust Intermediate R3";
const ROOT: &str = "CN=Example Trust Root X1";
const EXPIRED: &str = "certificate-expired only";

fn and(other: &str) -> String {
    format!("certificate-expired and {other} | {other}")
}

#[test]
fn plain_expiry_is_waived() {
    Attempt::scenario(Scenario::Expired).admitted(Admitted::Waived(waiver_id()));
}

#[test]
fn full_verification_needs_no_waiver_and_uses_none() {
    Attempt::scenario(Scenario::Fine).admitted(Admitted::Verified);
    Attempt { terms: without_waiver(), ..Attempt::scenario(Scenario::Fine) }.admitted(Admitted::Verified);
}

/// Private services often trust the server's own certificate and nothing else.
#[test]
fn a_certificate_that_is_its_own_root_is_waived() {
    let pki = Pki::new(now());
    let attempt = Attempt::waived(&pki, pki.identity(Scenario::ExpiredSelfSigned, NAME));
    let own = roots(&attempt.identity.chain_pem());
    Attempt { roots: own, ..attempt }.admitted(Admitted::Waived(waiver_id()));
}

#[test]
fn another_key() {
    let pki = Pki::new(now());
    let (waived, shown) = (pki.identity(Scenario::Expired, NAME), pki.identity(Scenario::Expired, NAME));
    let mut attempt = Attempt::waived(&pki, shown);
    attempt.terms.waiver = Some(waiver_for(&waived.chain[0]));
    attempt.refused(EXPIRED, NotWaived::OtherKey);
}

#[test]
fn another_certificate_with_the_same_key() {
    let pki = Pki::new(now());
    let waived = pki.identity(Scenario::Expired, NAME);
    let other = pki.issue_for_key_of(&waived, Spec::new(NAME, end() - DAY * 80, end()));
    let mut attempt = Attempt::waived(&pki, other);
    attempt.terms.waiver = Some(waiver_for(&waived.chain[0]));
    attempt.refused(EXPIRED, NotWaived::OtherCertificate);
}

#[test]
fn expired_and_something_else() {
    use Scenario::*;
    let row = |scenario, failures: &str, reason| Attempt::scenario(scenario).refused(&and(failures), reason);
    row(ExpiredOtherName, "certificate-name-mismatch", NotWaived::WrongName);
    row(ExpiredUnknownCa, "certificate-untrusted", NotWaived::Untrusted);
    row(ExpiredForged, "certificate-untrusted", NotWaived::Forged);
    row(ExpiredSelfSigned, "certificate-untrusted", NotWaived::Untrusted);
    row(ExpiredClientAuthOnly, "certificate-invalid", NotWaived::WrongPurpose);
    row(ExpiredSha1, "certificate-invalid", NotWaived::WeakSignature);
    row(ExpiredWeakRsa1024, "certificate-invalid", NotWaived::WeakKey(format!("CN={NAME}")));
}

#[test]
fn a_chain_without_its_intermediate() {
    let mut attempt = Attempt::scenario(Scenario::Expired);
    attempt.identity.chain.truncate(1);
    attempt.refused(&and("certificate-untrusted"), NotWaived::Untrusted);
}

#[test]
fn not_expired_at_all() {
    use Scenario::*;
    let row = |scenario, failures| Attempt::scenario(scenario).refused(failures, NotWaived::NotExpired);
    row(NotYetValid, "certificate-not-yet-valid");
    row(OtherName, "certificate-name-mismatch");
    row(UnknownCa, "certificate-untrusted");
    row(ExpiredIntermediate, EXPIRED);
    row(Sha1, "certificate-invalid");
    Attempt::scenario(NotBeforeAfterNotAfter).refused("certificate-invalid", NotWaived::NeverValid);
}

const TWO_EXPIRED: &str =
    "certificate-expired and certificate-expired | certificate-expired and certificate-expired";

#[test]
fn an_intermediate_that_expired_before() {
    Attempt::scenario(Scenario::ExpiredLeafAndIntermediate).refused(TWO_EXPIRED, NotWaived::NotValidTogether);
}

/// Going back to the end of the leaf brings it to life again.
#[test]
fn an_intermediate_that_expired_since() {
    let years_later = now() + DAY * (4 * 365);
    let attempt = Attempt::scenario(Scenario::Expired).at(years_later);
    attempt.refused(TWO_EXPIRED, NotWaived::OtherOutOfDate(INTERMEDIATE.to_owned()));
}

#[test]
fn an_intermediate_that_began_after_the_leaf_ended() {
    let pki = Pki::new(now());
    let mut identity = pki.identity(Scenario::Expired, NAME);
    identity.chain[1] = pki.intermediate_between(end() + HOUR, now() + DAY * 365);
    let attempt = Attempt::waived(&pki, identity);
    attempt.refused(&and("certificate-invalid"), NotWaived::NotValidTogether);
}

/// Neither before the leaf ended nor since: webpki does not look at the dates of roots.
#[test]
fn a_root_that_expired() {
    let pki = Pki::new(now());
    for ended in [end() - HOUR, end() + HOUR] {
        let old = Identity {
            chain: vec![pki.root_between(now() - DAY * 900, ended)],
            ..pki.identity(Scenario::Expired, NAME)
        };
        let attempt = Attempt::waived(&pki, pki.identity(Scenario::Expired, NAME));
        let attempt = Attempt { roots: roots(&old.chain_pem()), ..attempt };
        attempt.refused(TWO_EXPIRED, NotWaived::OtherOutOfDate(ROOT.to_owned()));
    }
}

#[test]
fn an_authority_that_presents_itself() {
    let pki = Pki::new(now());
    let root = pki.root_between(now() - DAY * 900, end());
    let identity = Identity { chain: vec![root], ..pki.identity(Scenario::Expired, NAME) };
    let own = roots(&identity.chain_pem());
    let denied = Attempt { roots: own, ..Attempt::waived(&pki, identity) }.decide().unwrap_err();
    assert_eq!(denied.not_waived, Some(NotWaived::WrongName));
}

#[test]
fn revoked_before_it_expired() {
    let attempt = || {
        let pki = Pki::new(now());
        (Attempt::waived(&pki, pki.identity(Scenario::Expired, NAME)), pki)
    };
    let (leaf, pki) = attempt();
    let own = leaf.identity.chain[0].clone();
    let reason = NotWaived::Revoked(format!("CN={NAME}"));
    leaf.knowing(&[&own])
        .refused("certificate-revoked | certificate-expired and certificate-revoked", reason.clone());
    drop(pki);
    let (above, pki) = attempt();
    let reason = NotWaived::Revoked(INTERMEDIATE.to_owned());
    above
        .knowing(&[pki.intermediate()])
        .refused("certificate-revoked | certificate-expired and certificate-revoked", reason);
    let (above, pki) = attempt();
    let reason = NotWaived::Revoked(ROOT.to_owned());
    above
        .knowing(&[pki.root()])
        .refused("certificate-revoked | certificate-expired and certificate-revoked", reason);
    let (other, pki) = attempt();
    let unrelated = pki.identity(Scenario::Expired, NAME);
    other.knowing(&[&unrelated.chain[0]]).admitted(Admitted::Waived(waiver_id()));
}

/// Also when full verification, or what is remembered of it, would let it in.
#[test]
fn revoked_and_otherwise_fine() {
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Fine, NAME);
    for revoked in [&identity.chain[0], pki.intermediate(), pki.root()] {
        let shown = Identity { chain: identity.chain.clone(), key: identity.key.clone_key() };
        Attempt::waived(&pki, shown)
            .knowing(&[revoked])
            .refused("certificate-revoked", NotWaived::NotExpired);
    }
    let judge = Judge::new(roots(&pki.root_pem()));
    let name = parse_server_name(NAME).unwrap();
    let admit = |terms: &Terms| judge.admit(&identity.chain, &name, terms, now());
    let knowing = Terms {
        revocations: Arc::new(Revocations::from_iter([pin_of(pki.intermediate()).0.sha256])),
        ..without_waiver()
    };
    assert_eq!(admit(&without_waiver()), Ok(Admitted::Verified));
    let denied = admit(&knowing).unwrap_err();
    assert_eq!((kinds(&denied.judgement).as_str(), denied.not_waived), ("certificate-revoked", None));
    assert_eq!(admit(&without_waiver()), Ok(Admitted::Verified));
}

#[test]
fn waivers_that_do_not_hold() {
    let check = |change: &dyn Fn(&mut PolicyWaiver), reason| {
        let mut attempt = Attempt::scenario(Scenario::Expired);
        change(attempt.waiver());
        attempt.refused(EXPIRED, reason);
    };
    let nothing = Attempt { terms: without_waiver(), ..Attempt::scenario(Scenario::Expired) };
    assert_eq!(nothing.decide().unwrap_err().not_waived, None);
    check(&|waiver| waiver.until = now(), NotWaived::Over(now()));
    check(&|waiver| waiver.until = now() - DAY, NotWaived::Over(now() - DAY));
    let moment = SignedDuration::from_nanos(1);
    check(&|waiver| waiver.from = now() + moment, NotWaived::NotBegun(now() + moment));
    let other: DependencyName = "other-db".parse().unwrap();
    check(&|waiver| waiver.dependency = other.clone(), NotWaived::OtherDependency(other.clone()));
    let name = "other.example.test".to_owned();
    check(&|waiver| waiver.server_name = name.clone(), NotWaived::OtherName(name.clone()));
    check(&|waiver| waiver.server_name = String::new(), NotWaived::OtherName(String::new()));
    let (waived, real) = (end() + SignedDuration::from_secs(1), end());
    check(&|waiver| waiver.not_after = waived, NotWaived::OtherEnd { waived, real });
}

#[test]
fn a_waiver_is_in_force_from_its_first_to_before_its_last_moment() {
    let mut attempt = Attempt::scenario(Scenario::Expired);
    let moment = SignedDuration::from_nanos(1);
    (attempt.waiver().from, attempt.waiver().until) = (now(), now() + moment);
    attempt.admitted(Admitted::Waived(waiver_id()));
    attempt.now = now() + moment;
    attempt.refused(EXPIRED, NotWaived::Over(now() + moment));
}

/// In its last second a certificate is valid, and after it is waived.
#[test]
fn the_end_of_the_certificate_is_where_the_waiver_begins() {
    let at = |time: Timestamp| Attempt::scenario(Scenario::Expired).at(time).decide();
    let second = SignedDuration::from_secs(1);
    assert_eq!(at(end()), Ok(Admitted::Verified));
    assert_eq!(at(end() + second - SignedDuration::from_nanos(1)), Ok(Admitted::Verified));
    assert_eq!(at(end() + second), Ok(Admitted::Waived(waiver_id())));
}

/// Whatever single bit of the pins is flipped, whatever single byte of the chain: nothing is let in.
#[test]
fn no_flipped_input_is_admitted() {
    let attempt = Attempt::scenario(Scenario::Expired);
    let judge = Judge::new(attempt.roots.clone());
    let name = parse_server_name(NAME).unwrap();
    let admits =
        |chain: &[CertificateDer<'_>], terms: &Terms| judge.admit(chain, &name, terms, now()).is_ok();
    let chain = &attempt.identity.chain;
    assert!(admits(chain, &attempt.terms));
    for bit in 0..256 {
        let flip = |print: &mut Fingerprint| print.0[bit / 8] ^= 1 << (bit % 8);
        for of_key in [false, true] {
            let mut terms = attempt.terms.clone();
            let pin = &mut terms.waiver.as_mut().unwrap().pin;
            flip(if of_key { &mut pin.spki_sha256 } else { &mut pin.sha256 });
            assert!(!admits(chain, &terms), "bit {bit}");
        }
    }
    for (index, der) in chain.iter().enumerate() {
        for at in 0..der.len() {
            let mut bytes = der.to_vec();
            bytes[at] ^= 0x15;
            let mut chain = chain.clone();
            chain[index] = bytes.into();
            assert!(!admits(&chain, &attempt.terms), "certificate {index}, byte {at}");
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Verified,
    Waived,
    Refused,
}

/// What each scenario must lead to under a waiver for its leaf, thought out without any library.
fn expected(scenario: Scenario) -> Expected {
    use Scenario::*;
    match scenario {
        Fine | ExpiringSoon | ExtraExpiredCertificate | ReversedChain => Expected::Verified,
        Expired => Expected::Waived,
        NotYetValid | OtherName | UnknownCa | ExpiredIntermediate | MissingIntermediate | SelfSigned => {
            Expected::Refused
        }
        ExpiredOtherName | ExpiredUnknownCa | ExpiredForged | ExpiredSelfSigned | ExpiredClientAuthOnly => {
            Expected::Refused
        }
        ExpiredLeafAndIntermediate | NotBeforeAfterNotAfter => Expected::Refused,
        Sha1 | WeakRsa1024 | ExpiredSha1 | ExpiredWeakRsa1024 => Expected::Refused,
    }
}

#[test]
fn every_scenario_under_a_waiver() {
    for &scenario in Scenario::ALL {
        let decision = match Attempt::scenario(scenario).decide() {
            Ok(Admitted::Verified) => Expected::Verified,
            Ok(Admitted::Waived(_)) => Expected::Waived,
            Err(_) => Expected::Refused,
        };
        assert_eq!(decision, expected(scenario), "{scenario:?}");
    }
}

/// The same rule by OpenSSL's command line: verified now; or past its end, verified at its end, and its issuers verified now.
#[test]
fn openssl_comes_to_the_same_decisions() {
    if !servers::require(openssl::available()) {
        return;
    }
    let pki = Pki::new(now());
    for &scenario in Scenario::ALL {
        let chain = pki.identity(scenario, NAME).chain;
        let holds_at = |time| openssl::verifies(&pki.root_pem(), &chain, NAME, time, Level::Strict);
        let ended = openssl::not_after(&chain[0]);
        // To OpenSSL a certificate's last second is over before it begins.
        let before = ended - SignedDuration::from_secs(1);
        let issuers_hold = || openssl::verifies_authority(&pki.root_pem(), &chain[1..], now());
        let decision = if holds_at(now()) {
            Expected::Verified
        } else if now() > ended && holds_at(before) && issuers_hold() {
            Expected::Waived
        } else {
            Expected::Refused
        };
        assert_eq!(decision, expected(scenario), "{scenario:?}");
        if [Scenario::Sha1, Scenario::WeakRsa1024].contains(&scenario) {
            let lenient = openssl::verifies(&pki.root_pem(), &chain, NAME, now(), Level::Lenient);
            assert!(lenient, "{scenario:?}: nothing else is wrong with it");
        }
    }
}

/// The sentences that people read.
#[test]
fn reasons_in_words() {
    let told = |attempt: Attempt| attempt.decide().unwrap_err().to_string();
    let mut over = Attempt::scenario(Scenario::Expired);
    over.waiver().until = now() - HOUR;
    assert_eq!(
        told(over),
        "the server's certificate (CN=db.example.test) expired 2 h 10 min ago, at 2026-03-14 22:29:00 UTC; name, trust and signatures hold otherwise; the waiver ended at 2026-03-14 23:39:00 UTC"
    );
    let revoked = Attempt::scenario(Scenario::Expired);
    let own = revoked.identity.chain[0].clone();
    assert_eq!(
        told(revoked.knowing(&[&own])),
        "the server's certificate (CN=db.example.test) was seen on a list of revoked certificates of its issuer's; CN=db.example.test is revoked, and only expiry is waived"
    );
}
