//! Pictures drawn on the server as SVG, each with its text alternative. Geometry is computed here, mark-up stands in the templates.

mod chain;
mod durations;
mod expiries;
mod history;
mod phases;
mod rota;
mod scale;
mod spark;

pub(crate) use chain::{Chain, end_sign, expiry_sign};
pub(crate) use durations::Durations;
pub(crate) use expiries::Expiries;
pub(crate) use history::{Bucket, History};
pub(crate) use phases::{PhaseChart, Sample};
pub(crate) use rota::Rota;
pub(crate) use spark::Spark;

#[cfg(test)]
mod fixture {
    use jiff::{SignedDuration, Timestamp};
    use mainstay_model::{Certificate, Fingerprint};

    /// A certificate valid from and to so many days from `now`.
    pub(super) fn certificate(position: u32, name: &str, from: i64, to: i64, now: Timestamp) -> Certificate {
        let day = |days: i64| now + SignedDuration::from_hours(days * 24);
        Certificate {
            position,
            sent: true,
            in_path: true,
            subject: format!("CN={name}"),
            issuer: "CN=Acme CA".into(),
            names: vec![name.into()],
            serial: "0a".into(),
            not_before: day(from),
            not_after: day(to),
            sha256: Fingerprint([7; 32]),
            spki_sha256: Fingerprint([8; 32]),
            key: "EC P-256".into(),
            der: None,
        }
    }
}
