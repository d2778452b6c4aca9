use askama::Template;
use askama::filters::HtmlSafe;
use mainstay_model::Verdict;

use crate::show::{Sign, grouped, percent_of};

/// What the checks of one stretch of time said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the verdicts")]
pub(crate) struct Bucket {
    pub(crate) healthy: u64,
    pub(crate) degraded: u64,
    pub(crate) down: u64,
    pub(crate) inconclusive: u64,
}

impl Bucket {
    /// Counts one more check.
    pub(crate) fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Healthy => self.healthy += 1,
            Verdict::Degraded => self.degraded += 1,
            Verdict::Down => self.down += 1,
            Verdict::Inconclusive => self.inconclusive += 1,
        }
    }

    /// The worst that was said; `None` when nothing was.
    fn sign(&self) -> Option<Sign> {
        let counts = [
            (self.down, Sign::Down),
            (self.degraded, Sign::Degraded),
            (self.inconclusive, Sign::Unknown),
            (self.healthy, Sign::Healthy),
        ];
        counts.into_iter().find(|(count, _)| *count > 0).map(|(_, sign)| sign)
    }
}

/// Verdicts over time as a row of bars: the taller, the worse, so that colour is not needed.
#[derive(Template)]
#[template(path = "picture/history.svg")]
pub(crate) struct History {
    /// What the picture says, in words.
    pub(crate) words: String,
    bars: Vec<Bar>,
    width: usize,
}

struct Bar {
    x: usize,
    height: u32,
    class: &'static str,
}

impl History {
    /// From the oldest to the newest stretch.
    pub(crate) fn draw(buckets: &[Bucket]) -> History {
        let bars = buckets.iter().enumerate().map(|(x, bucket)| bar(x, bucket.sign()));
        History { words: words(buckets), bars: bars.collect(), width: buckets.len().max(1) }
    }
}

impl HtmlSafe for History {}

fn bar(x: usize, sign: Option<Sign>) -> Bar {
    let height = match sign {
        None => 2,
        Some(Sign::Healthy | Sign::Maintenance) => 8,
        Some(Sign::Unknown) => 16,
        Some(Sign::Impending | Sign::Degraded) => 24,
        Some(Sign::Down) => 32,
    };
    Bar { x, height, class: sign.map_or("line", Sign::class) }
}

fn words(buckets: &[Bucket]) -> String {
    let sum = |pick: fn(&Bucket) -> u64| buckets.iter().map(pick).sum::<u64>();
    let (healthy, degraded, down) = (sum(|b| b.healthy), sum(|b| b.degraded), sum(|b| b.down));
    let conclusive = healthy + degraded + down;
    let Some(share) = percent_of(healthy + degraded, conclusive) else {
        return "No check has told anything in this time.".into();
    };
    let count = |count: u64| grouped(usize::try_from(count).unwrap_or(usize::MAX));
    let mut words = format!("{share} of {} checks found it working", count(conclusive));
    if down > 0 {
        words += &format!("; {} did not", count(down));
    }
    if degraded > 0 {
        words += &format!("; {} found something that needs attention", count(degraded));
    }
    match sum(|b| b.inconclusive) {
        0 => words + ".",
        unknown => format!("{words}; {} could not tell.", count(unknown)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_a_stretch_is_drawn_and_taller() {
        let quiet = Bucket { healthy: 10, ..Bucket::default() };
        let broken = Bucket { healthy: 9, down: 1, ..Bucket::default() };
        let history = History::draw(&[Bucket::default(), quiet, broken]);
        let bars: Vec<_> = history.bars.iter().map(|bar| (bar.class, bar.height)).collect();
        assert_eq!(bars, [("line", 2), ("healthy", 8), ("down", 32)]);
        assert_eq!(history.words, "95.00 % of 20 checks found it working; 1 did not.");
    }

    #[test]
    fn nothing_known_is_said() {
        let unsure = Bucket { inconclusive: 4, ..Bucket::default() };
        assert_eq!(History::draw(&[unsure]).words, "No check has told anything in this time.");
    }
}
