//! Gaps in schedules, and people who stand in.

use std::sync::Arc;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use mainstay_engine::{Action, Event, OverrideFault, State, check_override};
use mainstay_model::*;

use crate::scene::*;

fn person(name: &str) -> PersonName {
    name.parse().unwrap()
}

/// Anna is on call in Berlin, but on these days.
fn but_on(days: &[Weekday]) -> Schedule {
    let days = Weekday::Monday.cycle_forward().take(7).filter(|day| !days.contains(day)).collect();
    let restriction = Restriction { from: Time::midnight(), until: Time::midnight(), days };
    let layer = Layer {
        people: vec![person("anna")],
        rotation: "weekly".parse().unwrap(),
        start: "2026-01-05T00:00".parse().unwrap(),
        restriction: Some(restriction),
    };
    let timezone = TimeZone::get("Europe/Berlin").unwrap();
    Schedule { title: "Platform".into(), timezone, layers: vec![layer], overrides: Vec::new() }
}

fn on_call_but_on(days: &[Weekday]) -> Scene {
    Scene::changed(&[], |landscape| {
        for name in ["anna", "ben"] {
            let channels = vec!["phone".parse().unwrap()];
            let someone = Person { title: name.to_uppercase(), channels, timezone: None };
            landscape.people.insert(person(name), someone);
        }
        landscape.schedules.insert("platform".parse().unwrap(), but_on(days));
    })
}

fn stand_in(from: &str, until: &str) -> Override {
    Override {
        from: from.parse().unwrap(),
        until: until.parse().unwrap(),
        person: person("ben"),
        instead_of: None,
        by: None,
        reason: None,
    }
}

fn make(terms: Override) -> Action {
    Action::Override { schedule: "platform".parse().unwrap(), terms }
}

/// Until this moment.
fn pass_to(scene: &mut Scene, at: &str) {
    let seconds = at.parse::<jiff::Timestamp>().unwrap().duration_since(scene.now).as_secs();
    scene.pass(seconds);
}

#[test]
fn a_gap_that_was_resolved_by_hand_is_told_when_it_is_near_and_when_it_begins() {
    let mut scene = on_call_but_on(&[Weekday::Friday]);
    let close = |scene: &mut Scene| {
        let open = scene.state.incidents().find(|one| one.is_open()).unwrap().id;
        scene.act(Action::Resolve(open)).take_told();
    };
    close(&mut scene);
    pass_to(&mut scene, "2026-06-10T21:59:00Z");
    scene.ops(&[]);
    pass_to(&mut scene, "2026-06-10T22:01:00Z");
    scene.ops(&["424800 #1 opened high: platform will have nobody on call from 2026-06-11 22:00 UTC"]);
    close(&mut scene);
    pass_to(&mut scene, "2026-06-11T22:01:00Z");
    scene.ops(&["511200 #1 opened high: platform has nobody on call"]);
}

#[test]
fn a_gap_is_told_in_advance_again_a_day_before_and_when_it_begins() {
    let mut scene = on_call_but_on(&[Weekday::Friday]);
    scene.ops(&["0 #1 opened warn: platform will have nobody on call from 2026-06-11 22:00 UTC"]);
    let incident = scene.incident(0);
    assert_eq!(
        incident.diagnosis.cause,
        "Nobody will be on call for Platform from Fri 2026-06-12 00:00 (Europe/Berlin; 2026-06-11 22:00 UTC) \
         until Sat 2026-06-13 00:00 (Europe/Berlin; 2026-06-12 22:00 UTC), for 24 h."
    );
    assert_eq!(incident.breaks_at, Some("2026-06-11T22:00:00Z".parse().unwrap()));
    assert!(incident.diagnosis.actions[0].contains("https://ops.example.com/on-call"));
    pass_to(&mut scene, "2026-06-10T21:59:00Z");
    scene.ops(&[]);
    pass_to(&mut scene, "2026-06-10T22:01:00Z");
    scene.ops(&["424800 #2 updated high: platform will have nobody on call from 2026-06-11 22:00 UTC | \
                 Severity high, was warn. Nobody will be on call for Platform from Fri 2026-06-12 00:00 (Europe/Berlin; \
                 2026-06-11 22:00 UTC) until Sat 2026-06-13 00:00 (Europe/Berlin; 2026-06-12 22:00 UTC), for 24 h."]);
    pass_to(&mut scene, "2026-06-11T22:01:00Z");
    scene.ops(&["511200 #3 updated high: platform has nobody on call | \
                 Nobody is on call for Platform until Sat 2026-06-13 00:00 (Europe/Berlin; 2026-06-12 22:00 UTC)."]);
    assert_eq!(scene.incident(0).breaks_at, None);
    // The next one is in sight at once, and is the same trouble.
    pass_to(&mut scene, "2026-06-12T23:00:00Z");
    scene.ops(&[]);
    assert_eq!(scene.incident(0).title, "platform will have nobody on call from 2026-06-18 22:00 UTC");
    assert_eq!(scene.state.incidents().count(), 1);
}

#[test]
fn it_ends_when_somebody_stands_in_and_returns_when_that_is_taken_back() {
    let mut scene = on_call_but_on(&[Weekday::Friday]);
    scene.ops(&["0 #1 opened warn: platform will have nobody on call from 2026-06-11 22:00 UTC"]);
    scene.act(make(stand_in("2026-06-11T00:00:00Z", "2026-06-13T00:00:00Z")));
    scene.ops(&["0 #2 resolved warn: platform will have nobody on call from 2026-06-11 22:00 UTC | \
                 platform has somebody on call without a gap again."]);
    let [kept] = scene.written.overrides.clone().try_into().unwrap();
    assert_eq!(kept.terms.by.as_deref(), Some("ana"));
    let line = scene.written.timeline.iter().find(|entry| entry.kind == EntryKind::OnCall).unwrap();
    assert_eq!(
        line.text,
        "BEN stands in on call for Platform from 2026-06-11 00:00 UTC to 2026-06-13 00:00 UTC."
    );
    let on_call = |scene: &Scene, at: &str| {
        let known = scene.state.on_call("platform", at.parse().unwrap()).unwrap();
        known.now.map(|duty| duty.person)
    };
    assert_eq!(on_call(&scene, "2026-06-12T12:00:00Z"), Some(person("ben")));
    scene.act(Action::RemoveOverride(kept.id));
    assert_eq!(scene.last.commit.forgotten_overrides, [kept.id]);
    assert_eq!(on_call(&scene, "2026-06-12T12:00:00Z"), None);
    assert!(scene.incident(0).is_open());
    scene.act(Action::RemoveOverride(kept.id));
    assert!(scene.last.commit.is_empty(), "what is gone is gone");
}

#[test]
fn a_gap_now_is_urgent_at_once_and_said_as_such() {
    let mut scene = on_call_but_on(&[Weekday::Saturday]);
    scene.ops(&["0 #1 opened high: platform has nobody on call"]);
    let evidence = scene.incident(0).diagnosis.evidence;
    assert_eq!(
        evidence,
        [
            "Nobody will be on call from Sat 2026-06-13 00:00 (Europe/Berlin; 2026-06-12 22:00 UTC) for at least 2 h either."
        ]
    );
}

#[test]
fn a_gap_beyond_the_horizon_is_told_when_it_comes_into_sight() {
    let mut scene = on_call_but_on(&[]);
    // Once, in ten days: the override that would make it whole is not there, as the only layer ends.
    scene.landscape.schedules.get_mut("platform").unwrap().layers[0].people.clear();
    let until_then = stand_in("2026-06-01T00:00:00Z", "2026-06-16T00:00:00Z");
    scene.landscape.schedules.get_mut("platform").unwrap().overrides.push(until_then);
    scene.configure().ops(&[]);
    pass_to(&mut scene, "2026-06-08T23:59:00Z");
    scene.ops(&[]);
    pass_to(&mut scene, "2026-06-09T00:01:00Z");
    scene.ops(&["259200 #1 opened warn: platform will have nobody on call from 2026-06-16 00:00 UTC"]);
    assert!(scene.incident(0).diagnosis.cause.ends_with(", without an end."));
}

#[test]
fn a_schedule_that_is_removed_has_no_gap() {
    let mut scene = on_call_but_on(&[Weekday::Friday]);
    scene.ops(&["0 #1 opened warn: platform will have nobody on call from 2026-06-11 22:00 UTC"]);
    scene.landscape.schedules.clear();
    scene.configure();
    scene.ops(&["0 #2 resolved warn: platform will have nobody on call from 2026-06-11 22:00 UTC | \
                 platform has somebody on call without a gap again: it was removed from the configuration."]);
}

#[test]
fn what_cannot_be_is_refused_and_written_down() {
    let mut scene = on_call_but_on(&[]);
    let good = stand_in("2026-06-11T00:00:00Z", "2026-06-13T00:00:00Z");
    let platform: ScheduleName = "platform".parse().unwrap();
    let check = |schedule: &str, terms: &Override| {
        check_override(&scene.state, &schedule.parse().unwrap(), terms, begin())
    };
    assert_eq!(check("platform", &good), Ok(()));
    assert_eq!(check("other", &good), Err(OverrideFault::NoSchedule("other".parse().unwrap())));
    let stranger = Override { person: person("zoe"), ..good.clone() };
    assert_eq!(check("platform", &stranger), Err(OverrideFault::NoPerson(person("zoe"))));
    let backwards = stand_in("2026-06-13T00:00:00Z", "2026-06-11T00:00:00Z");
    assert_eq!(check("platform", &backwards), Err(OverrideFault::EndsFirst));
    let over = stand_in("2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z");
    assert_eq!(check("platform", &over), Err(OverrideFault::Over));
    let long = stand_in("2026-06-11T00:00:00Z", "2028-06-11T00:00:00Z");
    assert_eq!(check("platform", &long), Err(OverrideFault::TooLong));
    let oneself = Override { instead_of: Some(person("ben")), ..good.clone() };
    assert_eq!(check("platform", &oneself), Err(OverrideFault::ForOneself(person("ben"))));
    let wordy = Override { reason: Some("x".repeat(501)), ..good.clone() };
    assert_eq!(check("platform", &wordy), Err(OverrideFault::TooManyWords));

    scene.act(Action::Override { schedule: platform, terms: backwards });
    assert!(scene.last.commit.overrides.is_empty());
    assert_eq!(
        scene.last.commit.timeline[0].text,
        "ana wanted to have ben stand in on call for platform, which was not done: it ends before it begins; its end must \
         be later than its beginning."
    );
}

#[test]
fn overrides_are_bounded() {
    let mut scene = on_call_but_on(&[]);
    for _ in 0..201 {
        scene.act(make(stand_in("2026-06-11T00:00:00Z", "2026-06-13T00:00:00Z")));
    }
    assert_eq!(scene.state.overrides("platform").count(), 200);
}

#[test]
fn what_has_passed_stays_for_a_while_and_survives_a_restart() {
    let mut scene = on_call_but_on(&[]);
    scene.act(make(stand_in("2026-06-06T00:00:00Z", "2026-06-20T00:00:00Z")));
    let id = scene.written.overrides[0].id;
    scene.pass(3600).act(Action::RemoveOverride(id));
    let shortened = scene.state.overrides("platform").next().unwrap().clone();
    assert_eq!(shortened.terms.until, scene.now, "the hour that has passed was Ben's");
    assert_eq!(scene.last.commit.overrides, std::slice::from_ref(&shortened));

    scene.state = State::restored(Vec::new(), Vec::new()).with_overrides(vec![shortened]);
    scene.configure();
    assert_eq!(scene.state.overrides("platform").count(), 1);
    scene.pass_by(89 * 86_400, 3600);
    assert_eq!(scene.state.overrides("platform").count(), 1);
    scene.pass_by(2 * 86_400, 3600);
    assert_eq!(scene.state.overrides("platform").count(), 0);
    assert!(scene.written.forgotten_overrides.contains(&id));
}

#[test]
fn the_same_configuration_again_says_nothing_again() {
    let mut scene = on_call_but_on(&[Weekday::Friday]);
    let incidents: Vec<Incident> = scene.state.incidents().map(|one| one.as_ref().clone()).collect();
    scene.ops(&["0 #1 opened warn: platform will have nobody on call from 2026-06-11 22:00 UTC"]);
    scene.state = State::restored(Vec::new(), incidents);
    scene.step(Event::Configured(Arc::new(scene.landscape.clone())));
    scene.ops(&[]);
    assert!(scene.last.commit.incidents.is_empty());
    scene.pass_by(86_400, 60);
    scene.ops(&[]);
}

/// `db` is down, and whoever is on call for it is nobody.
fn down_with_nobody_on_call(change: impl FnOnce(&mut Landscape)) -> Scene {
    let mut scene = Scene::changed(&["db"], |landscape| {
        let ben = Person { title: "Ben".into(), channels: vec!["phone".parse().unwrap()], timezone: None };
        landscape.people.insert(person("ben"), ben);
        let timezone = TimeZone::UTC;
        let nobody = Schedule { title: "Platform".into(), timezone, layers: vec![], overrides: vec![] };
        landscape.schedules.insert("platform".parse().unwrap(), nobody);
        landscape.fallback = vec![Recipient::Channel("ops".parse().unwrap())];
        change(landscape);
    })
    .seldom();
    scene.check_fully("db", Bad(FailureKind::ConnectRefused)).pass(1200);
    let told = scene.take_told();
    assert!(!told.iter().any(|line| line.contains(" phone#")), "{told:?}");
    scene
}

fn to_platform() -> Recipient {
    Recipient::Schedule("platform".parse().unwrap())
}

fn by_route(landscape: &mut Landscape) {
    landscape.routes = vec![Route { to: vec![to_platform()], ..Route::default() }];
}

fn by_escalation(landscape: &mut Landscape) {
    let step = Step { to: vec![to_platform()], wait: std::time::Duration::from_secs(600) };
    let policy = Escalation { steps: vec![step], repeat: 0, during: None };
    landscape.escalations.insert("team".parse().unwrap(), policy);
    landscape.routes = vec![Route { escalate: Some("team".parse().unwrap()), ..Route::default() }];
}

#[test]
fn whoever_stands_in_is_told_of_what_is_open() {
    for change in [by_route, by_escalation] {
        let mut scene = down_with_nobody_on_call(change);
        scene.act(make(stand_in("2026-06-06T00:00:00Z", "2026-06-07T00:00:00Z"))).pass(2);
        let told = scene.take_told();
        let down = "1201 phone#1 opened page: db is down: the connection is refused";
        assert!(told.iter().any(|line| line == down), "{told:?}");
    }
}

#[test]
fn whoever_a_changed_schedule_leads_to_is_told_of_what_is_open() {
    let mut scene = down_with_nobody_on_call(by_route);
    let all = stand_in("2026-06-06T00:00:00Z", "2026-06-07T00:00:00Z");
    scene.landscape.schedules.get_mut("platform").unwrap().overrides.push(all);
    scene.configure().pass(2);
    let told = scene.take_told();
    assert!(told.iter().any(|line| line.contains(" phone#1 opened page: db is down")), "{told:?}");
}
