use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

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
    /// the time in which another would serve. There is no least share: it would be at the cost of the last ones, which would be called
    /// unreachable without having been tried. What one does not use is the others'.
    pub(crate) fn divide(&mut self, others: usize) {
        let addresses = u32::try_from(others).unwrap_or(u32::MAX).saturating_add(1);
        self.share = self.left / addresses;
    }

    /// Whether nothing is left, for whatever address.
    pub(crate) fn is_spent(&self) -> bool {
        self.left.is_zero()
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
        allowance.spend(sleep(seconds(8))).await;
        assert!(allowance.is_spent());
    }

    /// All addresses but the last are silent: that one is tried all the same, and in time.
    #[tokio::test(start_paused = true)]
    async fn every_address_has_a_share_however_little_there_is() {
        for (whole, addresses) in [(2_000, 2), (200, 2), (10_000, 6), (10_000, 16)] {
            let whole = Duration::from_millis(whole);
            let mut allowance = Allowance::new(whole);
            for others in (0..addresses).rev() {
                assert!(!allowance.is_spent(), "{whole:?} for {addresses}, of which {others} are left");
                allowance.divide(others);
                let share = allowance.within();
                assert!(share >= whole / 20, "{share:?} of {whole:?} with {others} left");
                allowance.spend(sleep(share)).await;
            }
        }
    }
}
