use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::figures::{Condition, PublicIncident};

/// How many days customers see.
pub(super) const DAYS: usize = 90;

/// One bar a day, oldest first, the last one today. Days are days of UTC.
#[derive(Debug)]
pub(super) struct Bars {
    pub(super) days: Vec<Day>,
    /// How much of the watched time the component was available; absent when it was not watched at all.
    pub(super) uptime: Option<f64>,
}

/// One day of a component.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Day {
    pub(super) date: Date,
    /// Absent for a day on which nothing was watched.
    pub(super) worst: Option<Condition>,
    /// For how long it was not available, in part or in whole.
    pub(super) away: SignedDuration,
}

impl Bars {
    pub(super) fn of(
        incidents: &[&PublicIncident],
        watched_since: Option<Timestamp>,
        now: Timestamp,
    ) -> Bars {
        let today = now.to_zoned(TimeZone::UTC).date();
        let mut days = Vec::with_capacity(DAYS);
        let (mut watched, mut away) = (SignedDuration::ZERO, SignedDuration::ZERO);
        for back in (0..DAYS as i64).rev() {
            let date = today.saturating_sub(back.days());
            let span = Span::of_day(date).clipped(watched_since.unwrap_or(Timestamp::MAX), now);
            let day = Day::of(date, span, incidents, now);
            watched += span.length();
            away += day.away;
            days.push(day);
        }
        let uptime = (!watched.is_zero()).then(|| 1.0 - away.as_secs_f64() / watched.as_secs_f64());
        Bars { days, uptime }
    }
}

impl Day {
    fn of(date: Date, span: Span, incidents: &[&PublicIncident], now: Timestamp) -> Day {
        if span.length().is_zero() {
            return Day { date, worst: None, away: SignedDuration::ZERO };
        }
        let mut worst = Condition::Operational;
        let mut outages = Vec::new();
        for incident in incidents {
            let condition = Condition::of(incident.impact);
            let overlap = span.clipped(incident.started_at, incident.resolved_at.unwrap_or(now));
            if overlap.length().is_zero() {
                continue;
            }
            worst = worst.max(condition);
            if condition >= Condition::PartialOutage {
                outages.push(overlap);
            }
        }
        Day { date, worst: Some(worst), away: Span::union(outages) }
    }
}

/// A stretch of time; empty when it ends before it begins.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Timestamp,
    to: Timestamp,
}

impl Span {
    fn of_day(date: Date) -> Span {
        let midnight =
            |date: Date| date.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |midnight| midnight.timestamp());
        Span { from: midnight(date), to: midnight(date.saturating_add(1.day())) }
    }

    fn clipped(self, from: Timestamp, to: Timestamp) -> Span {
        Span { from: self.from.max(from), to: self.to.min(to) }
    }

    fn length(self) -> SignedDuration {
        self.to.duration_since(self.from).max(SignedDuration::ZERO)
    }

    /// The length of all together, what overlaps counted once.
    fn union(mut spans: Vec<Span>) -> SignedDuration {
        spans.sort_by_key(|span| span.from);
        let mut total = SignedDuration::ZERO;
        let mut reached = Timestamp::MIN;
        for span in spans {
            let rest = span.clipped(reached, Timestamp::MAX);
            total += rest.length();
            reached = reached.max(span.to);
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use mainstay_model::{Impact, IncidentId, PublicStatus, Random};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn incident(impact: Impact, from: &str, to: Option<&str>) -> PublicIncident {
        PublicIncident {
            id: IncidentId::new(at(from), &mut Random::seeded(1)),
            title: String::new(),
            impact,
            status: PublicStatus::Investigating,
            published_at: at(from),
            started_at: at(from),
            monitoring_at: None,
            resolved_at: to.map(at),
            components: vec![],
            updates: vec![],
        }
    }

    fn bars(incidents: &[PublicIncident], since: Option<&str>) -> Bars {
        let incidents: Vec<&PublicIncident> = incidents.iter().collect();
        Bars::of(&incidents, since.map(at), at("2026-11-22T12:00:00Z"))
    }

    #[test]
    fn days_before_the_first_look_are_unknown() {
        let bars = bars(&[], Some("2026-11-20T06:00:00Z"));
        assert_eq!(bars.days.len(), DAYS);
        let known: Vec<bool> = bars.days.iter().rev().take(4).map(|day| day.worst.is_some()).collect();
        assert_eq!(known, [true, true, true, false]);
        assert_eq!(bars.uptime, Some(1.0));
        assert_eq!(super::tests::bars(&[], None).uptime, None);
    }

    #[test]
    fn an_outage_over_midnight_counts_on_both_days_and_overlaps_once() {
        let incidents = [
            incident(Impact::Critical, "2026-11-20T23:00:00Z", Some("2026-11-21T01:00:00Z")),
            incident(Impact::Major, "2026-11-21T00:30:00Z", Some("2026-11-21T02:00:00Z")),
        ];
        let bars = bars(&incidents, Some("2026-11-18T12:00:00Z"));
        let day = |date: &str| bars.days.iter().find(|day| day.date == date.parse().unwrap()).unwrap();
        assert_eq!(day("2026-11-20").away, SignedDuration::from_hours(1));
        assert_eq!(day("2026-11-21").away, SignedDuration::from_hours(2));
        assert_eq!(day("2026-11-21").worst, Some(Condition::MajorOutage));
        assert_eq!(day("2026-11-22").worst, Some(Condition::Operational));
        // 3 of the 96 hours since the first look.
        assert_eq!(bars.uptime, Some(1.0 - 3.0 / 96.0));
    }

    #[test]
    fn slowness_colours_the_day_and_is_not_downtime() {
        let bars =
            bars(&[incident(Impact::Minor, "2026-11-22T09:00:00Z", None)], Some("2026-11-22T00:00:00Z"));
        let today = bars.days.last().unwrap();
        assert_eq!((today.worst, today.away), (Some(Condition::Degraded), SignedDuration::ZERO));
        assert_eq!(bars.uptime, Some(1.0));
    }
}
