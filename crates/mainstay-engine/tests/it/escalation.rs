//! Step after step until somebody takes it up, and what is said when nobody does.

use std::time::Duration;

use mainstay_engine::{Action, Delay, Event, Remedy};
use mainstay_model::FailureKind::*;
use mainstay_model::*;

use crate::routes::office;
use crate::scene::*;

fn channel(name: &str) -> Recipient {
    Recipient::Channel(name.parse().unwrap())
}

fn step(to: &[Recipient], minutes: u64) -> Step {
    Step { to: to.to_vec(), wait: Duration::from_secs(60 * minutes) }
}

/// Three steps of ten, ten and five minutes, to three channels; the fallback is a fourth.
pub(crate) fn three_steps(change: impl FnOnce(&mut Landscape)) -> Scene {
    Scene::changed(&["db@acme", "files"], |landscape| {
        let known = landscape.channels["ops"].clone();
        for name in ["one", "two", "three", "last"] {
            landscape.channels.insert(name.parse().unwrap(), known.clone());
        }
        let steps = [("one", 10), ("two", 10), ("three", 5)];
        let steps = steps.map(|(name, wait)| step(&[channel(name)], wait)).to_vec();
        landscape.escalations =
            [("db-team".parse().unwrap(), Escalation { steps, repeat: 0, during: None })].into();
        let page = Match { severity: vec![Severity::Page], ..Match::default() };
        landscape.routes =
            vec![Route { when: page, escalate: Some("db-team".parse().unwrap()), ..Route::default() }];
        landscape.fallback = vec![channel("last")];
        change(landscape);
    })
    .seldom()
}

const DOWN: &str = "db is down: the connection is refused";

fn break_db(scene: &mut Scene) -> IncidentId {
    scene.check_fully("db", Bad(ConnectRefused));
    scene.incident(0).id
}

/// What became of the latest message to a channel.
pub(crate) fn answer(scene: &mut Scene, name: &str, given_up: bool) {
    let sent = scene.written.deliveries.iter().rev().find(|one| one.channel.as_str() == name).unwrap();
    let (id, channel, incident) = (sent.id, sent.channel.clone(), Some(sent.message.incident.id));
    scene.step(match given_up {
        true => Event::DeliveryGivenUp { id, channel, incident, reason: "404 Not Found".into() },
        false => Event::Delivered { id, channel, incident, receipt: None },
    });
}

#[test]
fn each_step_is_told_in_its_time_and_then_that_nobody_was_reached() {
    let mut scene = three_steps(|_| {});
    break_db(&mut scene);
    scene.pass(3600);
    scene.told(&[
        &format!("0 one#1 opened page: {DOWN}"),
        &format!("600 two#1 opened page: {DOWN}"),
        &format!("1200 three#1 opened page: {DOWN}"),
        &format!("1500 last#1 opened page: Nobody was reached about “{DOWN}”"),
    ]);
}

#[test]
fn taking_it_up_ends_it_and_that_nobody_was_reached_is_over_then() {
    let mut scene = three_steps(|_| {});
    let id = break_db(&mut scene);
    scene.pass(650).act(Action::Acknowledge(id)).pass(3600);
    scene.told(&[&format!("0 one#1 opened page: {DOWN}"), &format!("600 two#1 opened page: {DOWN}")]);

    let mut scene = three_steps(|_| {});
    let id = break_db(&mut scene);
    scene.pass(1600).act(Action::Acknowledge(id));
    let unreached = scene.incident(1);
    assert!(!unreached.is_open());
    assert!(scene.incident(0).is_open());
    assert_eq!(scene.timeline(id), "opened escalated escalated not-told acknowledged");
}

#[test]
fn when_no_message_of_a_step_arrives_the_next_is_taken_at_once() {
    let mut scene = three_steps(|_| {});
    break_db(&mut scene);
    answer(&mut scene, "one", true);
    scene.pass(5);
    let told = std::mem::take(&mut scene.written.deliveries);
    let told: Vec<_> = told.iter().map(|one| one.channel.as_str()).collect();
    assert!(told.starts_with(&["one"]) && told.contains(&"two") && told.contains(&"last"), "{told:?}");
    assert!(!told.contains(&"three"), "{told:?}");
}

/// A message is not taken and tried again so many seconds later.
fn delayed(delivery: &Delivery, now: jiff::Timestamp, wait: i64, remedy: Remedy) -> Event {
    let Delivery { id, channel, created_at, message, .. } = delivery.clone();
    let (next_attempt_at, error) = (now + jiff::SignedDuration::from_secs(wait), "no answer".into());
    let delay = Delay { created_at, next_attempt_at, remedy, error };
    Event::DeliveryDelayed { id, channel, incident: Some(message.incident.id), delay }
}

#[test]
fn a_step_that_is_held_up_counts_as_not_arrived_while_its_message_is_still_tried() {
    for (remedy, waits) in
        [(Remedy::Time, &[(0, 60), (60, 120), (140, 300)][..]), (Remedy::Hands, &[(0, 300)])]
    {
        let mut scene = three_steps(|_| {});
        break_db(&mut scene);
        let held = scene.written.deliveries[0].clone();
        for (passes, wait) in waits {
            assert!(!scene.state.channel_fails(&held.channel), "{remedy:?}");
            scene.pass(*passes);
            scene.step(delayed(&held, scene.now, *wait, remedy));
            assert!(matches!(scene.last.commit.outcomes[..], [DeliveryOutcome::Retry { .. }]));
        }
        assert!(scene.state.channel_fails(&held.channel), "{remedy:?}");
        scene.take_told();
        scene.pass(1);
        let at = waits.iter().map(|(passes, _)| passes).sum::<i64>() + 1;
        scene.told(&[&format!("{at} two#1 opened page: {DOWN}")]);
        let last = scene.written.deliveries.iter().filter(|one| one.channel.as_str() == "last").count();
        assert_eq!(
            last, 2,
            "the fallback hears that nobody was reached, and like everybody that the channel fails"
        );
        answer(&mut scene, "one", false);
        assert!(!scene.state.channel_fails(&held.channel), "the next one that it takes ends it");
    }
}

#[test]
fn one_hangs_one_refuses_one_works_and_then_nobody_was_reached() {
    let mut scene = three_steps(|_| {});
    let id = break_db(&mut scene);
    // The first one hangs: nothing is known of its message but that it is tried again, and its time goes by.
    for wait in [60, 120] {
        scene.pass(wait);
        let hangs = scene.written.deliveries[0].clone();
        scene.step(delayed(&hangs, scene.now, 60, Remedy::Time));
    }
    scene.told(&[&format!("0 one#1 opened page: {DOWN}")]);
    // The second one refuses for good, 3 s after it was asked: the third is told at once, and so is the fallback.
    scene.pass(423);
    scene.told(&[&format!("600 two#1 opened page: {DOWN}")]);
    answer(&mut scene, "two", true);
    scene.pass(1);
    let told = scene.take_told();
    assert!(told.contains(&format!("603 last#1 opened page: Nobody was reached about “{DOWN}”")), "{told:?}");
    assert!(told.contains(&format!("604 three#1 opened page: {DOWN}")), "{told:?}");
    // The third one works, and its time goes by all the same: nobody takes it up. The fallback hears once.
    answer(&mut scene, "three", false);
    scene.pass(600);
    let unreached =
        scene.state.incidents().find(|one| one.alerts.keys().any(|key| key.ends_with("nobody-reached")));
    let unreached = unreached.unwrap().clone();
    let last = scene.written.deliveries.iter().filter(|one| one.channel.as_str() == "last");
    assert_eq!(last.filter(|one| one.message.incident.id == unreached.id).count(), 1);
    let not_told = scene.written.timeline.iter().filter(|one| one.kind == EntryKind::NotTold);
    let not_told: Vec<&str> = not_told.map(|one| one.text.as_str()).collect();
    assert!(not_told.contains(&"No message of step 2 of db-team arrived: 404 Not Found."), "{not_told:?}");
    assert!(
        not_told.contains(&"All of db-team was told within 15 min, and nobody took it up."),
        "{not_told:?}"
    );
    let ids = |commit: &Commit| {
        commit.deliveries.iter().map(|one| one.id).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(
        ids(&scene.written).len(),
        scene.written.deliveries.len(),
        "no identifier stands for two messages"
    );
    // Whoever takes it up ends both.
    scene.act(Action::Acknowledge(id));
    assert!(!scene.state.incident(unreached.id).unwrap().is_open());
    assert!(scene.state.incident(id).unwrap().is_open());
}

#[test]
fn when_the_message_of_a_step_comes_back_the_next_is_taken_at_once() {
    let mut scene = three_steps(|_| {});
    break_db(&mut scene);
    answer(&mut scene, "one", false);
    scene.pass(60);
    let sent = scene.written.deliveries[0].clone();
    let (id, channel, incident) = (sent.id, sent.channel, Some(sent.message.incident.id));
    scene.step(Event::DeliveryBounced { id, channel, incident, reason: "550 no such mailbox".into() });
    scene.pass(5);
    let second = scene.written.deliveries.iter().find(|one| one.channel.as_str() == "two").unwrap();
    assert!(second.created_at.duration_since(begin()).as_secs() <= 61);
    assert!(scene.written.deliveries.iter().all(|one| one.channel.as_str() != "three"));
}

#[test]
fn a_step_goes_on_waiting_for_the_message_that_tells_its_own_as_well() {
    let mut scene = three_steps(|_| {});
    let incident = break_db(&mut scene);
    scene.pass(100).act(Action::SetSeverity { incident, severity: Severity::High });
    let to_one: Vec<Delivery> =
        scene.written.deliveries.iter().filter(|one| one.channel.as_str() == "one").cloned().collect();
    assert_eq!(to_one.len(), 2);
    scene.step(Event::DeliveriesLate { waiting: to_one });
    answer(&mut scene, "one", true);
    scene.pass(5);
    assert!(scene.written.deliveries.iter().any(|one| one.channel.as_str() == "two"));
}

#[test]
fn one_message_that_arrives_gives_the_step_its_time() {
    let mut scene = three_steps(|landscape| {
        let policy = landscape.escalations.values_mut().next().unwrap();
        policy.steps[0].to.push(channel("ops"));
    });
    break_db(&mut scene);
    answer(&mut scene, "one", true);
    answer(&mut scene, "ops", false);
    scene.pass(590);
    assert!(scene.written.deliveries.iter().all(|one| one.channel.as_str() != "two"));
}

#[test]
fn steps_are_gone_through_again_as_often_as_the_policy_says() {
    let mut scene = three_steps(|landscape| landscape.escalations.values_mut().next().unwrap().repeat = 1);
    break_db(&mut scene);
    scene.pass(2 * 1500 + 30);
    let times: Vec<String> = scene
        .written
        .deliveries
        .iter()
        .map(|one| format!("{} {}", one.created_at.duration_since(begin()).as_secs(), one.channel))
        .collect();
    assert_eq!(times, ["0 one", "600 two", "1200 three", "1500 one", "2100 two", "2700 three", "3000 last"]);
}

#[test]
fn an_empty_step_is_passed_and_told() {
    let mut scene = three_steps(|landscape| {
        let nobody = Person { title: "Ana".into(), channels: vec![], timezone: None };
        landscape.people = [("ana".parse().unwrap(), nobody)].into();
        let policy = landscape.escalations.values_mut().next().unwrap();
        policy.steps[0].to = vec![Recipient::Person("ana".parse().unwrap())];
    });
    break_db(&mut scene);
    scene.told(&[
        &format!("0 two#1 opened page: {DOWN}"),
        &format!("0 last#1 opened page: Nobody was reached about “{DOWN}”"),
    ]);
    let evidence = &scene.incident(1).diagnosis.evidence;
    assert_eq!(evidence[0], "Step 1 of db-team reached nobody: ana has no channel.");
}

#[test]
fn steps_wait_for_the_hours_of_their_policy() {
    let mut scene = three_steps(|landscape| {
        landscape.escalations.values_mut().next().unwrap().during = Some(office());
    });
    break_db(&mut scene);
    let monday = 55 * 3600;
    scene.pass_by(monday - 30, 30).told(&[]);
    scene.pass_by(60, 1).told(&[&format!("{monday} one#1 opened page: {DOWN}")]);
}

#[test]
fn a_snooze_ends_and_the_policy_begins_anew() {
    let mut scene = three_steps(|_| {});
    let incident = break_db(&mut scene);
    scene.act(Action::Snooze { incident, until: scene.now + jiff::SignedDuration::from_mins(30) });
    scene.told(&[&format!("0 one#1 opened page: {DOWN}")]);
    scene.pass(1801);
    scene.told(&[&format!(
        "1800 one#2 updated page: {DOWN} | ana took it up for 30 min, and it is still open."
    )]);
    scene.pass(600).told(&[&format!("2400 two#1 opened page: {DOWN}")]);
}

#[test]
fn taken_up_when_it_was_less_urgent_counts_no_longer() {
    let mut scene = three_steps(|landscape| {
        landscape.routes.push(route(&[Severity::Warn, Severity::High], &["ops"]));
    });
    let end = begin() + days(20);
    scene.check("db", Life(end - days(90), end));
    let id = scene.incident(0).id;
    scene.act(Action::Acknowledge(id));
    scene.told(&[&"0 ops#1 opened warn: db will break: its certificate ends soon".to_owned()[..]]);
    while scene.now < end - days(2) + jiff::SignedDuration::from_mins(1) {
        scene.now += jiff::SignedDuration::from_mins(10);
        scene.check("db", Life(end - days(90), end)).step(Event::Tick);
    }
    assert_eq!(scene.incident(0).state, IncidentState::Open);
    let told = scene.written.deliveries.iter().map(|one| one.channel.as_str());
    assert!(told.clone().any(|channel| channel == "one"), "{:?}", told.collect::<Vec<_>>());
}

/// `db` will end in two days, and the first step goes to whoever is on call: ana until tomorrow, ben after her.
fn announced_to_ana() -> (Scene, jiff::Timestamp) {
    let mut scene = three_steps(|landscape| {
        for (name, channel) in [("ana", "one"), ("ben", "two")] {
            let channels = vec![channel.parse().unwrap()];
            let someone = Person { title: name.to_uppercase(), channels, timezone: None };
            landscape.people.insert(name.parse().unwrap(), someone);
        }
        let layer = Layer {
            people: ["ana", "ben"].map(|name| name.parse().unwrap()).to_vec(),
            rotation: "daily".parse().unwrap(),
            start: "2026-06-06T00:00".parse().unwrap(),
            restriction: None,
        };
        let timezone = jiff::tz::TimeZone::UTC;
        let schedule =
            Schedule { title: "Platform".into(), timezone, layers: vec![layer], overrides: Vec::new() };
        landscape.schedules = [("platform".parse().unwrap(), schedule)].into();
        let policy = landscape.escalations.values_mut().next().unwrap();
        policy.steps[0].to = vec![Recipient::Schedule("platform".parse().unwrap())];
    });
    let end = begin() + jiff::SignedDuration::from_hours(47);
    scene.check("db", Life(end - days(90), end));
    scene.told(&["0 one#1 opened page: db will break: its certificate ends soon"]);
    (scene, end)
}

#[test]
fn taken_up_before_it_broke_counts_no_longer() {
    let (mut scene, end) = announced_to_ana();
    let id = scene.incident(0).id;
    scene.act(Action::Acknowledge(id)).pass(47 * 3600 + 60);
    scene.check_fully("db", Expired(end - days(90), end));
    assert_eq!(scene.state.incidents().count(), 1);
    assert_eq!(scene.incident(0).state, IncidentState::Open);
    let told = scene.take_told();
    assert!(told.iter().any(|line| line.contains(" two#1 opened page: db is down")), "{told:?}");
    let said = "ana took it up before it broke; whoever is responsible now is told anew.";
    assert!(scene.written.timeline.iter().any(|entry| entry.text == said));
}

#[test]
fn a_severity_that_was_chosen_for_what_was_announced_ends_with_the_break() {
    let (mut scene, end) = announced_to_ana();
    let incident = scene.incident(0).id;
    scene.act(Action::SetSeverity { incident, severity: Severity::Warn }).act(Action::Acknowledge(incident));
    scene.pass(47 * 3600 + 60);
    scene.check_fully("db", Expired(end - days(90), end));
    assert_eq!(scene.incident(0).severity, Severity::Page);
    let told = scene.take_told();
    assert!(told.iter().any(|line| line.contains(" two#1 opened page: db is down")), "{told:?}");
}

#[test]
fn a_message_of_two_policies_that_does_not_arrive_moves_both_on() {
    let mut scene = three_steps(|landscape| {
        let steps = vec![step(&[channel("one")], 10), step(&[channel("ops")], 10)];
        landscape.escalations.insert("other".parse().unwrap(), Escalation { steps, repeat: 0, during: None });
        landscape.routes.push(Route { escalate: Some("other".parse().unwrap()), ..Route::default() });
    });
    break_db(&mut scene);
    scene.told(&[&format!("0 one#1 opened page: {DOWN}")]);
    answer(&mut scene, "one", true);
    scene.pass(2);
    let told = scene.take_told();
    for channel in ["two", "ops"] {
        assert!(
            told.iter().any(|line| line.contains(&format!(" {channel}#1 opened page: {DOWN}"))),
            "{told:?}"
        );
    }
}

/// What is done while the clock is ahead by more than a day, and set right after it.
fn with_a_clock_ahead(scene: &mut Scene, act: impl FnOnce(&mut Scene)) {
    let ahead = jiff::SignedDuration::from_hours(30);
    scene.now += ahead;
    scene.step(Event::Tick);
    act(scene);
    scene.take_told();
    scene.now -= ahead;
    scene.step(Event::Tick);
}

#[test]
fn a_clock_that_was_ahead_holds_no_step_back() {
    let mut scene = three_steps(|_| {});
    with_a_clock_ahead(&mut scene, |scene| _ = break_db(scene));
    scene.pass(595).told(&[]);
    scene.pass(10).told(&[&format!("600 two#1 opened page: {DOWN}")]);
}

#[test]
fn a_clock_that_was_ahead_prolongs_no_snooze() {
    let mut scene = three_steps(|_| {});
    with_a_clock_ahead(&mut scene, |scene| {
        let incident = break_db(scene);
        scene.act(Action::Snooze { incident, until: scene.now + jiff::SignedDuration::from_mins(30) });
    });
    scene.pass(1795).told(&[]);
    scene.pass(10);
    let told = scene.take_told();
    assert!(told.iter().any(|line| line.contains(" one#2 updated page")), "{told:?}");
}

#[test]
fn what_joins_and_concerns_another_team_is_told_to_that_team() {
    let mut scene = Scene::changed(&["a@acme", "b@acme"], |landscape| {
        let policy = |to: &str| Escalation { steps: vec![step(&[channel(to)], 10)], repeat: 0, during: None };
        landscape.escalations =
            [("team-a".parse().unwrap(), policy("ops")), ("team-b".parse().unwrap(), policy("phone"))].into();
        let route = |name: &str| Route {
            when: Match { dependency: vec![name.parse().unwrap()], ..Match::default() },
            escalate: format!("team-{name}").parse().ok(),
            ..Route::default()
        };
        landscape.routes = vec![route("a"), route("b")];
    })
    .seldom();
    scene.check_fully("a", Bad(ConnectRefused));
    let id = scene.incident(0).id;
    scene.told(&["0 ops#1 opened page: a is down: the connection is refused"]);
    scene.act(Action::Acknowledge(id)).pass(3600).check_fully("b", Bad(ConnectRefused));
    assert_eq!(scene.state.incidents().count(), 1);
    let told = scene.take_told();
    assert!(
        told.iter().any(|line| line.contains(" phone#1 opened page: 2 dependencies of Acme")),
        "{told:?}"
    );
    let said = "ana took it up when it did not concern everybody that it concerns now; whoever is responsible now is told anew.";
    assert!(scene.written.timeline.iter().any(|entry| entry.text == said));
}

#[test]
fn it_goes_on_after_a_restart() {
    let mut scene = three_steps(|_| {});
    break_db(&mut scene);
    scene.pass(60);
    let incidents = scene.state.incidents().map(|one| one.as_ref().clone()).collect();
    let dependencies = scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
    scene.state = mainstay_engine::State::restored(dependencies, incidents);
    scene.configure().told(&[&format!("0 one#1 opened page: {DOWN}")]);
    scene.pass(560).told(&[&format!("600 two#1 opened page: {DOWN}")]);
}

#[test]
fn handing_it_over_tells_the_person_and_waits_for_them() {
    let mut scene = three_steps(|landscape| {
        let ben = Person { title: "Ben".into(), channels: vec!["ops".parse().unwrap()], timezone: None };
        landscape.people = [("ben".parse().unwrap(), ben)].into();
    });
    let incident = break_db(&mut scene);
    scene.act(Action::Acknowledge(incident));
    scene.told(&[&format!("0 one#1 opened page: {DOWN}")]);
    scene.pass(60).act(Action::Assign { incident, to: "ben".parse().unwrap() });
    assert_eq!(scene.incident(0).state, IncidentState::Open);
    scene.told(&[&format!("60 ops#1 opened page: {DOWN}")]);
    let told = &scene.written.deliveries[1];
    assert_eq!((told.channel.as_str(), told.message.person.as_ref().unwrap().as_str()), ("ops", "ben"));
    scene.act(Action::Assign { incident, to: "nobody".parse().unwrap() });
    assert!(scene.written.timeline.last().unwrap().text.ends_with("nobody of that name is configured."));
    // Ben has the time of the first step, and does not take it up.
    scene.pass(598).told(&[]);
    scene.pass(2).told(&[&format!(
        "660 one#2 escalated page: {DOWN} | ben did not take it up, so step 1 of db-team is told."
    )]);
    scene.pass(600).told(&[&format!("1260 two#1 opened page: {DOWN}")]);
}

#[test]
fn where_whoever_it_is_handed_to_cannot_be_told_the_policy_does_not_wait_for_them() {
    let mut scene = three_steps(|landscape| {
        let ben = Person { title: "Ben".into(), channels: vec!["ops".parse().unwrap()], timezone: None };
        let carla = Person { title: "Carla".into(), channels: vec![], timezone: None };
        landscape.people = [("ben".parse().unwrap(), ben), ("carla".parse().unwrap(), carla)].into();
    });
    let incident = break_db(&mut scene);
    scene.act(Action::Acknowledge(incident)).take_told();
    scene.act(Action::Assign { incident, to: "carla".parse().unwrap() });
    scene.told(&[&format!("0 one#2 escalated page: {DOWN}")]);
    scene.pass(60).act(Action::Acknowledge(incident));
    scene.act(Action::Assign { incident, to: "ben".parse().unwrap() });
    scene.told(&[&format!("60 ops#1 opened page: {DOWN}")]);
    answer(&mut scene, "ops", true);
    scene.pass(2);
    let told = scene.take_told();
    assert!(told.iter().any(|line| line.contains(" one#3 escalated")), "{told:?}");
}

/// The incident that says that nobody was reached.
fn unreached(scene: &Scene) -> Option<Incident> {
    let says = |one: &&std::sync::Arc<Incident>| one.alerts.keys().any(|key| key.ends_with("nobody-reached"));
    scene.state.incidents().find(says).map(|one| one.as_ref().clone())
}

#[test]
fn whoever_takes_up_that_nobody_was_reached_takes_up_what_it_is_about() {
    let exhausted = || {
        let mut scene =
            three_steps(|landscape| landscape.escalations.values_mut().next().unwrap().repeat = 9);
        let id = break_db(&mut scene);
        answer(&mut scene, "one", true);
        scene.pass(2);
        let said = unreached(&scene).unwrap().id;
        (scene, id, said)
    };
    let is_taken_up = |scene: &Scene, id| {
        matches!(scene.state.incident(id).unwrap().state, IncidentState::Acknowledged { .. })
    };
    let (mut scene, id, said) = exhausted();
    scene.act(Action::Acknowledge(said));
    assert!(is_taken_up(&scene, id));
    assert!(!scene.state.incident(said).unwrap().is_open(), "and somebody was reached");
    scene.take_told();
    scene.pass(3600).told(&[]);

    let (mut scene, id, said) = exhausted();
    let until = scene.now + jiff::SignedDuration::from_mins(30);
    scene.act(Action::Snooze { incident: said, until });
    let IncidentState::Acknowledged { until: held, .. } = scene.state.incident(id).unwrap().state else {
        panic!()
    };
    assert_eq!(held, Some(until));

    // That it was read is no word about whether the other thing is over.
    let (mut scene, id, said) = exhausted();
    scene.act(Action::Resolve(said));
    assert!(is_taken_up(&scene, id));
    assert!(!scene.state.incident(said).unwrap().is_open());
}

#[test]
fn that_nobody_was_reached_is_over_with_what_it_is_about() {
    let mut scene = three_steps(|_| {});
    break_db(&mut scene);
    scene.pass(1510).take_told();
    scene.check_fully("db", Good);
    assert!(scene.state.incidents().all(|one| !one.is_open()));
    let told = scene.take_told();
    assert!(told.iter().any(|line| line.contains(" last#2 resolved page")), "{told:?}");
}

#[test]
fn handing_over_that_nobody_was_reached_hands_over_what_it_is_about() {
    let mut scene = three_steps(|landscape| {
        let ben = Person { title: "Ben".into(), channels: vec!["ops".parse().unwrap()], timezone: None };
        landscape.people = [("ben".parse().unwrap(), ben)].into();
    });
    let id = break_db(&mut scene);
    scene.pass(1510).take_told();
    let said = unreached(&scene).unwrap().id;
    scene.act(Action::Assign { incident: said, to: "ben".parse().unwrap() });
    scene.told(&[&format!("1510 ops#1 opened page: {DOWN}")]);
    let handed = |id| scene.state.incident(id).unwrap().room.assignee.clone();
    assert_eq!((handed(id), handed(said)), ("ben".parse().ok(), "ben".parse().ok()));
    scene.act(Action::Acknowledge(id));
    assert!(!scene.state.incident(said).unwrap().is_open());
}
