use jiff::Timestamp;
use mainstay_model::{Delivery, DeliveryState, MessageKind};
use mainstay_store::DeliveryCounts;

use crate::operator::words::full_stop;
use crate::show::{Sign, When, listed, plural};

/// What became of all messages that are kept.
pub(super) fn overall(counts: &DeliveryCounts) -> String {
    let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let clause = |count: u64, one: &str, many: &str, what: &str| {
        (count > 0).then(|| format!("{} {what}", plural(number(count), one, many)))
    };
    let given_up = clause(counts.given_up, "message was", "messages were", "given up");
    let bounced = clause(counts.bounced, "message", "messages", "came back");
    let waiting = clause(counts.queued, "message is", "messages are", "on the way");
    match (&given_up, &bounced, &waiting) {
        (None, None, None) if counts.delivered + counts.merged == 0 => {
            "Nobody had to be told anything yet.".into()
        }
        (None, None, None) => "Every message was delivered.".into(),
        (None, None, Some(waiting)) => format!("{waiting}; no message was lost."),
        _ => {
            let clauses: Vec<&str> =
                [&given_up, &bounced, &waiting].into_iter().flatten().map(String::as_str).collect();
            format!("{}.", listed(&clauses))
        }
    }
}

/// What a message is about, before the title of its incident; a trial says it by its title alone.
pub(super) fn said(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Opened => "opened",
        MessageKind::Updated => "changed",
        MessageKind::Escalated => "escalated",
        MessageKind::Digest => "digest",
        MessageKind::TakenUp => "taken up",
        MessageKind::Resolved => "resolved",
        MessageKind::Probe => "quiet",
        MessageKind::Test => "",
    }
}

/// The same without a title.
pub(super) fn told(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Opened => "that it opened",
        MessageKind::Updated => "what changed",
        MessageKind::Escalated => "that nobody took it up",
        MessageKind::Digest => "a digest",
        MessageKind::TakenUp => "that it was taken up",
        MessageKind::Resolved => "that it is over",
        MessageKind::Probe => "a quiet trial",
        MessageKind::Test => "a trial",
    }
}

/// Where a message stands: the shape, the word, and what there is to say in the rest of a line.
pub(super) fn standing(delivery: &Delivery, now: Timestamp) -> (Sign, &'static str, String) {
    match &delivery.state {
        DeliveryState::Delivered { at, .. } => {
            let took = When::length(*at, delivery.created_at).text();
            (Sign::Healthy, "delivered", format!("accepted after {took}"))
        }
        DeliveryState::Queued { attempts: 0, .. } => (Sign::Unknown, "waiting", String::new()),
        DeliveryState::Queued { next_attempt_at, attempts, last_error } => {
            let error = last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            (Sign::Degraded, "waiting", format!("{}{error}", failed(*attempts, *next_attempt_at, now)))
        }
        DeliveryState::GivenUp { reason, .. } => (Sign::Down, "given up", reason.clone()),
        DeliveryState::Bounced { reason, .. } => (Sign::Down, "bounced", reason.clone()),
        DeliveryState::Merged { .. } => {
            (Sign::Healthy, "merged", "a later message tells it as well".to_owned())
        }
    }
}

fn failed(attempts: u32, next: Timestamp, now: Timestamp) -> String {
    let tries = plural(attempts as usize, "try", "tries");
    // What is due a moment ago or in one is as good as on its way.
    let when = if next <= now { "due now".into() } else { When::relative(next, now).text() };
    format!("{tries} failed, the next one is {when}")
}

/// What became of a message, in a sentence.
pub(in crate::operator) fn sentence(delivery: &Delivery, now: Timestamp) -> (Sign, String) {
    let channel = &delivery.channel;
    let (what, was_told, was_not_told) = match delivery.message.kind {
        MessageKind::Test => ("trial", "took the trial", "did not take the trial"),
        MessageKind::Probe => ("quiet trial", "took the quiet trial", "did not take the quiet trial"),
        _ => ("message", "was told", "was not told"),
    };
    let sentence = match &delivery.state {
        DeliveryState::Delivered { at, .. } => {
            format!("{channel} {was_told} after {}.", When::length(*at, delivery.created_at).text())
        }
        DeliveryState::Queued { attempts: 0, .. } => format!("The {what} is on its way to {channel}."),
        DeliveryState::Queued { attempts, next_attempt_at, .. } => {
            format!("{channel} {was_not_told} yet: {}.", failed(*attempts, *next_attempt_at, now))
        }
        DeliveryState::GivenUp { .. } => format!("{channel} {was_not_told}: the {what} was given up."),
        DeliveryState::Bounced { .. } => {
            format!("{channel} {was_not_told}: the {what} was accepted and came back.")
        }
        DeliveryState::Merged { .. } => format!("{channel} is told by a later message."),
    };
    (standing(delivery, now).0, sentence)
}

/// Why a message was not told, as a sentence; empty where nothing is wrong.
pub(in crate::operator) fn reason(delivery: &Delivery) -> String {
    match &delivery.state {
        DeliveryState::Queued { last_error: Some(reason), .. }
        | DeliveryState::GivenUp { reason, .. }
        | DeliveryState::Bounced { reason, .. } => full_stop(format!("The reason: {reason}")),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_all_is_one_sentence_and_nothing_that_was_lost_is_left_out() {
        let check = |given_up, bounced, queued, delivered, expected: &str| {
            let counts = DeliveryCounts { queued, delivered, given_up, bounced, merged: 0 };
            assert_eq!(overall(&counts), expected);
        };
        check(0, 0, 0, 0, "Nobody had to be told anything yet.");
        check(0, 0, 0, 7, "Every message was delivered.");
        check(0, 0, 2, 7, "2 messages are on the way; no message was lost.");
        check(0, 1, 0, 7, "1 message came back.");
        check(1, 2, 3, 7, "1 message was given up, 2 messages came back and 3 messages are on the way.");
    }
}
