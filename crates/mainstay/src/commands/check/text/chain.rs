use jiff::Timestamp;
use mainstay_model::{Certificate, ExpiryGrade, Severity, TlsFacts, Verdict, grade_expiry, in_words};

use super::paint::Paint;
use crate::terminal::wrap::cell;

/// Width of the bar that shows how much of a lifetime is left.
const BAR: usize = 12;
/// Width of the name.
const NAME: usize = 29;

/// The chain as a small picture: one line a certificate with its role, name, and what is left of its life.
pub(super) fn lines(tls: &TlsFacts, now: Timestamp, paint: Paint) -> Vec<String> {
    // Without a path nothing can be called superfluous.
    let has_path = tls.certificates.iter().any(|certificate| certificate.in_path);
    let line = |certificate| line(certificate, role(certificate, has_path), now, paint);
    tls.certificates.iter().map(line).collect()
}

fn line(certificate: &Certificate, role: &str, now: Timestamp, paint: Paint) -> String {
    let (verdict, left) = left(certificate, now);
    let left = if verdict == Verdict::Healthy { left } else { paint.verdict(verdict, &left) };
    format!("{} {} {left}", paint.dim(&cell(role, 12)), cell(certificate.short_name(), NAME))
}

fn role(certificate: &Certificate, has_path: bool) -> &'static str {
    match certificate {
        Certificate { position: 0, .. } => "server",
        Certificate { in_path: false, .. } if has_path => "not needed",
        Certificate { sent: false, .. } => "root (ours)",
        one if one.subject == one.issuer => "root",
        _ => "intermediate",
    }
}

/// How urgent the certificate's end is, and the picture of it. One that is not valid now has no bar: there is nothing to measure.
fn left(certificate: &Certificate, now: Timestamp) -> (Verdict, String) {
    if now < certificate.not_before {
        let until = in_words(certificate.not_before.duration_since(now));
        return (Verdict::Down, format!("✗ begins only in {until}"));
    }
    let length = in_words(certificate.not_after.duration_since(now));
    let picture = || format!("{} {length:>9} left", bar(certificate, now));
    match grade_expiry(certificate.not_before, certificate.not_after, now) {
        ExpiryGrade::Expired => (Verdict::Down, format!("✗ expired {length} ago")),
        ExpiryGrade::Expiring(Severity::Page) => (Verdict::Down, picture()),
        ExpiryGrade::Expiring(_) => (Verdict::Degraded, picture()),
        ExpiryGrade::Fine => (Verdict::Healthy, picture()),
    }
}

/// Filled as far as the lifetime is left; one cell at least while any is.
fn bar(certificate: &Certificate, now: Timestamp) -> String {
    let lifetime = certificate.not_after.duration_since(certificate.not_before).as_secs_f64();
    let left = certificate.not_after.duration_since(now).as_secs_f64().min(lifetime);
    let share = if lifetime > 0.0 { left / lifetime } else { 0.0 };
    let least = usize::from(left > 0.0);
    let filled = ((share * BAR as f64).round().max(0.0) as usize).clamp(least, BAR);
    format!("{}{}", "█".repeat(filled), "░".repeat(BAR - filled))
}
