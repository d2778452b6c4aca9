use mainstay_model::LatencyBaseline;

/// So many checks make a baseline that can be trusted.
const ENOUGH: u64 = 30;

/// Weight of a new time: the baseline follows a lasting change within some sixty checks.
const WEIGHT: f64 = 1.0 / 32.0;

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
/// the next, and a lasting change becomes the new usual.
pub(crate) fn note(baseline: &mut LatencyBaseline, took_ms: f64, slow_from_ms: Option<f64>) {
    let unusual = unusual_from_ms(baseline);
    let limit = slow_from_ms.or(unusual);
    if limit.is_some_and(|limit| took_ms > limit) {
        baseline.slow_in_a_row = baseline.slow_in_a_row.saturating_add(1);
        baseline.usual_in_a_row = 0;
    } else {
        baseline.slow_in_a_row = 0;
        baseline.usual_in_a_row = baseline.usual_in_a_row.saturating_add(1);
    }
    learn(baseline, unusual.map_or(took_ms, |unusual| took_ms.min(unusual)));
}

fn learn(baseline: &mut LatencyBaseline, took_ms: f64) {
    baseline.count = baseline.count.saturating_add(1);
    // The plain mean at first, weighted once that would be slower.
    let weight = WEIGHT.max(1.0 / baseline.count as f64);
    let away = (took_ms - baseline.mean_ms).abs();
    baseline.mean_ms += weight * (took_ms - baseline.mean_ms);
    if baseline.count > 1 {
        baseline.deviation_ms += weight * (away - baseline.deviation_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(times: impl IntoIterator<Item = f64>, slow_from_ms: Option<f64>) -> LatencyBaseline {
        let mut baseline = LatencyBaseline::default();
        times.into_iter().for_each(|took| note(&mut baseline, took, slow_from_ms));
        baseline
    }

    #[test]
    fn nothing_is_unusual_before_thirty_checks() {
        assert_eq!(after([1.0; 29], None).slow_in_a_row, 0);
        assert_eq!(unusual_from_ms(&after([1.0; 29], None)), None);
        assert_eq!(after([1.0; 29].into_iter().chain([900.0]), None).slow_in_a_row, 0);
    }

    #[test]
    fn unusual_is_half_as_much_again_or_20_ms() {
        let usual = after([100.0; 40], None);
        assert_eq!(unusual_from_ms(&usual), Some(150.0));
        assert_eq!(after([100.0; 40].into_iter().chain([170.0, 170.0]), None).slow_in_a_row, 2);
        assert_eq!(after([2.0; 40].into_iter().chain([21.0]), None).slow_in_a_row, 0);
    }

    #[test]
    fn a_lasting_change_becomes_usual() {
        let baseline = after([10.0; 40].into_iter().chain([100.0; 400]), None);
        assert_eq!(baseline.slow_in_a_row, 0, "{baseline:?}");
    }

    #[test]
    fn a_given_limit_holds_from_the_first_check() {
        assert_eq!(after([300.0, 300.0], Some(200.0)).slow_in_a_row, 2);
    }
}
