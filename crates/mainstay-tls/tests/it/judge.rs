//! Every scenario of the broken PKI, judged.

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{FailureKind, FindingKind, Otherwise, Severity};
use mainstay_testkit::{Identity, Key, Pki, Scenario, Spec};
use mainstay_tls::{Judge, Judgement, Roots, parse_server_name};

const NAME: &str = "db.example.test";

fn now() -> Timestamp {
    "2026-03-15T00:39:00Z".parse().unwrap()
}

fn roots(pki: &Pki) -> Roots {
    Roots::from_pem(pki.root_pem().as_bytes(), "root.pem").unwrap()
}

fn judged(pki: &Pki, identity: &Identity, name: &str, now: Timestamp) -> Judgement {
    Judge::new(roots(pki)).judge(&identity.chain, &parse_server_name(name).unwrap(), now)
}

fn scenario(scenario: Scenario) -> Judgement {
    let pki = Pki::new(now());
    judged(&pki, &pki.identity(scenario, NAME), NAME, now())
}

/// The kinds of all failures, and for expiry the kind of what else is wrong.
pub(crate) fn kinds(judgement: &Judgement) -> String {
    let kind = |failure: &mainstay_model::Failure| match failure
        .expired
        .as_ref()
        .map(|expired| &expired.otherwise)
    {
        Some(Otherwise::Yes) => format!("{} only", failure.kind),
        Some(Otherwise::NotJudged { what }) => format!("{} but for {what}", failure.kind),
        Some(Otherwise::No { kind, .. }) => format!("{} and {kind}", failure.kind),
        None => failure.kind.to_string(),
    };
    judgement.failures.iter().map(kind).collect::<Vec<_>>().join(" | ")
}

fn findings(judgement: &Judgement) -> String {
    judgement
        .findings
        .iter()
        .map(|one| format!("{} {}", one.kind, one.severity))
        .collect::<Vec<_>>()
        .join(" | ")
}

/// `0 1 +2`: what was sent, `+` for what was not, in parentheses what no path needs.
fn certificates(judgement: &Judgement) -> String {
    let shown = judgement.certificates.iter().map(|one| {
        let position = format!("{}{}", if one.sent { "" } else { "+" }, one.position);
        if one.in_path { position } else { format!("({position})") }
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(which: Scenario, expected_kinds: &str, expected_certificates: &str, expected_findings: &str) {
    let judgement = scenario(which);
    assert_eq!(kinds(&judgement), expected_kinds, "{which:?}: {:#?}", judgement.failures);
    assert_eq!(certificates(&judgement), expected_certificates, "{which:?}");
    assert_eq!(findings(&judgement), expected_findings, "{which:?}: {:#?}", judgement.findings);
    assert_eq!(judgement.verified, expected_kinds.is_empty(), "{which:?}");
    assert!(judgement.certificates.iter().all(|one| one.der.is_some()));
}

#[test]
fn every_scenario() {
    use Scenario::*;
    check(Fine, "", "0 1 +2", "");
    check(Expired, "certificate-expired only", "0 1 +2", "");
    check(NotYetValid, "certificate-not-yet-valid", "0 1 +2", "");
    check(OtherName, "certificate-name-mismatch", "0 1 +2", "");
    check(UnknownCa, "certificate-untrusted", "(0) (1)", "");
    check(ExpiredIntermediate, "certificate-expired only", "0 1 +2", "");
    check(MissingIntermediate, "certificate-untrusted", "(0)", "");
    check(ExpiringSoon, "", "0 1 +2", "certificate-expiring high");
    check(SelfSigned, "certificate-untrusted", "(0)", "");
    check(ExtraExpiredCertificate, "", "0 1 (2) +3", "chain-has-expired warn");
    check(ReversedChain, "", "0 1 2", "chain-untidy info");
    check(NotBeforeAfterNotAfter, "certificate-invalid", "(0) (1)", "");
    check(Sha1, "certificate-invalid", "(0) (1)", "");
    check(WeakRsa1024, "certificate-invalid", "0 1 +2", "");
    check(ExpiredSha1, "certificate-expired and certificate-invalid | certificate-invalid", "(0) (1)", "");
    check(
        ExpiredWeakRsa1024,
        "certificate-expired and certificate-invalid | certificate-invalid",
        "0 1 +2",
        "",
    );
}

/// The library gives one and the same answer for all of these.
#[test]
fn what_is_wrong_besides_expiry_is_told_apart() {
    use Scenario::*;
    let pair = |other: &str| format!("certificate-expired and {other} | {other}");
    check(Expired, "certificate-expired only", "0 1 +2", "");
    check(ExpiredOtherName, &pair("certificate-name-mismatch"), "0 1 +2", "");
    check(ExpiredUnknownCa, &pair("certificate-untrusted"), "(0) (1)", "");
    check(ExpiredForged, &pair("certificate-untrusted"), "(0) (1)", "");
    check(ExpiredSelfSigned, &pair("certificate-untrusted"), "(0)", "");
    check(ExpiredClientAuthOnly, &pair("certificate-invalid"), "(0) (1)", "");
    let both = "certificate-expired and certificate-expired | certificate-expired and certificate-expired";
    check(ExpiredLeafAndIntermediate, both, "0 1 +2", "");
}

#[test]
fn every_scenario_is_in_a_table() {
    let text = include_str!("judge.rs");
    for scenario in Scenario::ALL {
        let row = |after: &str| text.contains(&format!("check({after}{scenario:?},"));
        assert!(row("") || row("\n        "), "{scenario:?}");
    }
}

#[track_caller]
fn says(which: Scenario, expected: &str) {
    assert_eq!(scenario(which).failures[0].message, expected);
}

#[test]
fn messages() {
    use Scenario::*;
    says(
        Expired,
        "the server's certificate (CN=db.example.test) expired 2 h 10 min ago, at 2026-03-14 22:29:00 UTC; name, trust and signatures hold otherwise",
    );
    says(
        ExpiredOtherName,
        "the server's certificate (CN=other.example.test) expired 2 h 10 min ago, at 2026-03-14 22:29:00 UTC; besides, the server's certificate (CN=other.example.test) is for other.example.test and *.other.example.test, not for db.example.test",
    );
    says(
        ExpiredIntermediate,
        "the intermediate certificate CN=Example Trust Intermediate R2 (position 1) expired 3 days ago, at 2026-03-12 00:39:00 UTC; name, trust and signatures hold otherwise",
    );
    says(
        NotYetValid,
        "the server's certificate (CN=db.example.test) is not valid for another 3 days: it begins at 2026-03-18 00:39:00 UTC",
    );
    says(
        OtherName,
        "the server's certificate (CN=other.example.test) is for other.example.test and *.other.example.test, not for db.example.test",
    );
    says(
        SelfSigned,
        "the server's certificate (CN=db.example.test) is signed by itself, so nobody vouches for it, and it is not in root.pem",
    );
    says(
        UnknownCa,
        "the chain ends with the intermediate certificate CN=Unheard-of Intermediate (position 1), whose issuer CN=Unheard-of Root is not in root.pem",
    );
    says(
        MissingIntermediate,
        "the server's certificate (CN=db.example.test) was issued by CN=Example Trust Intermediate R3, whose certificate was not sent and is not in root.pem: the intermediate certificate is missing from the chain, or its authority is unknown here",
    );
    says(
        NotBeforeAfterNotAfter,
        "the server's certificate (CN=db.example.test) begins (2026-03-14 00:39:00 UTC) after it ends (2026-03-13 00:39:00 UTC), so it is never valid",
    );
    says(
        Sha1,
        "the server's certificate (CN=db.example.test) is signed with sha1WithRSAEncryption, which clients refuse because such signatures can be forged",
    );
    says(
        WeakRsa1024,
        "the server's certificate (CN=db.example.test) has an RSA key of 1024 bits, which clients refuse: they ask for at least 2048",
    );
    let forged = &scenario(ExpiredForged).failures[1].message;
    assert_eq!(
        forged,
        "the server's certificate (CN=db.example.test) does not carry the signature of CN=Example Trust Intermediate R3, whom it names as its issuer: it is forged, or that authority has another key of the same name"
    );
    let purpose = &scenario(ExpiredClientAuthOnly).failures[1].message;
    assert_eq!(
        purpose,
        "the server's certificate (CN=db.example.test) may not be used by servers: its extended key usage lacks server authentication"
    );
    let finding = &scenario(ExtraExpiredCertificate).findings[0].message;
    assert_eq!(
        finding,
        "the intermediate certificate CN=Example Trust Root X1 (position 2) expired 40 days ago, at 2026-02-03 00:39:00 UTC; verification does without it here, but strict clients refuse the chain because of it: remove it from the chain"
    );
    let soon = &scenario(ExpiringSoon).findings[0].message;
    assert_eq!(
        soon,
        "the server's certificate (CN=db.example.test) expires in 4 days, at 2026-03-19 12:39:00 UTC"
    );
}

#[test]
fn the_expired_certificate_is_named() {
    let judgement = scenario(Scenario::ExpiredIntermediate);
    let expired = judgement.failures[0].expired.as_ref().unwrap();
    assert_eq!((expired.position, expired.since), (1, now() - SignedDuration::from_hours(72)));
    assert_eq!(expired.subject, "CN=Example Trust Intermediate R2,O=Example Trust");
}

#[test]
fn facts() {
    let pki = Pki::new(now());
    let (begin, end) = (now() - SignedDuration::from_hours(1), now() + SignedDuration::from_hours(24));
    let mut spec = Spec::new(NAME, begin, end);
    spec.names.extend(["*.example.test".to_owned(), "192.0.2.7".to_owned(), "2001:db8::7".to_owned()]);
    let identity = pki.issue(spec);
    let judgement = judged(&pki, &identity, "192.0.2.7", now());
    assert!(judgement.verified, "{:?}", judgement.failures);
    let leaf = &judgement.certificates[0];
    assert_eq!(leaf.subject, "CN=db.example.test");
    assert_eq!(leaf.issuer, "CN=Example Trust Intermediate R3,O=Example Trust");
    assert_eq!(leaf.names, [NAME, "*.example.test", "192.0.2.7", "2001:db8::7"]);
    assert_eq!((leaf.not_before, leaf.not_after), (begin, end));
    assert_eq!(leaf.key, "EC P-256");
    assert!(leaf.serial.len() == 32 && !leaf.serial.starts_with("00"), "{}", leaf.serial);
    assert_eq!(leaf.der.as_deref(), Some(identity.chain[0].as_ref()));
    let anchor = &judgement.certificates[2];
    assert_eq!(
        (anchor.subject.as_str(), anchor.position, anchor.sent),
        ("CN=Example Trust Root X1,O=Example Trust", 2, false)
    );
}

#[test]
fn keys() {
    let pki = Pki::new(now());
    let key = |key: Key| {
        let end = now() + SignedDuration::from_hours(2400);
        let identity = pki.issue(Spec::new(NAME, now(), end).with_key(key));
        let judgement = judged(&pki, &identity, NAME, now());
        assert!(judgement.verified, "{key:?}: {:?}", judgement.failures);
        judgement.certificates[0].key.clone()
    };
    assert_eq!(key(Key::P256), "EC P-256");
    assert_eq!(key(Key::P384), "EC P-384");
    assert_eq!(key(Key::P521), "EC P-521");
    assert_eq!(key(Key::Ed25519), "Ed25519");
    assert_eq!(key(Key::Rsa2048), "RSA 2048");
}

/// What was verified is remembered, but never beyond its dates, for another name, or with another chain.
#[test]
fn remembering_changes_no_judgement() {
    let pki = Pki::new(now());
    let hour = SignedDuration::from_hours(1);
    let identity = pki.short_lived(NAME, now(), hour);
    let judge = Judge::new(roots(&pki));
    let name = parse_server_name(NAME).unwrap();
    let moment = SignedDuration::from_millis(1);
    let verified = |at: Timestamp| {
        let remembering = judge.judge(&identity.chain, &name, at);
        assert_eq!(remembering, judged(&pki, &identity, NAME, at), "at {at}");
        remembering.verified
    };
    assert!(!verified(now() - moment), "before it begins");
    assert!(verified(now()));
    assert!(verified(now() + hour / 2));
    assert!(verified(now() + hour), "the last second belongs to it");
    assert!(verified(now() + hour + moment * 999), "all of it");
    assert!(!verified(now() + hour + moment * 1000));
    assert!(!verified(now() - moment));
    assert!(verified(now() + hour / 2));
    let other = judge.judge(&identity.chain, &parse_server_name("other.example.test").unwrap(), now());
    assert_eq!(kinds(&other), "certificate-name-mismatch");
    let alone = judge.judge(&identity.chain[..1], &name, now());
    assert_eq!(kinds(&alone), "certificate-untrusted");
}

#[test]
fn expired_only_means_that_the_rest_holds_now() {
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Expired, NAME);
    let years_later = now() + SignedDuration::from_hours(24 * 365 * 4);
    let judgement = judged(&pki, &identity, NAME, years_later);
    assert_eq!(
        kinds(&judgement),
        "certificate-expired and certificate-expired | certificate-expired and certificate-expired",
        "the intermediate ended meanwhile"
    );
}

/// webpki does not look at the dates of roots; OpenSSL and Go do.
#[test]
fn an_expired_root_is_an_expired_certificate() {
    let pki = Pki::new(now());
    let later = now() + SignedDuration::from_hours(24 * 365 * 9);
    let authority_only = Roots::from_pem(pki.root_pem().as_bytes(), "root.pem").unwrap();
    let leaf = pki.short_lived(NAME, now(), SignedDuration::from_hours(24 * 365 * 10));
    let judgement = Judge::new(authority_only).judge(&leaf.chain, &parse_server_name(NAME).unwrap(), later);
    let positions: Vec<u32> =
        judgement.failures.iter().filter_map(|one| Some(one.expired.as_ref()?.position)).collect();
    assert_eq!(positions, [1, 2]);
    assert!(
        judgement.failures[1]
            .message
            .starts_with("the root certificate CN=Example Trust Root X1 expired 365 days ago")
    );
}

/// A trust store may hold the old root beside the new one with the same key.
#[test]
fn an_expired_root_beside_its_successor_does_no_harm() {
    let pki = Pki::new(now());
    let day = SignedDuration::from_hours(24);
    let old = Identity {
        chain: vec![pki.root_between(now() - day * 900, now() - day)],
        ..pki.identity(Scenario::Fine, NAME)
    };
    let both =
        Roots::from_pem(format!("{}{}", old.chain_pem(), pki.root_pem()).as_bytes(), "roots.pem").unwrap();
    let chain = pki.identity(Scenario::Fine, NAME).chain;
    let judgement = Judge::new(both).judge(&chain, &parse_server_name(NAME).unwrap(), now());
    assert!(judgement.verified, "{:?}", judgement.failures);
    assert_eq!(
        judgement.certificates[2].sha256,
        judged(&pki, &pki.identity(Scenario::Fine, NAME), NAME, now()).certificates[2].sha256
    );
}

/// Nothing can be verified when there was never a moment at which the whole chain was valid, so it is not "only" expired.
#[test]
fn a_leaf_that_is_younger_than_its_issuers_end() {
    let pki = Pki::new(now());
    let day = SignedDuration::from_hours(24);
    let after_the_intermediate = now() + day * (3 * 365 + 1);
    let identity = pki.short_lived(NAME, after_the_intermediate, day * 60);
    let judgement = judged(&pki, &identity, NAME, after_the_intermediate + day);
    assert_eq!(kinds(&judgement), "certificate-expired and certificate-invalid | certificate-invalid");
    assert_eq!(judgement.failures[0].expired.as_ref().unwrap().position, 1);
    assert!(judgement.failures[1].message.contains("never all valid at the same time"));
}

/// What `openssl req -x509` makes: OpenSSL takes it from a server once it is trusted, this library and its kin do not.
#[test]
fn an_authority_that_presents_itself() {
    let (pki, stranger) = (Pki::new(now()), Pki::new(now()));
    let itself =
        |pki: &Pki| Identity { chain: vec![pki.root().clone()], ..pki.identity(Scenario::Fine, NAME) };
    let trusted = judged(&pki, &itself(&pki), NAME, now());
    assert_eq!(kinds(&trusted), "certificate-invalid | certificate-name-mismatch");
    assert_eq!(
        trusted.failures[0].message,
        "the server's certificate (CN=Example Trust Root X1) is one of a certification authority (CA:TRUE), which strict clients refuse from servers: issue one without that mark"
    );
    let unknown = judged(&pki, &itself(&stranger), NAME, now());
    assert_eq!(kinds(&unknown), "certificate-invalid | certificate-untrusted | certificate-name-mismatch");
}

#[test]
fn an_intermediate_that_only_we_have_is_reported() {
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::MissingIntermediate, NAME);
    let both = format!("{}{}", pki.root_pem(), pki.intermediate_pem());
    let roots = Roots::from_pem(both.as_bytes(), "bundle.pem").unwrap();
    let judgement = Judge::new(roots).judge(&identity.chain, &parse_server_name(NAME).unwrap(), now());
    assert!(judgement.verified);
    assert_eq!(
        (certificates(&judgement).as_str(), findings(&judgement).as_str()),
        ("0 +1", "chain-incomplete warn")
    );
}

#[test]
fn a_root_near_its_end_is_mentioned_early() {
    let pki = Pki::new(now());
    let severity = |days_left: i32| {
        let at = now() + SignedDuration::from_hours(24) * (8 * 365 - days_left);
        let judgement = mainstay_tls::judge_file(pki.root_pem().as_bytes(), None, None, at);
        judgement.findings.first().map(|one| one.severity)
    };
    assert_eq!(severity(200), None);
    assert_eq!(severity(100), Some(Severity::Info));
    assert_eq!(severity(29), Some(Severity::Warn));
    assert_eq!(severity(6), Some(Severity::High));
    assert_eq!(severity(1), Some(Severity::Page));
}

#[test]
fn nonsense_is_refused() {
    let pki = Pki::new(now());
    let empty = Identity { chain: Vec::new(), key: pki.identity(Scenario::Fine, NAME).key };
    assert_eq!(kinds(&judged(&pki, &empty, NAME, now())), "certificate-invalid");
    let mut garbage = pki.identity(Scenario::Fine, NAME);
    garbage.chain[0] = vec![0x30, 0x03, 1, 2, 3].into();
    let judgement = judged(&pki, &garbage, NAME, now());
    assert_eq!(kinds(&judgement), "certificate-invalid");
    assert_eq!(judgement.failures[0].message, "the server's certificate is malformed and cannot be read");
    let mut untidy = pki.identity(Scenario::Fine, NAME);
    untidy.chain.push(vec![1, 2, 3].into());
    let judgement = judged(&pki, &untidy, NAME, now());
    assert!(judgement.verified);
    assert_eq!(judgement.findings[0].kind, FindingKind::ChainUntidy);
    assert_eq!(certificates(&judgement), "0 1 +3");
}

/// Certificates come from the other side: whatever single byte is changed, there is a judgement and it is a bad one.
#[test]
fn no_flipped_byte_is_verified() {
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Fine, NAME);
    let judge = Judge::new(roots(&pki));
    let name = parse_server_name(NAME).unwrap();
    for at in 0..identity.chain[0].len() {
        let mut chain = identity.chain.clone();
        let mut leaf = chain[0].to_vec();
        leaf[at] ^= 0x15;
        chain[0] = leaf.into();
        let judgement = judge.judge(&chain, &name, now());
        assert!(!judgement.verified && !judgement.failures.is_empty(), "byte {at}");
        assert!(judgement.failures.iter().all(|one| one.kind.is_certificate()), "byte {at}");
    }
}

#[test]
fn a_chain_for_two_things_at_once() {
    let pki = Pki::new(now());
    let stranger = Pki::new(now());
    let identity = stranger.identity(Scenario::OtherName, NAME);
    let judgement = judged(&pki, &identity, NAME, now());
    assert_eq!(judgement.failures[0].kind, FailureKind::CertificateUntrusted, "same names, other keys");
    assert_eq!(judgement.failures[1].kind, FailureKind::CertificateNameMismatch);
}
