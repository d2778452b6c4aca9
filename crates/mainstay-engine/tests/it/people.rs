use jiff::SignedDuration;
use mainstay_engine::{Action, Event};
use mainstay_model::FailureKind::*;
use mainstay_model::{DeliveryOutcome, EntryKind, IncidentId, IncidentState, PublicStatus, Random, Severity};

use crate::scene::*;

fn public(dependencies: &[&str]) -> Scene {
    Scene::changed(dependencies, |landscape| landscape.status_page.auto_publish = true)
}

#[test]
fn policy_publishes_what_customers_feel_without_hosts_or_blame() {
    let mut scene = public(&["db@acme"]);
    scene.check_fully("db", Bad(ConnectRefused));
    let publication = scene.incident(0).publication.unwrap();
    assert_eq!(publication.title, "Checkout may be unavailable");
    assert_eq!(publication.status(), PublicStatus::Investigating);
    scene.pass(30).check("db", Expired(begin() - days(90), begin()));
    let publication = scene.incident(0).publication.unwrap();
    assert_eq!(publication.status(), PublicStatus::Identified);
    assert!(scene.last.publish);
    scene.pass(30).check_fully("db", Good);
    let publication = scene.incident(0).publication.unwrap();
    assert_eq!(publication.status(), PublicStatus::Resolved);
    for update in &publication.updates {
        assert!(!update.body.contains("db") && !update.body.contains("Acme"), "{}", update.body);
    }
}

#[test]
fn what_is_only_announced_or_unused_stays_internal() {
    let mut scene = public(&["db"]);
    scene.check("db", Life(begin() - days(89), begin() + days(1)));
    assert_eq!(scene.incident(0).severity, Severity::Page);
    assert!(scene.incident(0).publication.is_none() && scene.incident(0).broke_at.is_none());
    let mut scene = public(&["db"]);
    scene.landscape.dependencies.get_mut("db").unwrap().used_by.clear();
    scene.configure().check_fully("db", Bad(ConnectRefused));
    assert!(scene.incident(0).publication.is_none());
}

#[test]
fn people_take_up_publish_update_and_resolve() {
    let mut scene = Scene::with(&["db"]);
    scene.check_fully("db", Bad(ConnectRefused));
    let id = scene.incident(0).id;
    scene.act(Action::Acknowledge(id)).act(Action::Acknowledge(id));
    scene.act(Action::Publish { incident: id, title: None, body: Some(" ".into()) });
    scene.act(Action::Publish { incident: id, title: Some("again".into()), body: None });
    scene.act(Action::Update { incident: id, status: PublicStatus::Monitoring, body: "Nearly.".into() });
    scene.act(Action::Note { incident: id, text: "called them".into(), evidence: vec![] });
    scene.ops(&["0 #1 opened page: db is down: the connection is refused"]);
    scene.act(Action::Resolve(id)).act(Action::Resolve(id));
    scene.ops(&[
        "0 #2 resolved page: db is down: the connection is refused | ana closed it by hand; it was not over.",
    ]);
    assert_eq!(scene.timeline(id), "opened acknowledged published public-update note resolved public-update");
    let incident = scene.incident(0);
    assert!(matches!(incident.state, IncidentState::Resolved { by: Some(_), .. }));
    assert_eq!(incident.publication.unwrap().status(), PublicStatus::Resolved);
    scene.act(Action::Publish { incident: id, title: None, body: None });
    assert!(scene.last.commit.is_empty());
}

#[test]
fn resolved_by_hand_stays_so_until_it_ended_and_came_back() {
    let mut scene = Scene::with(&["db"]);
    scene.check_fully("db", Bad(ConnectRefused));
    let id = scene.incident(0).id;
    scene
        .act(Action::Resolve(id))
        .pass(30)
        .check("db", Bad(ConnectRefused))
        .check_fully("db", Bad(ConnectReset));
    assert!(!scene.incident(0).is_open());
    scene.pass(30).check_fully("db", Good).pass(30);
    assert_eq!(scene.incident(0).alerts.len(), 0);
    scene.check_fully("db", Bad(ConnectRefused));
    assert!(scene.incident(0).is_open());
    assert_eq!(scene.state.incidents().count(), 1);
}

#[test]
fn what_was_resolved_by_hand_is_told_anew_when_it_is_more_urgent() {
    let mut scene = Scene::with(&["db"]).seldom();
    let end = begin() + days(7);
    let found = Life(end - days(90), end);
    scene.check("db", found.clone()).ops(&["0 #1 opened high: db will break: its certificate ends soon"]);
    let closed = scene.incident(0).id;
    scene.act(Action::Resolve(closed)).take_told();
    while scene.now < end - days(2) - SignedDuration::from_mins(10) {
        scene.now += SignedDuration::from_mins(10);
        scene.check("db", found.clone()).step(Event::Tick);
    }
    scene.told(&[]);
    scene.now += SignedDuration::from_mins(11);
    scene.check("db", found);
    let told = scene.take_told();
    assert!(told.iter().any(|line| line.contains(" phone#1 opened page: db will break")), "{told:?}");
    assert!(!scene.state.incident(closed).unwrap().is_open(), "what was closed stays so");
    assert_eq!(scene.state.incident(closed).unwrap().alerts.len(), 0);
}

#[test]
fn nobody_to_tell_is_written_down() {
    let mut scene = Scene::changed(&["db"], |landscape| landscape.routes.clear());
    scene.check_fully("db", Bad(ConnectRefused)).told(&[]);
    assert_eq!(scene.timeline(scene.incident(0).id), "opened no-route");
}

#[test]
fn a_channel_that_gives_up_is_told_by_another() {
    let mut scene = Scene::with(&["db"]);
    scene.check_fully("db", Bad(ConnectRefused));
    let first = scene.written.deliveries[0].clone();
    let id = scene.incident(0).id;
    let about = Some(id);
    let give_up = Event::DeliveryGivenUp {
        id: first.id,
        channel: first.channel.clone(),
        incident: about,
        reason: "404".into(),
    };
    scene.told(&[
        "0 ops#1 opened page: db is down: the connection is refused",
        "0 phone#1 opened page: db is down: the connection is refused",
    ]);
    scene.step(give_up.clone()).told(&["0 phone#1 opened high: ops does not take messages"]);
    assert!(matches!(scene.last.commit.outcomes[..], [DeliveryOutcome::GivenUp { .. }]));
    scene.step(give_up).told(&[]);
    let delivered = Event::Delivered {
        id: first.id,
        channel: first.channel,
        incident: about,
        receipt: Some("r1".into()),
    };
    scene
        .step(delivered)
        .told(&["0 phone#2 resolved high: ops does not take messages | ops takes messages again."]);
    assert!(scene.timeline(id).ends_with("not-told not-told told"));
}

#[test]
fn a_refused_configuration_is_told_until_a_good_one_comes() {
    let mut scene = Scene::with(&["db"]);
    scene.step(Event::ConfigurationRefused { problems: vec!["mainstay.yaml:3:1 unknown key".into()] });
    assert_eq!(scene.incident(0).diagnosis.evidence, ["mainstay.yaml:3:1 unknown key"]);
    scene.step(Event::ConfigurationRefused { problems: vec!["mainstay.yaml:4:1 unknown key".into()] });
    scene.configure().ops(&[
        "0 #1 opened high: The new configuration was refused; the old one goes on",
        "0 #2 resolved high: The new configuration was refused; the old one goes on | A good configuration \
         was loaded.",
    ]);
}

#[test]
fn a_store_that_could_not_write_is_told_afterwards() {
    let mut scene = Scene::with(&["db"]);
    scene.pass(60).step(Event::StoreRecovered { since: begin(), error: "disk full".into() });
    scene.ops(&[
        "60 #1 opened high: Mainstay could not write what it saw",
        "60 #2 resolved high: Mainstay could not write what it saw | Mainstay can write again.",
    ]);
}

#[test]
fn messages_are_complete_in_themselves_and_hide_passwords() {
    let mut scene = Scene::with(&["db@acme"]);
    scene.check_fully("db", Bad(ConnectRefused));
    let message = &scene.written.deliveries[0].message;
    assert_eq!(message.incident.url, format!("https://ops.example.com/incidents/{}", message.incident.id));
    assert_eq!(message.dependencies[0].name.as_str(), "db");
    assert!(!message.dependencies[0].target.contains("hush"));
    assert_eq!(message.components[0].as_str(), "checkout");
    assert!(message.actions.iter().any(|action| action.contains("support@acme.example")));
    assert!(message.evidence.iter().any(|line| line == "Used by checkout."));
    assert_eq!(message.failure.as_ref().unwrap().kind, ConnectRefused);
    let told = scene.written.timeline.iter().filter(|entry| entry.kind == EntryKind::Opened);
    assert!(told.into_iter().all(|entry| !entry.evidence.is_empty()));
}

#[test]
fn what_cannot_be_done_any_more_is_written_down() {
    let mut scene = Scene::with(&["db"]);
    let id = IncidentId::new(begin(), &mut Random::seeded(99));
    let actions = [
        (Action::Acknowledge(id), "take it up"),
        (Action::Resolve(id), "resolve it"),
        (Action::Publish { incident: id, title: None, body: Some("Sorry.".into()) }, "make it public"),
        (
            Action::Update { incident: id, status: PublicStatus::Monitoring, body: "Nearly.".into() },
            "tell customers that it is monitoring",
        ),
        (Action::Note { incident: id, text: "called them".into(), evidence: vec![] }, "write something down"),
    ];
    for (action, wanted) in actions {
        scene.act(action);
        let [entry] = scene.last.commit.timeline.as_slice() else { panic!("{wanted}") };
        assert!(
            entry.text.starts_with(&format!("ana wanted to {wanted}, which was not done")),
            "{}",
            entry.text
        );
        assert_eq!((entry.incident, entry.by.as_deref()), (Some(id), Some("ana")));
    }
    assert_eq!(scene.last.commit.timeline[0].evidence, ["called them"], "the words are kept");
}

#[test]
fn customers_never_read_that_it_is_over_while_it_is_not_or_the_other_way_round() {
    let mut scene = public(&["db"]);
    scene.check_fully("db", Bad(ConnectRefused));
    let incident = scene.incident(0).id;
    let update = |status| Action::Update { incident, status, body: "A word.".into() };
    let updates = |scene: &Scene| scene.incident(0).publication.unwrap().updates.len();
    scene.act(update(PublicStatus::Resolved));
    assert_eq!((updates(&scene), scene.last.publish), (1, false));
    assert_eq!(scene.last.commit.timeline[0].evidence, ["A word."], "it is not lost");
    scene.act(update(PublicStatus::Monitoring));
    assert_eq!(updates(&scene), 2);
    scene.act(Action::Resolve(incident)).act(update(PublicStatus::Investigating));
    assert_eq!(updates(&scene), 3);
    scene.act(update(PublicStatus::Resolved));
    assert_eq!((updates(&scene), scene.last.publish), (4, true), "a last word is welcome");
    assert_eq!(scene.incident(0).publication.unwrap().status(), PublicStatus::Resolved);
}

#[test]
fn customers_do_not_read_keys_of_the_configuration() {
    let mut scene = Scene::with(&["db"]);
    scene.check_fully("db", Bad(ConnectRefused));
    let incident = scene.incident(0);
    scene.landscape.components.clear();
    scene.configure().act(Action::Publish { incident: incident.id, title: None, body: None });
    let publication = scene.incident(0).publication.unwrap();
    assert_eq!(publication.title, "Our service may be unavailable");
    assert!(!publication.updates[0].body.contains("checkout"), "{}", publication.updates[0].body);
}
