#![no_main]

use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;
use mainstay_model::{Pin, PolicyWaiver};
use mainstay_tls::{
    CertificateDer, Judge, Judgement, MAX_CHAIN_CERTIFICATES, Roots, Terms, judge_file, parse_server_name,
};

/// Reading all roots takes longer than judging a chain.
static JUDGE: LazyLock<Judge> = LazyLock::new(|| Judge::new(Roots::built_in()));

// A chain as a server may send it: each certificate with its length before it, in two bytes. The same bytes as a PEM file.
fuzz_target!(|bytes: &[u8]| {
    let now: Timestamp = "2026-11-23T00:00:00Z".parse().expect("a time");
    let name = parse_server_name("db.example.com").expect("a name");
    let chain = certificates(bytes);
    let judge = &*JUDGE;
    let judgement = judge.judge(&chain, &name, now);
    assert_eq!(judgement.verified, judgement.failures.is_empty(), "either it holds or something is wrong");
    assert_eq!(judge.judge(&chain, &name, now), judgement, "it is remembered as it was judged");
    let decision = judge.admit(&chain, &name, &waiving(&judgement, now), now);
    assert_eq!(decision.is_ok(), judgement.verified, "nobody has the key of a root, so nothing is waived");
    for roots in [None, Some(judge.roots())] {
        let file = judge_file(bytes, roots, None, now);
        assert!(!file.verified, "without a name not everything was judged");
    }
});

/// Terms with a waiver for whatever certificate comes first.
fn waiving(judgement: &Judgement, now: Timestamp) -> Terms {
    let leaf = judgement.certificates.iter().find(|certificate| certificate.position == 0);
    let waiver = leaf.map(|leaf| PolicyWaiver {
        id: "0199c0de-0000-7000-8000-000000000001".parse().expect("an identifier"),
        dependency: "db".parse().expect("a name"),
        server_name: "db.example.com".to_owned(),
        pin: Pin { sha256: leaf.sha256, spki_sha256: leaf.spki_sha256 },
        not_after: leaf.not_after,
        from: now,
        until: now + SignedDuration::from_hours(1),
        url: None,
    });
    Terms { dependency: "db".parse().expect("a name"), waiver, revocations: Arc::default() }
}

fn certificates(mut bytes: &[u8]) -> Vec<CertificateDer<'_>> {
    let mut chain = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (der, rest) = rest.split_at(rest.len().min(usize::from(u16::from_be_bytes(*length))));
        chain.push(CertificateDer::from(der));
        bytes = rest;
        if chain.len() == MAX_CHAIN_CERTIFICATES {
            break;
        }
    }
    chain
}
