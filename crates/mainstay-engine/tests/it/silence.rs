use mainstay_engine::Event;
use mainstay_model::FailureKind::*;
use mainstay_model::{EntryKind, Verdict};

use crate::scene::*;

#[test]
fn what_is_not_checked_is_told_and_says_whose_fault_it_is() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good).pass(89).told(&[]).pass(2);
    scene.ops(&["90 #1 opened high: db was not checked"]);
    assert_eq!(scene.verdict("db"), Verdict::Inconclusive);
    let cause = scene.incident(0).diagnosis.cause;
    assert!(cause.starts_with("Mainstay itself did not check it since 2026-06-06 00:00 UTC"), "{cause}");
    scene.check("db", Good).ops(&["91 #2 resolved high: db was not checked | db is checked again."]);
    assert_eq!(scene.verdict("db"), Verdict::Healthy);
}

#[test]
fn checks_that_cannot_tell_are_silence_too() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good);
    for _ in 0..4 {
        scene.pass(30).check("db", Unclear(ClockWrong));
    }
    assert!(scene.incident(0).diagnosis.cause.contains("could not tell"));
}

#[test]
fn never_checked_at_all() {
    let mut scene = Scene::with(&["db"]);
    scene.pass(91).ops(&["90 #1 opened high: db was not checked"]);
}

#[test]
fn all_that_are_not_checked_are_one_incident() {
    let mut scene = Scene::with(&["a", "b", "c@acme"]);
    scene.pass(91).ops(&["90 #1 opened high: 3 dependencies were not checked"]);
}

#[test]
fn an_incident_has_a_bounded_size() {
    let names: Vec<String> = (0..250).map(|number| format!("d{number}")).collect();
    let mut scene = Scene::with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    scene.pass(91).ops(&[
        "90 #1 opened high: 200 dependencies were not checked",
        "90 #1 opened high: 50 dependencies were not checked",
    ]);
}

#[test]
fn a_machine_that_slept_has_nobody_to_blame() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good);
    scene.now += days(1);
    scene.step(Event::Tick).pass(60).check("db", Good).pass(10).told(&[]);
    let paused = scene.written.timeline.iter().filter(|one| one.kind == EntryKind::Mainstay);
    assert!(paused.into_iter().any(|one| one.text.contains("stood still for 24 h")));
}

#[test]
fn a_restart_gives_the_first_checks_their_time() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good).pass(1);
    let dependencies = scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
    scene.state = mainstay_engine::State::restored(dependencies, Vec::new());
    scene.now += days(1);
    scene.configure().pass(80).told(&[]).pass(20).ops(&["86491 #1 opened high: db was not checked"]);
}

#[test]
fn every_rule_survives_a_clock_that_goes_back() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good).pass(60);
    scene.now -= days(1);
    scene.check_fully("db", Bad(ConnectRefused)).pass(1);
    assert_eq!(scene.verdict("db"), Verdict::Down);
}

/// The lines of history about Mainstay itself.
fn about_mainstay(scene: &Scene) -> Vec<&str> {
    let entries = scene.written.timeline.iter().filter(|one| one.kind == EntryKind::Mainstay);
    entries.map(|one| one.text.as_str()).collect()
}

#[test]
fn a_store_that_was_away_is_not_called_a_pause() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good).pass(1);
    let since = scene.now;
    scene.now += days(1);
    scene.step(Event::StoreRecovered { since, error: "disk full".into() });
    assert!(about_mainstay(&scene).iter().all(|text| !text.contains("stood still")), "it is told otherwise");
    scene.pass(80);
    assert_eq!(scene.state.incidents().count(), 1, "the checks get their time to come in");
}

#[test]
fn a_clock_that_is_set_back_does_not_hide_that_nothing_is_checked() {
    let mut scene = Scene::with(&["db", "new"]);
    scene.check("db", Good).pass(60);
    scene.now -= days(1);
    scene.pass(100);
    assert_eq!(scene.state.incidents().count(), 1);
    assert_eq!(scene.incident(0).title, "2 dependencies were not checked");
    scene.check("db", Good).check("new", Good);
    assert!(!scene.incident(0).is_open(), "checks of the new time end it");
    assert!(about_mainstay(&scene).iter().any(|text| text.starts_with("The clock was set back by")));
}

#[test]
fn a_clock_that_was_set_back_between_two_runs_does_not_either() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good).pass(1);
    let dependencies = scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
    scene.state = mainstay_engine::State::restored(dependencies, Vec::new());
    scene.now -= days(1);
    scene.configure().pass(100);
    assert_eq!(scene.incident(0).title, "db was not checked");
}

#[test]
fn a_clock_that_is_set_back_a_little_blames_nobody() {
    let mut scene = Scene::with(&["db"]);
    scene.pass_checking(7_200, &Good);
    scene.now -= jiff::SignedDuration::from_hours(1);
    scene.pass(80).told(&[]).check("db", Good).pass(80).told(&[]);
}

#[test]
fn flapping_ends_after_a_clock_was_set_back() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good);
    for _ in 0..8 {
        scene.pass(30).check_fully("db", Bad(ConnectRefused)).pass(30).check_fully("db", Good);
    }
    scene.now -= days(1);
    scene.pass_checking(31 * 60, &Good);
    assert!(!scene.incident(0).is_open());
}

#[test]
fn a_restart_says_since_when_nothing_is_known() {
    let lines = |last_written| {
        let mut scene = Scene::with(&["db"]);
        scene.written = Default::default();
        scene.state = mainstay_engine::State::default().blind_since(last_written);
        scene.pass(1).configure().configure();
        about_mainstay(&scene).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let known = lines(Some(begin() - days(1)));
    assert_eq!(
        known[0],
        "Mainstay was not running from 2026-06-05 00:00 UTC to 2026-06-06 00:00 UTC, so nothing is known of that time."
    );
    assert_eq!(known.len(), 2, "once");
    assert_eq!(lines(Some(begin())).len(), 1, "a short restart is no news");
    assert_eq!(lines(None).len(), 1);
}

#[test]
fn a_restart_says_what_was_missed() {
    let mut scene = Scene::with(&["db"]);
    scene.written = Default::default();
    scene.state = mainstay_engine::State::default().blind_since(Some(begin() - days(1)));
    scene.pass(1).configure();
    let about =
        scene.written.timeline.iter().find(|entry| entry.text.starts_with("Mainstay was not running"));
    let evidence = &about.unwrap().evidence;
    assert_eq!(evidence[1], "2880 checks of 1 dependency were not made.");
}

#[test]
fn checks_that_waited_for_the_store_are_no_silence() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good);
    let mut waited = Vec::new();
    for _ in 0..10 {
        scene.now += jiff::SignedDuration::from_secs(10);
        waited.push(scene.report("db", Good));
    }
    for report in waited {
        scene.step(Event::Checked(Box::new(report)));
    }
    scene.told(&[]);
}
