use mainstay_engine::Event;
use mainstay_model::FailureKind::*;
use mainstay_model::{Severity, Target, Verdict};

use crate::scene::*;

const THREE: [&str; 3] = ["a@acme", "b", "c"];

/// With references that have answered once.
fn with_references() -> Scene {
    let mut scene = with_unproven_references(&THREE);
    scene.step(Event::ReferencesChecked { reachable: 1, tried: 1 });
    for name in ["a", "b", "c"] {
        scene.check(name, Good);
    }
    scene
}

fn with_unproven_references(dependencies: &[&str]) -> Scene {
    Scene::changed(dependencies, |landscape| {
        landscape.references = vec![Target::parse("tcp://192.0.2.9:443").unwrap()];
    })
}

/// Dependencies, some of which are at an address of their own, written `name=address`.
fn placed(dependencies: &[(&str, &str)]) -> Scene {
    let names: Vec<&str> = dependencies.iter().map(|(name, _)| *name).collect();
    Scene::changed(&names, |landscape| {
        for (name, address) in dependencies {
            let url = format!("mysql://{address}/x");
            landscape.dependencies.get_mut(*name).unwrap().target = Target::parse(&url).unwrap();
        }
    })
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

#[test]
fn an_outage_of_one_provider_is_its_own() {
    let names = ["a@acme", "b@acme", "c@acme", "d@acme"];
    let mut scene = with_unproven_references(&names);
    scene.step(Event::ReferencesChecked { reachable: 1, tried: 1 });
    for name in ["a", "b", "c", "d"] {
        scene.check(name, Good);
    }
    scene.pass(30);
    lose(&mut scene, &["a", "b", "c", "a", "b", "c"]);
    assert!(!scene.last.check_references);
    assert_eq!(scene.state.offline_since(), None);
    assert_eq!(scene.verdict("a"), Verdict::Down);
}

#[test]
fn references_that_never_answered_prove_nothing() {
    let mut scene = with_unproven_references(&THREE);
    scene.pass(1);
    assert!(scene.last.check_references, "whether they can be reached at all is asked at the start");
    scene.step(Event::ReferencesChecked { reachable: 0, tried: 1 });
    for name in ["a", "b", "c"] {
        scene.check(name, Good);
    }
    scene.pass(30);
    lose(&mut scene, &["a", "a", "b", "b"]);
    scene.step(Event::ReferencesChecked { reachable: 0, tried: 1 });
    assert_eq!(scene.state.offline_since(), None, "two of three are lost, and nothing else tells");
    assert_eq!(scene.verdict("a"), Verdict::Down);
    lose(&mut scene, &["c"]);
    assert!(scene.state.offline_since().is_some(), "as without references");
    assert_eq!(scene.verdict("a"), Verdict::Inconclusive);
}

#[test]
fn losses_at_the_start_wait_for_the_first_answer() {
    let mut scene = with_unproven_references(&THREE);
    lose(&mut scene, &["a", "b", "c", "a", "b", "c"]);
    scene.pass(1).told(&[]).step(Event::ReferencesChecked { reachable: 1, tried: 1 });
    assert_eq!(scene.state.offline_since(), None);
    assert_eq!(scene.verdict("b"), Verdict::Down);
    let mut scene = with_unproven_references(&THREE);
    lose(&mut scene, &["a", "b", "c", "a", "b", "c"]);
    scene.pass(1).step(Event::ReferencesChecked { reachable: 0, tried: 1 });
    assert!(scene.state.offline_since().is_some(), "as without references");
}

#[test]
fn new_references_are_asked_before_they_count() {
    let mut scene = with_references();
    scene.landscape.references = vec![Target::parse("tcp://192.0.2.8:443").unwrap()];
    scene.configure().pass(1);
    assert!(scene.last.check_references);
    scene.landscape.references.clear();
    scene.check_fully("a", Bad(ConnectTimedOut)).configure().pass(1);
    assert_eq!(scene.verdict("a"), Verdict::Down, "nobody is left to wait for");
}

#[test]
fn being_too_busy_is_no_lost_network() {
    let mut scene = Scene::with(&THREE);
    for name in ["a", "b", "c"] {
        scene.check(name, Good);
    }
    scene.pass(30);
    for name in ["a", "b", "c"] {
        scene.check(name, Busy);
    }
    assert_eq!(scene.state.offline_since(), None);
    lose(&mut scene, &["a", "b"]);
    scene.check("a", Busy);
    lose(&mut scene, &["c"]);
    assert!(scene.state.offline_since().is_some(), "it is no sign of life either");
}

#[test]
fn however_many_are_lost_none_goes_down() {
    let names: Vec<String> = (0..2_500).map(|number| format!("d{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut scene = with_unproven_references(&names);
    scene.step(Event::ReferencesChecked { reachable: 1, tried: 1 });
    for _ in 0..2 {
        for name in &names {
            scene.now += jiff::SignedDuration::from_micros(100);
            scene.check(name, Bad(ConnectTimedOut));
        }
    }
    scene.told(&[]).step(Event::ReferencesChecked { reachable: 0, tried: 1 });
    assert!(scene.state.offline_since().is_some());
    assert!(scene.state.dependencies().all(|one| one.verdict == Verdict::Inconclusive));
}

#[test]
fn our_own_network_tells_nothing_of_the_way_out() {
    for near in
        ["10.1.2.3", "192.168.0.9", "172.16.0.1", "169.254.1.1", "127.0.0.1", "[fd00::1]", "[fe80::1]"]
    {
        let mut scene =
            placed(&[("a", "198.51.100.1"), ("b", "198.51.100.2"), ("c", "198.51.100.3"), ("near", near)]);
        for name in ["a", "b", "c", "near"] {
            scene.check(name, Good);
        }
        scene.pass(30);
        lose(&mut scene, &["a", "b"]);
        scene.check("near", Good);
        lose(&mut scene, &["c"]);
        assert!(scene.state.offline_since().is_some(), "{near} is no sign of life");
        scene.check("near", Good);
        assert!(scene.state.offline_since().is_some(), "{near} is no sign of life");
    }
}

#[test]
fn what_fails_nearby_is_no_loss_of_the_way_out() {
    let mut scene =
        placed(&[("a", "10.0.0.1"), ("b", "192.168.0.2"), ("c", "[fd00::3]"), ("d", "198.51.100.4")]);
    for name in ["a", "b", "c", "d"] {
        scene.check(name, Good);
    }
    scene.pass(30);
    lose(&mut scene, &["a", "b", "c", "a", "b", "c"]);
    assert_eq!(scene.state.offline_since(), None);
    assert_eq!(scene.verdict("b"), Verdict::Down);
}
