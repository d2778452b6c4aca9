//! How incidents were dealt with, by month.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Incident, Severity, in_words};

use crate::operator::incident::Times;
use crate::picture::Durations;

/// So many months are shown.
const MONTHS: usize = 12;

/// Which length of an incident.
type Pick = fn(Times) -> Option<Duration>;

/// The four lengths by which it is judged, with what each is called.
const LENGTHS: [(&str, &str, Pick); 4] = [
    ("TTD", "Time to detect", Times::to_detect),
    ("TTA", "Time to take up", Times::to_take_up),
    ("TTM", "Time to mitigate", Times::to_mitigate),
    ("TTR", "Time to resolve", Times::to_resolve),
];

/// How incidents were dealt with.
pub(super) struct Figures {
    /// The oldest month first; none before the first incident.
    pub(super) months: Vec<Month>,
    /// For each of the four lengths: its short and long name, and its picture.
    pub(super) charts: Vec<(&'static str, &'static str, Durations)>,
}

/// One month.
pub(super) struct Month {
    pub(super) name: String,
    pub(super) incidents: usize,
    /// How many were of each severity, the most urgent first.
    pub(super) severities: Vec<usize>,
    /// For each of the four lengths the median and the worst; empty where it is not known of any.
    pub(super) lengths: Vec<String>,
    spans: Vec<Option<Span>>,
}

/// The middle and the worst of some lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) median: Duration,
    pub(crate) worst: Duration,
}

impl Figures {
    /// `None` where there was no incident in this time.
    pub(super) fn of(incidents: &[Incident], now: Timestamp) -> Option<Figures> {
        let mut months: Vec<Month> =
            (0..MONTHS).rev().filter_map(|ago| Month::of(incidents, month_before(now, ago)?)).collect();
        let first = months.iter().position(|month| month.incidents > 0)?;
        months.drain(..first);
        let chart = |(place, (short, long, _)): (usize, &(&'static str, &'static str, Pick))| {
            let spans =
                months.iter().map(|month| (month.name.clone(), month.spans.get(place).copied().flatten()));
            (*short, *long, Durations::draw(long, &spans.collect::<Vec<_>>()))
        };
        let charts = LENGTHS.iter().enumerate().map(chart).collect();
        Some(Figures { charts, months })
    }
}

/// The first day of the month so many months ago, in UTC.
fn month_before(now: Timestamp, months: usize) -> Option<jiff::civil::Date> {
    let first = now.to_zoned(TimeZone::UTC).date().first_of_month();
    first.checked_sub(jiff::Span::new().months(i64::try_from(months).ok()?)).ok()
}

impl Month {
    fn of(incidents: &[Incident], first: jiff::civil::Date) -> Option<Month> {
        let of_month = |one: &&Incident| {
            one.opened_at.to_zoned(TimeZone::UTC).date().first_of_month() == first
                && one.room.merged_into.is_none()
        };
        let its: Vec<&Incident> = incidents.iter().filter(of_month).collect();
        let times: Vec<Times> = its.iter().map(|one| Times::of(one)).collect();
        let span =
            |(_, _, pick): &(&str, &str, Pick)| span(times.iter().copied().filter_map(*pick).collect());
        let spans: Vec<Option<Span>> = LENGTHS.iter().map(span).collect();
        let count = |severity: Severity| its.iter().filter(|one| one.severity == severity).count();
        Some(Month {
            name: first.strftime("%b %Y").to_string(),
            incidents: its.len(),
            severities: Severity::ALL.map(count).into(),
            lengths: spans.iter().map(|span| span.map_or_else(String::new, words)).collect(),
            spans,
        })
    }
}

/// The median of an even number is the lower of the two in the middle: a length that there was.
fn span(mut lengths: Vec<Duration>) -> Option<Span> {
    lengths.sort();
    let middle = lengths.len().checked_sub(1)? / 2;
    Some(Span { median: *lengths.get(middle)?, worst: *lengths.last()? })
}

fn words(Span { median, worst }: Span) -> String {
    if median == worst { length(median) } else { format!("{}, worst {}", length(median), length(worst)) }
}

/// A length in words; nothing at all is told as such.
pub(crate) fn length(of: Duration) -> String {
    match of {
        Duration::ZERO => "none".into(),
        some => in_words(SignedDuration::try_from(some).unwrap_or(SignedDuration::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(all: &[u64]) -> Vec<Duration> {
        all.iter().map(|one| Duration::from_secs(one * 60)).collect()
    }

    #[test]
    fn the_middle_and_the_worst() {
        assert_eq!(span(vec![]), None);
        for (lengths, text) in [
            (minutes(&[7]), "7 min"),
            (minutes(&[30, 2, 9]), "9 min, worst 30 min"),
            (minutes(&[30, 2, 9, 4]), "4 min, worst 30 min"),
            (minutes(&[0, 0]), "none"),
        ] {
            assert_eq!(words(span(lengths).unwrap()), text);
        }
    }

    #[test]
    fn months_go_back_over_the_year() {
        let now = "2026-02-22T22:41:00Z".parse().unwrap();
        let names: Vec<String> = (0..4).map(|ago| month_before(now, ago).unwrap().to_string()).collect();
        assert_eq!(names, ["2026-02-01", "2026-01-01", "2025-12-01", "2025-11-01"]);
        assert!(Figures::of(&[], now).is_none());
    }
}
