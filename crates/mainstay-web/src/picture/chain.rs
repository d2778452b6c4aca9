use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp;
use mainstay_model::{Certificate, ExpiryGrade, Severity, grade_expiry};

use crate::show::{Sign, When, utc};

/// A chain of certificates, each with the days it has left drawn as a length.
#[derive(Template)]
#[template(path = "picture/chain.html")]
pub(crate) struct Chain {
    links: Vec<Link>,
    scale: &'static str,
}

/// One certificate.
struct Link {
    id: String,
    name: String,
    role: &'static str,
    unused: bool,
    sign: Sign,
    left: String,
    width: u32,
    beyond: bool,
    ends: When,
    begins: When,
    issuer: String,
    subject: String,
    names: String,
    serial: String,
    key: String,
    sha256: String,
    spki_sha256: String,
}

/// Lengths of the full bar: the shortest that holds the server's certificate when new. Authorities live for decades and would
/// flatten it.
const SCALES: [(i64, &str); 4] = [
    (7, "The full length is 7 days."),
    (30, "The full length is 30 days."),
    (100, "The full length is 100 days."),
    (400, "The full length is 400 days."),
];

impl Chain {
    /// In the order of the chain; `id` tells this chain's parts from those of others on the same page.
    pub(crate) fn draw(certificates: &[Certificate], id: &str, now: Timestamp) -> Chain {
        let own = certificates.iter().filter(|one| one.position == 0).map(lifetime_days).max();
        let (days, scale) = *SCALES.iter().find(|(days, _)| *days >= own.unwrap_or(0)).unwrap_or(&SCALES[3]);
        Chain { links: certificates.iter().map(|one| link(one, id, days, now)).collect(), scale }
    }
}

impl HtmlSafe for Chain {}

/// How a certificate is to be seen now.
pub(crate) fn expiry_sign(certificate: &Certificate, now: Timestamp) -> Sign {
    end_sign(certificate.not_before, certificate.not_after, now)
}

/// How a validity is to be seen now: one that has not begun is as bad as one that is over.
pub(crate) fn end_sign(not_before: Timestamp, not_after: Timestamp, now: Timestamp) -> Sign {
    match grade_expiry(not_before, not_after, now) {
        _ if now < not_before => Sign::Down,
        ExpiryGrade::Expired => Sign::Down,
        ExpiryGrade::Expiring(Severity::Page | Severity::High) => Sign::Impending,
        ExpiryGrade::Expiring(_) => Sign::Degraded,
        ExpiryGrade::Fine => Sign::Healthy,
    }
}

fn link(one: &Certificate, id: &str, days: i64, now: Timestamp) -> Link {
    let seconds = one.not_after.duration_since(now).as_secs().max(0);
    let full = days * 86_400;
    Link {
        id: format!("{id}-{}", one.position),
        name: one.short_name().to_owned(),
        role: role(one),
        unused: !one.in_path,
        sign: expiry_sign(one, now),
        left: left(one, now),
        width: u32::try_from(seconds.min(full) * 1000 / full).unwrap_or(1000),
        beyond: seconds > full,
        ends: When::date(one.not_after, now),
        begins: When::date(one.not_before, now),
        issuer: one.issuer.clone(),
        subject: one.subject.clone(),
        names: one.names.join(", "),
        serial: one.serial.clone(),
        key: one.key.clone(),
        sha256: one.sha256.to_string(),
        spki_sha256: one.spki_sha256.to_string(),
    }
}

fn lifetime_days(certificate: &Certificate) -> i64 {
    certificate.not_after.duration_since(certificate.not_before).as_hours() / 24
}

fn role(certificate: &Certificate) -> &'static str {
    match (certificate.position, certificate.sent, certificate.in_path) {
        (0, _, _) => "the server’s own",
        (_, _, false) => "sent, but not needed",
        (_, false, _) => "trusted root, from our own store",
        (_, true, _) if certificate.subject == certificate.issuer => "root, sent along",
        _ => "intermediate",
    }
}

fn left(certificate: &Certificate, now: Timestamp) -> String {
    let length = When::length(certificate.not_after, now).text();
    if now < certificate.not_before {
        format!("not valid before {}", utc(certificate.not_before))
    } else if certificate.not_after < now {
        format!("expired {length} ago")
    } else {
        format!("{length} left")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::fixture::certificate;

    const NOW: &str = "2026-11-22T22:00:00Z";

    #[test]
    fn lengths_are_days_left_and_decades_do_not_flatten_them() {
        let now: Timestamp = NOW.parse().unwrap();
        let chain = Chain::draw(
            &[certificate(0, "db.acme.example", -60, 30, now), certificate(1, "Acme CA", -400, 3000, now)],
            "chain",
            now,
        );
        assert_eq!(
            chain.links.iter().map(|link| (link.width, link.beyond)).collect::<Vec<_>>(),
            [(300, false), (1000, true)]
        );
        assert_eq!(chain.links[0].left, "30 days left");
    }

    #[test]
    fn an_expired_one_has_no_length_left() {
        let now: Timestamp = NOW.parse().unwrap();
        let chain = Chain::draw(&[certificate(0, "db.acme.example", -90, -1, now)], "chain", now);
        assert_eq!((chain.links[0].width, chain.links[0].sign), (0, Sign::Down));
        assert_eq!(chain.links[0].left, "expired 24 h ago");
    }
}
