use mainstay_engine::Event;
use mainstay_model::FailureKind::*;
use mainstay_model::{Severity, Target, Verdict};

use crate::scene::*;

const THREE: [&str; 3] = ["a@acme", "b", "c"];

fn with_references() -> Scene {
    let mut scene = Scene::changed(&THREE, |landscape| {
        landscape.references = vec![Target::parse("tcp://192.0.2.9:443").unwrap()];
    });
    for name in ["a", "b", "c"] {
        scene.check(name, Good);
    }
    scene
}

fn lose(scene: &mut Scene, names: &[&str]) {
    for name in names {
        scene.now += jiff::SignedDuration::from_millis(10);
        scene.check(name, Bad(ConnectTimedOut));
    }
}

#[test]
fn everything_lost_asks_the_references_and_nobody_goes_down() {
    let mut scene = with_references();
    scene.pass(30);
    lose(&mut scene, &["a", "b"]);
    assert!(!scene.last.check_references);
    lose(&mut scene, &["c"]);
    assert!(scene.last.check_references);
    lose(&mut scene, &["a", "b", "c"]);
    scene.told(&[]);
    scene.pass(1).step(Event::ReferencesChecked { reachable: 0, tried: 1 });
    scene.ops(&["31 #1 opened page: Mainstay is offline: our own network is gone"]);
    assert!(scene.state.offline_since().is_some());
    lose(&mut scene, &["a", "b", "c"]);
    assert_eq!(scene.written.reports.last().unwrap().verdict, Verdict::Inconclusive);
    scene.pass(3_600).check("a", Good);
    assert_eq!(scene.state.offline_since(), None);
    scene.ops(&[
        "3631 #2 resolved page: Mainstay is offline: our own network is gone | Mainstay is online again: it \
         was offline for 1 h; a answers.",
    ]);
    for name in ["a", "b", "c"] {
        assert_ne!(scene.verdict(name), Verdict::Down);
    }
}

#[test]
fn reachable_references_confirm_the_break() {
    let mut scene = with_references();
    scene.pass(30);
    lose(&mut scene, &["a", "b", "c", "a", "b", "c"]);
    scene.told(&[]).step(Event::ReferencesChecked { reachable: 1, tried: 1 });
    assert_eq!(scene.verdict("a"), Verdict::Down);
    assert_eq!(scene.verdict("c"), Verdict::Down);
}

#[test]
fn without_an_answer_the_break_is_told_after_five_seconds() {
    let mut scene = with_references();
    scene.pass(30);
    lose(&mut scene, &["a", "b", "c", "a", "b", "c"]);
    scene.told(&[]).pass(6);
    assert_eq!(scene.verdict("b"), Verdict::Down);
    assert_eq!(scene.state.offline_since(), None);
    scene.step(Event::ReferencesChecked { reachable: 0, tried: 1 });
    assert_eq!(scene.state.offline_since(), None, "the answer is too late");
}

#[test]
fn a_refused_connection_is_an_answer() {
    let mut scene = with_references();
    for name in ["a", "b", "c"] {
        scene.pass(1).check_fully(name, Bad(ConnectRefused));
    }
    assert!(!scene.last.check_references);
    assert_eq!(scene.verdict("c"), Verdict::Down);
}

#[test]
fn without_references_three_at_once_are_enough_and_early_breaks_are_taken_back() {
    let mut scene = Scene::with(&THREE);
    for name in ["a", "b", "c"] {
        scene.check(name, Good);
    }
    scene.pass(30);
    lose(&mut scene, &["a", "a"]);
    assert_eq!(scene.verdict("a"), Verdict::Down);
    lose(&mut scene, &["b", "c"]);
    assert!(scene.state.offline_since().is_some());
    assert_eq!(scene.verdict("a"), Verdict::Inconclusive);
    scene.ops(&[
        "30 #1 opened page: a is down: nothing answers",
        "30 #2 resolved page: a is down: nothing answers | a works again: Mainstay could not tell: our own \
         network was gone.",
        "30 #1 opened page: Mainstay is offline: our own network is gone",
    ]);
}

#[test]
fn one_that_answers_shows_that_we_are_online() {
    let mut scene = Scene::with(&THREE);
    for name in ["a", "b", "c"] {
        scene.check(name, Good);
    }
    scene.pass(30);
    lose(&mut scene, &["a", "b"]);
    scene.check("c", Bad(CertificateUntrusted));
    scene.pass(1);
    lose(&mut scene, &["a", "b"]);
    assert_eq!(scene.state.offline_since(), None);
    assert_eq!(scene.verdict("a"), Verdict::Down);
}

#[test]
fn offline_survives_a_restart() {
    let mut scene = with_references();
    scene.pass(30);
    lose(&mut scene, &["a", "b", "c"]);
    scene.step(Event::ReferencesChecked { reachable: 0, tried: 1 });
    let dependencies = scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
    let incidents = scene.state.incidents().map(|one| one.as_ref().clone()).collect();
    let since = scene.state.offline_since();
    scene.state = mainstay_engine::State::restored(dependencies, incidents);
    scene.pass(1).configure();
    assert_eq!(scene.state.offline_since(), since);
    scene.pass(1);
    assert!(scene.last.check_references, "it asks again by itself");
    scene.step(Event::ReferencesChecked { reachable: 1, tried: 1 });
    assert_eq!(scene.state.offline_since(), None);
    assert!(scene.incident(0).severity >= Severity::High);
}
