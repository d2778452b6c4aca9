use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use mainstay_model::ChannelName;

/// So many late messages go to one channel in a minute. What is fresh goes at once beside them.
pub(super) const LATE_IN_A_MINUTE: usize = 20;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// When late messages went to each channel, so that one that was away for long is not flooded when it is back.
#[derive(Debug, Default)]
pub(super) struct Pace(HashMap<ChannelName, VecDeque<Timestamp>>);

impl Pace {
    /// Whether a late message may go to it now, which is then counted.
    pub(super) fn take(&mut self, channel: &ChannelName, now: Timestamp) -> bool {
        let went = self.0.entry(channel.clone()).or_default();
        // What lies ahead was noted by a clock that was set back since.
        went.retain(|at| *at <= now && now.duration_since(*at) < MINUTE);
        let has_room = went.len() < LATE_IN_A_MINUTE;
        if has_room {
            went.push_back(now);
        }
        has_room
    }

    /// One that was counted did not go after all.
    pub(super) fn give_back(&mut self, channel: &ChannelName) {
        if let Some(went) = self.0.get_mut(channel) {
            went.pop_back();
        }
    }

    /// Forgets what does not matter any more, so that channels of old configurations do not stay.
    pub(super) fn tidy(&mut self, now: Timestamp) {
        self.0.retain(|_, went| went.back().is_some_and(|at| now.duration_since(*at) < MINUTE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn each_channel_gets_twenty_in_any_minute() {
        let (mut pace, one, other) = (Pace::default(), "one".parse().unwrap(), "other".parse().unwrap());
        let taken = (0..60).filter(|second| pace.take(&one, at(*second))).count();
        assert_eq!(taken, LATE_IN_A_MINUTE);
        assert!(pace.take(&other, at(59)), "another channel has a pace of its own");
        assert!(pace.take(&one, at(60)) && pace.take(&one, at(61)), "one more for each that is a minute old");
        assert!(!pace.take(&one, at(61)));
        pace.give_back(&one);
        assert!(pace.take(&one, at(61)));
        pace.tidy(at(200));
        assert!(pace.0.is_empty());
    }

    #[test]
    fn a_clock_that_was_set_back_holds_up_nothing() {
        let (mut pace, one) = (Pace::default(), "one".parse().unwrap());
        while pace.take(&one, at(9999)) {}
        assert!(pace.take(&one, at(0)));
    }
}
