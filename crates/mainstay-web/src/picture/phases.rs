use askama::Template;
use askama::filters::HtmlSafe;
use jiff::Timestamp;
use mainstay_model::{Phases, Verdict};
use mainstay_store::ObservedPoint;

use super::scale::{line, nice_ceiling};
use crate::show::{clock_time, millis};

/// How many phases an address has: those of [`Phases::named`].
const PHASES: usize = 6;

/// At most so many columns: more than there are pixels to show them.
const COLUMNS: usize = 240;

/// One check as the chart needs it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub(crate) at: Timestamp,
    /// The verdict on the connection alone.
    pub(crate) verdict: Verdict,
    /// How long the slowest of its addresses took.
    pub(crate) phases: Phases,
}

impl Sample {
    /// One sample a check, from what each of its addresses answered, in the order of time.
    pub(crate) fn of(points: &[ObservedPoint]) -> Vec<Sample> {
        points.chunk_by(|a, b| a.at == b.at).filter_map(Sample::of_check).collect()
    }

    fn of_check(points: &[ObservedPoint]) -> Option<Sample> {
        let works = |point: &&ObservedPoint| matches!(point.verdict, Verdict::Healthy | Verdict::Degraded);
        let total = |point: &&ObservedPoint| point.phases.total_ms().unwrap_or(0.0);
        let slowest = points.iter().filter(works).max_by(|a, b| total(a).total_cmp(&total(b)));
        let shown = slowest.or(points.iter().max_by_key(|point| point.verdict))?;
        Some(Sample { at: shown.at, verdict: shown.verdict, phases: shown.phases })
    }

    /// Whether its times say how fast the dependency is.
    fn tells(&self) -> bool {
        matches!(self.verdict, Verdict::Healthy | Verdict::Degraded)
    }
}

/// How long each phase of the checks took over time: areas upon each other.
#[derive(Template)]
#[template(path = "picture/phases.html")]
pub(crate) struct PhaseChart {
    /// What the picture says, in words.
    words: String,
    areas: Vec<Area>,
    failed: Vec<String>,
    ticks: [String; 3],
    from: String,
    to: String,
}

struct Area {
    index: usize,
    name: &'static str,
    path: String,
    latest: String,
}

/// Width and height of the drawing in its own units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 100.0;

/// The mean of the checks of one column, or the knowledge that they failed.
#[derive(Clone, Copy, Default)]
struct Column {
    sums: [f64; PHASES],
    counted: u32,
    failed: bool,
}

impl PhaseChart {
    /// From the oldest to the newest check. `None` when fewer than two of them were timed.
    pub(crate) fn draw(samples: &[Sample]) -> Option<PhaseChart> {
        let (first, last) = (samples.first()?.at, samples.last()?.at);
        if samples.iter().filter(|sample| sample.tells()).count() < 2 || first == last {
            return None;
        }
        let columns = columns(samples, first, last);
        let total = |column: &Column| column.sums.iter().sum::<f64>() / f64::from(column.counted.max(1));
        let top = nice_ceiling(columns.iter().map(|(_, column)| total(column)).fold(0.0, f64::max));
        let used: Vec<usize> =
            (0..PHASES).filter(|i| columns.iter().any(|(_, c)| c.sums[*i] > 0.0)).collect();
        Some(PhaseChart {
            words: words(samples),
            areas: used.iter().map(|index| area(*index, &columns, top, samples)).collect(),
            failed: columns.iter().filter(|(_, c)| c.failed).map(|(x, _)| format!("{x:.1}")).collect(),
            ticks: [millis(top), millis(top / 2.0), "0".into()],
            from: clock_time(first, last),
            to: clock_time(last, last),
        })
    }
}

impl HtmlSafe for PhaseChart {}

fn columns(samples: &[Sample], first: Timestamp, last: Timestamp) -> Vec<(f64, Column)> {
    let span = last.duration_since(first).as_secs_f64();
    let slots = COLUMNS.min(samples.len());
    let mut columns: Vec<Option<Column>> = vec![None; slots];
    for sample in samples {
        let share = sample.at.duration_since(first).as_secs_f64() / span;
        let slot = ((share * (slots - 1) as f64).round() as usize).min(slots - 1);
        let column = columns[slot].get_or_insert_default();
        column.failed |= sample.verdict == Verdict::Down;
        if sample.tells() {
            column.counted += 1;
            column
                .sums
                .iter_mut()
                .zip(sample.phases.named())
                .for_each(|(sum, (_, ms))| *sum += ms.unwrap_or(0.0));
        }
    }
    let x = |slot: usize| slot as f64 * WIDTH / (slots - 1).max(1) as f64;
    columns.into_iter().enumerate().filter_map(|(slot, column)| Some((x(slot), column?))).collect()
}

/// The area of one phase: its upper edge forth and the lower one back, in pieces between the failures.
fn area(index: usize, columns: &[(f64, Column)], top: f64, samples: &[Sample]) -> Area {
    let y = |column: &Column, phases: usize| {
        HEIGHT - column.sums.iter().take(phases).sum::<f64>() / f64::from(column.counted) / top * HEIGHT
    };
    let pieces = columns.split(|(_, column)| column.counted == 0).filter(|piece| !piece.is_empty());
    let path = pieces.map(|piece| {
        let upper = piece.iter().map(|(x, column)| Some((*x, y(column, index + 1))));
        let lower = piece.iter().rev().map(|(x, column)| Some((*x, y(column, index))));
        line(upper.chain(lower)) + "Z"
    });
    let newest =
        samples.iter().rev().find(|sample| sample.tells()).and_then(|sample| sample.phases.named()[index].1);
    Area {
        index: index + 1,
        name: Phases::default().named()[index].0,
        path: path.collect(),
        latest: newest.map(millis).unwrap_or_default(),
    }
}

fn words(samples: &[Sample]) -> String {
    let timed: Vec<f64> =
        samples.iter().filter(|sample| sample.tells()).filter_map(|s| s.phases.total_ms()).collect();
    let mean = timed.iter().sum::<f64>() / timed.len().max(1) as f64;
    let slowest = timed.iter().copied().fold(0.0, f64::max);
    let failed = samples.iter().filter(|sample| sample.verdict == Verdict::Down).count();
    let words = format!("{} checks: {} on average, {} at most", samples.len(), millis(mean), millis(slowest));
    if failed == 0 { words + "." } else { format!("{words}; {failed} failed, marked on the lower edge.") }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn sample(second: i64, verdict: Verdict, tls: f64) -> Sample {
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        let phases = Phases { connect_ms: Some(2.0), tls_ms: Some(tls), ..Phases::default() };
        Sample { at, verdict, phases }
    }

    #[test]
    fn only_phases_that_happened_are_drawn_and_failures_break_the_areas() {
        let chart = PhaseChart::draw(&[
            sample(0, Verdict::Healthy, 8.0),
            sample(10, Verdict::Healthy, 8.0),
            sample(20, Verdict::Down, 900.0),
            sample(30, Verdict::Healthy, 6.0),
        ])
        .unwrap();
        assert_eq!(chart.areas.iter().map(|area| area.name).collect::<Vec<_>>(), ["connect", "tls"]);
        assert_eq!(chart.areas[0].path.matches('M').count(), 2);
        assert_eq!(chart.areas[1].latest, "6 ms");
        assert_eq!(chart.failed, ["666.7"]);
        assert_eq!(chart.ticks, ["10 ms", "5 ms", "0"]);
        assert_eq!(
            chart.words,
            "4 checks: 9 ms on average, 10 ms at most; 1 failed, marked on the lower edge."
        );
    }

    #[test]
    fn many_checks_are_drawn_in_bounded_space() {
        let samples: Vec<Sample> = (0..20_000).map(|i| sample(i * 30, Verdict::Healthy, 8.0)).collect();
        let chart = PhaseChart::draw(&samples).unwrap();
        assert!(chart.areas[0].path.len() < COLUMNS * 2 * 14);
    }

    #[test]
    fn nothing_timed_is_no_chart() {
        assert!(PhaseChart::draw(&[]).is_none());
        assert!(PhaseChart::draw(&[sample(0, Verdict::Down, 1.0), sample(9, Verdict::Down, 1.0)]).is_none());
    }
}
