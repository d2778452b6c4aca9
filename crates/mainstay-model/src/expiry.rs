use jiff::{SignedDuration, Timestamp};

use crate::Severity;

/// How near a certificate is to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryGrade {
    /// More than a quarter of its life, or more than 30 days, is left.
    Fine,
    /// Near its end, as urgent as the severity says.
    Expiring(Severity),
    /// Past its end.
    Expired,
}

/// Judges a certificate's end against its own lifetime, because lifetimes are shrinking.
///
/// `warn` at a quarter left (30 days at most), `high` at a tenth (7 days at most), `page` at three
/// hundredths (48 hours at most).
pub fn grade_expiry(not_before: Timestamp, not_after: Timestamp, now: Timestamp) -> ExpiryGrade {
    let left = not_after.duration_since(now);
    if left.is_negative() {
        return ExpiryGrade::Expired;
    }
    let reached = expiry_steps(not_before, not_after).into_iter().rev().find(|(at, _)| *at <= now);
    reached.map_or(ExpiryGrade::Fine, |(_, severity)| ExpiryGrade::Expiring(severity))
}

/// The moments at which [`grade_expiry`] rises, and to what, earliest first.
pub fn expiry_steps(not_before: Timestamp, not_after: Timestamp) -> [(Timestamp, Severity); 3] {
    let lifetime = not_after.duration_since(not_before);
    [(25, 30 * 24, Severity::Warn), (10, 7 * 24, Severity::High), (3, 48, Severity::Page)].map(
        |(hundredths, at_most_hours, severity)| {
            let left = (lifetime * hundredths / 100).min(SignedDuration::from_hours(at_most_hours));
            (not_after.saturating_sub(left).unwrap_or(not_after), severity)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grade(lifetime_hours: i64, left_hours: i64) -> ExpiryGrade {
        let end: Timestamp = "2026-07-01T00:00:00Z".parse().unwrap();
        grade_expiry(
            end - SignedDuration::from_hours(lifetime_hours),
            end,
            end - SignedDuration::from_hours(left_hours),
        )
    }

    #[test]
    fn ninety_day_certificate() {
        let days = |left: i64| grade(90 * 24, left * 24);
        assert_eq!(days(23), ExpiryGrade::Fine);
        assert_eq!(days(22), ExpiryGrade::Expiring(Severity::Warn));
        assert_eq!(days(8), ExpiryGrade::Expiring(Severity::Warn));
        assert_eq!(days(7), ExpiryGrade::Expiring(Severity::High));
        assert_eq!(days(3), ExpiryGrade::Expiring(Severity::High));
        assert_eq!(days(2), ExpiryGrade::Expiring(Severity::Page));
        assert_eq!(days(0), ExpiryGrade::Expiring(Severity::Page), "the last second is inclusive");
        assert_eq!(grade(90 * 24, -1), ExpiryGrade::Expired);
    }

    #[test]
    fn the_caps_hold_for_a_long_lived_certificate() {
        let days = |left: i64| grade(3650 * 24, left * 24);
        assert_eq!(days(31), ExpiryGrade::Fine);
        assert_eq!(days(30), ExpiryGrade::Expiring(Severity::Warn));
        assert_eq!(days(7), ExpiryGrade::Expiring(Severity::High));
        assert_eq!(days(2), ExpiryGrade::Expiring(Severity::Page));
    }

    #[test]
    fn six_day_certificate() {
        assert_eq!(grade(6 * 24, 37), ExpiryGrade::Fine);
        assert_eq!(grade(6 * 24, 36), ExpiryGrade::Expiring(Severity::Warn));
        assert_eq!(grade(6 * 24, 14), ExpiryGrade::Expiring(Severity::High));
        assert_eq!(grade(6 * 24, 4), ExpiryGrade::Expiring(Severity::Page));
    }
}
