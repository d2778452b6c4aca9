//! Channels that nothing shows to work, and signs of life that do not come.

use std::time::Duration;

use jiff::SignedDuration;
use mainstay_engine::{Event, State};
use mainstay_model::FailureKind::*;
use mainstay_model::*;

use crate::scene::*;

/// A scene in which quiet trials are seen and proofs last for 30 days.
fn trying() -> Scene {
    let proven_within = ProvenWithin::default();
    let mut scene = Scene::changed(&["db"], |landscape| landscape.proven_within = proven_within).seldom();
    scene.shows_trials = true;
    scene
}

fn hours(count: i64) -> i64 {
    3600 * count
}

/// Everything that was sent takes place, or is given up by the one that is named.
fn answer(scene: &mut Scene, refusing: Option<&str>) {
    for sent in std::mem::take(&mut scene.written.deliveries) {
        let (id, channel) = (sent.id, sent.channel);
        let about_one = sent.message.kind != MessageKind::Probe;
        let incident = about_one.then_some(sent.message.incident.id);
        scene.step(match refusing == Some(channel.as_str()) {
            true => Event::DeliveryGivenUp { id, channel, incident, reason: "404".into() },
            false => Event::Delivered { id, channel, incident, receipt: None },
        });
    }
}

fn kinds(scene: &mut Scene) -> Vec<String> {
    let sent = scene.written.deliveries.iter();
    sent.map(|one| format!("{} {}", one.channel, one.message.kind)).collect()
}

#[test]
fn a_new_channel_is_tried_within_the_hour_and_then_weekly() {
    let mut scene = trying();
    scene.pass_by(hours(1) - 60, 30);
    assert!(kinds(&mut scene).is_empty());
    scene.pass_by(hours(1), 30);
    assert_eq!(kinds(&mut scene), ["ops channel.probe", "phone channel.probe"]);
    answer(&mut scene, None);
    scene.pass_by(hours(7 * 24 - 3), 600);
    assert!(kinds(&mut scene).is_empty());
    scene.pass_by(hours(4), 60);
    assert_eq!(kinds(&mut scene), ["ops channel.probe", "phone channel.probe"]);
}

#[test]
fn what_was_proven_of_another_address_says_nothing_of_this_one() {
    let mut scene = trying();
    scene.check_fully("db", Bad(ConnectRefused));
    answer(&mut scene, Some("phone"));
    let proven = |scene: &Scene| scene.state.known().proven.into_keys().collect::<Vec<_>>();
    assert_eq!(proven(&scene), ["ops".parse().unwrap()]);
    let ops = scene.landscape.channels.get_mut("ops").unwrap();
    ops.kind = ChannelKind::Email { to: vec!["onccall@example.com".into()] };
    // As the command sees it, of a configuration that is not loaded yet.
    let kept: Vec<_> = scene.state.channels().cloned().collect();
    assert!(mainstay_engine::proven_channels(&kept, &scene.landscape).is_empty());
    scene.configure();
    assert!(proven(&scene).is_empty());
}

#[test]
fn nobody_asks_whether_a_channel_works_that_was_removed() {
    let mut scene = trying();
    scene.landscape.proven_within = ProvenWithin(Duration::from_secs(3600));
    scene.configure().pass_by(hours(2), 30);
    let doubts = |scene: &Scene| scene.state.incidents().filter(|one| one.is_open()).count();
    assert_eq!(doubts(&scene), 2);
    scene.landscape.channels.remove("phone");
    scene.landscape.routes.truncate(1);
    scene.configure();
    assert_eq!(doubts(&scene), 1);
}

#[test]
fn what_takes_messages_needs_no_trial() {
    let mut scene = trying();
    scene.pass(60).check_fully("db", Bad(ConnectRefused));
    answer(&mut scene, None);
    scene.pass_by(hours(6 * 24), 600);
    assert!(kinds(&mut scene).is_empty());
}

#[test]
fn one_that_is_never_shown_to_work_is_told_by_the_others() {
    let mut scene = trying();
    scene.pass_by(hours(2), 30);
    // The trial of one is neither taken nor given up: its service is silent after accepting.
    scene.written.deliveries.retain(|one| one.channel.as_str() == "ops");
    answer(&mut scene, None);
    for _ in 0..31 * 4 {
        scene.pass_by(hours(6), 600);
        scene.written.deliveries.retain(|one| one.channel.as_str() == "ops");
        answer(&mut scene, None);
    }
    let doubted = scene.incident(0);
    assert_eq!(doubted.title, "phone was not shown to work for long");
    assert_eq!(
        doubted.diagnosis.actions,
        ["Send a trial to phone from https://ops.example.com/channels, and mend its settings when it fails."],
        "a command that needs no server tells the server nothing"
    );
    assert_eq!(doubted.told.channels.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["ops"]);
    let id = DeliveryId::new(scene.now, &mut Random::seeded(1));
    let (channel, incident, receipt) = ("phone".parse().unwrap(), None, None);
    scene.step(Event::Delivered { id, channel, incident, receipt });
    assert!(!scene.incident(0).is_open());
}

#[test]
fn a_trial_that_is_refused_tells_that_the_channel_fails() {
    let mut scene = trying();
    scene.pass_by(hours(2), 30);
    answer(&mut scene, Some("phone"));
    assert_eq!(scene.incident(0).title, "phone does not take messages");
}

#[test]
fn a_quiet_trial_is_a_proof_but_no_message_that_arrived() {
    let mut scene = trying();
    let id = DeliveryId::new(scene.now, &mut Random::seeded(1));
    let channel: ChannelName = "phone".parse().unwrap();
    let bounced = Event::DeliveryBounced {
        id,
        channel: channel.clone(),
        incident: None,
        reason: "550 no such user".into(),
    };
    scene.step(bounced).step(Event::Probed { id, channel: channel.clone() });
    assert!(scene.state.channel_fails(&channel), "that somebody can be logged in to finds nobody's mailbox");
    assert!(scene.state.channels().any(|one| one.name == channel && one.proven_at == Some(scene.now)));
    scene.step(Event::Delivered { id, channel: channel.clone(), incident: None, receipt: None });
    assert!(!scene.state.channel_fails(&channel));
}

#[test]
fn another_address_is_another_channel_and_a_restart_is_not() {
    let mut scene = trying();
    scene.pass_by(hours(2), 30);
    answer(&mut scene, None);
    let records: Vec<ChannelRecord> = scene.state.channels().cloned().collect();
    assert!(records.iter().all(|record| record.proven_at.is_some()));
    let dependencies = scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
    scene.state = State::restored(dependencies, vec![]).remembering(records, vec![]);
    scene.configure().pass_by(hours(2), 30);
    assert!(kinds(&mut scene).is_empty());
    let moved = ChannelKind::Email { to: vec!["other@example.com".into()] };
    scene.landscape.channels.get_mut("ops").unwrap().kind = moved;
    scene.configure().pass_by(hours(2), 30);
    assert_eq!(kinds(&mut scene), ["ops channel.probe"]);
}

fn expecting() -> Scene {
    Scene::changed(&["db"], |landscape| {
        let beat = Heartbeat {
            title: "The other Mainstay".into(),
            every: Duration::from_secs(60),
            grace: Duration::from_secs(30),
            severity: Severity::Page,
            token: None,
        };
        landscape.heartbeats = [("other".parse().unwrap(), beat)].into();
    })
    .seldom()
}

#[test]
fn a_sign_of_life_of_a_clock_that_was_ahead_hides_no_silence() {
    let mut scene = expecting();
    let ahead = SignedDuration::from_hours(30);
    scene.now += ahead;
    scene.step(Event::Heartbeat("other".parse().unwrap())).take_told();
    scene.now -= ahead;
    scene.step(Event::Tick).pass(85);
    assert_eq!(scene.state.incidents().filter(|one| one.is_open()).count(), 0);
    scene.pass(10);
    assert_eq!(
        scene.state.incidents().find(|one| one.is_open()).unwrap().title,
        "other gives no sign of life"
    );
}

#[test]
fn a_sign_of_life_that_does_not_come_is_told_once_and_ends_with_the_next() {
    let mut scene = expecting();
    scene.pass(60).step(Event::Heartbeat("other".parse().unwrap())).pass(89).told(&[]);
    scene.pass(600).ops(&["150 #1 opened page: other gives no sign of life"]);
    scene.step(Event::Heartbeat("other".parse().unwrap()));
    scene.ops(&["749 #2 resolved page: other gives no sign of life | other gives signs of life again."]);
    scene.pass(60).ops(&[]);
}

#[test]
fn one_that_never_came_is_missed_too_and_a_sleeping_machine_blames_nobody() {
    let mut scene = expecting();
    scene.pass(91).ops(&["90 #1 opened page: other gives no sign of life"]);
    let mut scene = expecting();
    scene.step(Event::Heartbeat("other".parse().unwrap()));
    scene.now += SignedDuration::from_hours(5);
    scene.step(Event::Tick).pass(80).ops(&[]);
    scene.step(Event::Heartbeat("unknown".parse().unwrap())).ops(&[]);
}
