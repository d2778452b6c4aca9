use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mainstay_model::ChannelName;
use tokio::time::Instant;

use crate::courier::Refusal;

/// Nobody waits longer than this for the end of a pause that a service asked for; the outbox has better places to wait. Turns of our
/// own making are few: only so many messages are on their way to one channel.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// No service may ask for more than this, so that a wrong answer does not silence a channel.
const LONGEST_ASKED: Duration = Duration::from_secs(6 * 3600);

/// Channels that are remembered; when there are more, those that may be asked at once are forgotten.
const MOST: usize = 1024;

/// When each channel may be asked next. A service that is asked faster than it allows refuses, and some then shut one out.
#[derive(Debug, Default)]
pub(crate) struct Pacer(Mutex<HashMap<ChannelName, Pace>>);

#[derive(Debug, Clone, Copy)]
struct Pace {
    /// The next turn that nobody has booked.
    free_at: Instant,
    /// The service wants to be left alone until then.
    held_until: Instant,
}

impl Pace {
    fn from(now: Instant) -> Pace {
        Pace { free_at: now, held_until: now }
    }

    fn is_over(self, now: Instant) -> bool {
        self.free_at <= now && self.held_until <= now
    }
}

impl Pacer {
    /// Waits for the channel's turn, and books the next one `spacing` later.
    pub(crate) async fn turn(&self, channel: &ChannelName, spacing: Duration) -> Result<(), Refusal> {
        let at = self.book(channel, spacing)?;
        tokio::time::sleep_until(at).await;
        Ok(())
    }

    fn book(&self, channel: &ChannelName, spacing: Duration) -> Result<Instant, Refusal> {
        let now = Instant::now();
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= MOST {
            turns.retain(|_, pace| !pace.is_over(now));
        }
        let pace = turns.entry(channel.clone()).or_insert_with(|| Pace::from(now));
        let pause = pace.held_until.saturating_duration_since(now);
        if pause > LONGEST_PAUSE {
            return Err(Refusal::Later {
                reason: format!("the service asked to be left alone for {} s more", pause.as_secs()),
                retry_after: Some(pause),
            });
        }
        let at = pace.free_at.max(pace.held_until).max(now);
        pace.free_at = at + spacing;
        Ok(at)
    }

    /// The service wants to be left alone for so long.
    pub(crate) fn hold(&self, channel: &ChannelName, wait: Duration) {
        let now = Instant::now();
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pace = turns.entry(channel.clone()).or_insert_with(|| Pace::from(now));
        pace.held_until = pace.held_until.max(now + wait.min(LONGEST_ASKED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn channel(name: &str) -> ChannelName {
        name.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn turns_are_apart_and_each_channel_has_its_own() {
        let (pacer, start) = (Pacer::default(), Instant::now());
        for expected in [0, 1, 2] {
            pacer.turn(&channel("a"), SECOND).await.unwrap();
            assert_eq!((Instant::now() - start).as_secs(), expected);
        }
        pacer.turn(&channel("b"), SECOND).await.unwrap();
        assert_eq!((Instant::now() - start).as_secs(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn our_own_spacing_is_waited_for_and_is_no_word_of_the_service() {
        let (pacer, start) = (Pacer::default(), Instant::now());
        let group = channel("group");
        // Four messages to a group of Telegram that edit a card and answer to it.
        let turns = (0..8).map(|_| pacer.turn(&group, SECOND * 3));
        for turn in futures_util::future::join_all(turns).await {
            turn.unwrap();
        }
        assert_eq!((Instant::now() - start).as_secs(), 21);
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_asked_for_it_is_left_alone_without_being_asked() {
        let pacer = Pacer::default();
        pacer.hold(&channel("a"), SECOND * 30);
        pacer.hold(&channel("a"), SECOND);
        let refusal = pacer.turn(&channel("a"), SECOND).await.unwrap_err();
        let Refusal::Later { retry_after: Some(after), .. } = refusal else { panic!("{refusal}") };
        assert_eq!(after, SECOND * 30);
        tokio::time::advance(SECOND * 25).await;
        pacer.turn(&channel("a"), SECOND).await.unwrap();
        pacer.hold(&channel("a"), SECOND * 999_999);
        let Err(Refusal::Later { retry_after: Some(after), .. }) = pacer.turn(&channel("a"), SECOND).await
        else {
            panic!("it is held")
        };
        assert!(after <= LONGEST_ASKED);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let pacer = Pacer::default();
            for number in 0..MOST * 2 {
                pacer.turn(&channel(&format!("c{number}")), Duration::ZERO).await.unwrap();
            }
            assert!(pacer.0.lock().unwrap().len() <= MOST);
        });
    }
}
