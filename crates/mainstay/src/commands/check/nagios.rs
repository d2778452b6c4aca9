use mainstay_model::{CheckReport, Verdict};

use super::text;

/// The form of the Monitoring Plugins Development Guidelines: `WORD - verdict: sentence|performance data`, then the details.
pub(super) fn render(reports: &[CheckReport]) -> String {
    let performance: Vec<String> =
        reports.iter().flat_map(|report| performance(report, reports.len() > 1)).collect();
    let (word, verdict) = words(reports);
    let first = format!("{word} - {verdict}: {}", plain(&summary(reports)));
    let details = plain(&text::render(reports, false));
    if performance.is_empty() {
        format!("{first}\n{details}")
    } else {
        format!("{first}|{}\n{details}", performance.join(" "))
    }
}

/// The word that the guidelines know for the exit code, and our own for the same.
fn words(reports: &[CheckReport]) -> (&'static str, &'static str) {
    let verdict = worst(reports).map_or(Verdict::Inconclusive, |report| report.verdict);
    let word = match verdict {
        Verdict::Healthy => "OK",
        Verdict::Degraded => "WARNING",
        Verdict::Down => "CRITICAL",
        Verdict::Inconclusive => "UNKNOWN",
    };
    (word, verdict.as_str())
}

fn summary(reports: &[CheckReport]) -> String {
    let Some(worst) = worst(reports) else { return "nothing was checked".into() };
    let bad = reports.iter().filter(|report| report.verdict != Verdict::Healthy).count();
    match (reports.len(), bad) {
        (1, _) => text::summary(worst),
        (all, 0) => format!("all {all} targets are healthy"),
        (all, bad) => format!("{bad} of {all} targets: {}", text::summary(worst)),
    }
}

/// The report that decides the exit code.
fn worst(reports: &[CheckReport]) -> Option<&CheckReport> {
    let order = [Verdict::Down, Verdict::Inconclusive, Verdict::Degraded, Verdict::Healthy];
    order.iter().find_map(|verdict| reports.iter().find(|report| report.verdict == *verdict))
}

fn performance(report: &CheckReport, several: bool) -> Vec<String> {
    let label = |name: &str| match several {
        true => format!("'{}::{name}'", report.target.replace(['\'', '=', '|'], "_")),
        false => format!("'{name}'"),
    };
    let mut values: Vec<String> = Vec::new();
    if let Some(total) = report.total_ms() {
        values.push(format!("{}={:.6}s;;;0", label("time"), total / 1000.0));
    }
    if let Some(days) = days_left(report) {
        values.push(format!("{}={days}", label("certificate_days")));
    }
    values
}

/// Whole days until the first certificate of the path ends; below zero once it has.
fn days_left(report: &CheckReport) -> Option<i64> {
    let ends = report.tls()?.certificates.iter().filter(|one| one.in_path || one.position == 0);
    let first = ends.map(|certificate| certificate.not_after).min()?;
    Some(first.duration_since(report.checked_at).as_secs().div_euclid(86_400))
}

/// A bar would end the text and begin the performance data.
fn plain(text: &str) -> String {
    text.replace('|', "/")
}
