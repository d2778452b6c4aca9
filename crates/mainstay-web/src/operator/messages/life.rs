use jiff::Timestamp;
use mainstay_model::{Attempt, AttemptResult, Delivery, DeliveryId, DeliveryState};

use crate::show::{Sign, When};

/// One moment of a message's life.
pub(super) struct Moment {
    pub(super) at: When,
    pub(super) sign: Option<Sign>,
    pub(super) what: String,
    /// What its service said.
    pub(super) said: String,
    /// The service's own name for it.
    pub(super) receipt: Option<String>,
    /// Another message that goes on with it.
    pub(super) other: Option<DeliveryId>,
}

/// From its decision to its end, oldest first.
pub(super) fn life(
    delivery: &Delivery,
    attempts: &[Attempt],
    again: Option<&Delivery>,
    now: Timestamp,
) -> Vec<Moment> {
    let mut number = 0;
    let tries = attempts.iter().map(|attempt| {
        number += usize::from(is_try(attempt));
        of_attempt(attempt, number, delivery, now)
    });
    std::iter::once(Moment::plain(delivery.created_at, "Decided and queued", now))
        .chain(tries)
        .chain(end(delivery, now))
        .chain(again.map(|again| repeated(again, now)))
        .collect()
}

impl Moment {
    fn plain(at: Timestamp, what: impl Into<String>, now: Timestamp) -> Moment {
        let (at, what) = (When::clock(at, now), what.into());
        Moment { at, sign: None, what, said: String::new(), receipt: None, other: None }
    }
}

fn is_try(attempt: &Attempt) -> bool {
    matches!(attempt.result, AttemptResult::Accepted { .. } | AttemptResult::Failed { .. })
}

fn of_attempt(attempt: &Attempt, number: usize, delivery: &Delivery, now: Timestamp) -> Moment {
    let after = When::length(attempt.at, delivery.created_at).text();
    let plain = |what: String| Moment::plain(attempt.at, what, now);
    match &attempt.result {
        AttemptResult::Accepted { receipt } => Moment {
            sign: Some(Sign::Healthy),
            receipt: receipt.clone(),
            ..plain(format!("Try {number}, after {after}: accepted"))
        },
        AttemptResult::Failed { error } => Moment {
            sign: Some(Sign::Degraded),
            said: error.clone(),
            ..plain(format!("Try {number}, after {after}: not accepted"))
        },
        AttemptResult::Bounced { reason } => Moment {
            sign: Some(Sign::Down),
            said: reason.clone(),
            ..plain(format!("Came back, after {after}"))
        },
        AttemptResult::Delayed { reason } => Moment {
            sign: Some(Sign::Unknown),
            said: reason.clone(),
            ..plain(format!("Its service still tries, after {after}"))
        },
    }
}

/// What no try tells: that there will be none any more, or when the next one is.
fn end(delivery: &Delivery, now: Timestamp) -> Option<Moment> {
    match &delivery.state {
        DeliveryState::GivenUp { at, .. } => Some(Moment {
            sign: Some(Sign::Down),
            ..Moment::plain(*at, "Given up: it is not tried again by itself", now)
        }),
        DeliveryState::Merged { at, into } => Some(Moment {
            other: Some(*into),
            ..Moment::plain(*at, "Merged into a later message, which tells it as well", now)
        }),
        DeliveryState::Queued { next_attempt_at, attempts: 1.., .. } if *next_attempt_at > now => {
            Some(Moment { at: When::relative(*next_attempt_at, now), ..Moment::plain(now, "Next try", now) })
        }
        _ => None,
    }
}

fn repeated(again: &Delivery, now: Timestamp) -> Moment {
    Moment { other: Some(again.id), ..Moment::plain(again.created_at, "Sent again as another message", now) }
}
