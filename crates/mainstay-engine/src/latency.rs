use std::time::Duration;

use mainstay_model::LatencyBaseline;

/// So many checks make a baseline that can be trusted.
const ENOUGH: u64 = 30;

/// What is usual is what a day brings, so that its busy and its quiet hours do not take turns at being unusual.
const MEMORY: Duration = Duration::from_secs(86_400);

/// Of what is checked seldom, so many checks make what is usual.
const FEWEST: f64 = 32.0;

/// How long a check took, and what that is held against.
pub(crate) struct Took {
    pub(crate) ms: f64,
    /// More is slow, whatever is usual.
    pub(crate) allowed_ms: Option<f64>,
    /// How often it is checked.
    pub(crate) every: Duration,
    /// Whether there is an alert already that says that it is slow.
    pub(crate) is_told: bool,
}

/// Slower than this is unusual, in milliseconds; `None` while too little is known.
pub(crate) fn unusual_from_ms(baseline: &LatencyBaseline) -> Option<f64> {
    let margin = (6.0 * baseline.deviation_ms).max(0.5 * baseline.mean_ms).max(20.0);
    (baseline.count >= ENOUGH).then_some(baseline.mean_ms + margin)
}

/// How long it usually takes, in milliseconds; `None` while too little is known.
pub(crate) fn usual_ms(baseline: &LatencyBaseline) -> Option<f64> {
    (baseline.count >= ENOUGH).then_some(baseline.mean_ms)
}

/// Notes how long a check took. A slow one moves the baseline by no more than the limit it broke, so that one stall does not hide
/// the next; and once it is told that it is slow, not at all: a lasting slowness does not become usual by lasting.
pub(crate) fn note(baseline: &mut LatencyBaseline, took: &Took) {
    let unusual = unusual_from_ms(baseline);
    let is_slow = took.allowed_ms.or(unusual).is_some_and(|limit| took.ms > limit);
    if is_slow {
        baseline.slow_in_a_row = baseline.slow_in_a_row.saturating_add(1);
        baseline.usual_in_a_row = 0;
    } else {
        baseline.slow_in_a_row = 0;
        baseline.usual_in_a_row = baseline.usual_in_a_row.saturating_add(1);
    }
    if !(is_slow && took.is_told) {
        learn(baseline, unusual.map_or(took.ms, |unusual| took.ms.min(unusual)), took.every);
    }
}

fn learn(baseline: &mut LatencyBaseline, took_ms: f64, every: Duration) {
    baseline.count = baseline.count.saturating_add(1);
    let steady = every.div_duration_f64(MEMORY).min(1.0 / FEWEST);
    // The plain mean at first, weighted once that would be slower.
    let weight = steady.max(1.0 / baseline.count as f64);
    let away = (took_ms - baseline.mean_ms).abs();
    baseline.mean_ms += weight * (took_ms - baseline.mean_ms);
    if baseline.count > 1 {
        baseline.deviation_ms += weight * (away - baseline.deviation_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(30);

    fn more(baseline: &mut LatencyBaseline, ms: f64, count: usize, is_told: bool) {
        let took = Took { ms, allowed_ms: None, every: EVERY, is_told };
        (0..count).for_each(|_| note(baseline, &took));
    }

    fn after(times: &[(f64, usize)]) -> LatencyBaseline {
        let mut baseline = LatencyBaseline::default();
        times.iter().for_each(|(ms, count)| more(&mut baseline, *ms, *count, false));
        baseline
    }

    #[test]
    fn nothing_is_unusual_before_thirty_checks() {
        assert_eq!(unusual_from_ms(&after(&[(1.0, 29)])), None);
        assert_eq!(after(&[(1.0, 29), (900.0, 1)]).slow_in_a_row, 0);
    }

    #[test]
    fn unusual_is_half_as_much_again_or_20_ms() {
        assert_eq!(unusual_from_ms(&after(&[(100.0, 40)])), Some(150.0));
        assert_eq!(after(&[(100.0, 40), (170.0, 2)]).slow_in_a_row, 2);
        assert_eq!(after(&[(2.0, 40), (21.0, 1)]).slow_in_a_row, 0);
    }

    #[test]
    fn what_was_told_is_never_usual_and_what_was_not_is_after_a_while() {
        let mut baseline = after(&[(10.0, 40), (100.0, 3)]);
        more(&mut baseline, 100.0, 100_000, true);
        assert_eq!(baseline.slow_in_a_row, 100_003, "{baseline:?}");
        more(&mut baseline, 10.0, 3, true);
        assert_eq!(baseline.usual_in_a_row, 3);
        assert_eq!(after(&[(10.0, 40), (100.0, 5_000)]).slow_in_a_row, 0);
    }

    #[test]
    fn quiet_and_busy_hours_are_both_usual() {
        let half_a_day = 12 * 60 * 2;
        let mut baseline = LatencyBaseline::default();
        for day in 0..14 {
            for ms in [35.0, 10.0] {
                more(&mut baseline, ms, half_a_day, false);
                assert_eq!(baseline.slow_in_a_row, 0, "day {day}: {baseline:?}");
            }
            more(&mut baseline, 35.0, 1, false);
            assert_eq!(baseline.slow_in_a_row, 0, "the morning after day {day}: {baseline:?}");
        }
    }

    #[test]
    fn what_is_checked_once_a_day_has_a_memory_too() {
        let mut baseline = LatencyBaseline::default();
        let took = |ms| Took { ms, allowed_ms: None, every: MEMORY, is_told: false };
        (0..40).for_each(|_| note(&mut baseline, &took(10.0)));
        note(&mut baseline, &took(500.0));
        assert!(usual_ms(&baseline).unwrap() < 12.0, "{baseline:?}");
    }

    #[test]
    fn a_given_limit_holds_from_the_first_check() {
        let mut baseline = LatencyBaseline::default();
        let took = Took { ms: 300.0, allowed_ms: Some(200.0), every: EVERY, is_told: false };
        (0..2).for_each(|_| note(&mut baseline, &took));
        assert_eq!(baseline.slow_in_a_row, 2);
    }
}
