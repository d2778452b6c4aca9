use std::io::Write;

use mainstay_model::{
    Blame, CheckReport, FailureKind, FindingKind, Observation, Otherwise, Severity, TlsFacts, Verdict,
};
use mainstay_testkit::{Pki, Scenario};

use super::check::{Checker, SERVER_NAME};
use super::row::Row;
use super::services::Services;

/// Every certificate of the table, and what a check is to say of a server that presents it.
const COLUMNS: [(Scenario, Verdict, Option<FailureKind>); 8] = [
    (Scenario::Fine, Verdict::Healthy, None),
    (Scenario::Expired, Verdict::Down, Some(FailureKind::CertificateExpired)),
    (Scenario::NotYetValid, Verdict::Down, Some(FailureKind::CertificateNotYetValid)),
    (Scenario::OtherName, Verdict::Down, Some(FailureKind::CertificateNameMismatch)),
    (Scenario::UnknownCa, Verdict::Down, Some(FailureKind::CertificateUntrusted)),
    (Scenario::ExpiredIntermediate, Verdict::Down, Some(FailureKind::CertificateExpired)),
    (Scenario::MissingIntermediate, Verdict::Down, Some(FailureKind::CertificateUntrusted)),
    (Scenario::ExpiringSoon, Verdict::Degraded, None),
];

/// What every check said, a row for each way of connecting.
pub(super) struct Table {
    rows: Vec<(Row, Vec<CheckReport>)>,
}

/// Checks everything with every certificate; the servers go on running while theirs is swapped.
pub(super) fn fill(pki: &Pki, checker: &Checker, services: &Services) -> Table {
    let mut rows: Vec<(Row, Vec<CheckReport>)> =
        services.rows().into_iter().map(|row| (row, Vec::new())).collect();
    for (scenario, ..) in COLUMNS {
        services.reload(&pki.identity(scenario, SERVER_NAME));
        for (row, reports) in &mut rows {
            reports.push(checker.check(&row.url));
        }
    }
    Table { rows }
}

impl Table {
    /// Shows the table past the test harness's capture, because people ask for it.
    pub(super) fn print(&self) {
        let mut text = format!("\n{:<24}", "verdict and failure");
        COLUMNS.iter().for_each(|(scenario, ..)| text += &format!("{:<28}", scenario.as_str()));
        for (row, reports) in &self.rows {
            text += &format!("\n{:<24}", row.name);
            reports.iter().for_each(|report| text += &format!("{:<28}", cell(report)));
        }
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        writeln!(std::io::stdout().lock(), "{}\n", lines.join("\n")).expect("standard output is open");
    }

    /// Everything that is not as it should be, a line for each check.
    pub(super) fn problems(&self) -> String {
        let mut text = String::new();
        for (row, reports) in &self.rows {
            for (column, report) in COLUMNS.iter().zip(reports) {
                let problems = judge(row, column, report).join(", ");
                let json = serde_json::to_string(report).expect("a report is plain data");
                if !problems.is_empty() {
                    text += &format!("{}, {}: {problems}: {json}\n", row.name, column.0.as_str());
                }
            }
        }
        text
    }
}

fn cell(report: &CheckReport) -> String {
    match &report.failure {
        Some(failure) => format!("{} {}", report.verdict.symbol(), failure.kind),
        None => format!("{} {}", report.verdict.symbol(), report.verdict),
    }
}

fn judge(
    row: &Row,
    column: &(Scenario, Verdict, Option<FailureKind>),
    report: &CheckReport,
) -> Vec<&'static str> {
    let (scenario, verdict, kind) = *column;
    let mut problems = Vec::new();
    let mut expect = |holds: bool, problem| {
        if !holds {
            problems.push(problem);
        }
    };
    expect(report.verdict == verdict, "the verdict is wrong");
    expect(report.failure.as_ref().map(|failure| failure.kind) == kind, "the failure is wrong");
    let blamed_well = report.failure.as_ref().is_none_or(|failure| failure.blame == Blame::Provider);
    expect(blamed_well, "the provider is to blame");
    let [address] = report.addresses.as_slice() else {
        expect(false, "one address was checked");
        return problems;
    };
    let Some(tls) = &address.tls else {
        expect(false, "the certificates are kept");
        return problems;
    };
    expect(tls.verified == kind.is_none(), "`verified` is wrong");
    expect(tls.version.as_deref() == Some("TLSv1.3"), "the version is that of the handshake");
    expect(tls.cipher.as_deref() == Some("TLS_AES_256_GCM_SHA384"), "the cipher suite has its usual name");
    expect(went_as_far_as_it_should(row, address, tls), "it stopped at the wrong phase");
    expect(certificates_are_complete(scenario, tls), "`certificates` is wrong");
    expect(says_what_is_needed(scenario, report), "what is said is wrong");
    problems
}

/// A verified server is greeted, logged in to and asked; any other gets nothing after the handshake.
fn went_as_far_as_it_should(row: &Row, address: &Observation, tls: &TlsFacts) -> bool {
    let phases = &address.phases;
    let logged_in = phases.login_ms.is_some();
    let asked = phases.query_ms.is_some();
    match (tls.verified, row.logs_in) {
        (false, _) => phases.tls_ms.is_some() && phases.ready_ms.is_none() && !logged_in && !asked,
        (true, true) => logged_in && asked,
        (true, false) => !logged_in,
    }
}

/// Everything that was sent, and the anchor where the path leads to one.
fn certificates_are_complete(scenario: Scenario, tls: &TlsFacts) -> bool {
    let sent = tls.certificates.iter().filter(|certificate| certificate.sent).count();
    let positions_count_up = tls.certificates.iter().zip(0..).all(|(one, position)| one.position == position);
    let anchor = tls.certificates.get(sent).map(|certificate| certificate.short_name());
    let (expected_sent, expected_anchor) = match scenario {
        Scenario::MissingIntermediate => (1, None),
        Scenario::UnknownCa => (2, None),
        _ => (2, Some("Example Trust Root X1")),
    };
    let leaf_is_first = tls.certificates.first().is_some_and(|leaf| {
        let name = if scenario == Scenario::OtherName { "other.example.test" } else { SERVER_NAME };
        leaf.names.iter().any(|one| one == name)
    });
    positions_count_up && leaf_is_first && sent == expected_sent && anchor == expected_anchor
}

fn says_what_is_needed(scenario: Scenario, report: &CheckReport) -> bool {
    match scenario {
        Scenario::Fine => report.findings.is_empty() && report.diagnosis.is_none(),
        Scenario::Expired => says_since_when(report, 0),
        Scenario::ExpiredIntermediate => says_since_when(report, 1),
        Scenario::ExpiringSoon => {
            let warned =
                |kind, severity| (kind, severity) == (FindingKind::CertificateExpiring, Severity::High);
            report.findings.iter().any(|finding| warned(finding.kind, finding.severity))
        }
        _ => report.diagnosis.is_some(),
    }
}

/// Which certificate ended and when, as data and in the sentence, and that nothing else is wrong.
fn says_since_when(report: &CheckReport, position: u32) -> bool {
    let Some(failure) = &report.failure else { return false };
    let Some(expired) = &failure.expired else { return false };
    let certificates = report.tls().map(|tls| tls.certificates.as_slice()).unwrap_or_default();
    let Some(ended) = certificates.get(position as usize) else { return false };
    let time = expired.since.strftime("%Y-%m-%d %H:%M").to_string();
    expired.position == position
        && expired.since == ended.not_after
        && expired.subject == ended.subject
        && expired.otherwise == Otherwise::Yes
        && failure.message.contains(&time)
        && certificates.iter().all(|certificate| certificate.in_path)
}
