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
    scene.act(Action::Assign { incident, to: "ben".parse().unwrap() });
    assert_eq!(scene.incident(0).state, IncidentState::Open);
    let told = &scene.written.deliveries[1];
    assert_eq!((told.channel.as_str(), told.message.person.as_ref().unwrap().as_str()), ("ops", "ben"));
    scene.act(Action::Assign { incident, to: "nobody".parse().unwrap() });
    assert!(scene.written.timeline.last().unwrap().text.ends_with("nobody of that name is configured."));
}
