//! Certificates in files, and roots from files.

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{FailureKind, Otherwise, Phase};
use mainstay_testkit::{Pki, Scenario};
use mainstay_tls::{Judgement, Roots, judge_file, parse_server_name};

const NAME: &str = "www.example.test";

fn now() -> Timestamp {
    "2026-03-15T00:39:00Z".parse().unwrap()
}

fn file(scenario: Scenario) -> String {
    Pki::new(now()).identity(scenario, NAME).chain_pem()
}

fn judged(pem: &str) -> Judgement {
    judge_file(pem.as_bytes(), None, None, now())
}

#[track_caller]
fn refused(pem: &[u8], expected: &str) {
    let judgement = judge_file(pem, None, None, now());
    let failure = &judgement.failures[0];
    assert_eq!((failure.kind, failure.phase), (FailureKind::CertificateInvalid, Phase::Resolve));
    assert_eq!(failure.message, expected);
    assert!(!judgement.verified && judgement.certificates.is_empty());
}

#[test]
fn a_chain_with_its_key() {
    let identity = Pki::new(now()).identity(Scenario::Fine, NAME);
    let judgement = judged(&format!("{}{}", identity.key_pem(), identity.chain_pem()));
    assert!(
        judgement.failures.is_empty() && !judgement.verified,
        "nothing is wrong, and trust was not judged"
    );
    assert_eq!(judgement.certificates.len(), 2);
    assert!(judgement.certificates.iter().all(|one| one.in_path));
}

#[test]
fn an_expired_chain() {
    let judgement = judged(&file(Scenario::Expired));
    assert_eq!(
        judgement.failures[0].message,
        "the file's certificate (CN=www.example.test) expired 2 h 10 min ago, at 2026-03-14 22:29:00 UTC; trust and name were not judged"
    );
    assert_eq!(otherwise(&judgement), not_judged("trust and name"));
}

fn otherwise(judgement: &Judgement) -> Otherwise {
    judgement.failures[0].expired.clone().unwrap().otherwise
}

fn not_judged(what: &str) -> Otherwise {
    Otherwise::NotJudged { what: what.to_owned() }
}

#[test]
fn what_is_not_judged_is_not_called_verified() {
    let pki = Pki::new(now());
    let roots = Roots::from_pem(pki.root_pem().as_bytes(), "root.pem").unwrap();
    let name = parse_server_name(NAME).unwrap();
    let check = |roots, name, expected: Otherwise| {
        let judge =
            |scenario| judge_file(pki.identity(scenario, NAME).chain_pem().as_bytes(), roots, name, now());
        let fine = judge(Scenario::Fine);
        assert_eq!((fine.failures.len(), fine.verified), (0, expected == Otherwise::Yes), "{expected:?}");
        assert_eq!(otherwise(&judge(Scenario::Expired)), expected);
    };
    check(None, None, not_judged("trust and name"));
    check(Some(&roots), None, not_judged("name"));
    check(None, Some(&name), not_judged("trust"));
    check(Some(&roots), Some(&name), Otherwise::Yes);
}

#[test]
fn with_roots_and_name_it_is_judged_like_a_server() {
    let pki = Pki::new(now());
    let roots = Roots::from_pem(pki.root_pem().as_bytes(), "root.pem").unwrap();
    let name = parse_server_name(NAME).unwrap();
    let judge = |scenario: Scenario| {
        let pem = pki.identity(scenario, NAME).chain_pem();
        judge_file(pem.as_bytes(), Some(&roots), Some(&name), now())
    };
    assert!(judge(Scenario::Fine).verified);
    assert_eq!(judge(Scenario::Fine).certificates.len(), 3);
    assert_eq!(judge(Scenario::MissingIntermediate).failures[0].kind, FailureKind::CertificateUntrusted);
    assert_eq!(judge(Scenario::OtherName).failures[0].kind, FailureKind::CertificateNameMismatch);
}

#[test]
fn a_server_that_comes_last() {
    let pki = Pki::new(now());
    let leaf = pki.identity(Scenario::MissingIntermediate, NAME);
    let judgement = judged(&format!("{}{}{}", pki.root_pem(), pki.intermediate_pem(), leaf.chain_pem()));
    assert!(judgement.failures.is_empty(), "{judgement:?}");
    assert_eq!(judgement.certificates[0].short_name(), NAME);
    assert!(judgement.findings.iter().any(|one| one.message.contains("is number 3 in the file")));
}

#[test]
fn authorities_are_judged_one_by_one() {
    let pki = Pki::new(now());
    let bundle = format!("{}{}", pki.root_pem(), pki.intermediate_pem());
    assert!(judged(&bundle).failures.is_empty());
    let four_years_on = now() + SignedDuration::from_hours(24 * 365 * 4);
    let judgement = judge_file(bundle.as_bytes(), None, None, four_years_on);
    assert_eq!(judgement.failures.len(), 1);
    assert_eq!(
        judgement.failures[0].message,
        "the intermediate certificate CN=Example Trust Intermediate R3 (position 1) expired 365 days ago, at 2029-03-14 00:39:00 UTC; trust and name were not judged"
    );
}

#[test]
fn files_without_a_certificate() {
    let identity = Pki::new(now()).identity(Scenario::Fine, NAME);
    refused(b"", "the file has no certificate");
    refused(b"hello\n", "the file has no certificate");
    refused(
        identity.key_pem().as_bytes(),
        "the file has no certificate; it has a private key, so it is probably the wrong file",
    );
    refused(
        &identity.chain[0],
        "the file has no certificate; it looks like DER: convert it with `openssl x509 -inform der -in FILE -out FILE.pem`",
    );
    let chain = identity.chain_pem();
    refused(&chain.as_bytes()[..chain.len() - 30], "the file is broken: its -----END line is missing");
    let garbled = chain.replacen("MII", "M!!", 1);
    refused(garbled.as_bytes(), "the file is broken: it is not valid base64");
}

#[test]
fn roots_from_files() {
    let error = |pem: &[u8]| Roots::from_pem(pem, "ca.pem").unwrap_err().to_string();
    assert_eq!(
        error(b""),
        "ca.pem has no certificate; it needs at least one block -----BEGIN CERTIFICATE-----"
    );
    let root = Pki::new(now()).root_pem();
    let garbled = format!("{root}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_eq!(
        error(garbled.as_bytes()),
        "ca.pem: certificate 2 is broken (what it encodes is not a certificate); write the file anew from its source"
    );
    let missing = Roots::from_pem_file("/nonexistent/ca.pem".as_ref()).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "/nonexistent/ca.pem cannot be read; check that the file exists and that this user may read it"
    );
}

#[test]
fn there_are_always_some_roots() {
    assert!(Roots::built_in().len() > 100);
    assert!(Roots::system().len() > 0);
}

/// Every root that the world trusts can be read and shown.
#[test]
fn the_built_in_roots_are_all_readable() {
    let pem: String = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(|der| pem(der)).collect();
    let judgement = judge_file(pem.as_bytes(), None, None, now());
    assert_eq!(judgement.certificates.len(), Roots::built_in().len());
    for one in &judgement.certificates {
        assert!(!one.subject.is_empty() && !one.key.starts_with("unknown"), "{one:?}");
    }
}

fn pem(der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}
