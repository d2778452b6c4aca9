use mainstay_model::{Commit, Delivery, DeliveryOutcome, DeliveryState};
use mainstay_store::{DeliveryCounts, Store};

use crate::home::on_both;
use crate::sample::*;

async fn due(store: &Store, seconds: i64) -> Vec<u32> {
    let due = store.due_deliveries(later(seconds), 100).await.unwrap();
    due.iter().map(|delivery| delivery.sequence).collect()
}

async fn happened(store: &Store, outcome: DeliveryOutcome) {
    store.commit(&Commit { outcomes: vec![outcome], ..Commit::default() }).await.unwrap();
}

fn delivered(number: u64) -> DeliveryOutcome {
    DeliveryOutcome::Delivered {
        id: delivery_id(number),
        at: later(50),
        receipt: Some("250 queued".to_owned()),
    }
}

#[tokio::test]
async fn a_message_comes_back_as_it_was() {
    on_both(async |home| {
        let store = home.open().await;
        let queued = delivery(1, "mail", 1, 1, later(7));
        let at = later(8);
        let ended = Delivery {
            state: DeliveryState::Delivered { at, receipt: Some("r".to_owned()) },
            ..delivery(2, "mail", 1, 2, at)
        };
        let lost = Delivery {
            state: DeliveryState::GivenUp { at, reason: "no such mailbox".to_owned() },
            ..delivery(3, "mail", 1, 3, at)
        };
        let all = vec![queued, ended, lost];
        store.commit(&of_deliveries(all.clone())).await.unwrap();
        assert_eq!(store.deliveries(incident_id(1)).await.unwrap(), all);
        assert_eq!(store.deliveries(incident_id(2)).await.unwrap(), []);
        let counts = DeliveryCounts { queued: 1, delivered: 1, given_up: 1, ..DeliveryCounts::default() };
        assert_eq!(store.delivery_counts().await.unwrap(), counts);
    })
    .await;
}

#[tokio::test]
async fn a_later_message_waits_for_the_earlier_one() {
    on_both(async |home| {
        let store = home.open().await;
        // The second is due before the first, which had to be put off.
        let messages = vec![delivery(2, "mail", 1, 2, later(1)), delivery(1, "mail", 1, 1, later(10))];
        store.commit(&of_deliveries(messages)).await.unwrap();
        assert_eq!(due(&store, 5).await, [] as [u32; 0]);
        assert_eq!(store.next_delivery_at().await.unwrap(), Some(later(10)));
        assert_eq!(due(&store, 10).await, [1]);

        let error = "connection refused".to_owned();
        happened(
            &store,
            DeliveryOutcome::Retry { id: delivery_id(1), at: later(10), next_attempt_at: later(40), error },
        )
        .await;
        assert_eq!(due(&store, 39).await, [] as [u32; 0]);
        let again = store.due_deliveries(later(40), 1).await.unwrap();
        assert_eq!(again[0].id, delivery_id(1), "the identity is stable over retries");
        assert!(matches!(&again[0].state, DeliveryState::Queued { attempts: 1, .. }));

        happened(&store, delivered(1)).await;
        assert_eq!(due(&store, 40).await, [2]);
        happened(&store, delivered(2)).await;
        assert_eq!(due(&store, 999).await, [] as [u32; 0]);
        assert_eq!(store.next_delivery_at().await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn giving_up_frees_the_next() {
    on_both(async |home| {
        let store = home.open().await;
        let messages = vec![delivery(1, "mail", 1, 1, start()), delivery(2, "mail", 1, 2, start())];
        store.commit(&of_deliveries(messages)).await.unwrap();
        let reason = "no such mailbox".to_owned();
        happened(&store, DeliveryOutcome::GivenUp { id: delivery_id(1), at: later(1), reason }).await;
        assert_eq!(due(&store, 1).await, [2]);
        // What is settled stays settled.
        let error = "late".to_owned();
        happened(
            &store,
            DeliveryOutcome::Retry { id: delivery_id(1), at: start(), next_attempt_at: start(), error },
        )
        .await;
        assert_eq!(due(&store, 1).await, [2]);
    })
    .await;
}

#[tokio::test]
async fn other_channels_and_incidents_do_not_wait() {
    on_both(async |home| {
        let store = home.open().await;
        let messages = vec![
            delivery(1, "mail", 1, 1, later(99)),
            delivery(2, "mail", 1, 2, start()),
            delivery(3, "chat", 1, 3, later(2)),
            delivery(4, "mail", 2, 4, later(1)),
        ];
        store.commit(&of_deliveries(messages)).await.unwrap();
        assert_eq!(due(&store, 5).await, [4, 3], "the longest due first");
        assert_eq!(store.due_deliveries(later(5), 1).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_damaged_message_does_not_hold_up_the_others() {
    on_both(async |home| {
        let store = home.open().await;
        let messages = vec![delivery(1, "mail", 1, 1, start()), delivery(2, "mail", 1, 2, start())];
        store.commit(&of_deliveries(messages)).await.unwrap();
        home.run("UPDATE delivery SET message = '{' WHERE sequence = 1").await;
        assert_eq!(due(&store, 1).await, [] as [u32; 0]);
        assert_eq!(due(&store, 1).await, [2]);
        assert_eq!(store.delivery_counts().await.unwrap().given_up, 1);
        assert_eq!(home.number("SELECT COUNT(*) FROM delivery WHERE message = '{'").await, 1, "it is kept");
    })
    .await;
}

#[tokio::test]
async fn what_was_put_off_while_the_clock_was_ahead_is_due() {
    on_both(async |home| {
        let store = home.open().await;
        let (six_hours, year) = (6 * 3600, 365 * 86_400);
        let messages = vec![
            delivery(1, "mail", 1, 1, later(year)),
            delivery(2, "mail", 1, 2, start()),
            delivery(3, "chat", 1, 3, later(six_hours)),
        ];
        store.commit(&of_deliveries(messages)).await.unwrap();
        assert_eq!(due(&store, 1).await, [1], "the one a year ahead, and nobody before it");
        happened(&store, delivered(1)).await;
        assert_eq!(due(&store, 1).await, [2], "six hours are a wait that is asked for");
    })
    .await;
}

#[tokio::test]
async fn the_latest_receipt_of_a_channel_and_an_incident_is_found() {
    on_both(async |home| {
        let store = home.open().await;
        let accepted = |number: u64, channel, incident, sequence, receipt: Option<&str>| Delivery {
            state: DeliveryState::Delivered { at: later(8), receipt: receipt.map(str::to_owned) },
            ..delivery(number, channel, incident, sequence, start())
        };
        let lost = DeliveryState::GivenUp { at: later(8), reason: "gone".to_owned() };
        let messages = vec![
            accepted(1, "chat", 1, 1, Some("41")),
            accepted(2, "chat", 1, 2, Some("42 under 41")),
            accepted(3, "chat", 1, 3, None),
            Delivery { state: lost, ..delivery(4, "chat", 1, 4, start()) },
            delivery(5, "chat", 1, 5, start()),
            accepted(6, "chat", 2, 1, Some("99")),
            accepted(7, "mail", 1, 1, Some("250 queued")),
        ];
        store.commit(&of_deliveries(messages)).await.unwrap();
        let latest = async |channel: &str, incident, sequence| {
            store.latest_receipt(&channel.parse().unwrap(), incident_id(incident), sequence).await.unwrap()
        };
        assert_eq!(
            latest("chat", 1, 5).await.as_deref(),
            Some("42 under 41"),
            "neither lost nor queued nor nameless"
        );
        assert_eq!(latest("chat", 1, 2).await.as_deref(), Some("41"), "only what was before");
        assert_eq!(latest("chat", 1, 1).await, None);
        assert_eq!(latest("chat", 2, 2).await.as_deref(), Some("99"));
        assert_eq!(latest("sms", 1, 9).await, None);
    })
    .await;
}
