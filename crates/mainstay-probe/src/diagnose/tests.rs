use jiff::Timestamp;
use mainstay_model::{
    Blame, Certificate, CheckReport, Diagnosis, Expired, Failure, FailureKind, Finding, FindingKind,
    Fingerprint, Observation, Otherwise, Phase, Phases, Severity, Target, TlsFacts, Verdict,
};

use super::diagnose;

fn report(verdict: Verdict, failure: Option<Failure>, findings: Vec<Finding>) -> CheckReport {
    let checked_at: Timestamp = "2026-11-22T00:01:00Z".parse().unwrap();
    let observation = Observation {
        address: "192.0.2.1:3306".into(),
        verdict,
        failure: failure.clone(),
        also: Vec::new(),
        phases: Phases { connect_ms: Some(1.5), ..Phases::default() },
        tls: failure
            .as_ref()
            .filter(|one| one.phase >= Phase::Tls)
            .map(|one| tls(!one.kind.is_certificate())),
    };
    CheckReport {
        endpoint: None,
        target: "mysql://monitor@eu.acme.example:3306/orders".into(),
        dependency: None,
        verdict,
        failure,
        addresses: vec![observation],
        findings,
        diagnosis: None,
        resolve_ms: None,
        checked_at,
    }
}

/// What a handshake that ended showed.
fn tls(verified: bool) -> TlsFacts {
    let certificate = |position, subject: &str| Certificate {
        position,
        sent: true,
        in_path: true,
        subject: subject.into(),
        issuer: "CN=Acme CA 2,O=Acme".into(),
        names: vec!["*.acme.example".into()],
        serial: "01".into(),
        not_before: "2026-08-21T22:29:00Z".parse().unwrap(),
        not_after: "2026-11-21T22:29:00Z".parse().unwrap(),
        sha256: Fingerprint([7; 32]),
        spki_sha256: Fingerprint([8; 32]),
        key: "EC P-256".into(),
        der: None,
    };
    TlsFacts {
        version: Some("TLSv1.3".into()),
        cipher: Some("TLS_AES_256_GCM_SHA384".into()),
        verified,
        certificates: vec![certificate(0, "CN=*.acme.example"), certificate(1, "CN=Acme CA 2,O=Acme")],
    }
}

fn of(failure: Failure) -> Diagnosis {
    let target = Target::parse("mysql://monitor:hunter2@eu.acme.example:3306/orders").unwrap();
    diagnose(&target, Some("Acme"), &report(Verdict::Down, Some(failure), Vec::new()))
}

fn expired(otherwise: Otherwise, position: u32) -> Failure {
    let mut failure = Failure::new(FailureKind::CertificateExpired, Phase::Tls, "the certificate expired");
    failure.expired = Some(Expired {
        position,
        subject: if position == 0 { "CN=*.acme.example" } else { "CN=Acme CA 2,O=Acme" }.into(),
        since: "2026-11-21T22:29:00Z".parse().unwrap(),
        otherwise,
    });
    failure
}

#[test]
fn expiry_and_nothing_else() {
    let diagnosis = of(expired(Otherwise::Yes, 0));
    assert_eq!(
        diagnosis.cause,
        "The certificate of eu.acme.example (*.acme.example) expired at 2026-11-21 22:29 UTC. Everything else about it is in order."
    );
    assert!(diagnosis.actions[0].starts_with("Ask Acme to renew the certificate"), "{diagnosis:?}");
    assert!(diagnosis.actions[1].starts_with("Do not switch certificate verification off"), "{diagnosis:?}");
    assert!(
        diagnosis.evidence.iter().any(|fact| fact.contains("the chain verifies in full")),
        "{diagnosis:?}"
    );
    for fact in [
        "CN=*.acme.example for *.acme.example, issued by CN=Acme CA 2,O=Acme, is valid from 2026-08-21 22:29 UTC",
        "The handshake itself ended well (TLSv1.3, TLS_AES_256_GCM_SHA384)",
        "No credentials were sent",
    ] {
        assert!(diagnosis.evidence.iter().any(|one| one.starts_with(fact)), "{fact}: {diagnosis:?}");
    }
}

#[test]
fn a_failure_after_a_good_handshake_says_that_the_certificate_holds() {
    let failure = Failure::new(FailureKind::QueryFailed, Phase::Query, "the server answered no");
    let diagnosis = of(failure);
    assert_eq!(
        diagnosis.cause,
        "eu.acme.example can be reached and its certificate holds, but the server answered no."
    );
    assert!(
        !diagnosis.evidence.iter().any(|fact| fact.contains("No credentials were sent")),
        "{diagnosis:?}"
    );
}

#[test]
fn expiry_of_which_the_rest_was_not_judged() {
    let diagnosis = of(expired(Otherwise::NotJudged { what: "trust and name".into() }, 0));
    assert!(diagnosis.cause.ends_with("Its dates were judged, and not its trust and name."), "{diagnosis:?}");
    let all = diagnosis.evidence.join(" ");
    assert!(!all.contains("verifies in full") && all.contains("give a ca_file and a server_name"), "{all}");
}

#[test]
fn an_intermediate_is_named() {
    let diagnosis = of(expired(Otherwise::Yes, 1));
    assert!(diagnosis.cause.starts_with("The certificate Acme CA 2 in the chain of eu.acme.example expired"));
    assert!(diagnosis.actions[0].contains("intermediate certificate Acme CA 2"));
}

#[test]
fn expiry_and_more() {
    let message = "it is for other names".to_owned();
    let diagnosis = of(expired(Otherwise::No { kind: FailureKind::CertificateNameMismatch, message }, 0));
    assert!(diagnosis.cause.ends_with("That is not all: it is for other names."), "{}", diagnosis.cause);
    assert!(diagnosis.actions[1].ends_with("More than the date is wrong here."));
}

#[test]
fn every_failure_has_a_sentence_and_something_to_do() {
    for kind in FailureKind::ALL {
        for blame in Blame::ALL {
            let diagnosis = of(Failure::new(*kind, Phase::Tls, "something happened").blamed_on(*blame));
            assert!(
                diagnosis.cause.ends_with('.') && diagnosis.cause.contains("omething happened"),
                "{diagnosis:?}"
            );
            assert!(!diagnosis.actions.is_empty() && !diagnosis.evidence.is_empty(), "{kind}: {diagnosis:?}");
            assert!(!format!("{diagnosis:?}").contains("hunter2"));
        }
    }
}

#[test]
fn every_finding_has_something_to_do() {
    let target = Target::parse("https://eu.acme.example").unwrap();
    for kind in FindingKind::ALL {
        let finding = Finding { kind: *kind, severity: Severity::Warn, message: "something is near".into() };
        let diagnosis = diagnose(&target, None, &report(Verdict::Degraded, None, vec![finding]));
        assert_eq!(diagnosis.cause, "eu.acme.example works, but needs attention: something is near.");
        assert_eq!(diagnosis.actions.len(), 1, "{kind}");
    }
}
