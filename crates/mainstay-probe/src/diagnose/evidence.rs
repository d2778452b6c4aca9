use mainstay_model::{Certificate, FailureKind, Observation, Otherwise, TlsFacts, Verdict};

use super::{Case, at};

/// More addresses than this say nothing new.
const MOST_ADDRESSES: usize = 4;

/// The facts that lead to the cause, one sentence each.
pub(super) fn of(case: &Case<'_>) -> Vec<String> {
    let report = case.report;
    let mut facts = Vec::new();
    facts.extend(report.addresses.iter().take(MOST_ADDRESSES).map(address));
    if let Some(tls) = report.tls() {
        facts.extend(certificate(case, tls));
        facts.extend(handshake(tls));
    }
    facts.extend(rest_of_chain(case));
    facts.extend(report.findings.iter().map(|finding| super::sentence(&finding.message)));
    facts.extend(nothing_sent(case));
    facts
}

fn address(one: &Observation) -> String {
    match &one.failure {
        Some(failure) => format!(
            "{} failed in the phase \u{201c}{}\u{201d}: {}",
            one.address,
            failure.phase,
            super::sentence(&failure.message)
        ),
        None => match one.phases.total_ms() {
            Some(total) => format!("{} works, in {total:.0} ms.", one.address),
            None => format!("{} is in order.", one.address),
        },
    }
}

fn certificate(case: &Case<'_>, tls: &TlsFacts) -> Option<String> {
    let failure = case.report.failure.as_ref()?;
    let position = failure.expired.as_ref().map_or(0, |expired| expired.position);
    let found = tls.certificates.iter().find(|certificate| certificate.position == position)?;
    failure.kind.is_certificate().then(|| describe(found))
}

fn describe(certificate: &Certificate) -> String {
    let names = match certificate.names.len() {
        0 => String::new(),
        1..=4 => format!(" for {}", certificate.names.join(", ")),
        more => format!(
            " for {} and {} other names",
            certificate.names.iter().take(3).cloned().collect::<Vec<_>>().join(", "),
            more - 3
        ),
    };
    format!(
        "{}{names}, issued by {}, is valid from {} to {}; SHA-256 {}.",
        certificate.subject,
        certificate.issuer,
        at(certificate.not_before),
        at(certificate.not_after),
        certificate.sha256
    )
}

fn rest_of_chain(case: &Case<'_>) -> Option<String> {
    let expired = case.report.failure.as_ref()?.expired.as_ref()?;
    match &expired.otherwise {
        Otherwise::Yes => Some(
            "Judged at a time when it was valid, the chain verifies in full: trust, name, purpose and signatures."
                .into(),
        ),
        Otherwise::NotJudged { what } => Some(not_looked_at(what)),
        Otherwise::No { .. } => None,
    }
}

fn not_looked_at(what: &str) -> String {
    let give = match what {
        "trust" => "a ca_file",
        "name" => "a server_name",
        _ => "a ca_file and a server_name",
    };
    format!("Nothing else is known to be wrong; give {give} to have its {what} judged as well.")
}

fn handshake(tls: &TlsFacts) -> Option<String> {
    let (version, cipher) = (tls.version.as_ref()?, tls.cipher.as_ref()?);
    (!tls.verified).then(|| {
        format!("The handshake itself ended well ({version}, {cipher}): the server holds the key of this certificate.")
    })
}

fn nothing_sent(case: &Case<'_>) -> Option<String> {
    let failure = case.report.failure.as_ref()?;
    let withheld = failure.kind.is_certificate() && failure.kind != FailureKind::CertificateRevoked;
    let reached = case.report.addresses.iter().any(|one| one.verdict == Verdict::Down && one.tls.is_some());
    (withheld && reached && case.target.credentials.is_some())
        .then(|| "No credentials were sent, since the server is not verified.".into())
}
