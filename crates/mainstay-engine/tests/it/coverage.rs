//! That a rehearsal found a hole is told, anew for what is new, and that there is none any more.

use mainstay_engine::{Event, Rehearsal};
use mainstay_model::*;

use crate::scene::{Scene, begin, days, route};

/// As it is configured, but for the seldom checks of a scene in which time passes.
fn rehearsed(landscape: &Landscape) -> Coverage {
    let mut landscape = landscape.clone();
    let all = landscape.dependencies.values_mut();
    all.for_each(|one| one.every = std::time::Duration::from_secs(30));
    let until = begin() + days(7);
    let rehearsal = Rehearsal {
        landscape: &landscape,
        known: None,
        from: begin(),
        until,
        resolved: None,
        require_proven: false,
    };
    rehearsal.play(&mut |_, _| {}).brief()
}

fn tell(scene: &mut Scene, coverage: &Coverage) {
    scene.step(Event::Rehearsed(Box::new(coverage.clone())));
}

#[test]
fn a_hole_is_told_once_and_its_end_too() {
    let mut scene = Scene::changed(&["db"], |landscape| {
        landscape.routes = vec![route(&[Severity::Page], &["phone"]), route(&[Severity::High], &["ops"])];
    })
    .seldom();
    let coverage = rehearsed(&scene.landscape);
    assert!(coverage.holes.iter().any(|hole| hole.code == HoleCode::NoRoute), "{:#?}", coverage.holes);
    tell(&mut scene, &coverage);
    scene.told(&["0 ops#1 opened high: Somebody would not be told: a rehearsal found a hole"]);
    tell(&mut scene, &coverage);
    scene.pass(120).told(&[]);
    scene.landscape.routes.push(route(&[], &["ops"]));
    let sound = rehearsed(&scene.landscape);
    assert!(!sound.has_holes(), "{:#?}", sound.holes);
    tell(&mut scene, &sound);
    scene.told(&["120 ops#2 resolved high: Somebody would not be told: a rehearsal found a hole | A rehearsal found no hole any more."]);
}

#[test]
fn a_new_hole_is_told_beside_the_old_one_and_channels_have_an_alert_of_their_own() {
    let mut scene = Scene::changed(&["db", "cache"], |landscape| {
        let muted = |name: &str| Route {
            when: Match { dependency: vec![name.parse().unwrap()], ..Match::default() },
            manner: Manner::Mute,
            ..Route::default()
        };
        landscape.routes = vec![muted("db"), muted("cache"), route(&[], &["ops"])];
    })
    .seldom();
    let both = rehearsed(&scene.landscape);
    let mut one = both.clone();
    one.holes.retain(|hole| hole.place == "routes.0");
    tell(&mut scene, &one);
    scene.told(&["0 ops#1 opened high: Somebody would not be told: a rehearsal found a hole"]);
    scene.pass(90);
    tell(&mut scene, &both);
    let told = "90 ops#2 updated high: Somebody would not be told: a rehearsal found a hole | Nobody is told when cache breaks \
                in any of 25 ways: route 2 mutes it.";
    scene.told(&[told]);
    let known = mainstay_engine::Known::default();
    let unproven = Rehearsal {
        landscape: &Landscape { routes: vec![route(&[], &["ops"])], ..scene.landscape.clone() },
        known: Some(&known),
        from: begin(),
        until: begin() + days(1),
        resolved: None,
        require_proven: false,
    };
    let unproven = unproven.play(&mut |_, _| {});
    assert!(unproven.holes.iter().all(|hole| hole.code == HoleCode::ChannelNeverProven));
    let mut fresh = Scene::with(&["db"]);
    tell(&mut fresh, &unproven);
    fresh.told(&[]);
}
