use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{
    CheckReport, Confirmation, DependencyState, FailureKind, FindingKind, Rule, Streak, Verdict,
};

/// The first bad check is repeated after this, so that a lost packet is not told and a real break is told within a second.
const REPEAT_BAD: Duration = Duration::from_millis(200);

/// The first good check after a break is repeated after this: sooner would only see the same moment twice.
const REPEAT_GOOD: Duration = Duration::from_secs(1);

/// What a check, together with those before it, makes us believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belief {
    /// Nothing new.
    AsBefore,
    /// Not enough to believe it: look again after this.
    Repeat(Duration),
    /// It is down.
    Down,
    /// It is no longer down.
    Up,
}

/// Notes the check in the streaks. An inconclusive one counts neither as good nor as bad.
pub(crate) fn note(state: &mut DependencyState, report: &CheckReport) {
    let at = report.checked_at;
    match report.verdict {
        Verdict::Inconclusive => {}
        Verdict::Down => push(&mut state.streak, true, at),
        Verdict::Healthy | Verdict::Degraded => {
            push(&mut state.streak, false, at);
            push(&mut state.partial, is_partial(report), at);
        }
    }
}

/// Judges the streaks after [`note`].
pub(crate) fn believe(state: &DependencyState, report: &CheckReport, confirm: Confirmation) -> Belief {
    let down = state.verdict == Verdict::Down;
    match report.verdict {
        Verdict::Down if !down => believe_bad(state, report, confirm),
        Verdict::Healthy | Verdict::Degraded if down => believe_good(state, confirm),
        Verdict::Healthy | Verdict::Degraded => believe_partial(state, report, confirm),
        Verdict::Down | Verdict::Inconclusive => Belief::AsBefore,
    }
}

/// Whether enough of the latest checks were bad.
pub(crate) fn confirmed(streak: &Streak, failures: u32, of: u32) -> bool {
    (streak.bad & newest(of)).count_ones() >= failures.max(1)
}

/// Whether some addresses work and some do not.
pub(crate) fn is_partial(report: &CheckReport) -> bool {
    report.findings.iter().any(|finding| finding.kind == FindingKind::AddressDown)
}

fn believe_bad(state: &DependencyState, report: &CheckReport, confirm: Confirmation) -> Belief {
    let needed = needed(report.failure.as_ref().map(|failure| failure.kind), confirm);
    if confirmed(&state.streak, needed, confirm.of) {
        Belief::Down
    } else if is_first_of_a_run(&state.streak) {
        Belief::Repeat(REPEAT_BAD)
    } else {
        Belief::AsBefore
    }
}

fn believe_good(state: &DependencyState, confirm: Confirmation) -> Belief {
    let flapping = state.alerts.iter().any(|alert| alert.key.rule == Rule::Flapping);
    if state.streak.good_in_a_row >= confirm.recoveries {
        Belief::Up
    } else if flapping {
        Belief::AsBefore
    } else {
        Belief::Repeat(REPEAT_GOOD)
    }
}

fn believe_partial(state: &DependencyState, report: &CheckReport, confirm: Confirmation) -> Belief {
    let open = is_partial(report) && !confirmed(&state.partial, confirm.failures, confirm.of);
    if open && is_first_of_a_run(&state.partial) { Belief::Repeat(REPEAT_BAD) } else { Belief::AsBefore }
}

/// A certificate's end is a fact; the other faults of certificates and refused log-ins do not come and go with the network, so
/// that the immediate repetition is enough for them.
fn needed(kind: Option<FailureKind>, confirm: Confirmation) -> u32 {
    match kind {
        Some(FailureKind::CertificateExpired) => 1,
        Some(kind) if kind.is_certificate() || kind == FailureKind::LoginRejected => confirm.failures.min(2),
        _ => confirm.failures,
    }
}

fn push(streak: &mut Streak, bad: bool, at: Timestamp) {
    streak.bad = streak.bad << 1 | u32::from(bad);
    streak.seen = (streak.seen + 1).min(32);
    if bad {
        streak.good_in_a_row = 0;
        streak.first_bad_at.get_or_insert(at);
    } else {
        streak.good_in_a_row = streak.good_in_a_row.saturating_add(1);
        // Two good ones in a row separate one trouble from the next.
        if streak.good_in_a_row >= 2 {
            streak.first_bad_at = None;
        }
    }
}

fn is_first_of_a_run(streak: &Streak) -> bool {
    streak.bad & 0b11 == 0b01
}

fn newest(of: u32) -> u32 {
    if of >= 32 { u32::MAX } else { (1 << of) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(checks: &str, failures: u32, of: u32, expected: bool) {
        let mut streak = Streak::default();
        for (second, mark) in checks.chars().enumerate() {
            push(&mut streak, mark == 'x', Timestamp::from_second(second as i64).unwrap());
        }
        assert_eq!(confirmed(&streak, failures, of), expected, "{checks} {failures} of {of}");
    }

    #[test]
    fn so_many_of_the_latest() {
        check("x", 1, 1, true);
        check("x", 2, 3, false);
        check("xx", 2, 3, true);
        check("x.x", 2, 3, true);
        check("x..x", 2, 3, false);
        check(".x.x.x", 3, 5, true);
        check(&"x".repeat(40), 32, 32, true);
        check("", 0, 1, false);
    }
}
