//! What people do around an incident.

use jiff::SignedDuration;
use mainstay_engine::{Action, State};
use mainstay_model::FailureKind::*;
use mainstay_model::*;

use crate::scene::*;

fn broken(dependencies: &[&str]) -> (Scene, IncidentId) {
    let mut scene = Scene::with(dependencies).seldom();
    let first = dependencies[0].split('@').next().unwrap();
    scene.check_fully(first, Bad(ConnectRefused));
    let id = scene.incident(0).id;
    (scene, id)
}

#[test]
fn a_chosen_severity_holds_until_the_alerts_are_more_urgent_than_they_were() {
    let mut scene = Scene::with(&["db"]);
    let end = begin() + days(20);
    scene.check("db", Life(end - days(90), end));
    let incident = scene.incident(0).id;
    scene.act(Action::SetSeverity { incident, severity: Severity::Info });
    scene.pass_checking(3600, &Life(end - days(90), end));
    assert_eq!(scene.incident(0).severity, Severity::Info);
    scene.now = end - days(6);
    scene.check("db", Life(end - days(90), end)).pass(1);
    assert_eq!(scene.incident(0).severity, Severity::High);
    assert_eq!(scene.incident(0).room.severity, None);
}

#[test]
fn roles_and_tasks_are_kept_and_written_down() {
    let (mut scene, incident) = broken(&["db"]);
    scene.act(Action::SetRole { incident, role: Role::Commander, who: Some(" Ana ".into()) });
    scene.act(Action::AddTask { incident, text: "call them".into() });
    scene.act(Action::FinishTask { incident, task: 0 }).act(Action::FinishTask { incident, task: 0 });
    scene.act(Action::FinishTask { incident, task: 7 });
    let room = scene.incident(0).room;
    assert_eq!(room.roles[&Role::Commander], "Ana");
    assert_eq!(room.tasks[0].done, Some((scene.now, "ana".into())));
    assert_eq!(scene.timeline(incident), "opened room room room note");
    scene.act(Action::SetRole { incident, role: Role::Commander, who: None });
    assert!(scene.incident(0).room.roles.is_empty());
}

#[test]
fn a_promised_update_is_asked_for_until_it_is_given() {
    let (mut scene, incident) = broken(&["db"]);
    let at = Some(scene.now + SignedDuration::from_mins(20));
    scene.act(Action::Remind { incident, at });
    scene.ops(&["0 #1 opened page: db is down: the connection is refused"]);
    let due = "An update is due: say what is known, and when the next one comes.";
    scene.pass(3100);
    scene.ops(&[
        &format!("1200 #2 updated page: db is down: the connection is refused | {due}"),
        &format!("3000 #3 updated page: db is down: the connection is refused | {due}"),
    ]);
    scene.act(Action::Remind { incident, at: None }).pass(7200).ops(&[]);
}

#[test]
fn an_update_that_customers_are_given_by_hand_keeps_the_promise() {
    let (mut scene, incident) = broken(&["db"]);
    let promise = |scene: &mut Scene| {
        let at = Some(scene.now + SignedDuration::from_mins(20));
        scene.act(Action::Remind { incident, at }).take_told();
    };
    promise(&mut scene);
    scene.act(Action::Publish { incident, title: None, body: None }).pass(7200).ops(&[]);
    promise(&mut scene);
    let (status, body) = (PublicStatus::Monitoring, "We are watching it.".into());
    scene.act(Action::Update { incident, status, body }).pass(7200).ops(&[]);
    assert_eq!(scene.incident(0).room.update_due_at, None);
}

#[test]
fn what_comes_later_of_a_merged_cause_joins_what_it_was_merged_into() {
    let (mut scene, first) = broken(&["db@acme", "web@other", "mail@other"]);
    scene.pass(1200).check_fully("web", Bad(ConnectRefused));
    let second = scene.incident(1).id;
    scene.pass(60).act(Action::Merge { incident: second, into: first });
    let incidents = scene.state.incidents().map(|one| one.as_ref().clone()).collect();
    let dependencies = scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
    scene.pass(60).check_fully("mail", Bad(ConnectRefused));
    assert_eq!(scene.state.incidents().count(), 2);
    assert_eq!(scene.incident(0).alerts.len(), 3);
    // A restart between them changes nothing.
    scene.state = State::restored(dependencies, incidents);
    scene.configure().check_fully("mail", Bad(ConnectRefused));
    assert_eq!(scene.state.incidents().count(), 2);
    assert_eq!(scene.incident(0).alerts.len(), 3);
    assert!(!scene.incident(1).is_open());
}

#[test]
fn a_merged_incident_goes_on_in_the_other() {
    let (mut scene, first) = broken(&["db@acme", "web"]);
    scene.pass(60).check_fully("web", Bad(ConnectRefused));
    let second = scene.incident(1).id;
    scene.act(Action::Merge { incident: second, into: first });
    assert!(!scene.incident(1).is_open());
    assert_eq!(scene.incident(1).room.merged_into, Some(first));
    assert_eq!(scene.incident(0).dependencies.len(), 2);
    scene.pass(60).check_fully("db", Good);
    assert!(scene.incident(0).is_open(), "the other one is still down");
    scene.check_fully("web", Good);
    assert!(!scene.incident(0).is_open());
    let ends: Vec<_> =
        scene.written.deliveries.iter().filter(|one| one.message.kind == MessageKind::Resolved).collect();
    assert_eq!(ends.len(), 4, "each channel heard of both, and hears of both ends");
}

#[test]
fn what_customers_see_is_not_merged_away() {
    let (mut scene, first) = broken(&["db@acme", "web"]);
    scene.pass(60).check_fully("web", Bad(ConnectRefused));
    let second = scene.incident(1).id;
    scene.act(Action::Publish { incident: second, title: None, body: None });
    scene.act(Action::Merge { incident: second, into: first });
    assert!(scene.incident(1).is_open());
    assert!(scene.written.timeline.last().unwrap().text.contains("customers see it"));
}

#[test]
fn one_alert_of_several_can_go_its_own_way() {
    let (mut scene, first) = broken(&["db@acme", "files@acme"]);
    scene.pass(60).check_fully("files", Bad(ConnectRefused));
    assert_eq!(scene.state.incidents().count(), 1);
    scene.act(Action::Split { incident: first, alert: "files/down".into() });
    assert_eq!(scene.state.incidents().count(), 2);
    assert_eq!(scene.incident(0).title, "db is down: the connection is refused");
    assert_eq!(scene.incident(1).title, "files is down: the connection is refused");
    scene.act(Action::Split { incident: first, alert: "db/down".into() });
    assert_eq!(scene.state.incidents().count(), 2, "the last one stays");
    scene.pass(30).check_fully("files", Good);
    assert!(scene.incident(0).is_open() && !scene.incident(1).is_open());
}

#[test]
fn the_times_of_an_incident_are_kept() {
    let (mut scene, id) = broken(&["db"]);
    scene.pass(300).act(Action::Acknowledge(id));
    scene.pass(300).check_fully("db", Good);
    let incident = scene.incident(0);
    let since = |at: Option<jiff::Timestamp>| at.unwrap().duration_since(incident.opened_at).as_secs();
    assert_eq!(since(incident.room.acknowledged_at), 300);
    assert_eq!((since(incident.room.mitigated_at), since(incident.resolved_at())), (601, 601));
}
