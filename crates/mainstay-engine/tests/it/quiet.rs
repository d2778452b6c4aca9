//! Maintenance and silences: messages wait, checks and recoveries do not.

use std::time::Duration;

use jiff::SignedDuration;
use mainstay_engine::{Action, State};
use mainstay_model::FailureKind::*;
use mainstay_model::*;

use crate::scene::*;

fn db() -> Match {
    Match { dependency: vec!["db".parse().unwrap()], ..Match::default() }
}

fn maintained(when: QuietTime) -> Scene {
    Scene::changed(&["db@acme", "files@acme"], |landscape| {
        landscape.quiets =
            vec![Quiet { kind: QuietKind::Maintenance, reason: "new disks".into(), what: db(), when }];
    })
    .seldom()
}

fn once(from: i64, until: i64) -> QuietTime {
    let at = |minutes| Some(begin() + SignedDuration::from_mins(minutes));
    QuietTime::Once { from: at(from), until: at(until) }
}

#[test]
fn what_breaks_in_maintenance_is_told_when_it_is_over_and_not_mended() {
    let mut scene = maintained(once(0, 60));
    scene.check_fully("db", Bad(ConnectRefused)).told(&[]);
    assert_eq!(scene.verdict("db"), Verdict::Down, "checks go on");
    let id = scene.incident(0).id;
    assert_eq!(scene.incident(0).hushed.unwrap().reason, "new disks");
    scene.pass(3595).told(&[]);
    scene.pass(10);
    scene.ops(&["3600 #1 opened page: db is down: the connection is refused"]);
    assert_eq!(scene.timeline(id), "opened quiet quiet");
}

#[test]
fn what_no_route_takes_is_told_to_the_fallback_when_it_is_no_longer_quiet() {
    let mut scene = maintained(once(0, 60));
    scene.landscape.routes.clear();
    scene.landscape.fallback = vec![Recipient::Channel("phone".parse().unwrap())];
    scene.configure().check_fully("db", Bad(ConnectRefused)).pass(3595).told(&[]);
    scene.pass(10).told(&["3600 phone#1 opened page: db is down: the connection is refused"]);
}

#[test]
fn whoever_heard_before_a_silence_hears_at_its_end_that_it_is_still_broken() {
    let mut scene = Scene::with(&["db@acme"]).seldom();
    scene.check_fully("db", Bad(ConnectRefused)).take_told();
    let until = begin() + SignedDuration::from_hours(4);
    scene.act(Action::Silence { reason: "known".into(), what: db(), until });
    scene.pass(4 * 3600 - 60).told(&[]);
    scene.pass(120);
    scene.ops(&[
        "14400 #2 updated page: db is down: the connection is refused | It is no longer quiet, and it is \
                 still open.",
    ]);
    scene.pass(3600).told(&[]);

    // Whoever has it in hand knows.
    let mut scene = Scene::with(&["db@acme"]).seldom();
    scene.check_fully("db", Bad(ConnectRefused)).take_told();
    scene.act(Action::Silence { reason: "known".into(), what: db(), until });
    let id = scene.incident(0).id;
    scene.act(Action::Acknowledge(id)).pass(5 * 3600).told(&[]);
}

#[test]
fn what_is_mended_in_time_is_never_told() {
    let mut scene = maintained(once(0, 60));
    scene.check_fully("db", Bad(ConnectRefused)).pass(60).check_fully("db", Good);
    scene.pass(7200).told(&[]);
    assert!(!scene.incident(0).is_open());
}

#[test]
fn a_recovery_in_maintenance_is_told_to_whoever_heard_of_the_trouble() {
    let mut scene = maintained(once(10, 60));
    scene.check_fully("db", Bad(ConnectRefused));
    scene.ops(&["0 #1 opened page: db is down: the connection is refused"]);
    scene.pass(900).check_fully("db", Good);
    scene.ops(&["901 #2 resolved page: db is down: the connection is refused | db works again."]);
}

#[test]
fn what_is_not_maintained_is_told() {
    let mut scene = maintained(once(0, 60));
    scene.check_fully("files", Bad(ConnectRefused));
    scene.ops(&["0 #1 opened page: files is down: the connection is refused"]);
}

#[test]
fn an_incident_of_both_is_told() {
    let mut scene = maintained(once(0, 60));
    scene.check_fully("db", Bad(ConnectRefused)).told(&[]);
    scene.pass(60).check_fully("files", Bad(ConnectRefused));
    scene.ops(&["60 #1 opened page: 2 dependencies of Acme are down: the connection is refused"]);
}

#[test]
fn maintenance_recurs_on_the_wall_clock() {
    let when = QuietTime::Recurring {
        start: "2026-01-04T02:00:00".parse().unwrap(),
        recurrence: "FREQ=WEEKLY;BYDAY=SU".parse().unwrap(),
        length: Duration::from_secs(7200),
        timezone: jiff::tz::TimeZone::get("Europe/Berlin").unwrap(),
    };
    let quiet = |at: &str| mainstay_engine::quiet_until(&when, at.parse().unwrap());
    // 2026-06-07 is a Sunday; Berlin is two hours ahead in June, one in January.
    assert_eq!(quiet("2026-06-06T23:59:59Z"), None);
    assert_eq!(quiet("2026-06-07T00:00:00Z"), Some("2026-06-07T02:00:00Z".parse().ok()));
    assert_eq!(quiet("2026-06-07T02:00:00Z"), None);
    assert_eq!(quiet("2026-01-04T01:30:00Z"), Some("2026-01-04T03:00:00Z".parse().ok()));
    assert_eq!(quiet("2026-01-03T01:30:00Z"), None, "before the first");
}

#[test]
fn a_silence_of_a_person_holds_survives_a_restart_and_can_be_ended() {
    let mut scene = Scene::with(&["db@acme"]).seldom();
    let until = begin() + SignedDuration::from_hours(2);
    scene.act(Action::Silence { reason: "known".into(), what: db(), until });
    scene.check_fully("db", Bad(ConnectRefused)).told(&[]);

    let silences = scene.written.silences.clone();
    let incidents = scene.state.incidents().map(|one| one.as_ref().clone()).collect();
    let dependencies = scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
    scene.state = State::restored(dependencies, incidents).silenced(silences);
    scene.configure().pass(60).told(&[]);

    let id = scene.state.silences().next().unwrap().id;
    scene.act(Action::EndSilence(id)).pass(2);
    scene.ops(&["60 #1 opened page: db is down: the connection is refused"]);
    assert_eq!(scene.written.silences.last().unwrap().until, scene.now - SignedDuration::from_secs(2));
    assert_eq!(scene.state.silences().count(), 0);
}

#[test]
fn what_is_about_mainstay_itself_is_never_quiet() {
    let mut scene = Scene::changed(&["db"], |landscape| {
        let when = QuietTime::Once { from: None, until: None };
        landscape.quiets =
            vec![Quiet { kind: QuietKind::Silence, reason: "all".into(), what: Match::default(), when }];
    });
    scene.check_fully("db", Bad(ConnectRefused)).told(&[]);
    scene.step(mainstay_engine::Event::ConfigurationRefused { problems: vec!["x".into()] });
    scene.ops(&["0 #1 opened high: The new configuration was refused; the old one goes on"]);
}
