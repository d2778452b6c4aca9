use askama::Template;
use askama::filters::HtmlSafe;
use mainstay_model::Verdict;

use super::scale::line;
use crate::show::{Sign, millis};

/// The course of a dependency's latest checks, small enough for a row of a table.
#[derive(Template)]
#[template(path = "picture/spark.svg")]
pub(crate) struct Spark {
    trace: String,
    marks: Vec<Mark>,
    words: String,
}

struct Mark {
    x: String,
    sign: Sign,
}

/// Width and height of the drawing in its own units.
const WIDTH: f64 = 128.0;
const HEIGHT: f64 = 24.0;

impl Spark {
    /// From the oldest to the newest check, its verdict and how long it took in all. `None` for fewer than two checks.
    pub(crate) fn draw(checks: &[(Verdict, Option<f64>)]) -> Option<Spark> {
        if checks.len() < 2 {
            return None;
        }
        let x = |index: usize| index as f64 * WIDTH / (checks.len() - 1) as f64;
        // A check that failed took some time too, but that says nothing about how fast the dependency is.
        let timed = |(verdict, ms): &(Verdict, Option<f64>)| ms.filter(|_| works(*verdict));
        let top = checks.iter().filter_map(timed).fold(f64::MIN_POSITIVE, f64::max);
        let y = |ms: f64| HEIGHT - 2.0 - ms / top * (HEIGHT - 6.0);
        let trace = line(checks.iter().enumerate().map(|(i, check)| timed(check).map(|ms| (x(i), y(ms)))));
        let bad = checks.iter().enumerate().filter(|(_, (verdict, _))| !works(*verdict));
        let marks =
            bad.map(|(i, (verdict, _))| Mark { x: format!("{:.1}", x(i)), sign: Sign::from(*verdict) });
        Some(Spark { trace, marks: marks.collect(), words: words(checks) })
    }
}

impl HtmlSafe for Spark {}

fn works(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Healthy | Verdict::Degraded)
}

fn words(checks: &[(Verdict, Option<f64>)]) -> String {
    let times: Vec<f64> =
        checks.iter().filter(|(verdict, _)| works(*verdict)).filter_map(|(_, ms)| *ms).collect();
    let failed = checks.iter().filter(|(verdict, _)| *verdict == Verdict::Down).count();
    let mut words = format!("Latest {} checks", checks.len());
    if let (Some(low), Some(high)) =
        (times.iter().copied().reduce(f64::min), times.iter().copied().reduce(f64::max))
    {
        words += &format!(": {} to {}", millis(low), millis(high));
    }
    if failed > 0 {
        words += &format!(", {failed} failed");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_checks_leave_a_gap_and_a_mark() {
        let up = |ms| (Verdict::Healthy, Some(ms));
        let spark = Spark::draw(&[up(10.0), up(20.0), (Verdict::Down, Some(500.0)), up(10.0)]).unwrap();
        assert_eq!(spark.trace, "M0.0 13.0L42.7 4.0M128.0 13.0");
        assert_eq!(spark.marks.len(), 1);
        assert_eq!(spark.words, "Latest 4 checks: 10 ms to 20 ms, 1 failed");
    }

    #[test]
    fn one_check_is_no_course() {
        assert!(Spark::draw(&[(Verdict::Healthy, Some(1.0))]).is_none());
    }
}
