use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{Commit, DeliveryOutcome, Verdict};
use mainstay_store::{Retention, Store};

use crate::home::on_both;
use crate::sample::*;

const DAY: i64 = 86_400;

async fn observed(store: &Store, dependency: &str) -> usize {
    store.observations(&name(dependency), Timestamp::UNIX_EPOCH, Timestamp::MAX, 1000).await.unwrap().len()
}

#[tokio::test]
async fn raw_observations_go_and_their_sums_stay() {
    on_both(async |home| {
        let store = home.open().await;
        let reports =
            (0..20).map(|day| healthy("orders-db", later(day * DAY))).chain([down("gone", start())]);
        store.commit(&of_reports(reports.collect())).await.unwrap();
        let now = later(20 * DAY);
        store.retain(now, Retention::default()).await.unwrap();
        assert_eq!(observed(&store, "orders-db").await, 20, "nothing goes that is not summed up");

        store.roll_up(now).await.unwrap();
        let sums = store.daily(&name("orders-db"), Timestamp::UNIX_EPOCH, Timestamp::MAX).await.unwrap();
        for _ in 0..2 {
            store.retain(now, Retention::default()).await.unwrap();
        }
        assert_eq!(observed(&store, "orders-db").await, 14);
        assert_eq!(observed(&store, "gone").await, 0);
        assert_eq!(home.number("SELECT COUNT(*) FROM failure").await, 0);
        assert_eq!(home.number("SELECT COUNT(*) FROM endpoint").await, 1);
        assert_eq!(home.number("SELECT COUNT(*) FROM hourly").await, 21);

        // A check of long ago that comes in now must not replace the sum of checks that are gone.
        let late = report("orders-db", later(60), Verdict::Down, vec![]);
        store.commit(&of_reports(vec![late, healthy("gone", now)])).await.unwrap();
        store.roll_up(later(20 * DAY + 7200)).await.unwrap();
        let after = store.daily(&name("orders-db"), Timestamp::UNIX_EPOCH, Timestamp::MAX).await.unwrap();
        assert_eq!(after, sums);
        assert_eq!(
            store.certificates().await.unwrap().iter().filter(|one| one.dependency == name("gone")).count(),
            3
        );
    })
    .await;
}

#[tokio::test]
async fn hourly_sums_go_after_their_time_and_daily_ones_stay() {
    on_both(async |home| {
        let store = home.open().await;
        store
            .commit(&of_reports((0..5).map(|hour| healthy("db", later(3600 * hour))).collect()))
            .await
            .unwrap();
        store.roll_up(later(5 * 3600 + 120)).await.unwrap();
        let retention = Retention { hourly: Duration::from_secs(2 * 3600), ..Retention::default() };
        store.retain(later(5 * 3600), retention).await.unwrap();
        let hours = store.hourly(&name("db"), Timestamp::UNIX_EPOCH, Timestamp::MAX).await.unwrap();
        assert_eq!(
            hours.iter().map(|hour| hour.start).collect::<Vec<_>>(),
            [later(3 * 3600), later(4 * 3600)]
        );
        let days = store.daily(&name("db"), Timestamp::UNIX_EPOCH, Timestamp::MAX).await.unwrap();
        assert_eq!(days.iter().map(|day| day.checks).collect::<Vec<_>>(), [5]);
    })
    .await;
}

#[tokio::test]
async fn only_settled_messages_go() {
    on_both(async |home| {
        let store = home.open().await;
        let commit = Commit {
            deliveries: (1..=3).map(|number| delivery(number, "mail", number, 1, start())).collect(),
            outcomes: vec![
                DeliveryOutcome::Delivered { id: delivery_id(1), at: start(), receipt: None },
                DeliveryOutcome::GivenUp { id: delivery_id(2), at: later(50 * DAY), reason: String::new() },
            ],
            ..Commit::default()
        };
        store.commit(&commit).await.unwrap();
        store.retain(later(100 * DAY), Retention::default()).await.unwrap();
        let counts = store.delivery_counts().await.unwrap();
        assert_eq!((counts.queued, counts.delivered, counts.given_up), (1, 0, 1));
        assert_eq!(store.attempts(delivery_id(1)).await.unwrap(), []);
        assert_eq!(store.attempts(delivery_id(2)).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_chain_that_changes_all_the_time_does_not_fill_the_store() {
    on_both(async |home| {
        let store = home.open().await;
        let chain = |day: i64| {
            let numbers = [[1, 2, 3], [4, 2, 3]][day as usize % 2];
            report(
                "db",
                later(day * DAY),
                Verdict::Healthy,
                vec![observation("a:1", Verdict::Healthy, &numbers)],
            )
        };
        store.commit(&of_reports((0..20).map(chain).collect())).await.unwrap();
        store.roll_up(later(20 * DAY)).await.unwrap();
        store.retain(later(40 * DAY), Retention::default()).await.unwrap();
        assert_eq!(home.number("SELECT COUNT(*) FROM chain").await, 1, "the latest is enough");
        let on_duty = store.certificates().await.unwrap();
        let told: Vec<_> = on_duty.iter().map(|one| (one.position, one.first_seen)).collect();
        assert_eq!(told, [(1, start()), (2, start()), (0, later(19 * DAY))]);
    })
    .await;
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_does_not_empty_the_store() {
    on_both(async |home| {
        let store = home.open().await;
        let reports = (0..14 * 24).map(|hour| healthy("orders-db", later(hour * 3600)));
        store.commit(&of_reports(reports.collect())).await.unwrap();
        store.roll_up(later(14 * DAY)).await.unwrap();
        store.retain(later(14 * DAY), Retention::default()).await.unwrap();
        let before = observed(&store, "orders-db").await;
        assert_eq!(before, 14 * 24);
        // A year ahead for an hour, and then right again.
        for minute in 0..6 {
            let wrong = later(379 * DAY + 600 * minute);
            store.roll_up(wrong).await.unwrap();
            store.retain(wrong, Retention::default()).await.unwrap();
        }
        let left = observed(&store, "orders-db").await;
        assert_eq!(left, before - 36, "six hours of the oldest for each time");
        store.retain(later(14 * DAY + 3600), Retention::default()).await.unwrap();
        store.retain(later(14 * DAY + 7200), Retention::default()).await.unwrap();
        assert_eq!(observed(&store, "orders-db").await, left, "nothing more than what is old");
        assert_eq!(home.number("SELECT COUNT(*) FROM endpoint").await, 1);
    })
    .await;
}

#[tokio::test]
async fn an_address_that_was_deleted_is_made_anew_and_the_others_are_remembered() {
    on_both(async |home| {
        let store = home.open().await;
        store.commit(&of_reports(vec![healthy("gone", start()), healthy("here", start())])).await.unwrap();
        store.commit(&of_reports(vec![healthy("here", later(20 * DAY))])).await.unwrap();
        store.roll_up(later(21 * DAY)).await.unwrap();
        store.retain(later(21 * DAY), Retention::default()).await.unwrap();
        assert_eq!(home.number("SELECT COUNT(*) FROM endpoint").await, 1);
        let both = vec![healthy("gone", later(21 * DAY)), healthy("here", later(21 * DAY))];
        store.commit(&of_reports(both)).await.unwrap();
        assert_eq!(observed(&store, "gone").await, 1);
        assert_eq!(observed(&store, "here").await, 2);
        assert_eq!(home.number("SELECT COUNT(*) FROM endpoint").await, 2);
    })
    .await;
}
