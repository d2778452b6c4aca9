use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::Commit;
use mainstay_store::{Store, StoreError};

use crate::home::{Home, on_both};
use crate::sample::*;

async fn filled(home: &Home) -> Store {
    let store = home.open().await;
    let reports = vec![healthy("orders-db", start()), down("orders-db", later(60))];
    let commit = Commit {
        dependencies: vec![Arc::new(state(reports[0].clone()))],
        incidents: vec![Arc::new(incident(1, start(), None))],
        timeline: vec![entry(1, start())],
        deliveries: vec![delivery(1, "mail", 1, 1, start())],
        ..of_reports(reports)
    };
    store.commit(&commit).await.unwrap();
    store.roll_up(later(7200)).await.unwrap();
    store
}

/// Damages one column, and expects the error to name it.
async fn check(
    damage: &str,
    read: impl AsyncFn(&Store) -> Option<StoreError>,
    table: &str,
    column: &str,
    key: &str,
) {
    on_both(async |home| {
        let store = filled(home).await;
        assert!(read(&store).await.is_none(), "before the damage");
        home.run(damage).await;
        let error = read(&store).await.expect("the damage is seen");
        let StoreError::CorruptRow { table: found_table, column: found_column, key: found_key, .. } = &error
        else {
            panic!("{error:?}")
        };
        assert_eq!((*found_table, *found_column, found_key.as_str()), (table, column, key), "{error}");
    })
    .await;
}

async fn restore(store: &Store) -> Option<StoreError> {
    store.restore(start()).await.err()
}

async fn observations(store: &Store) -> Option<StoreError> {
    store.observations(&name("orders-db"), Timestamp::UNIX_EPOCH, Timestamp::MAX, 10).await.err()
}

#[tokio::test]
async fn a_damaged_state() {
    let damage = "UPDATE dependency_state SET body = '{\"name\":1}'";
    check(damage, restore, "dependency_state", "body", "orders-db").await;
}

#[tokio::test]
async fn a_state_without_its_certificates() {
    check("DELETE FROM certificate", restore, "dependency_state", "chains", "orders-db").await;
}

#[tokio::test]
async fn a_damaged_incident() {
    let id = incident_id(1).to_string();
    check("UPDATE incident SET body = ''", restore, "incident", "body", &id).await;
}

#[tokio::test]
async fn a_damaged_entry_of_the_timeline() {
    let read = async |store: &Store| store.timeline(&Default::default()).await.err();
    let id = entry(1, start()).id.to_string();
    check("UPDATE timeline SET body = '[]'", read, "timeline", "body", &id).await;
}

#[tokio::test]
async fn a_damaged_message() {
    let read = async |store: &Store| store.deliveries(incident_id(1)).await.err();
    let id = delivery_id(1).to_string();
    check("UPDATE delivery SET channel = 'no such name!'", read, "delivery", "channel", &id).await;
    check("UPDATE delivery SET next_attempt_at = NULL", read, "delivery", "next_attempt_at", &id).await;
}

#[tokio::test]
async fn a_damaged_observation() {
    check("UPDATE observation SET verdict = 9", observations, "observation", "verdict", "1").await;
    check("DELETE FROM failure", observations, "observation", "failure_id", "1").await;
    check("UPDATE failure SET body = 'x'", observations, "observation", "failure", "1").await;
}

#[tokio::test]
async fn a_damaged_chain() {
    let read = async |store: &Store| store.certificates().await.err();
    check("UPDATE chain SET links = 'x'", read, "endpoint", "links", "1").await;
    check("DELETE FROM certificate", read, "chain", "links", "orders-db 192.0.2.1:3306").await;
}

#[tokio::test]
async fn a_damaged_roll_up() {
    let read = async |store: &Store| {
        store.hourly(&name("orders-db"), Timestamp::UNIX_EPOCH, Timestamp::MAX).await.err()
    };
    let start = start().as_microsecond().to_string();
    check("UPDATE hourly SET down = -1", read, "hourly", "down", &start).await;
}
