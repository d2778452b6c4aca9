use jiff::SignedDuration;
use mainstay_model::{
    CheckReport, Finding, FindingKind, HumanDuration, Observation, Phase, Protocol, Severity, TlsMode,
    Upgrade, Verdict,
};

use crate::{CheckRequest, resolve, talk};

/// Certificates renewed on one address and forgotten on another end at least this far apart; a renewal that is just being rolled
/// out over all of them shows the same, but has weeks to finish.
const FAR_APART: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What only the comparison of all addresses, or the check as a whole, shows.
pub(crate) fn findings(request: &CheckRequest, report: &CheckReport) -> Vec<Finding> {
    [
        address_down(&report.addresses),
        addresses_differ(&report.addresses),
        too_slow(request, report),
        not_encrypted(request, report),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn address_down(addresses: &[Observation]) -> Option<Finding> {
    let down: Vec<&str> =
        addresses.iter().filter(|one| one.verdict == Verdict::Down).map(|one| one.address.as_str()).collect();
    let conclusive = addresses.iter().filter(|one| one.verdict != Verdict::Inconclusive).count();
    if down.is_empty() || down.len() == conclusive {
        return None;
    }
    let message = format!("{} of {conclusive} addresses do not work: {}", down.len(), down.join(", "));
    let message = if down.len() == 1 {
        format!("1 of {conclusive} addresses does not work: {}", down.join(", "))
    } else {
        message
    };
    Some(Finding { kind: FindingKind::AddressDown, severity: Severity::High, message })
}

fn addresses_differ(addresses: &[Observation]) -> Option<Finding> {
    let leaves: Vec<(&Observation, &mainstay_model::Certificate)> = addresses
        .iter()
        .filter_map(|one| {
            Some((one, one.tls.as_ref()?.certificates.iter().find(|leaf| leaf.sent && leaf.position == 0)?))
        })
        .collect();
    let (first, rest) = leaves.split_first()?;
    rest.iter().find(|(_, leaf)| leaf.sha256 != first.1.sha256)?;
    let ends = || leaves.iter().map(|(_, leaf)| leaf.not_after);
    let far_apart = ends().max()?.duration_since(ends().min()?) > FAR_APART;
    let verified = leaves.iter().all(|(one, _)| one.tls.as_ref().is_some_and(|tls| tls.verified));
    let severity = if far_apart || !verified { Severity::Warn } else { Severity::Info };
    let list: Vec<String> = leaves
        .iter()
        .map(|(one, leaf)| format!("{} until {}", one.address, leaf.not_after.strftime("%Y-%m-%d %H:%M UTC")))
        .collect();
    let message = format!("the addresses serve different certificates: {}", list.join(", "));
    Some(Finding { kind: FindingKind::AddressesDiffer, severity, message })
}

fn too_slow(request: &CheckRequest, report: &CheckReport) -> Option<Finding> {
    let (slow, total) = (request.slow?, report.total_ms()?);
    let answered = report.addresses.iter().any(|one| one.failure.is_none());
    if !answered || total <= slow.as_secs_f64() * 1000.0 {
        return None;
    }
    let message = format!("it took {total:.0} ms, more than the {} allowed", HumanDuration(slow));
    Some(Finding { kind: FindingKind::TooSlow, severity: Severity::Warn, message })
}

fn not_encrypted(request: &CheckRequest, report: &CheckReport) -> Option<Finding> {
    let target = &request.target;
    let plain = talk::upgrade(target, &request.tls) == Upgrade::Never;
    let connected =
        |one: &Observation| one.failure.as_ref().is_none_or(|failure| failure.phase != Phase::Connect);
    if target.file.is_some() || !plain || !report.addresses.iter().any(connected) {
        return None;
    }
    let severity = if resolve::is_loopback(&report.addresses) { Severity::Info } else { Severity::Warn };
    let message = match request.tls.mode {
        TlsMode::Off => "TLS is switched off, so nothing is encrypted and nobody proves to be the server",
        TlsMode::Full => {
            "the URL asks for no TLS, so nothing is encrypted and nobody proves to be the server"
        }
    };
    // Only these hand the password over as it is; the others refuse to do so without TLS.
    let bare = matches!(target.protocol, Protocol::Http(_) | Protocol::Redis(_));
    let password = target.credentials.as_ref().is_some_and(|credentials| credentials.password.is_some());
    let message = match severity {
        Severity::Warn if bare && password => {
            format!("{message}; the password went over the network in the clear")
        }
        _ => message.to_owned(),
    };
    Some(Finding { kind: FindingKind::NotEncrypted, severity, message })
}

#[cfg(test)]
mod tests {
    use mainstay_model::{Certificate, Fingerprint, Phases, TlsFacts};

    use super::*;

    fn observation(port: u16, verdict: Verdict, leaf: Option<(u8, &str)>) -> Observation {
        let leaf = leaf.map(|(seed, not_after)| Certificate {
            position: 0,
            sent: true,
            in_path: true,
            subject: "CN=db.example.com".into(),
            issuer: "CN=Example CA".into(),
            names: vec!["db.example.com".into()],
            serial: "01".into(),
            not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
            not_after: not_after.parse().unwrap(),
            sha256: Fingerprint([seed; 32]),
            spki_sha256: Fingerprint([seed; 32]),
            key: "EC P-256".into(),
            der: None,
        });
        Observation {
            address: format!("192.0.2.1:{port}"),
            verdict,
            failure: None,
            also: Vec::new(),
            phases: Phases::default(),
            tls: leaf.map(|leaf| TlsFacts {
                version: None,
                cipher: None,
                verified: true,
                certificates: vec![leaf],
            }),
        }
    }

    fn differ(first: (u8, &str), second: (u8, &str)) -> Option<Severity> {
        let addresses =
            [observation(1, Verdict::Healthy, Some(first)), observation(2, Verdict::Healthy, Some(second))];
        addresses_differ(&addresses).map(|finding| finding.severity)
    }

    #[test]
    fn different_certificates_behind_one_name() {
        assert_eq!(differ((1, "2026-12-01T00:00:00Z"), (1, "2026-12-01T00:00:00Z")), None);
        assert_eq!(differ((1, "2026-12-01T00:00:00Z"), (2, "2026-12-03T00:00:00Z")), Some(Severity::Info));
        assert_eq!(differ((1, "2026-12-01T00:00:00Z"), (2, "2027-02-01T00:00:00Z")), Some(Severity::Warn));
    }

    #[track_caller]
    fn in_the_clear(url: &str, address: &str, expected: (Severity, bool)) {
        let target = mainstay_model::Target::parse(url).unwrap();
        let request = CheckRequest::new(target, std::time::Duration::from_secs(1));
        let one = Observation { address: address.into(), ..observation(1, Verdict::Healthy, None) };
        let observed = crate::drive::Observed { observation: one, findings: Vec::new() };
        let outcome =
            crate::report::Outcome { resolve_ms: None, addresses: Ok(vec![observed]), finding: None };
        let report = crate::report::assemble(&request, "2026-06-01T00:00:00Z".parse().unwrap(), outcome);
        let finding = &report.findings[0];
        let told = finding.message.ends_with("the password went over the network in the clear");
        assert_eq!((finding.kind, (finding.severity, told)), (FindingKind::NotEncrypted, expected), "{url}");
    }

    #[test]
    fn a_password_in_the_clear_is_told() {
        in_the_clear("http://me:pw@db.example.com", "192.0.2.1:80", (Severity::Warn, true));
        in_the_clear("redis://:pw@db.example.com", "192.0.2.1:6379", (Severity::Warn, true));
        in_the_clear("http://db.example.com", "192.0.2.1:80", (Severity::Warn, false));
        in_the_clear("http://me:pw@localhost", "127.0.0.1:80", (Severity::Info, false));
    }

    #[test]
    fn an_address_that_is_down_is_named() {
        let addresses = [
            observation(1, Verdict::Healthy, None),
            observation(2, Verdict::Down, None),
            observation(3, Verdict::Inconclusive, None),
        ];
        let message = address_down(&addresses).unwrap().message;
        assert_eq!(message, "1 of 2 addresses does not work: 192.0.2.1:2");
        assert_eq!(address_down(&addresses[1..]), None, "all conclusive ones are down: that is the verdict");
    }
}
