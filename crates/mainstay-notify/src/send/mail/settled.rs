use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use mainstay_model::DeliveryId;

/// Deliveries that are remembered; far more than are ever on their way at once.
const MOST: usize = 1024;

/// What became of a mail for one recipient, once and for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The mail server took it, and said this.
    Accepted(String),
    /// The mail server will never take it, for this reason.
    Refused(String),
}

/// Which recipients of a delivery need no further attempt, while others of it are still waiting: nobody gets a mail
/// twice because a colleague's mailbox was full. A restart forgets it; the repeated mail then has the same `Message-ID`.
#[derive(Debug, Default)]
pub(crate) struct Settled(Mutex<VecDeque<Entry>>);

#[derive(Debug)]
struct Entry {
    delivery: DeliveryId,
    recipient: String,
    outcome: Outcome,
}

impl Settled {
    pub(super) fn outcome(&self, delivery: DeliveryId, recipient: &str) -> Option<Outcome> {
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = entries.iter().find(|entry| entry.delivery == delivery && entry.recipient == recipient);
        found.map(|entry| entry.outcome.clone())
    }

    pub(super) fn settle(&self, delivery: DeliveryId, recipient: &str, outcome: Outcome) {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == MOST {
            entries.pop_front();
        }
        entries.push_back(Entry { delivery, recipient: recipient.to_owned(), outcome });
    }

    /// The delivery has ended: nothing of it will be asked again.
    pub(super) fn forget(&self, delivery: DeliveryId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|entry| entry.delivery != delivery);
    }
}

#[cfg(test)]
mod tests {
    use mainstay_model::Random;

    use super::*;

    #[test]
    fn the_memory_is_bounded_and_forgets_what_ended() {
        let (settled, mut random) = (Settled::default(), Random::seeded(1));
        let mut id = || DeliveryId::new("2026-03-14T22:31:00Z".parse().unwrap(), &mut random);
        let (first, last) = (id(), id());
        settled.settle(first, "a@example.com", Outcome::Accepted(String::new()));
        for _ in 1..MOST {
            settled.settle(last, "a@example.com", Outcome::Accepted(String::new()));
        }
        assert!(settled.outcome(first, "a@example.com").is_some());
        settled.settle(last, "b@example.com", Outcome::Refused("full".into()));
        assert_eq!(settled.outcome(first, "a@example.com"), None, "the oldest makes room");
        assert_eq!(settled.outcome(last, "b@example.com"), Some(Outcome::Refused("full".into())));
        settled.forget(last);
        assert!(settled.0.lock().unwrap().is_empty());
    }
}
