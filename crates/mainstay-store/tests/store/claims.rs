//! Who carries a message, what became of each try, and what that does to the others.

use mainstay_model::{Attempt, AttemptResult, Commit, DeliveryId, DeliveryOutcome, DeliveryState, Random};
use mainstay_store::{Claimant, DeliveryFilter, Standing, Store};

use crate::home::on_both;
use crate::sample::*;

fn claimants() -> [Claimant; 2] {
    let mut random = Random::seeded(7);
    [Claimant::new(&mut random), Claimant::new(&mut random)]
}

/// Claims at one second, until another.
async fn claim(store: &Store, who: Claimant, numbers: &[u64], at: i64, until: i64) -> Vec<DeliveryId> {
    let ids: Vec<DeliveryId> = numbers.iter().copied().map(delivery_id).collect();
    let mut claimed = store.claim(&ids, who, later(at), later(until)).await.unwrap();
    claimed.sort();
    claimed
}

async fn happened(store: &Store, outcomes: Vec<DeliveryOutcome>) {
    store.commit(&Commit { outcomes, ..Commit::default() }).await.unwrap();
}

async fn due(store: &Store, at: i64) -> Vec<DeliveryId> {
    store.due_deliveries(later(at), 100).await.unwrap().into_iter().map(|one| one.id).collect()
}

fn ids<const N: usize>(numbers: [u64; N]) -> Vec<DeliveryId> {
    let mut ids = numbers.map(delivery_id).to_vec();
    ids.sort();
    ids
}

#[tokio::test]
async fn of_two_that_carry_messages_each_gets_others() {
    on_both(async |home| {
        let store = home.open().await;
        let messages = (1..=3).map(|number| delivery(number, "mail", number, 1, start())).collect();
        store.commit(&of_deliveries(messages)).await.unwrap();
        let [one, other] = claimants();
        assert_eq!(claim(&store, one, &[1, 2], 0, 60).await, ids([1, 2]));
        assert_eq!(claim(&store, other, &[1, 2, 3], 1, 61).await, ids([3]));
        assert_eq!(due(&store, 2).await, [], "what is carried is not due");
        assert_eq!(store.next_delivery_at().await.unwrap(), Some(later(60)), "the first claim to end");
        let error = "503".to_owned();
        let retry =
            DeliveryOutcome::Retry { id: delivery_id(1), at: later(3), next_attempt_at: later(8), error };
        happened(&store, vec![retry]).await;
        assert_eq!(claim(&store, other, &[1], 7, 60).await, [], "it waits");
        assert_eq!(claim(&store, other, &[1], 8, 60).await, ids([1]), "what became of it ended the claim");
    })
    .await;
}

#[tokio::test]
async fn what_a_dead_one_carried_is_carried_again() {
    on_both(async |home| {
        let store = home.open().await;
        store.commit(&of_deliveries(vec![delivery(1, "mail", 1, 1, start())])).await.unwrap();
        let [one, other] = claimants();
        assert_eq!(claim(&store, one, &[1], 0, 60).await, ids([1]));
        store.renew_claims(other, later(999)).await.unwrap();
        store.renew_claims(one, later(90)).await.unwrap();
        assert_eq!(claim(&store, other, &[1], 89, 200).await, [], "it was renewed, by the one that has it");
        assert_eq!(due(&store, 90).await, ids([1]));
        assert_eq!(claim(&store, other, &[1], 90, 200).await, ids([1]));
        store.end_claims().await.unwrap();
        assert_eq!(
            claim(&store, one, &[1], 91, 200).await,
            ids([1]),
            "whoever opened the store ends all claims"
        );
    })
    .await;
}

#[tokio::test]
async fn a_claim_of_a_clock_that_was_ahead_counts_for_nothing() {
    on_both(async |home| {
        let store = home.open().await;
        store.commit(&of_deliveries(vec![delivery(1, "mail", 1, 1, start())])).await.unwrap();
        let [one, other] = claimants();
        let year = 365 * 86_400;
        assert_eq!(claim(&store, one, &[1], year, year + 60).await, ids([1]));
        assert_eq!(claim(&store, other, &[1], 5, 60).await, ids([1]));
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_is_back_gets_what_waited() {
    on_both(async |home| {
        let store = home.open().await;
        let tried = |number, channel: &str| mainstay_model::Delivery {
            state: DeliveryState::Queued { next_attempt_at: later(3600), attempts: 8, last_error: None },
            ..delivery(number, channel, number, 1, start())
        };
        let fresh = delivery(5, "mail", 5, 1, later(4000));
        let messages = vec![tried(1, "mail"), tried(2, "mail"), tried(3, "chat"), tried(4, "mail"), fresh];
        store.commit(&of_deliveries(messages)).await.unwrap();
        let delivered =
            |number| DeliveryOutcome::Delivered { id: delivery_id(number), at: later(9), receipt: None };
        happened(&store, vec![delivered(1)]).await;
        let mut now_due = due(&store, 10).await;
        now_due.sort();
        assert_eq!(now_due, ids([2, 4]), "neither another channel's nor what waits for another reason");
        happened(&store, vec![delivered(5), delivered(3)]).await;
        assert_eq!(due(&store, 10).await.len(), 2, "what went at once says nothing of the others");
    })
    .await;
}

#[tokio::test]
async fn every_try_is_kept_and_bounces_after_it() {
    on_both(async |home| {
        let store = home.open().await;
        store.commit(&of_deliveries(vec![delivery(1, "mail", 1, 1, start())])).await.unwrap();
        let id = delivery_id(1);
        let reason = || "550 no such mailbox".to_owned();
        happened(
            &store,
            vec![
                DeliveryOutcome::Retry { id, at: later(1), next_attempt_at: later(2), error: "421".into() },
                DeliveryOutcome::Delivered { id, at: later(3), receipt: Some("250 queued".into()) },
                DeliveryOutcome::StillTrying { id, at: later(4), reason: "4.4.1".into() },
                DeliveryOutcome::Bounced { id, at: later(5), reason: reason() },
                // Whoever hears of the acceptance late does not undo the bounce.
                DeliveryOutcome::Delivered { id, at: later(6), receipt: None },
            ],
        )
        .await;
        let kept = store.delivery(id).await.unwrap().unwrap();
        assert_eq!(kept.state, DeliveryState::Bounced { at: later(5), reason: reason() });
        let expected = [
            (1, AttemptResult::Failed { error: "421".into() }),
            (3, AttemptResult::Accepted { receipt: Some("250 queued".into()) }),
            (4, AttemptResult::Delayed { reason: "4.4.1".into() }),
            (5, AttemptResult::Bounced { reason: reason() }),
            (6, AttemptResult::Accepted { receipt: None }),
        ];
        let expected = expected.map(|(at, result)| Attempt { at: later(at), result });
        assert_eq!(store.attempts(id).await.unwrap(), expected);
        let mail = "mail".parse().unwrap();
        assert_eq!(store.latest_attempt(&mail, true).await.unwrap(), Some((id, expected[4].clone())));
        assert_eq!(store.latest_attempt(&mail, false).await.unwrap(), Some((id, expected[3].clone())));
        assert_eq!(store.delivery_counts().await.unwrap().bounced, 1);
    })
    .await;
}

#[tokio::test]
async fn merged_messages_wait_for_nobody_and_the_last_one_takes_their_place() {
    on_both(async |home| {
        let store = home.open().await;
        let messages: Vec<_> =
            (1..=3).map(|number| delivery(number, "mail", 1, number as u32, later(99))).collect();
        store.commit(&of_deliveries(messages.clone())).await.unwrap();
        assert_eq!(store.waiting_behind(&messages[1]).await.unwrap(), messages[1..]);
        let (at, into) = (later(100), delivery_id(3));
        let mut message = messages[2].message.clone();
        message.change = Some("It was late.".into());
        let reworded = DeliveryOutcome::Reworded {
            id: into,
            next_attempt_at: at,
            attempts: 7,
            message: Box::new(message.clone()),
        };
        let merged = |number| DeliveryOutcome::Merged { id: delivery_id(number), at, into };
        happened(&store, vec![merged(1), merged(2), reworded]).await;
        let left = store.due_deliveries(at, 9).await.unwrap();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].message, message);
        assert_eq!(
            left[0].state,
            DeliveryState::Queued { next_attempt_at: at, attempts: 7, last_error: None }
        );
        assert_eq!(
            store.delivery(delivery_id(1)).await.unwrap().unwrap().state,
            DeliveryState::Merged { at, into }
        );
        let merged = DeliveryFilter { standing: Some(Standing::Merged), ..DeliveryFilter::default() };
        assert_eq!(store.deliveries_where(&merged).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn messages_are_found_by_standing_channel_and_incident_page_by_page() {
    on_both(async |home| {
        let store = home.open().await;
        let made = |number: u64, channel: &str, incident: u64| mainstay_model::Delivery {
            created_at: later(number as i64),
            again_of: (number == 4).then(|| delivery_id(1)),
            ..delivery(number, channel, incident, number as u32, start())
        };
        let messages = vec![made(1, "mail", 1), made(2, "chat", 1), made(3, "mail", 2), made(4, "mail", 1)];
        store.commit(&of_deliveries(messages.clone())).await.unwrap();
        let found = async |filter: DeliveryFilter| -> Vec<u32> {
            store.deliveries_where(&filter).await.unwrap().iter().map(|one| one.sequence).collect()
        };
        let all = DeliveryFilter::default;
        assert_eq!(found(all()).await, [4, 3, 2, 1]);
        assert_eq!(
            found(DeliveryFilter { channel: Some("mail".parse().unwrap()), ..all() }).await,
            [4, 3, 1]
        );
        assert_eq!(found(DeliveryFilter { incident: Some(incident_id(1)), ..all() }).await, [4, 2, 1]);
        assert_eq!(
            found(DeliveryFilter { standing: Some(Standing::Queued), limit: 2, ..all() }).await,
            [4, 3]
        );
        assert_eq!(
            found(DeliveryFilter { standing: Some(Standing::GivenUp), ..all() }).await,
            [] as [u32; 0]
        );
        assert_eq!(found(DeliveryFilter { before: Some(delivery_id(3)), ..all() }).await, [2, 1]);
        assert_eq!(store.delivery(delivery_id(4)).await.unwrap(), Some(messages[3].clone()));
        let queues = store.queues().await.unwrap();
        let queues: Vec<_> =
            queues.iter().map(|one| (one.channel.as_str(), one.messages, one.since)).collect();
        assert_eq!(queues, [("chat", 1, later(2)), ("mail", 3, later(1))]);
    })
    .await;
}
