use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// An address is given no less than this of what is left, so that one of many is not left for being merely slow.
const LEAST: Duration = Duration::from_secs(2);

/// How long the server may be waited for until it is admitted, all its addresses together (`connect_within`). Time in which the
/// application is waited for does not count.
#[derive(Debug)]
pub(crate) struct Allowance {
    left: Duration,
    /// Of that, for the address at hand.
    share: Duration,
}

impl Allowance {
    pub(crate) fn new(whole: Duration) -> Allowance {
        Allowance { left: whole, share: whole }
    }

    /// Goes on with the next address, after which so many others remain: each has its share, since one that is silent must not use up
    /// the time in which another would serve.
    pub(crate) fn divide(&mut self, others: usize) {
        let addresses = u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1);
        self.share = (self.left / addresses).max(LEAST).min(self.left);
    }

    /// How long the next wait may be.
    pub(crate) fn within(&self) -> Duration {
        self.share
    }

    /// Takes off how long this wait is.
    pub(crate) async fn spend<T>(&mut self, waiting: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let outcome = waiting.await;
        let spent = began.elapsed();
        self.left = self.left.saturating_sub(spent);
        self.share = self.share.saturating_sub(spent);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_waits_together_are_bounded_and_every_address_has_its_share() {
        let seconds = Duration::from_secs;
        let mut allowance = Allowance::new(seconds(10));
        allowance.divide(1);
        assert_eq!(allowance.within(), seconds(5));
        allowance.spend(sleep(seconds(3))).await;
        assert_eq!(allowance.within(), seconds(2), "a second wait for the same address");
        // The application thinks.
        sleep(seconds(60)).await;
        allowance.divide(0);
        assert_eq!(allowance.within(), seconds(7), "the last address has all that is left");
        allowance.divide(9);
        assert_eq!(allowance.within(), LEAST);
        allowance.spend(sleep(seconds(6))).await;
        allowance.divide(9);
        assert_eq!(allowance.within(), seconds(1));
    }
}
