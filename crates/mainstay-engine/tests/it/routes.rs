//! Whom an incident leads to: the tree of routes, hours, mute, digests, the fallback.

use mainstay_engine::{Audience, Event, Topic};
use mainstay_model::FailureKind::*;
use mainstay_model::*;

use crate::scene::*;

/// The channels of an audience, digests in brackets.
fn led(scene: &Scene, dependency: &str, severity: Severity, at: &str) -> String {
    let failure = Failure::new(CertificateExpired, Phase::Tls, "It expired.");
    let dependency = &scene.landscape.dependencies[dependency];
    let topic = Topic { severity, failure: Some(&failure), dependencies: vec![dependency], providers: &[] };
    let audience = Audience::of(&topic, &scene.landscape, at.parse().unwrap());
    let name = |one: &Recipient| match one {
        Recipient::Channel(name) => name.to_string(),
        other => format!("{other:?}"),
    };
    let mut all: Vec<String> = audience.at_once.iter().map(name).collect();
    all.extend(audience.digest.iter().map(|one| format!("({})", name(one))));
    all.extend(audience.is_muted.then(|| "muted".to_owned()));
    all.join(" ")
}

fn routed(routes: Vec<Route>) -> Scene {
    let mut scene = Scene::changed(&["db@acme", "files"], |landscape| {
        landscape.routes = routes;
        landscape.dependencies.get_mut("db").unwrap().tags = vec!["eu".into()];
        landscape.dependencies.get_mut("files").unwrap().criticality = Criticality::Low;
    });
    for name in ["a", "b", "c"] {
        let channel = scene.landscape.channels["ops"].clone();
        scene.landscape.channels.insert(name.parse().unwrap(), channel);
    }
    scene.seldom()
}

fn to(channel: &str) -> Route {
    route(&[], &[channel])
}

const NOON: &str = "2026-06-08T12:00:00Z";

#[test]
fn every_route_that_matches_is_used_until_one_is_the_last() {
    let scene = routed(vec![to("a"), Route { is_last: true, ..to("b") }, to("c")]);
    assert_eq!(led(&scene, "db", Severity::Page, NOON), "a b");
    let below = Route { routes: vec![Route { is_last: true, ..to("b") }], ..to("a") };
    let scene = routed(vec![below, to("c")]);
    assert_eq!(led(&scene, "db", Severity::Page, NOON), "a b", "the last one ends the levels above too");
}

#[test]
fn a_finer_route_is_read_only_below_one_that_matches() {
    let eu = Match { tags: vec!["eu".into()], ..Match::default() };
    let acme = Match { provider: vec!["acme".parse().unwrap()], ..Match::default() };
    let tree = Route { when: acme, routes: vec![Route { when: eu, ..to("b") }], ..to("a") };
    let scene = routed(vec![tree, to("c")]);
    assert_eq!(led(&scene, "db", Severity::Page, NOON), "a b c");
    assert_eq!(led(&scene, "files", Severity::Page, NOON), "c");
}

#[test]
fn conditions_on_a_dependency_must_hold_for_the_same_one() {
    let both = Match {
        provider: vec!["acme".parse().unwrap()],
        criticality: vec![Criticality::Low],
        ..Match::default()
    };
    let scene = routed(vec![Route { when: both, ..to("a") }]);
    let dependencies: Vec<&Dependency> = scene.landscape.dependencies.values().collect();
    let topic = Topic { severity: Severity::Page, failure: None, dependencies, providers: &[] };
    assert!(Audience::of(&topic, &scene.landscape, begin()).is_empty(), "one is acme's, another is low");
}

#[test]
fn failure_and_blame_select_and_what_has_no_failure_does_not_match() {
    let ours = Match { blame: vec![Blame::Us], ..Match::default() };
    let expired = Match { failure: vec![CertificateExpired, CertificateUntrusted], ..Match::default() };
    let scene = routed(vec![Route { when: ours, ..to("a") }, Route { when: expired, ..to("b") }]);
    assert_eq!(led(&scene, "db", Severity::Page, NOON), "b");
    let topic = Topic { severity: Severity::Page, failure: None, dependencies: vec![], providers: &[] };
    assert!(Audience::of(&topic, &scene.landscape, begin()).is_empty());
}

/// Weekdays from nine to five in Berlin.
pub(crate) fn office() -> Hours {
    use jiff::civil::{Weekday::*, time};
    let days = [Monday, Tuesday, Wednesday, Thursday, Friday].into_iter().collect();
    let restriction = Restriction { from: time(9, 0, 0, 0), until: time(17, 0, 0, 0), days };
    Hours { restriction, timezone: jiff::tz::TimeZone::get("Europe/Berlin").unwrap() }
}

#[test]
fn a_route_exists_in_its_hours_only() {
    let scene = routed(vec![Route { during: Some(office()), ..to("a") }, to("b")]);
    // Berlin is two hours ahead in June.
    assert_eq!(led(&scene, "db", Severity::Warn, "2026-06-08T06:59:59Z"), "b");
    assert_eq!(led(&scene, "db", Severity::Warn, "2026-06-08T07:00:00Z"), "a b");
    assert_eq!(led(&scene, "db", Severity::Warn, "2026-06-08T15:00:00Z"), "b");
    assert_eq!(led(&scene, "db", Severity::Warn, "2026-06-07T12:00:00Z"), "b", "a Sunday");
}

#[test]
fn whoever_a_route_leads_to_only_later_hears_of_what_is_still_open() {
    // The scene begins on a Saturday at midnight, and the office opens on Monday at seven by UTC.
    let mut scene = routed(vec![Route { during: Some(office()), ..to("a") }, to("b")]);
    scene
        .check_fully("db", Bad(ConnectRefused))
        .told(&["0 b#1 opened page: db is down: the connection is refused"]);
    let monday = 55 * 3600;
    scene.pass_by(monday - 60, 30).told(&[]);
    scene
        .pass_by(120, 1)
        .told(&[&format!("{monday} a#1 opened page: db is down: the connection is refused")]);
    scene.pass_by(24 * 3600, 30).told(&[]);
}

#[test]
fn a_route_that_mutes_tells_nobody_and_says_so() {
    let mute = Route { manner: Manner::Mute, ..Route::default() };
    let mut scene = routed(vec![mute, to("a")]);
    scene.check_fully("db", Bad(ConnectRefused)).told(&[]);
    assert_eq!(scene.timeline(scene.incident(0).id), "opened quiet");
}

#[test]
fn what_no_route_takes_goes_to_the_fallback_when_it_is_urgent() {
    let mut scene = routed(vec![route(&[Severity::Info], &["a"])]);
    scene.landscape.fallback = vec![Recipient::Channel("b".parse().unwrap())];
    scene.configure();
    scene.check_fully("files", Bad(ConnectRefused)).told(&[]);
    scene.check_fully("db", Bad(ConnectRefused));
    scene.told(&["0 b#1 opened page: db is down: the connection is refused"]);
    let texts: Vec<&str> = scene.written.timeline.iter().map(|entry| entry.text.as_str()).collect();
    assert!(texts.contains(&"Nobody is told: no route takes severity warn."), "{texts:?}");
    assert!(texts.contains(&"Only the fallback is told: no route takes severity page."), "{texts:?}");
}

/// Everything goes to whoever is on call, and nobody is.
fn led_into_a_gap() -> Scene {
    let mut scene = routed(vec![Route {
        to: vec![Recipient::Schedule("platform".parse().unwrap())],
        ..Route::default()
    }]);
    let timezone = jiff::tz::TimeZone::UTC;
    let nobody = Schedule { title: "Platform".into(), timezone, layers: vec![], overrides: vec![] };
    scene.landscape.schedules = [("platform".parse().unwrap(), nobody)].into();
    scene.landscape.fallback = vec![Recipient::Channel("b".parse().unwrap())];
    scene.configure();
    scene.take_told();
    scene
}

#[test]
fn where_a_route_leads_to_nobody_the_fallback_is_told_what_is_urgent() {
    let mut scene = led_into_a_gap();
    scene.check_fully("db", Bad(ConnectRefused));
    let down = "db is down: the connection is refused";
    scene.told(&[&format!("0 b#1 opened page: Nobody was reached about “{down}”")]);
    // That nobody is on call is told in the same way, as another incident.
    let id = scene.state.incidents().find(|one| one.title == down).unwrap().id;
    let said = |scene: &Scene, text: &str| {
        let of_it = scene.written.timeline.iter().filter(|entry| entry.incident == Some(id));
        of_it.filter(|entry| entry.text == text).count()
    };
    let text = "The routes reached nobody: nobody is on call in platform.";
    assert_eq!(said(&scene, text), 1);
    scene.pass(600).check_fully("db", Bad(ConnectReset)).told(&[]);
    assert_eq!(said(&scene, text), 1, "it is said once");
    let plan = scene.state.plan_drill(
        &mainstay_engine::DrillTerms {
            dependency: "db".parse().unwrap(),
            failure: ConnectRefused,
            respects_quiet: false,
            lasts: None,
        },
        scene.now,
    );
    assert!(!plan.unwrap().reaches_nobody(), "a drill announces the same");
}

#[test]
fn where_a_route_leads_to_nobody_what_is_not_urgent_is_written_down() {
    let mut scene = led_into_a_gap();
    scene.check_fully("files", Bad(ConnectRefused)).pass(120).told(&[]);
    let said: Vec<&str> = scene
        .written
        .timeline
        .iter()
        .filter(|entry| entry.kind == EntryKind::NotTold && entry.incident.is_some())
        .map(|entry| entry.text.as_str())
        .collect();
    assert_eq!(said.last(), Some(&"Nobody is told at once: nobody is on call in platform."));
    assert_eq!(said.iter().filter(|text| text.starts_with("Nobody is told at once")).count(), 1);
}

#[test]
fn digests_collect_what_happened_in_a_day() {
    let digest = Route { manner: Manner::Digest, ..route(&[Severity::Warn], &["a"]) };
    let mut scene = routed(vec![digest, route(&[Severity::Page], &["b"])]);
    scene.pass_checking(120, &Good).pass(1);
    scene.check_fully("files", Bad(ConnectRefused)).told(&[]);
    scene.pass(60).check_fully("files", Good).told(&[]);
    scene.check_fully("db", Bad(ConnectRefused));
    scene.told(&["182 b#1 opened page: db is down: the connection is refused"]);
    // Nine o'clock by UTC.
    scene.pass_by(9 * 3600 - 240, 10).told(&[]);
    scene.pass_by(120, 1).told(&["32400 a#1 digest warn: 1 over"]);
    let digest = scene.written.deliveries.last().unwrap();
    assert_eq!(
        digest.message.evidence,
        ["Over after 61 s: files is down: the connection is refused (warn)."]
    );
    scene.pass_by(24 * 3600, 30).told(&[]);
}

#[test]
fn a_digest_that_was_due_during_a_restart_comes_with_the_next_one() {
    let digest = Route { manner: Manner::Digest, ..route(&[], &["a"]) };
    let mut scene = routed(vec![digest]);
    scene.check_fully("db", Bad(ConnectRefused)).told(&[]);
    let incidents = scene.state.incidents().map(|one| one.as_ref().clone()).collect();
    let dependencies = scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
    scene.state = mainstay_engine::State::restored(dependencies, incidents);
    scene.now += days(1);
    scene.configure().step(Event::Tick);
    scene.pass_by(10 * 3600, 10);
    let told = scene.written.deliveries.iter().map(|one| one.message.incident.title.as_str());
    assert_eq!(told.collect::<Vec<_>>(), ["1 open"]);
}
