use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Blame, Certificate, CheckReport, Diagnosis, Expired, Failure, FailureKind, Fingerprint, Observation,
    Otherwise, Phase, Phases, TlsFacts, Verdict,
};

use super::render;

const DAY: i64 = 24;

fn checked_at() -> Timestamp {
    "2026-11-22T00:01:00Z".parse().unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

fn certificate(position: u32, name: &str, issuer: &str, lifetime: i64, left: i64) -> Certificate {
    let not_after = checked_at() + hours(left);
    Certificate {
        position,
        sent: position < 2,
        in_path: true,
        subject: format!("CN={name}"),
        issuer: format!("CN={issuer}"),
        names: Vec::new(),
        serial: "01".into(),
        not_before: not_after - hours(lifetime),
        not_after,
        sha256: Fingerprint([0; 32]),
        spki_sha256: Fingerprint([0; 32]),
        key: "EC P-256".into(),
        der: None,
    }
}

/// The incident that this program exists for.
fn expired() -> CheckReport {
    let mut failure = Failure::new(FailureKind::CertificateExpired, Phase::Tls, "the certificate expired");
    let since = checked_at() - hours(2);
    failure.expired =
        Some(Expired { position: 0, subject: "CN=eu.acme.example".into(), since, otherwise: Otherwise::Yes });
    let certificates = vec![
        certificate(0, "eu.acme.example", "Acme Issuing CA 2", 90 * DAY, -2),
        certificate(1, "Acme Issuing CA 2", "Acme Root with quite a long name", 1095 * DAY, 500 * DAY),
        certificate(
            2,
            "Acme Root with quite a long name",
            "Acme Root with quite a long name",
            7300 * DAY,
            6000 * DAY,
        ),
    ];
    let tls = TlsFacts {
        version: Some("TLSv1.3".into()),
        cipher: Some("TLS_AES_256_GCM_SHA384".into()),
        verified: false,
        certificates,
    };
    let phases =
        Phases { connect_ms: Some(12.0), upgrade_ms: Some(3.04), tls_ms: Some(25.0), ..Phases::default() };
    let observation = Observation {
        address: "192.0.2.10:3306".into(),
        verdict: Verdict::Down,
        failure: Some(failure.clone()),
        also: Vec::new(),
        phases,
        tls: Some(tls),
    };
    let diagnosis = Diagnosis {
        cause: "The certificate of eu.acme.example expired at 2026-11-21 22:01 UTC. Everything else about it is in order.".into(),
        evidence: Vec::new(),
        actions: vec![
            "Ask Acme to renew the certificate and to restart or reload whatever serves it.".into(),
            "Do not switch certificate verification off.".into(),
        ],
    };
    CheckReport {
        endpoint: None,
        target: "mysql://monitor@eu.acme.example:3306/orders".into(),
        dependency: Some("orders-db".parse().unwrap()),
        verdict: Verdict::Down,
        failure: Some(failure),
        addresses: vec![observation],
        findings: Vec::new(),
        diagnosis: Some(diagnosis),
        resolve_ms: Some(4.2),
        checked_at: checked_at(),
    }
}

#[test]
fn an_expired_certificate() {
    let expected = "\
■ down  orders-db  mysql://monitor@eu.acme.example:3306/orders
  The certificate of eu.acme.example expired at 2026-11-21 22:01 UTC. Everything
  else about it is in order.

  since   2026-11-21 22:01:00 UTC, 2 h ago
  fault   the provider's (certificate-expired, in the phase tls)

  do      1. Ask Acme to renew the certificate and to restart or reload whatever
             serves it.
          2. Do not switch certificate verification off.

  chain   server       eu.acme.example               ✗ expired 2 h ago
          intermediate Acme Issuing CA 2             █████░░░░░░░  500 days left
          root (ours)  Acme Root with quite a long … ██████████░░ 6000 days left

  tls     TLSv1.3 with TLS_AES_256_GCM_SHA384

  time    4.2 ms to resolve the name
          ■ 192.0.2.10:3306                                        40 ms
            ░░░░░░░░░░░░░░▒▒▒▒▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓
            ░ connect 12  ▒ upgrade 3.0  ▓ tls 25 ✗
";
    assert_eq!(render(&[expired()], false), expected);
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = render(&[expired()], true);
    assert!(coloured.starts_with("\u{1b}[1;31m■ down\u{1b}[0m"));
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(
        plain.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") + "\n",
        render(&[expired()], false)
    );
}

#[test]
fn a_healthy_check_is_short() {
    let mut report = expired();
    (report.verdict, report.failure, report.diagnosis) = (Verdict::Healthy, None, None);
    let one = &mut report.addresses[0];
    (one.verdict, one.failure) = (Verdict::Healthy, None);
    let tls = one.tls.as_mut().unwrap();
    tls.verified = true;
    tls.certificates[0] = certificate(0, "eu.acme.example", "Acme Issuing CA 2", 90 * DAY, 60 * DAY);
    let text = render(&[report], false);
    assert!(
        text.contains("\n  Everything works: the certificate chain verifies, the first certificate ends\n  in 60 days.\n"),
        "{text}"
    );
    assert!(!text.contains("  do ") && !text.contains('✗'), "{text}");
}

#[test]
fn several_reports_stand_apart() {
    let mut other = expired();
    other.failure.as_mut().unwrap().blame = Blame::Us;
    let text = render(&[expired(), other], false);
    assert_eq!(text.matches("\n\n■ down  orders-db").count(), 1, "{text}");
    assert!(text.contains("  fault   ours ("), "{text}");
}
