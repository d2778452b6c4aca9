use askama::Template;
use askama::filters::HtmlSafe;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::show::{Sign, plural};

/// How many weeks the time-line reaches ahead: a year, and the column of all that is later.
const WEEKS: usize = 52;

/// When certificates end: a column a week, what has expired before the first and all that is later after the last.
#[derive(Template)]
#[template(path = "picture/expiries.html")]
pub(crate) struct Expiries {
    words: String,
    blocks: Vec<Block>,
    months: Vec<String>,
}

struct Block {
    x: String,
    y: String,
    height: String,
    class: &'static str,
}

/// Height of the drawing in its own units; width is a unit a column.
const HEIGHT: f64 = 60.0;

impl Expiries {
    /// From the end of each certificate and how it is to be seen.
    pub(crate) fn draw(ends: &[(Timestamp, Sign)], now: Timestamp) -> Expiries {
        let mut columns: Vec<Vec<Sign>> = vec![Vec::new(); WEEKS + 2];
        for (end, sign) in ends {
            columns[column(*end, now)].push(*sign);
        }
        let tallest = columns.iter().map(Vec::len).max().unwrap_or(0).max(6);
        let unit = HEIGHT / tallest as f64;
        Expiries {
            words: words(ends, now),
            blocks: columns.iter_mut().enumerate().flat_map(|(x, signs)| stack(x, signs, unit)).collect(),
            months: months(now),
        }
    }
}

impl HtmlSafe for Expiries {}

fn column(end: Timestamp, now: Timestamp) -> usize {
    let left = end.duration_since(now);
    if left.is_negative() {
        return 0;
    }
    usize::try_from(left.as_hours() / (7 * 24)).map_or(WEEKS + 1, |week| (week + 1).min(WEEKS + 1))
}

/// Worst at the bottom; one block for all of the same sign, so that thousands stay small.
fn stack(x: usize, signs: &mut [Sign], unit: f64) -> Vec<Block> {
    signs.sort_unstable_by(|a, b| b.cmp(a));
    let mut below = 0.0;
    let runs = signs.chunk_by(|a, b| a == b);
    runs.map(|run| {
        let height = run.len() as f64 * unit;
        below += height;
        Block {
            x: format!("{x}.1"),
            y: format!("{:.1}", HEIGHT - below),
            height: format!("{height:.1}"),
            class: run[0].class(),
        }
    })
    .collect()
}

fn months(now: Timestamp) -> Vec<String> {
    let label = |quarter: i64| {
        let at = now + SignedDuration::from_hours(quarter * 13 * 7 * 24);
        at.to_zoned(TimeZone::UTC).strftime("%b %Y").to_string()
    };
    (0..4).map(label).collect()
}

fn words(ends: &[(Timestamp, Sign)], now: Timestamp) -> String {
    let within = |days: i64| {
        let limit = now + SignedDuration::from_hours(days * 24);
        ends.iter().filter(|(end, _)| (now..=limit).contains(end)).count()
    };
    let expired = ends.iter().filter(|(end, _)| *end < now).count();
    format!(
        "{}: {expired} expired, {} within 7 days, {} within 30 days, {} within 90 days.",
        plural(ends.len(), "certificate", "certificates"),
        within(7),
        within(30),
        within(90)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expired_soon_and_much_later() {
        let now: Timestamp = "2026-11-22T22:00:00Z".parse().unwrap();
        let day = |days: i64| now + SignedDuration::from_hours(days * 24);
        assert_eq!(column(day(-1), now), 0);
        assert_eq!(column(day(0), now), 1);
        assert_eq!(column(day(8), now), 2);
        assert_eq!(column(day(4000), now), WEEKS + 1);
        let ends = [
            (day(-1), Sign::Down),
            (day(3), Sign::Impending),
            (day(3), Sign::Healthy),
            (day(80), Sign::Healthy),
        ];
        let picture = Expiries::draw(&ends, now);
        assert_eq!(
            picture.words,
            "4 certificates: 1 expired, 2 within 7 days, 2 within 30 days, 3 within 90 days."
        );
        assert_eq!(picture.blocks.len(), 4);
        assert_eq!(picture.months, ["Nov 2026", "Feb 2027", "May 2027", "Aug 2027"]);
    }
}
