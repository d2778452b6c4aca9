use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mainstay_model::ChannelName;
use tokio::time::Instant;

use crate::courier::Refusal;

/// Nobody waits longer than this for a turn; the outbox has better places to wait.
const LONGEST_TURN: Duration = Duration::from_secs(10);

/// No service may ask for more than this, so that a wrong answer does not silence a channel.
const LONGEST_ASKED: Duration = Duration::from_secs(6 * 3600);

/// Channels that are remembered; when there are more, those that may be asked at once are forgotten.
const MOST: usize = 1024;

/// When each channel may be asked next. A service that is asked faster than it allows refuses, and some then shut one out.
#[derive(Debug, Default)]
pub(crate) struct Pacer(Mutex<HashMap<ChannelName, Instant>>);

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
        let at = turns.get(channel).copied().unwrap_or(now).max(now);
        let wait = at - now;
        if wait > LONGEST_TURN {
            return Err(Refusal::Later {
                reason: format!("the service asked to be left alone for {} s more", wait.as_secs()),
                retry_after: Some(wait),
            });
        }
        if turns.len() >= MOST {
            turns.retain(|_, at| *at > now);
        }
        turns.insert(channel.clone(), at + spacing);
        Ok(at)
    }

    /// The service wants to be left alone for so long.
    pub(crate) fn hold(&self, channel: &ChannelName, wait: Duration) {
        let until = Instant::now() + wait.min(LONGEST_ASKED);
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = turns.entry(channel.clone()).or_insert(until);
        *at = until.max(*at);
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
