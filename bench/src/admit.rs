use std::sync::Arc;

use anyhow::{Context, ensure};
use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Pin, PolicyWaiver, Random, WaiverId};
use mainstay_testkit::{Key, Pki, Spec};
use mainstay_tls::{
    Admitted, CertificateDer, Entry, Handshake, Judge, Roots, ServerName, Terms, parse_server_name,
};

use crate::rules::nanoseconds;

const NAME: &str = "db.example.com";
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Times what a relay does for each connection beside the handshake itself.
pub(crate) fn run() -> anyhow::Result<()> {
    let now = Timestamp::from_second(1_800_000_000)?;
    let pki = Pki::new(now);
    let judge = Judge::new(Roots::from_pem(pki.root_pem().as_bytes(), "root.pem")?);
    let name = parse_server_name(NAME)?;
    let nothing =
        Arc::new(Terms { dependency: "orders-db".parse()?, waiver: None, revocations: Arc::default() });
    println!(
        "{:>10.0} ns  to prepare a handshake that decides",
        nanoseconds(100_000, || Entry::new(
            &judge,
            name.clone(),
            &[b"postgresql"],
            nothing.clone(),
            None,
            now
        ))
    );
    println!(
        "{:>10.0} ns  to prepare a handshake that records",
        nanoseconds(100_000, || Handshake::new(name.clone(), &[b"postgresql"]))
    );
    for key in [Key::P256, Key::Rsa2048] {
        let fine = pki.issue(Spec::new(NAME, now - DAY, now + DAY).with_key(key)).chain;
        let expired = pki.issue(Spec::new(NAME, now - DAY * 2, now - DAY).with_key(key)).chain;
        println!("with a certificate of {key:?}");
        decide(&judge, &name, &nothing, (&fine, &expired), now)?;
    }
    Ok(())
}

fn decide(
    judge: &Judge,
    name: &ServerName<'static>,
    nothing: &Terms,
    (fine, expired): (&[CertificateDer<'_>], &[CertificateDer<'_>]),
    now: Timestamp,
) -> anyhow::Result<()> {
    let waiver = waiver(judge, name, expired, now)?;
    let waiving = Terms { waiver: Some(waiver), ..nothing.clone() };
    ensure!(judge.admit(fine, name, nothing, now) == Ok(Admitted::Verified));
    ensure!(matches!(judge.admit(expired, name, &waiving, now), Ok(Admitted::Waived(_))));
    ensure!(judge.admit(expired, name, nothing, now).is_err());
    let roots = judge.roots();
    let rows: [(&str, u32, &dyn Fn()); 5] = [
        ("to admit a chain that is remembered", 50_000, &|| drop(judge.admit(fine, name, nothing, now))),
        ("to admit a chain that is new", 1_000, &|| {
            drop(Judge::new(roots.clone()).admit(fine, name, nothing, now));
        }),
        ("to admit a waived chain", 1_000, &|| drop(judge.admit(expired, name, &waiving, now))),
        ("to refuse an expired chain, with everything said", 500, &|| {
            drop(judge.admit(expired, name, nothing, now));
        }),
        ("to judge a chain as of when it will have expired", 500, &|| {
            drop(judge.judge(fine, name, now + DAY * 30));
        }),
    ];
    for (what, times, act) in rows {
        println!("{:>10.0} ns  {what}", nanoseconds(times, act));
    }
    Ok(())
}

fn waiver(
    judge: &Judge,
    name: &ServerName<'static>,
    chain: &[CertificateDer<'_>],
    now: Timestamp,
) -> anyhow::Result<PolicyWaiver> {
    let judgement = judge.judge(chain, name, now);
    let leaf = judgement.certificates.first().context("the chain has a certificate")?;
    Ok(PolicyWaiver {
        id: WaiverId::new(now, &mut Random::seeded(1)),
        dependency: "orders-db".parse()?,
        server_name: NAME.to_owned(),
        pin: Pin { sha256: leaf.sha256, spki_sha256: leaf.spki_sha256 },
        not_after: leaf.not_after,
        from: now,
        until: now + DAY,
        url: None,
    })
}
