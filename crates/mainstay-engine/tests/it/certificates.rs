use jiff::SignedDuration;
use mainstay_model::{EntryKind, Fingerprint, Verdict};

use crate::scene::*;

#[test]
fn the_last_thirty_days_of_a_ninety_day_certificate() {
    let mut scene = Scene::with(&["db"]);
    let life = Life(begin() - days(60), begin() + days(30));
    for _ in 0..30 {
        scene.pass_checking(86_400, &life);
    }
    scene.pass(1).check_fully("db", Expired(begin() - days(60), begin() + days(30)));
    let renewed = Life(begin() + days(30), begin() + days(120));
    scene.pass(30).check_fully("db", renewed.clone()).pass_checking(3_600, &renewed).ops(&[
        "648000 #1 opened warn: db will break: its certificate ends soon",
        "1987200 #2 updated high: db will break: its certificate ends soon | Severity high, was warn. The \
         server's certificate (db.example.com) ends at 2026-07-06 00:00 UTC, in 7 days.",
        "2419200 #3 updated page: db will break: its certificate ends soon | Severity page, was high. The \
         server's certificate (db.example.com) ends at 2026-07-06 00:00 UTC, in 2 days.",
        "2592001 #4 updated page: db is down: its certificate expired | What was announced has happened: db \
         is down: its certificate expired. db has a certificate that is no longer near its end.",
        "2592032 #5 resolved page: db is down: its certificate expired | db works again.",
    ]);
    assert_eq!(scene.state.incidents().count(), 1);
    let timeline = scene.timeline(scene.incident(0).id);
    assert_eq!(timeline, "opened severity-changed severity-changed broke alert-ended alert-ended resolved");
    assert_eq!(scene.verdict("db"), Verdict::Healthy);
    let renewed = scene.written.timeline.iter().filter(|one| one.kind == EntryKind::CertificateRenewed);
    assert_eq!(renewed.count(), 1);
}

#[test]
fn grades_rise_between_checks() {
    let mut scene = Scene::changed(&["db"], |landscape| {
        landscape.dependencies.get_mut("db").unwrap().every = std::time::Duration::from_secs(86_400 * 30);
    });
    scene.check("db", Life(begin() - days(67), begin() + days(23))).told(&[]).pass(86_400);
    scene.ops(&["43200 #1 opened warn: db will break: its certificate ends soon"]);
    assert_eq!(scene.verdict("db"), Verdict::Degraded);
    assert_eq!(scene.incident(0).breaks_at, Some(begin() + days(23)));
}

#[test]
fn the_end_of_a_file_is_announced_though_its_trust_is_not_judged() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", InFile(begin() - days(80), begin() + days(10))).pass(30);
    scene.check("db", InFile(begin(), begin() + days(90))).ops(&[
        "0 #1 opened warn: db will break: its certificate ends soon",
        "30 #2 resolved warn: db will break: its certificate ends soon | db has a certificate that is no \
         longer near its end.",
    ]);
}

#[test]
fn renewal_in_time_ends_it() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Life(begin() - days(80), begin() + days(10))).pass(30);
    scene.check("db", Life(begin(), begin() + days(90))).ops(&[
        "0 #1 opened warn: db will break: its certificate ends soon",
        "30 #2 resolved warn: db will break: its certificate ends soon | db has a certificate that is no \
         longer near its end.",
    ]);
}

#[test]
fn an_expired_certificate_needs_no_confirmation_and_says_whose_key_it_is() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Life(begin() - days(60), begin() + days(30))).pass(30);
    scene.check("db", Expired(begin() - days(90), begin()));
    assert_eq!(scene.verdict("db"), Verdict::Down);
    let evidence = scene.incident(0).diagnosis.evidence;
    let known = "The public key is the one that was seen while the certificate verified.";
    assert!(evidence.iter().any(|line| line == known), "{evidence:?}");
}

#[test]
fn a_renewal_that_does_not_come_is_told_weeks_before_the_end() {
    let mut scene = Scene::with(&["db"]);
    let renewals = [(0, 90), (60, 150), (120, 210)];
    for (from, until) in renewals {
        let life = Life(begin() + days(from), begin() + days(until));
        scene.now = begin() + days(from);
        scene.check("db", life.clone()).pass_checking(86_400, &life);
    }
    scene.ops(&[]);
    assert_eq!(scene.state.dependency("db").unwrap().renewals.left_seconds.len(), 2);
    let life = Life(begin() + days(120), begin() + days(210));
    scene.now = begin() + days(182);
    scene
        .pass_checking(86_400 * 2, &life)
        .ops(&["15811200 #1 opened warn: db has a certificate overdue for renewal"]);
    assert_eq!(scene.verdict("db"), Verdict::Healthy, "nothing about it is wrong yet");
    let renewed = Life(begin() + days(184), begin() + days(274));
    scene.pass(30).check("db", renewed);
    assert!(!scene.incident(0).is_open());
}

#[test]
fn nodes_with_different_certificates_are_no_renewals() {
    let mut scene = Scene::with(&["db"]);
    let (old, new) = ((begin() - days(10), begin() + days(80)), (begin(), begin() + days(90)));
    scene.check("db", Life(new.0, new.1)).pass(30).check("db", Life(old.0, old.1));
    assert!(scene.state.dependency("db").unwrap().renewals.left_seconds.is_empty());
}

#[test]
fn failed_verification_teaches_nothing() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Life(begin(), begin() + days(90))).pass(30);
    scene.check("db", Expired(begin() - days(90), begin() - SignedDuration::from_secs(1)));
    let state = scene.state.dependency("db").unwrap();
    assert_eq!(state.renewals.current_ends_at, Some(begin() + days(90)));
    assert_eq!(state.renewals.verified_spki, Some(Fingerprint([1; 32])));
}
