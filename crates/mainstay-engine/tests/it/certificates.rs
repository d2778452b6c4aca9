use jiff::SignedDuration;
use mainstay_engine::{Event, State};
use mainstay_model::FailureKind::*;
use mainstay_model::{Dependency, EntryKind, Fingerprint, Phase, Target, Verdict};

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
         is down: its certificate expired.",
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

#[test]
fn another_certificate_fault_hides_the_end_of_a_certificate_that_nobody_serves() {
    for fault in [CertificateUntrusted, CertificateNameMismatch, TlsHandshakeFailed] {
        let mut scene = Scene::with(&["db"]);
        scene.check("db", Life(begin() - days(89), begin() + days(1))).pass(30);
        let untrusted = |scene: &mut Scene| {
            let mut report = scene.report("db", Bad(fault));
            report.failure.as_mut().unwrap().phase = Phase::Tls;
            scene.step(Event::Checked(Box::new(report)));
        };
        untrusted(&mut scene);
        assert!(scene.incident(0).is_open(), "one bad check ends nothing");
        for _ in 0..4 * 120 {
            scene.pass_by(600, 600);
            untrusted(&mut scene);
        }
        let open: Vec<_> = scene.state.incidents().filter(|one| one.is_open()).collect();
        assert_eq!(open.len(), 1, "{fault}");
        assert_eq!(open[0].alerts.len(), 1, "{fault}");
        let sentence = "The end of db's certificate is no longer announced: it is down.";
        assert!(scene.written.timeline.iter().any(|entry| entry.text == sentence));
    }
}

#[test]
fn an_end_that_passes_while_nothing_answers_is_told_as_what_is_known() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Life(begin() - days(89), begin() + days(1)));
    scene.pass(30).check_fully("db", Bad(ConnectRefused));
    for _ in 0..26 {
        scene.pass_by(3_600, 3_600).check("db", Bad(ConnectRefused));
    }
    let causes = scene.state.incidents().flat_map(|one| one.alerts.values());
    let causes: Vec<&str> = causes.map(|alert| alert.diagnosis.cause.as_str()).collect();
    assert!(causes.iter().all(|cause| !cause.contains("not checked")), "{causes:?}");
}

/// A scene in which the dependency was pointed elsewhere after it learned much.
fn pointed_elsewhere(change: impl Fn(&mut Dependency)) -> Scene {
    let mut scene = Scene::with(&["db"]);
    scene.pass_checking(3_600, &Life(begin() - days(89), begin() + days(1)));
    scene.check("db", Bad(ConnectRefused));
    assert_eq!(scene.state.dependency("db").unwrap().alerts.len(), 1);
    change(scene.landscape.dependencies.get_mut("db").unwrap());
    scene
}

#[test]
fn another_target_or_trust_begins_anew() {
    let host = |db: &mut Dependency| db.target = Target::parse("mysql://new.example.com/x").unwrap();
    let port = |db: &mut Dependency| db.target = Target::parse("mysql://db.example.com:3307/x").unwrap();
    let trust = |db: &mut Dependency| db.tls.server_name = Some("other.example.com".into());
    for change in [&host as &dyn Fn(&mut Dependency), &port, &trust] {
        let mut scene = pointed_elsewhere(change);
        scene.configure();
        let state = scene.state.dependency("db").unwrap().clone();
        assert_eq!((&state.renewals, &state.nearest_end), (&Default::default(), &None));
        assert_eq!((&state.latency, &state.streak), (&Default::default(), &Default::default()));
        assert!(state.alerts.is_empty() && !scene.incident(0).is_open());
        scene.pass_checking(60, &Life(begin(), begin() + days(365)));
        assert!(scene.state.dependency("db").unwrap().renewals.left_seconds.is_empty(), "no renewal");
        scene.pass_checking(86_400 * 2, &Good);
        assert!(!scene.incident(0).is_open());
    }
}

#[test]
fn another_path_of_the_same_server_forgets_nothing() {
    let path = |db: &mut Dependency| db.target = Target::parse("mysql://db.example.com/other").unwrap();
    let mut scene = pointed_elsewhere(path);
    scene.configure();
    assert_eq!(scene.state.dependency("db").unwrap().alerts.len(), 1);
}

#[test]
fn another_target_is_noticed_over_a_restart() {
    let mut scene = pointed_elsewhere(|db| db.target = Target::parse("mysql://new.example.com/x").unwrap());
    let dependencies = scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
    let incidents = scene.state.incidents().map(|one| one.as_ref().clone()).collect();
    scene.state = State::restored(dependencies, incidents);
    scene.configure();
    assert!(scene.state.dependency("db").unwrap().nearest_end.is_none());
    assert!(!scene.incident(0).is_open());
}

#[test]
fn a_check_of_the_old_target_is_kept_and_not_judged() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good).pass(1);
    let late = scene.report("db", Bad(CertificateUntrusted));
    let db = scene.landscape.dependencies.get_mut("db").unwrap();
    db.target = Target::parse("mysql://new.example.com/x").unwrap();
    scene.configure().step(Event::Checked(Box::new(late)));
    assert_eq!(scene.last.commit.reports.len(), 1);
    assert!(scene.last.rechecks.is_empty());
    assert_eq!(scene.state.dependency("db").unwrap().streak.seen, 0);
}
