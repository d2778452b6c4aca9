use mainstay_model::{CheckReport, Observation, Verdict};

use super::paint::Paint;
use crate::terminal::wrap::{cell, fit};

/// Width of the bar of the slowest address.
const BAR: usize = 48;
/// One shade a phase, so that the bar can be read without colours.
const SHADES: [char; 6] = ['░', '▒', '▓', '█', '▚', '▞'];

/// Per address: its verdict, a bar of its phases on one scale for all, and what each took.
pub(super) fn lines(report: &CheckReport, paint: Paint) -> Vec<String> {
    let slowest = report.addresses.iter().filter_map(|one| one.phases.total_ms()).fold(0.0, f64::max);
    let resolve =
        report.resolve_ms.map(|ms| paint.dim(&format!("{} ms to resolve the name", milliseconds(ms))));
    let addresses = report.addresses.iter().flat_map(|one| address(one, slowest, paint));
    resolve.into_iter().chain(addresses).collect()
}

fn address(one: &Observation, slowest: f64, paint: Paint) -> Vec<String> {
    let Some(total) = one.phases.total_ms() else { return Vec::new() };
    let symbol = paint.verdict(one.verdict, &one.verdict.symbol().to_string());
    let mut lines = vec![format!("{symbol} {} {:>8} ms", cell(&one.address, 48), milliseconds(total))];
    if total > 0.0 && slowest > 0.0 {
        lines.push(format!("  {}", bar(one, slowest)));
    }
    lines.extend(
        fit(&legend(one), 68)
            .into_iter()
            .map(|line| format!("  {}", paint.dim(line.replace('\u{a0}', " ").trim_end()))),
    );
    lines
}

fn bar(one: &Observation, slowest: f64) -> String {
    let phases = one.phases.named().into_iter().zip(SHADES);
    phases
        .filter_map(|((_, ms), shade)| Some((ms?, shade)))
        .map(|(ms, shade)| shade.to_string().repeat(cells(ms, slowest)))
        .collect()
}

/// At least one cell for a phase that took any time, so that none is hidden.
fn cells(ms: f64, slowest: f64) -> usize {
    ((ms / slowest * BAR as f64).round() as usize).clamp(usize::from(ms > 0.0), BAR)
}

/// The parts of a phase are held together by no-break spaces, so that lines break between phases only.
fn legend(one: &Observation) -> String {
    let failed = one
        .failure
        .as_ref()
        .filter(|_| one.verdict != Verdict::Healthy)
        .map(|failure| failure.phase.as_str());
    let phases = one.phases.named().into_iter().zip(SHADES);
    let parts: Vec<String> = phases
        .filter_map(|((name, ms), shade)| Some((name, ms?, shade)))
        .map(|(name, ms, shade)| {
            let mark = if failed == Some(name) { "\u{a0}✗" } else { "" };
            format!("{shade}\u{a0}{name}\u{a0}{}{mark}\u{a0}", milliseconds(ms))
        })
        .collect();
    parts.join(" ")
}

/// As many decimals as mean something.
fn milliseconds(ms: f64) -> String {
    if ms < 9.95 { format!("{ms:.1}") } else { format!("{ms:.0}") }
}
