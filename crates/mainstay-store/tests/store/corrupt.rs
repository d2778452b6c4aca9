use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::{Commit, Verdict};
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
        overrides: vec![kept_override(1)],
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
async fn a_damaged_override() {
    let id = kept_override(1).id.to_string();
    check("UPDATE schedule_override SET body = '{}'", restore, "schedule_override", "body", &id).await;
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

/// Whatever was damaged, what is new is written, and the damage is mended by it where it was in the way.
async fn check_goes_on(damage: &str) {
    on_both(async |home| {
        let store = filled(home).await;
        store.close().await;
        drop(store);
        home.run(damage).await;
        let store = home.open().await;
        let changed = vec![observation("192.0.2.1:3306", Verdict::Healthy, &[7, 2])];
        let reports = [
            report("orders-db", later(120), Verdict::Healthy, changed),
            healthy("new", later(120)),
            healthy("orders-db", later(180)),
        ];
        for report in reports {
            store.commit(&of_reports(vec![report])).await.unwrap_or_else(|error| panic!("{damage}: {error}"));
        }
        assert_eq!(store.recent_reports(&name("new"), 9).await.unwrap().len(), 1, "{damage}");
        let on_duty = store.certificates().await.unwrap_or_else(|error| panic!("{damage}: {error}"));
        assert_eq!(on_duty.len(), 6, "{damage}");
        store.roll_up(later(3 * 3600)).await.unwrap_or_else(|error| panic!("{damage}: {error}"));
        store.retain(later(3 * 3600), Default::default()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn damaged_old_rows_do_not_hold_up_new_ones() {
    check_goes_on("UPDATE chain SET links = 'x'").await;
    check_goes_on("UPDATE observation SET check_verdict = 9").await;
    check_goes_on("UPDATE hourly SET down = -1").await;
    check_goes_on("UPDATE certificate SET der = NULL").await;
}

#[tokio::test]
async fn what_sqlite_takes_for_a_number_does_not_hold_up_new_rows() {
    // PostgreSQL keeps the type of a column.
    for column in ["id", "last_seen", "chain_hash"] {
        let home = Home::sqlite();
        let store = filled(&home).await;
        store.close().await;
        drop(store);
        home.run(&format!("UPDATE endpoint SET {column} = 'x'")).await;
        let store = home.open().await;
        for report in [healthy("orders-db", later(86_500)), healthy("new", later(120))] {
            let written = store.commit(&of_reports(vec![report])).await;
            written.unwrap_or_else(|error| panic!("{column}: {error}"));
        }
        assert_eq!(store.certificates().await.unwrap().len(), 6, "{column}");
        assert!(!store.recent_reports(&name("orders-db"), 9).await.unwrap().is_empty(), "{column}");
    }
}
