//! What becomes of messages after they were decided: late ones, those that come back, and those that are sent again.

use mainstay_engine::{Action, Event};
use mainstay_model::FailureKind::*;
use mainstay_model::*;

use crate::scene::*;

fn event(delivery: &Delivery, reason: Option<&str>) -> Event {
    let (id, channel, incident) = (delivery.id, delivery.channel.clone(), Some(delivery.message.incident.id));
    match reason {
        Some(reason) => Event::DeliveryBounced { id, channel, incident, reason: reason.into() },
        None => Event::Delivered { id, channel, incident, receipt: None },
    }
}

/// The messages to `ops` about the first incident after it opened, rose and perhaps ended, as the outbox has them.
fn waiting(scene: &mut Scene, over: bool) -> Vec<Delivery> {
    scene.check_fully("db", Bad(ConnectRefused));
    let incident = scene.incident(0).id;
    scene.pass(300).act(Action::SetSeverity { incident, severity: Severity::High });
    if over {
        scene.pass(300).check_fully("db", Good);
    }
    let of_it = |one: &&Delivery| one.channel.as_str() == "ops" && one.message.incident.id == incident;
    let mut waiting: Vec<Delivery> = scene.written.deliveries.iter().filter(of_it).cloned().collect();
    waiting[0].state =
        DeliveryState::Queued { next_attempt_at: scene.now, attempts: 7, last_error: Some("503".into()) };
    waiting
}

fn reworded(scene: &Scene, waiting: &[Delivery]) -> Message {
    let last = waiting.last().unwrap().id;
    let mut merged = Vec::new();
    let mut message = None;
    for outcome in &scene.last.commit.outcomes {
        match outcome {
            DeliveryOutcome::Merged { id, into, .. } if *into == last => merged.push(*id),
            DeliveryOutcome::Reworded { id, next_attempt_at, attempts: 7, message: said }
                if *id == last && *next_attempt_at == scene.now =>
            {
                message = Some((**said).clone());
            }
            other => panic!("{other:?}"),
        }
    }
    let before: Vec<DeliveryId> = waiting[..waiting.len() - 1].iter().map(|one| one.id).collect();
    assert_eq!(merged, before);
    message.expect("the last one tells it")
}

#[test]
fn what_is_over_before_its_channel_is_back_is_one_message_that_says_so() {
    let mut scene = Scene::with(&["db"]);
    let waiting = waiting(&mut scene, true);
    scene.step(Event::DeliveriesLate { waiting: waiting.clone() });
    let message = reworded(&scene, &waiting);
    assert_eq!(message.kind, MessageKind::Resolved);
    let said = message.change.unwrap();
    assert!(
        said.starts_with("It opened at 20") && said.contains("this is the only message about it."),
        "{said}"
    );
}

#[test]
fn what_is_still_open_is_told_as_it_stands_now() {
    let mut scene = Scene::with(&["db"]);
    let waiting = waiting(&mut scene, false);
    let last = waiting.last().unwrap().message.clone();
    assert_eq!((last.kind, last.incident.severity), (MessageKind::Updated, Severity::High));
    scene.step(Event::DeliveriesLate { waiting: waiting.clone() });
    let message = reworded(&scene, &waiting);
    assert_eq!((message.kind, &message.incident), (MessageKind::Opened, &last.incident));
    let said = message.change.unwrap();
    assert!(
        said.starts_with("This comes late: it opened at 20") && said.ends_with(&last.change.unwrap()),
        "{said}"
    );
}

#[test]
fn who_heard_that_it_opened_is_told_only_what_came_of_it() {
    let mut scene = Scene::with(&["db"]);
    let mut waiting = waiting(&mut scene, true);
    waiting.remove(0);
    waiting[0].state = DeliveryState::Queued { next_attempt_at: scene.now, attempts: 7, last_error: None };
    scene.step(Event::DeliveriesLate { waiting: waiting.clone() });
    let message = reworded(&scene, &waiting);
    assert_eq!(message.kind, MessageKind::Resolved);
    let said = message.change.unwrap();
    assert!(said.starts_with("ops took no messages for a while, so single changes are left out."), "{said}");
}

#[test]
fn one_message_alone_stays_as_it_is() {
    let mut scene = Scene::with(&["db"]);
    let mut waiting = waiting(&mut scene, false);
    waiting.truncate(1);
    scene.step(Event::DeliveriesLate { waiting });
    assert!(scene.last.commit.is_empty());
}

#[test]
fn what_comes_back_is_told_by_another_channel() {
    let mut scene = Scene::with(&["db"]);
    scene.check_fully("db", Bad(ConnectRefused));
    let first = scene.written.deliveries[0].clone();
    let id = scene.incident(0).id;
    scene.step(event(&first, None)).step(Event::DeliveryStillTrying { id: first.id, reason: "4.4.1".into() });
    assert!(matches!(scene.last.commit.outcomes[..], [DeliveryOutcome::StillTrying { .. }]));
    assert_eq!(scene.state.incidents().count(), 1, "a delay is no news");
    scene.step(event(&first, Some("550 no such mailbox")));
    assert!(matches!(scene.last.commit.outcomes[..], [DeliveryOutcome::Bounced { .. }]));
    scene.told(&[
        "0 ops#1 opened page: db is down: the connection is refused",
        "0 phone#1 opened page: db is down: the connection is refused",
        "0 phone#1 opened high: ops does not take messages",
    ]);
    assert!(scene.timeline(id).ends_with("told not-told"));
}

#[test]
fn a_message_is_sent_again_as_another_one_behind_the_latest() {
    let mut scene = Scene::with(&["db"]);
    scene.check_fully("db", Bad(ConnectRefused));
    let lost = scene.written.deliveries[0].clone();
    scene.act(Action::SendAgain(Box::new(lost.clone())));
    let again = scene.last.commit.deliveries[0].clone();
    assert_eq!((again.again_of, again.sequence), (Some(lost.id), lost.sequence + 1));
    assert_eq!((&again.message, &again.channel), (&lost.message, &lost.channel));
    assert_ne!(again.id, lost.id);
    let gone = Delivery { channel: "gone".parse().unwrap(), ..lost };
    scene.act(Action::SendAgain(Box::new(gone)));
    assert!(scene.last.commit.deliveries.is_empty());
    assert!(scene.last.commit.timeline[0].text.contains("its channel is no longer in the configuration"));
}

#[test]
fn what_is_sent_again_says_how_it_stands_and_opens_nothing_that_is_over() {
    let mut scene = Scene::with(&["db"]);
    scene.check_fully("db", Bad(ConnectRefused));
    let lost = scene.written.deliveries[0].clone();
    let incident = scene.incident(0).id;
    scene.act(Action::SetSeverity { incident, severity: Severity::High });
    let again = |scene: &mut Scene| {
        scene.act(Action::SendAgain(Box::new(lost.clone())));
        scene.last.commit.deliveries[0].message.clone()
    };
    let message = again(&mut scene);
    assert_eq!((message.kind, message.incident.severity), (MessageKind::Opened, Severity::High));
    scene.pass(300).check_fully("db", Good);
    let message = again(&mut scene);
    assert_eq!((message.kind, message.incident.state.as_str()), (MessageKind::Resolved, "resolved"));
    assert!(message.incident.resolved_at.is_some());
    // One that is over for long is no longer at hand.
    let mut later = Scene::with(&["db"]);
    let message = again(&mut later);
    assert_eq!((message.kind, message.incident.state.as_str()), (MessageKind::Resolved, "resolved"));
}

#[test]
fn a_trial_is_loud_or_quiet_and_about_no_incident() {
    let mut scene = Scene::with(&["db"]);
    scene.shows_trials = true;
    for (loudly, kind) in [(true, MessageKind::Test), (false, MessageKind::Probe)] {
        scene.act(Action::TryChannel { channel: "ops".parse().unwrap(), loudly });
        assert_eq!(scene.last.commit.deliveries[0].message.kind, kind);
    }
    scene.act(Action::TryChannel { channel: "gone".parse().unwrap(), loudly: true });
    assert!(scene.last.commit.deliveries.is_empty());
    scene.act(Action::TryNow(DeliveryId::new(scene.now, &mut Random::seeded(1))));
    assert!(matches!(scene.last.commit.outcomes[..], [DeliveryOutcome::Hurried { .. }]));
}

#[test]
fn an_address_that_is_refused_beside_others_is_named_and_the_channel_still_tells() {
    let mut scene = Scene::changed(&["db"], |landscape| {
        landscape.channels.remove("phone");
        landscape.routes.pop();
    });
    scene.check_fully("db", Bad(ConnectRefused));
    let sent = scene.written.deliveries[0].clone();
    let in_part = |refused: &str| Event::DeliveredInPart {
        id: sent.id,
        channel: sent.channel.clone(),
        incident: Some(sent.message.incident.id),
        receipt: None,
        refused: vec![refused.into()],
    };
    scene.take_told();
    scene.step(in_part("ben@example.com: 550 no such user"));
    scene.told(&["0 ops#1 opened warn: ops does not reach everybody"]);
    let (named, is_failing) = (scene.incident(1), scene.state.channel_fails(&sent.channel));
    assert_eq!(named.diagnosis.evidence, ["ben@example.com: 550 no such user"]);
    assert!(!is_failing, "it takes messages");
    // Each message finds the same, of which nothing more is told; one that is lost is worse.
    scene.step(in_part("ben@example.com: 550 no such user")).told(&[]);
    scene.step(event(&sent, Some("550 over quota")));
    assert!(scene.state.channel_fails(&sent.channel));
    assert_eq!(scene.incident(1).severity, Severity::High);
    scene.step(event(&sent, None));
    assert!(!scene.incident(1).is_open());
}

/// Has `ops` be a service that shows where an incident stands, and an incident taken up of which both channels know.
fn taken_up() -> Scene {
    let mut scene = Scene::changed(&["db"], |landscape| {
        let duty = PagerDuty { routing_key: Secret::new("hush"), api_url: None };
        landscape.channels.get_mut("ops").unwrap().kind = ChannelKind::PagerDuty(duty);
    });
    scene.check_fully("db", Bad(ConnectRefused)).take_told();
    let id = scene.incident(0).id;
    scene.pass(5).act(Action::Acknowledge(id));
    scene
}

#[test]
fn that_somebody_took_it_up_is_shown_where_it_stands_and_told_to_nobody() {
    let mut scene = taken_up();
    let shown = scene.last.commit.deliveries.clone();
    let [shown] = &shown[..] else { panic!("{shown:?}") };
    assert_eq!(
        (shown.channel.as_str(), shown.sequence, shown.message.kind),
        ("ops", 2, MessageKind::TakenUp)
    );
    assert_eq!(shown.message.incident.state, "acknowledged");
    let (given_up, id) = (scene.written.deliveries[0].clone(), shown.id);
    let (channel, incident) = (given_up.channel.clone(), Some(given_up.message.incident.id));
    let reason = "404".into();
    scene.step(Event::DeliveryGivenUp { id: given_up.id, channel, incident, reason });
    scene.step(Event::Shown { id, receipt: None });
    assert!(matches!(scene.last.commit.outcomes[..], [DeliveryOutcome::Delivered { .. }]));
    assert!(scene.state.channel_fails(&given_up.channel), "there may have been nothing to change");
    let id = scene.incident(0).id;
    scene.take_told();
    scene.act(Action::Acknowledge(id)).told(&[]);
    // It counts as no message by which the next one would have to wait.
    scene.act(Action::SetSeverity { incident: id, severity: Severity::High });
    scene.pass(60);
    let told = scene.take_told();
    assert!(told.iter().any(|line| line.contains("ops#3 updated high")), "{told:?}");
}

#[test]
fn a_late_message_tells_what_it_has_to_tell_although_it_was_taken_up_since() {
    let mut scene = taken_up();
    let of_ops = |one: &&Delivery| one.channel.as_str() == "ops";
    let mut waiting: Vec<Delivery> = scene.written.deliveries.iter().filter(of_ops).cloned().collect();
    let queued = DeliveryState::Queued { next_attempt_at: scene.now, attempts: 7, last_error: None };
    waiting[0].state = queued;
    scene.step(Event::DeliveriesLate { waiting: waiting.clone() });
    assert_eq!(reworded(&scene, &waiting).kind, MessageKind::Opened);
    waiting[0].message.kind = MessageKind::Escalated;
    scene.step(Event::DeliveriesLate { waiting: waiting.clone() });
    assert_eq!(reworded(&scene, &waiting).kind, MessageKind::Updated);
}
