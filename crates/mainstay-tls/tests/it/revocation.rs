//! Lists of revoked certificates.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{FailureKind, Fingerprint};
use mainstay_testkit::{CrlSpec, Identity, Pki, Scenario, Spec};
use mainstay_tls::{
    CertificateDer, Crl, CrlError, Judge, Judgement, MAX_CRL_BYTES, RevocationReason, Revocations, Revoked,
    Terms, crl_urls, crl_urls_of, parse_server_name, revoked_in,
};

use crate::attempt::{NAME, now, roots, waiver_for, without_waiver};
use crate::judge::kinds;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A list of yesterday's.
fn list<'a>(revoked: &'a [&'a CertificateDer<'a>]) -> CrlSpec<'a> {
    CrlSpec { revoked, listed_at: now() - DAY, number: 0xbeef, only_for: None }
}

fn crl(der: Vec<u8>) -> Crl {
    Crl::read(&der).unwrap()
}

/// The positions in the chain of those that are revoked.
fn found(pki: &Pki, chain: &[CertificateDer<'_>], crls: &[Crl], at: Timestamp) -> Vec<usize> {
    let position = |one: &Revoked| chain.iter().position(|der| fingerprint(der) == one.sha256).unwrap();
    revoked_in(chain, &roots(&pki.root_pem()), crls, at).iter().map(position).collect()
}

fn fingerprint(der: &CertificateDer<'_>) -> Fingerprint {
    waiver_for(der).pin.sha256
}

fn judged(pki: &Pki, chain: &[CertificateDer<'_>], crls: &[Crl]) -> Judgement {
    let judge = Judge::new(roots(&pki.root_pem()));
    let name = parse_server_name(NAME).unwrap();
    let mut revocations = Revocations::default();
    revocations.extend(revoked_in(chain, judge.roots(), crls, now()));
    assert!(
        judge
            .judge(chain, &name, now())
            .failures
            .iter()
            .all(|one| one.kind != FailureKind::CertificateRevoked)
    );
    judge.judge_knowing(chain, &name, &revocations, now())
}

#[test]
fn a_revoked_leaf() {
    let pki = Pki::new(now());
    let chain = pki.identity(Scenario::Fine, NAME).chain;
    let crls = [crl(pki.intermediate_crl(&list(&[&chain[0]])))];
    let revoked = revoked_in(&chain, &roots(&pki.root_pem()), &crls, now());
    let expected = Revoked {
        sha256: fingerprint(&chain[0]),
        at: now() - DAY - SignedDuration::from_hours(1),
        reason: RevocationReason::KeyCompromise,
        listed_at: now() - DAY,
        list_number: Some("beef".to_owned()),
    };
    assert_eq!(revoked, [expected]);
    let judgement = judged(&pki, &chain, &crls);
    assert_eq!((kinds(&judgement).as_str(), judgement.verified), ("certificate-revoked", false));
    assert_eq!(
        judgement.failures[0].message,
        "the server's certificate (CN=db.example.test) was revoked by its issuer at 2026-03-13 23:39:00 UTC (its key is compromised)"
    );
}

#[test]
fn a_revoked_intermediate() {
    let pki = Pki::new(now());
    let chain = pki.identity(Scenario::Fine, NAME).chain;
    let crls = [crl(pki.root_crl(&list(&[&chain[1]])))];
    assert_eq!(found(&pki, &chain, &crls, now()), [1]);
    let judgement = judged(&pki, &chain, &crls);
    assert!(
        judgement.failures[0]
            .message
            .starts_with("the intermediate certificate CN=Example Trust Intermediate R3"),
        "{}",
        judgement.failures[0].message
    );
}

#[test]
fn both_at_once() {
    let pki = Pki::new(now());
    let chain = pki.identity(Scenario::Fine, NAME).chain;
    let crls = [crl(pki.intermediate_crl(&list(&[&chain[0]]))), crl(pki.root_crl(&list(&[&chain[1]])))];
    assert_eq!(found(&pki, &chain, &crls, now()), [0, 1]);
    assert_eq!(kinds(&judged(&pki, &chain, &crls)), "certificate-revoked | certificate-revoked");
}

/// Neither does a list say anything of others' certificates, nor one that another key signed, nor do these hide one that does.
#[test]
fn lists_that_do_not_count() {
    let pki = Pki::new(now());
    let stranger = Pki::new(now());
    let chain = pki.identity(Scenario::Fine, NAME).chain;
    let unrelated = pki.identity(Scenario::Fine, "unrelated.example.test").chain;
    let (leaf, other) = ([&chain[0]], [&unrelated[0]]);
    let nothing = [
        crl(pki.forged_crl(&list(&leaf))),
        crl(stranger.intermediate_crl(&list(&leaf))),
        crl(pki.root_crl(&list(&leaf))),
        crl(pki.intermediate_crl(&list(&[]))),
        crl(pki.intermediate_crl(&list(&other))),
    ];
    for one in &nothing {
        assert_eq!(found(&pki, &chain, std::slice::from_ref(one), now()), [0; 0], "{one:?}");
    }
    assert!(judged(&pki, &chain, &nothing).verified);
    let real = crl(pki.intermediate_crl(&list(&leaf)));
    for at in 0..=nothing.len() {
        let mut crls = nothing.to_vec();
        crls.insert(at, real.clone());
        assert_eq!(found(&pki, &chain, &crls, now()), [0], "the real one at {at}");
    }
}

/// Whoever can choose the chain must not be able to call certificates revoked: the issuer has to be one that is trusted.
#[test]
fn a_chain_to_nowhere_proves_nothing() {
    let (pki, stranger) = (Pki::new(now()), Pki::new(now()));
    let chain = stranger.identity(Scenario::Fine, NAME).chain;
    let crls = [crl(stranger.intermediate_crl(&list(&[&chain[0]])))];
    assert_eq!(found(&pki, &chain, &crls, now()), [0; 0]);
    assert_eq!(found(&stranger, &chain, &crls, now()), [0]);
}

/// The authority drops it from its lists once it expired; the list that was kept still holds, and no waiver helps.
#[test]
fn a_list_that_was_kept_still_counts_after_the_end() {
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Expired, NAME);
    let chain = &identity.chain;
    let kept = crl(pki.intermediate_crl(&CrlSpec { listed_at: now() - DAY * 20, ..list(&[&chain[0]]) }));
    let latest = crl(pki.intermediate_crl(&list(&[])));
    let years_later = now() + DAY * 3000;
    for at in [now(), years_later] {
        assert_eq!(found(&pki, chain, &[latest.clone(), kept.clone()], at), [0]);
    }
    let mut revocations = Revocations::default();
    revocations.extend(revoked_in(chain, &roots(&pki.root_pem()), &[latest, kept], now()));
    let judge = Judge::new(roots(&pki.root_pem()));
    let name = parse_server_name(NAME).unwrap();
    let terms = |revocations| Terms {
        waiver: Some(waiver_for(&chain[0])),
        revocations: Arc::new(revocations),
        ..without_waiver()
    };
    assert!(judge.admit(chain, &name, &terms(Revocations::default()), now()).is_ok());
    let denied = judge.admit(chain, &name, &terms(revocations), now()).unwrap_err();
    assert_eq!(
        denied.to_string(),
        "the server's certificate (CN=db.example.test) was revoked by its issuer at 2026-02-22 23:39:00 UTC (its key is compromised); CN=db.example.test is revoked, and only expiry is waived"
    );
}

/// Large authorities split their lists by the address that the certificate names.
#[test]
fn a_list_for_one_address() {
    let pki = Pki::new(now());
    let url = "http://crl.example.test/44.crl";
    let spec = Spec::new(NAME, now() - DAY, now() + DAY).with_crl_url(url);
    let Identity { chain, .. } = pki.issue(spec);
    let leaf = [&chain[0]];
    let only_for = |url: &str| {
        let spec = CrlSpec { only_for: Some(url.to_owned()), ..list(&leaf) };
        found(&pki, &chain, &[crl(pki.intermediate_crl(&spec))], now())
    };
    assert_eq!(only_for(url), [0]);
    assert_eq!(only_for("http://crl.example.test/45.crl"), [0; 0]);
}

#[test]
fn addresses_of_lists() {
    let pki = Pki::new(now());
    let of = |url: &str| {
        let spec = Spec::new(NAME, now(), now() + DAY).with_crl_url(url);
        crl_urls(&pki.issue(spec).chain[0])
    };
    assert_eq!(of("http://crl.example.test/44.crl"), ["http://crl.example.test/44.crl"]);
    assert_eq!(of("HTTPS://crl.example.test/44.crl"), ["HTTPS://crl.example.test/44.crl"]);
    assert_eq!(of("ldap://dir.example.test/cn=list"), [""; 0]);
    assert_eq!(of("file:///etc/passwd"), [""; 0]);
    assert_eq!(of("http://crl.example.test/a b"), [""; 0]);
    assert_eq!(crl_urls(pki.intermediate()), [""; 0]);
    assert_eq!(crl_urls(&CertificateDer::from(vec![1, 2, 3])), [""; 0]);
}

#[test]
fn a_list_is_read_from_der_and_from_pem() {
    let pki = Pki::new(now());
    let der = pki.intermediate_crl(&list(&[pki.root()]));
    let from_der = Crl::read(&der).unwrap();
    assert_eq!((from_der.listed_at(), from_der.number()), (now() - DAY, Some("beef")));
    let from_pem = Crl::read(pem(&der).as_bytes()).unwrap();
    assert_eq!((from_der.der(), from_pem.der()), (der.as_slice(), der.as_slice()));
}

fn pem(der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN X509 CRL-----\n{text}\n-----END X509 CRL-----\n")
}

#[test]
fn what_is_no_list() {
    let pki = Pki::new(now());
    let der = pki.intermediate_crl(&list(&[pki.root()]));
    let says = |bytes: &[u8], expected: &str| assert_eq!(Crl::read(bytes).unwrap_err().to_string(), expected);
    says(
        b"<html>not found</html>",
        "what was read is no list of revoked certificates (no items found); look at what the address or file really gives",
    );
    assert!(matches!(Crl::read(&[]), Err(CrlError::Malformed(_))));
    assert!(matches!(Crl::read(pki.root()), Err(CrlError::Malformed(_))), "a certificate");
    assert!(matches!(Crl::read(&vec![0x30; MAX_CRL_BYTES + 1]), Err(CrlError::TooLarge(_))));
    for length in 0..der.len() {
        assert!(Crl::read(&der[..length]).is_err(), "cut to {length} bytes");
    }
}

/// A list comes over plain HTTP: whatever single byte of it is changed, it never calls anything else revoked, and is not believed.
#[test]
fn no_flipped_byte_of_a_list_is_believed() {
    let pki = Pki::new(now());
    let chain = pki.identity(Scenario::Fine, NAME).chain;
    let der = pki.intermediate_crl(&list(&[&chain[0]]));
    for at in 0..der.len() {
        let mut bytes = der.clone();
        bytes[at] ^= 0x15;
        let Ok(crl) = Crl::read(&bytes) else { continue };
        assert_eq!(found(&pki, &chain, &[crl], now()), [0; 0], "byte {at}");
    }
}

/// Whoever sends a chain can put anything behind it: those certificates must not say whom we ask.
#[test]
fn only_certificates_of_the_path_say_where_lists_are() {
    let (pki, stranger) = (Pki::new(now()), Pki::new(now()));
    let spec = |url: &str| Spec::new(NAME, now() - DAY, now() + DAY).with_crl_url(url);
    let mut chain = pki.issue(spec("http://authority.example.test/list.crl")).chain;
    chain.extend(stranger.issue(spec("http://169.254.169.254/latest")).chain);
    let urls = |roots: &str| crl_urls_of(&chain, &self::roots(roots), now());
    assert_eq!(urls(&pki.root_pem()), ["http://authority.example.test/list.crl"]);
    assert_eq!(urls(&Pki::new(now()).root_pem()), [""; 0], "nothing of it is trusted");
}
