//! The audit log is what it was, or the walk finds where it is not.

use std::sync::Arc;

use mainstay_model::{AuditAct, AuditEntry, Commit, Fingerprint, Landscape};
use mainstay_store::{Archive, AuditWalk};

use crate::home::{Home, on_both};
use crate::sample::*;

async fn walk(home: &Home, expected: Option<Fingerprint>) -> AuditWalk {
    let archive = Archive::open(&home.location).await.unwrap();
    let walk = archive.walk_audit_log(expected).await.unwrap();
    archive.close().await;
    walk
}

fn of(entries: Vec<AuditEntry>) -> Commit {
    Commit { audit: entries, ..Commit::default() }
}

fn asked(number: u64, by: Option<&str>) -> AuditEntry {
    let act = AuditAct::Asked { what: "resolve", wanted: format!("resolve \"it\" {number}"), incident: None };
    AuditEntry { at: later(i64::try_from(number).unwrap()), by: by.map(str::to_owned), act }
}

/// Five rows, in three commits; says the hash of the third.
async fn filled(home: &Home) -> Fingerprint {
    let store = home.open().await;
    let loaded = AuditAct::ConfigurationLoaded(Arc::new(Landscape::default()));
    let loaded = AuditEntry { at: start(), by: None, act: loaded };
    let second = of(vec![granted(1), asked(2, Some("nul\0"))]);
    store.commit(&of(vec![loaded])).await.unwrap();
    store.commit(&second).await.unwrap();
    let third = walk(home, None).await.head.unwrap();
    store.commit(&of(vec![asked(3, None), asked(4, Some("ben"))])).await.unwrap();
    store.commit(&second).await.unwrap();
    store.close().await;
    third
}

#[tokio::test]
async fn it_holds_as_it_was_written_and_repeats_nothing() {
    on_both(async |home| {
        let third = filled(home).await;
        let walked = walk(home, Some(third)).await;
        assert_eq!((walked.rows, &walked.broken, walked.expected_found), (5, &None, Some(true)));
        assert_eq!(walked.head_at, Some(later(4)));
        assert_eq!(walk(home, Some(Fingerprint([7; 32]))).await.expected_found, Some(false));
        // What is appended after a restart continues it.
        let store = home.open().await;
        store.commit(&of(vec![asked(5, None)])).await.unwrap();
        store.close().await;
        assert_eq!(walk(home, None).await.rows, 6);
    })
    .await;
}

#[tokio::test]
async fn an_empty_one_and_one_of_before_there_was_any_hold() {
    on_both(async |home| {
        let store = home.open().await;
        let nothing = AuditWalk { rows: 0, head: None, head_at: None, broken: None, expected_found: None };
        assert_eq!(walk(home, None).await, nothing);
        home.run("DROP TABLE audit_log").await;
        assert_eq!(walk(home, None).await, nothing);
        store.close().await;
    })
    .await;
}

/// Changes rows by hand, and expects to hear where it breaks.
async fn breaks(damage: &str, seq: i64, message: &str) {
    on_both(async |home| {
        filled(home).await;
        home.run(damage).await;
        let walked = walk(home, None).await;
        let broken = walked.broken.expect("the break is found");
        assert_eq!((broken.seq, broken.message.as_str()), (seq, message), "{damage}");
    })
    .await;
}

#[tokio::test]
async fn changed_rows_are_found() {
    let said = |seq| format!("row {seq} says something else than when it was written.");
    breaks("UPDATE audit_log SET who = 'ben' WHERE seq = 2", 2, &said(2)).await;
    breaks("UPDATE audit_log SET who = NULL WHERE seq = 2", 2, &said(2)).await;
    breaks("UPDATE audit_log SET at = at + 1 WHERE seq = 5", 5, &said(5)).await;
    breaks("UPDATE audit_log SET action = 'waiver-refused' WHERE seq = 2", 2, &said(2)).await;
    breaks("UPDATE audit_log SET details = REPLACE(details, 'ana', 'eve') WHERE seq = 2", 2, &said(2)).await;
    let not_next = "row 4 does not continue the row before it.";
    let other =
        "UPDATE audit_log SET previous = (SELECT previous FROM audit_log AS a WHERE a.seq = 2) WHERE seq = 4";
    breaks(other, 4, not_next).await;
    let hash = "UPDATE audit_log SET hash = (SELECT hash FROM audit_log AS a WHERE a.seq = 2) WHERE seq = 3";
    breaks(hash, 3, &said(3)).await;
}

#[tokio::test]
async fn deleted_inserted_and_reordered_rows_are_found() {
    breaks(
        "DELETE FROM audit_log WHERE seq = 1",
        2,
        "the first row is not there; the next one has the number 2.",
    )
    .await;
    breaks("DELETE FROM audit_log WHERE seq = 3", 4, "row 3 is not there; the next one has the number 4.")
        .await;
    // The gap closed by hand.
    let closed = "DELETE FROM audit_log WHERE seq = 3; UPDATE audit_log SET seq = 3 WHERE seq = 4";
    breaks(closed, 3, "row 3 does not continue the row before it.").await;
    let copied =
        "INSERT INTO audit_log SELECT 6, at, who, action, details, hash, hash FROM audit_log WHERE seq = 5";
    breaks(copied, 6, "row 6 says something else than when it was written.").await;
    let swapped = "UPDATE audit_log SET seq = 9 WHERE seq = 3; UPDATE audit_log SET seq = 3 WHERE seq = 4;
        UPDATE audit_log SET seq = 4 WHERE seq = 9";
    breaks(swapped, 3, "row 3 does not continue the row before it.").await;
}

#[tokio::test]
async fn a_tail_that_is_gone_is_missed_by_whoever_noted_the_head() {
    on_both(async |home| {
        let third = filled(home).await;
        let head = walk(home, None).await.head.unwrap();
        home.run("DELETE FROM audit_log WHERE seq > 3").await;
        let walked = walk(home, Some(head)).await;
        assert_eq!((walked.rows, walked.broken, walked.expected_found), (3, None, Some(false)));
        assert_eq!(walk(home, Some(third)).await.expected_found, Some(true));
    })
    .await;
}

#[tokio::test]
async fn a_log_that_was_emptied_beside_its_waivers_does_not_hold() {
    on_both(async |home| {
        let store = home.open().await;
        let AuditAct::Waiver { waiver, .. } = granted(1).act else { panic!("a waiver was granted") };
        store
            .commit(&Commit { audit: vec![granted(1)], waivers: vec![waiver], ..Commit::default() })
            .await
            .unwrap();
        store.close().await;
        assert_eq!(walk(home, None).await.broken, None);
        home.run("DELETE FROM audit_log").await;
        let broken = walk(home, None).await.broken.expect("its waiver is still there");
        assert_eq!(broken.message, "its rows are gone, though there are waivers, of which it would tell.");
        home.run("DROP TABLE audit_log").await;
        assert!(walk(home, None).await.broken.is_some());
    })
    .await;
}

#[tokio::test]
async fn the_hash_can_be_computed_by_anybody() {
    let home = Home::sqlite();
    let store = home.open().await;
    store.commit(&of(vec![asked(2, Some("ana"))])).await.unwrap();
    store.close().await;
    // printf '%s' '[1,1795341602000000,"ana","resolve","{\"incident\":null,\"wanted\":\"resolve \\\"it\\\" 2\"}","000…000"]' | sha256sum
    let expected = "1f094421445efc9f83a6dc5498354d0e6fbed0ac55287bf2171e283c2081a788";
    assert_eq!(walk(&home, None).await.head.unwrap().to_string(), expected);
}
