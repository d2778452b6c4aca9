use std::net::SocketAddr;

use jiff::SignedDuration;
use mainstay_model::{FindingKind, Severity, Verdict};
use mainstay_probe::{Prober, ProberOptions};
use mainstay_testkit::scripted::{Peer, Script};
use mainstay_testkit::{Scenario, Spec};

use crate::names::Names;
use crate::support::{Authority, LONG, now};

/// Two peers on one port of two loopback addresses, behind one name.
async fn pair(first: Script, second: Option<Script>) -> (Vec<Peer>, Names, u16) {
    let names = Names::start(&[("db.example.com", &["127.0.0.1", "127.0.0.2"])]).await;
    let first = Peer::start(first).await;
    let port = first.address().port();
    let mut peers = vec![first];
    if let Some(second) = second {
        peers.push(Peer::start_on(SocketAddr::from(([127, 0, 0, 2], port)), second).await);
    }
    (peers, names, port)
}

fn prober(names: &Names) -> Prober {
    Prober::new(ProberOptions { name_servers: vec![names.address()], ..ProberOptions::default() })
}

#[tokio::test]
async fn every_address_is_checked_and_one_that_is_down_degrades() {
    let authority = Authority::new();
    let config = authority.pki.identity(Scenario::Fine, "db.example.com").server_config();
    let (_peers, names, port) = pair(Script::tls_then_silent(config), None).await;
    let request = authority.request(&format!("tls://db.example.com:{port}"), LONG);
    let report = prober(&names).check(&request, now()).await;
    assert_eq!(report.addresses.len(), 2);
    assert_eq!(report.verdict, Verdict::Degraded, "{report:?}");
    assert_eq!(report.findings[0].kind, FindingKind::AddressDown);
    assert!(report.resolve_ms.is_some());
    let cause = report.diagnosis.unwrap().cause;
    assert!(
        cause.starts_with(&format!("1 of the 2 addresses of db.example.com fails (127.0.0.2:{port})")),
        "{cause}"
    );
}

#[tokio::test]
async fn different_certificates_are_compared() {
    let authority = Authority::new();
    let of_days = |days: i64| {
        let ends = now() + SignedDuration::from_hours(24 * days);
        let spec = Spec::new("db.example.com", now() - SignedDuration::from_hours(24 * 30), ends);
        Script::tls_then_silent(authority.pki.issue(spec).server_config())
    };
    for (days, severity) in [(61, Severity::Info), (90, Severity::Warn)] {
        let (_peers, names, port) = pair(of_days(60), Some(of_days(days))).await;
        let request = authority.request(&format!("tls://db.example.com:{port}"), LONG);
        let report = prober(&names).check(&request, now()).await;
        let finding =
            report.findings.iter().find(|finding| finding.kind == FindingKind::AddressesDiffer).unwrap();
        assert_eq!(finding.severity, severity, "{}", finding.message);
    }
}
