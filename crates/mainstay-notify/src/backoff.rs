use std::time::Duration;

use mainstay_model::Random;

/// Seconds to wait after the first, second, … failed attempt; the last one repeats.
const WAITS: [u64; 9] = [1, 5, 15, 60, 120, 300, 900, 1800, 3600];

/// How long a message may wait for its channel before it is given up: a channel that was away for a long weekend still
/// gets what it missed.
const PATIENCE: Duration = Duration::from_secs(4 * 24 * 3600);

/// No service may ask for more than this, so that a wrong `Retry-After` does not silence a channel.
const LONGEST_ASKED: Duration = Duration::from_secs(6 * 3600);

/// How long to wait before the next attempt, or `None` when the message has waited long enough and is to be given up.
///
/// `attempts` counts the failed ones, this one included; `waited` is the time since the message was decided; `asked` is
/// the service's `Retry-After`. A tenth of jitter keeps messages that failed together from returning together.
pub fn next_attempt(
    attempts: u32,
    waited: Duration,
    asked: Option<Duration>,
    random: &mut Random,
) -> Option<Duration> {
    if waited >= PATIENCE {
        return None;
    }
    let last = WAITS.len() - 1;
    let step = usize::try_from(attempts.saturating_sub(1)).map_or(last, |step| step.min(last));
    let wait = Duration::from_secs(WAITS[step]).mul_f64(0.95 + random.fraction() / 10.0);
    Some(asked.map_or(wait, |asked| wait.max(asked.min(LONGEST_ASKED))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(attempts: u32, asked: Option<u64>) -> f64 {
        let asked = asked.map(Duration::from_secs);
        next_attempt(attempts, Duration::ZERO, asked, &mut Random::seeded(7)).unwrap().as_secs_f64()
    }

    #[test]
    fn waits_grow_and_stay_within_a_tenth_of_their_step() {
        for (attempts, seconds) in [(1, 1.0), (2, 5.0), (4, 60.0), (9, 3600.0), (1000, 3600.0)] {
            let waited = wait(attempts, None);
            assert!((waited / seconds - 1.0).abs() <= 0.05, "attempt {attempts}: {waited} s");
        }
    }

    #[test]
    fn the_service_may_ask_for_more_but_not_for_ever() {
        assert_eq!(wait(1, Some(30)), 30.0);
        assert!(wait(9, Some(30)) > 3000.0, "asking for less changes nothing");
        assert_eq!(wait(1, Some(10_000_000)), 21_600.0);
    }

    #[test]
    fn patience_ends() {
        let mut random = Random::seeded(1);
        assert!(next_attempt(90, PATIENCE - Duration::from_secs(1), None, &mut random).is_some());
        assert!(next_attempt(90, PATIENCE, None, &mut random).is_none());
    }
}
