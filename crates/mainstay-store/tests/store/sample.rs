use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Act, AuditAct, AuditEntry, Certificate, CheckReport, Commit, Delivery, DeliveryId, DeliveryState,
    DependencyName, DependencyState, EntryId, EntryKind, Failure, FailureKind, Fingerprint, HumanDuration,
    Incident, IncidentId, KeptOverride, Match, Message, Observation, Override, OverrideId, Phase, Phases,
    Pin, QuietId, Random, Silence, TimelineEntry, TlsFacts, Verdict, Waiver, WaiverAct, WaiverEnd, WaiverId,
    WaiverState, WaiverUses,
};
use serde_json::json;

/// 2026-11-22, 10:00 UTC.
pub(crate) fn start() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

pub(crate) fn later(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

pub(crate) fn name(text: &str) -> DependencyName {
    text.parse().unwrap()
}

pub(crate) fn certificate(number: u8, position: u32) -> Certificate {
    Certificate {
        position,
        sent: position < 2,
        in_path: true,
        subject: format!("CN=db{number}.example.com"),
        issuer: "CN=Example CA,O=Example".to_owned(),
        names: vec![format!("db{number}.example.com"), "192.0.2.1".to_owned()],
        serial: format!("{number:02x}ff"),
        not_before: later(-86_400),
        not_after: later(86_400 * i64::from(number)),
        sha256: Fingerprint([number; 32]),
        spki_sha256: Fingerprint([number ^ 0xff; 32]),
        key: "EC P-256".to_owned(),
        der: Some(Arc::from([0x30, 0x82, number].as_slice())),
    }
}

pub(crate) fn observation(address: &str, verdict: Verdict, certificates: &[u8]) -> Observation {
    let failure = (verdict == Verdict::Down).then(|| {
        Failure::new(
            FailureKind::ConnectRefused,
            Phase::Connect,
            format!("{address} refused the connection."),
        )
    });
    let phases =
        Phases { connect_ms: Some(1.25), tls_ms: Some(10.5), query_ms: Some(0.75), ..Phases::default() };
    let chain =
        certificates.iter().zip(0..).map(|(number, position)| certificate(*number, position)).collect();
    Observation {
        address: address.to_owned(),
        verdict,
        phases: if failure.is_some() { Phases::default() } else { phases },
        failure,
        also: Vec::new(),
        tls: (!certificates.is_empty()).then_some(TlsFacts {
            version: Some("TLSv1.3".to_owned()),
            cipher: Some("TLS13_AES_256_GCM_SHA384".to_owned()),
            verified: true,
            certificates: chain,
        }),
    }
}

pub(crate) fn report(
    dependency: &str,
    at: Timestamp,
    verdict: Verdict,
    addresses: Vec<Observation>,
) -> CheckReport {
    CheckReport {
        endpoint: None,
        target: format!("mysql://monitor@{dependency}.example.com:3306/orders"),
        dependency: Some(name(dependency)),
        verdict,
        failure: addresses.iter().find_map(|one| one.failure.clone()),
        addresses,
        findings: Vec::new(),
        diagnosis: None,
        resolve_ms: Some(2.5),
        checked_at: at,
    }
}

/// The most usual report: one address, three certificates.
pub(crate) fn healthy(dependency: &str, at: Timestamp) -> CheckReport {
    report(
        dependency,
        at,
        Verdict::Healthy,
        vec![observation("192.0.2.1:3306", Verdict::Healthy, &[1, 2, 3])],
    )
}

pub(crate) fn down(dependency: &str, at: Timestamp) -> CheckReport {
    report(dependency, at, Verdict::Down, vec![observation("192.0.2.1:3306", Verdict::Down, &[])])
}

pub(crate) fn state(last: CheckReport) -> DependencyState {
    let mut state = DependencyState::unchecked(last.dependency.clone().unwrap(), last.checked_at);
    state.verdict = last.verdict;
    state.last = Some(last);
    state
}

/// What reading a report or state back gives: everything but the DER.
pub(crate) fn without_der(mut state: DependencyState) -> DependencyState {
    let observations = state.last.iter_mut().flat_map(|report| &mut report.addresses);
    let certificates = observations.filter_map(|one| one.tls.as_mut()).flat_map(|tls| &mut tls.certificates);
    certificates.for_each(|certificate| certificate.der = None);
    state
}

pub(crate) fn incident_id(number: u64) -> IncidentId {
    IncidentId::new(start(), &mut Random::seeded(number))
}

pub(crate) fn incident(number: u64, opened_at: Timestamp, resolved_at: Option<Timestamp>) -> Incident {
    let state = match resolved_at {
        None => json!({"is": "open"}),
        Some(at) => json!({"is": "resolved", "at": at, "by": null}),
    };
    serde_json::from_value(json!({
        "id": incident_id(number), "title": format!("Incident {number}"), "severity": "high", "state": state,
        "cause_key": "acme/certificate-expired", "opened_at": opened_at, "since": opened_at, "breaks_at": null,
        "alerts": {}, "dependencies": ["orders-db"], "providers": ["acme"], "components": ["checkout"],
        "impact": "major", "failure": null,
        "diagnosis": {"cause": "Its certificate expired.", "evidence": ["It ended on Saturday."], "actions": []},
        "changes": 0, "publication": null,
    }))
    .unwrap()
}

pub(crate) fn published(mut incident: Incident) -> Incident {
    incident.publication = Some(
        serde_json::from_value(
            json!({"at": incident.opened_at, "by": "ana", "title": "Checkout fails", "updates": []}),
        )
        .unwrap(),
    );
    incident
}

pub(crate) fn silence(number: u64, until: Timestamp) -> Silence {
    Silence {
        id: QuietId::new(start(), &mut Random::seeded(number)),
        reason: "It is known.".to_owned(),
        by: "ana".to_owned(),
        what: Match { dependency: vec![name("orders-db")], ..Match::default() },
        from: start(),
        until,
    }
}

pub(crate) fn entry(number: u64, at: Timestamp) -> TimelineEntry {
    TimelineEntry {
        id: EntryId::new(at, &mut Random::seeded(number)),
        at,
        incident: Some(incident_id(1)),
        dependency: Some(name("orders-db")),
        kind: EntryKind::Note,
        by: Some("ana".to_owned()),
        text: format!("Entry {number}"),
        evidence: vec!["A fact.".to_owned()],
    }
}

pub(crate) fn delivery_id(number: u64) -> DeliveryId {
    DeliveryId::new(start(), &mut Random::seeded(number))
}

/// A queued message to the channel about the incident, due at `due`.
pub(crate) fn delivery(number: u64, channel: &str, incident: u64, sequence: u32, due: Timestamp) -> Delivery {
    Delivery {
        id: delivery_id(number),
        channel: channel.parse().unwrap(),
        sequence,
        created_at: start(),
        message: message(incident),
        again_of: None,
        state: DeliveryState::Queued { next_attempt_at: due, attempts: 0, last_error: None },
    }
}

fn message(incident: u64) -> Message {
    serde_json::from_value(json!({
        "kind": "incident.opened", "at": start(),
        "incident": {"id": incident_id(incident), "title": "orders-db is down", "state": "open", "severity": "page",
            "opened_at": start(), "since": start(), "url": "https://ops.example.com/incidents/1"},
        "dependencies": [{"name": "orders-db", "provider": "acme", "target": "mysql://db.example.com"}],
        "components": ["checkout"], "cause": "Its certificate expired.",
        "failure": {"kind": "certificate-expired", "blame": "provider", "message": "It ended on Saturday."},
        "evidence": [], "actions": ["Ask the provider."], "drill": false,
    }))
    .unwrap()
}

/// Somebody stands in, from the start for an hour.
pub(crate) fn kept_override(number: u64) -> KeptOverride {
    KeptOverride {
        id: OverrideId::new(start(), &mut Random::seeded(number)),
        schedule: "platform".parse().unwrap(),
        created_at: start(),
        terms: Override {
            from: start(),
            until: later(3600),
            person: "carla".parse().unwrap(),
            instead_of: Some("ben".parse().unwrap()),
            by: Some("operator".to_owned()),
            reason: None,
        },
    }
}

pub(crate) fn of_reports(reports: Vec<CheckReport>) -> Commit {
    Commit { reports, ..Commit::default() }
}

pub(crate) fn of_deliveries(deliveries: Vec<Delivery>) -> Commit {
    Commit { deliveries, ..Commit::default() }
}

/// A waiver that is in force, asked for so many seconds after the start.
pub(crate) fn waiver(number: u64) -> Waiver {
    let at = later(i64::try_from(number).unwrap());
    let act = Act { by: "ana".to_owned(), at };
    Waiver {
        id: WaiverId::new(start(), &mut Random::seeded(number)),
        dependency: name("orders-db"),
        endpoint: "orders-db.example.com 3306".to_owned(),
        incident: Some(incident_id(1)),
        pin: Pin { sha256: certificate(1, 0).sha256, spki_sha256: certificate(1, 0).spki_sha256 },
        subject: certificate(1, 0).subject,
        expired_at: later(-60),
        reason: "checkout \u{201c}is\u{201d} down".to_owned(),
        requested: act.clone(),
        lasts: HumanDuration(std::time::Duration::from_secs(4 * 3600)),
        evidence: vec!["It expired.".to_owned()],
        state: WaiverState::Active { granted: act, ends_at: later(4 * 3600) },
        uses: WaiverUses::default(),
    }
}

pub(crate) fn over(waiver: Waiver, at: Timestamp) -> Waiver {
    let granted = waiver.granted().cloned();
    Waiver { state: WaiverState::Ended { granted, at, end: WaiverEnd::Renewed }, ..waiver }
}

/// That somebody granted it, for the audit log.
pub(crate) fn granted(number: u64) -> AuditEntry {
    let waiver = Arc::new(waiver(number));
    let (at, by) = (waiver.requested.at, Some("ana".to_owned()));
    AuditEntry { at, by, act: AuditAct::Waiver { act: WaiverAct::Granted, waiver } }
}
