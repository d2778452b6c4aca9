//! Drills: real people, real channels, and nothing else that is real.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Action, DrillTerms, StageKind, State};
use mainstay_model::FailureKind::*;
use mainstay_model::*;

use crate::escalation::{answer, three_steps};
use crate::scene::*;

const PLAYED: &str = "DRILL: db is down: its certificate expired";

fn terms(name: &str) -> DrillTerms {
    DrillTerms {
        dependency: name.parse().unwrap(),
        failure: CertificateExpired,
        respects_quiet: false,
        lasts: None,
    }
}

fn drill(scene: &mut Scene, name: &str) -> IncidentId {
    scene.act(Action::Drill(terms(name)));
    running(scene, name).expect("a drill")
}

fn running(scene: &Scene, name: &str) -> Option<IncidentId> {
    scene.state.running_drill(&name.parse().unwrap()).map(|incident| incident.id)
}

fn rehearsal(scene: &Scene, id: IncidentId) -> Rehearsal {
    scene.state.incident(id).unwrap().rehearsal().unwrap().clone()
}

/// The text of the last line of a kind.
fn last_line(scene: &Scene, kind: EntryKind) -> &str {
    &scene.written.timeline.iter().rev().find(|entry| entry.kind == kind).unwrap().text
}

/// Nothing but drills may be marked as such, and every message of one must be.
#[track_caller]
fn check_marks(scene: &Scene) {
    for one in &scene.written.deliveries {
        let incident = scene.state.incident(one.message.incident.id).unwrap();
        assert_eq!(one.message.drill, incident.is_drill(), "{one:?}");
    }
}

#[test]
fn it_goes_through_the_steps_and_is_taken_up_at_the_second() {
    let mut scene = three_steps(|_| {});
    let id = drill(&mut scene, "db");
    scene.pass(2);
    answer(&mut scene, "one", false);
    scene.pass(600);
    answer(&mut scene, "two", false);
    scene.pass(58).act(Action::Acknowledge(id));
    assert_eq!(rehearsal(&scene, id).result(), DrillResult::Answered);
    assert!(scene.state.incident(id).unwrap().is_open(), "it is seen for a while");
    scene.pass(61);
    scene.told(&[
        &format!("0 one#1 opened page: {PLAYED}"),
        &format!("600 two#1 opened page: {PLAYED}"),
        &format!("720 one#2 resolved page: {PLAYED} | ana took the drill of db up after 11 min, at step 2 of db-team; all messages arrived (2)."),
        &format!("720 two#2 resolved page: {PLAYED} | ana took the drill of db up after 11 min, at step 2 of db-team; all messages arrived (2)."),
    ]);
    let showed = rehearsal(&scene, id);
    assert_eq!(showed.end, Some(DrillEnd::Answered));
    let called: Vec<_> =
        showed.messages.values().map(|call| (call.channel.as_str(), call.told_after())).collect();
    assert_eq!(
        called,
        [("one", Some(SignedDuration::from_secs(2))), ("two", Some(SignedDuration::from_secs(2)))]
    );
    let steps: Vec<_> = showed.messages.values().map(|call| call.step.as_ref().unwrap().number).collect();
    assert_eq!(steps, [1, 2]);
    assert_eq!(scene.timeline(id), "opened drill drill told escalated told acknowledged drill resolved");
    check_marks(&scene);
    scene.pass(7200).told(&[]);
}

#[test]
fn whoever_hears_as_the_last_one_answers_the_drill() {
    let mut scene = three_steps(|_| {});
    let id = drill(&mut scene, "db");
    scene.pass(1510);
    let says = |one: &&std::sync::Arc<Incident>| one.alerts.keys().any(|key| key.ends_with("nobody-reached"));
    let said = scene.state.incidents().find(says).unwrap().id;
    scene.act(Action::Acknowledge(said)).pass(120);
    let showed = rehearsal(&scene, id);
    assert_eq!((showed.result(), showed.end), (DrillResult::AnsweredLate, Some(DrillEnd::Answered)));
    check_marks(&scene);
}

#[test]
fn nobody_answers_and_that_is_told_in_earnest_and_once() {
    let mut scene = three_steps(|landscape| landscape.routes.push(route(&[Severity::High], &["ops"])));
    let id = drill(&mut scene, "db");
    scene.pass(1490);
    scene.told(&[
        &format!("0 one#1 opened page: {PLAYED}"),
        &format!("600 two#1 opened page: {PLAYED}"),
        &format!("1200 three#1 opened page: {PLAYED}"),
    ]);
    scene.pass(20);
    let mut told = scene.take_told();
    told.sort();
    let unreached = format!("1500 last#1 opened page: Nobody was reached about “{PLAYED}”");
    assert_eq!(told, [unreached, "1500 ops#1 opened high: nobody answered the drill of db".into()]);
    check_marks(&scene);
    // The last step's wait once more, for the fallback to answer.
    scene.pass(280);
    assert_eq!(running(&scene, "db"), Some(id));
    scene.pass(20);
    assert_eq!(running(&scene, "db"), None);
    let showed = rehearsal(&scene, id);
    assert_eq!((showed.result(), showed.end), (DrillResult::Unanswered, Some(DrillEnd::TimedOut)));
    let over = "Nobody took the drill of db up; 0 of 3 messages arrived, the others are under way.";
    let mut told = scene.take_told();
    told.sort();
    let echo = format!(
        "last#2 resolved page: Nobody was reached about “{PLAYED}” | Nobody else needs to be reached: it is over."
    );
    let played = |channel: &str| format!("1800 {channel}#2 resolved page: {PLAYED} | {over}");
    assert_eq!(told, [format!("1800 {echo}"), played("one"), played("three"), played("two")]);
    assert_eq!(last_line(&scene, EntryKind::Drill), over);
    scene.pass(7200).told(&[]);
    let open: Vec<_> = scene.state.incidents().filter(|one| one.is_open()).collect();
    assert_eq!(open.len(), 1);
    assert!(open[0].alerts.contains_key("drill:db/drill-unanswered") && !open[0].is_drill());

    // The next one is answered, and that was it.
    let id = drill(&mut scene, "db");
    scene.act(Action::Acknowledge(id)).pass(61);
    assert!(scene.state.incidents().all(|one| !one.is_open()));
    check_marks(&scene);
}

#[test]
fn each_drill_that_nobody_answers_is_told() {
    let mut scene = three_steps(|landscape| landscape.routes = vec![route(&[Severity::High], &["ops"])]);
    // No route takes what is played, so the fallback hears of it; nobody takes it up in the half hour that it has.
    drill(&mut scene, "db");
    scene.pass_by(1830, 30);
    drill(&mut scene, "db");
    scene.pass_by(1830, 30);
    let report = scene.state.incidents().find(|one| !one.is_drill()).unwrap().id;
    let told = scene.take_told();
    let ops: Vec<_> = told.iter().filter(|line| line.contains(" ops#")).collect();
    assert_eq!(ops.len(), 2, "{told:?}");
    assert!(
        ops[1].contains("ops#2 updated high: nobody answered the drill of db | Nobody answered"),
        "{}",
        ops[1]
    );
    // Resolved by hand, it is told anew of the next one.
    scene.act(Action::Resolve(report)).pass_by(1200, 30);
    scene.take_told();
    drill(&mut scene, "db");
    scene.pass_by(1830, 30);
    let told = scene.take_told();
    assert!(told.iter().any(|line| line.contains(" ops#1 opened high: nobody answered")), "{told:?}");
}

#[test]
fn whoever_answers_after_all_steps_was_late() {
    let mut scene = three_steps(|_| {});
    let id = drill(&mut scene, "db");
    scene.pass(1600).act(Action::Acknowledge(id)).pass(61);
    assert_eq!(rehearsal(&scene, id).result(), DrillResult::AnsweredLate);
    assert!(
        last_line(&scene, EntryKind::Drill).starts_with("Too late: ana took the drill of db up after 26 min")
    );
    let report = scene.state.incidents().find(|one| !one.is_drill()).unwrap();
    assert!(report.is_open(), "what it showed stays to be mended");
}

#[test]
fn something_real_ends_it_and_goes_on_untouched() {
    let mut scene = three_steps(|_| {});
    let id = drill(&mut scene, "db");
    scene.pass(30).check_fully("db", Bad(CertificateExpired));
    let real = scene.incident(1);
    assert!(!real.is_drill() && real.is_open() && real.drill.is_none());
    assert_eq!(real.alerts.keys().collect::<Vec<_>>(), ["db/down"]);
    let why = "it makes way for something real: db is down: its certificate expired".to_owned();
    assert_eq!(rehearsal(&scene, id).end, Some(DrillEnd::Interrupted { why }));
    assert_eq!(rehearsal(&scene, id).result(), DrillResult::Interrupted);
    let told = scene.take_told();
    assert!(told.contains(&"30 one#1 opened page: db is down: its certificate expired".into()), "{told:?}");
    assert!(told.iter().any(|line| {
        line.starts_with(&format!("30 one#2 resolved page: {PLAYED} | The drill of db ended early"))
    }));
    // The real one goes through its steps in its own time, and nobody confuses the two.
    scene.pass(600);
    scene.told(&["630 two#1 opened page: db is down: its certificate expired"]);
    check_marks(&scene);
    let again = scene.state.check_drill(&terms("db")).unwrap_err().to_string();
    assert_eq!(again, "something real is wrong with db, which must not be confused with a drill");
}

#[test]
fn what_happens_to_others_of_the_provider_does_not_disturb_it() {
    let mut scene = Scene::with(&["db@acme", "files@acme"]).seldom();
    let id = drill(&mut scene, "db");
    scene.pass(5).check_fully("files", Bad(CertificateExpired));
    assert_eq!(running(&scene, "db"), Some(id));
    assert_eq!(scene.incident(1).dependencies.len(), 1, "one cause, and still not one incident");
    scene.step(mainstay_engine::Event::External {
        source: ExternalSource::Alertmanager,
        alerts: vec![crate::external::external("HighErrors", "files", "acme", true)],
    });
    assert_eq!(scene.state.incident(id).unwrap().alerts.len(), 1);
    let files = scene.incident(1).id;
    scene.act(Action::Merge { incident: id, into: files }).act(Action::Merge { incident: files, into: id });
    assert!(scene.state.incident(id).unwrap().is_open() && scene.state.incident(files).unwrap().is_open());
}

#[test]
fn it_is_never_public_and_says_nothing_of_the_dependency() {
    let mut scene = Scene::changed(&["db@acme"], |landscape| landscape.status_page.auto_publish = true);
    scene.check("db", Good);
    let before = scene.state.dependency("db").unwrap().as_ref().clone();
    let id = drill(&mut scene, "db");
    let published = scene.last.publish;
    scene.act(Action::Publish { incident: id, title: None, body: None });
    assert!(last_line(&scene, EntryKind::Note).contains("it is a drill, of which customers see nothing"));
    let (status, body) = (PublicStatus::Identified, "We know.".into());
    scene.act(Action::Update { incident: id, status, body });
    scene.pass(60);
    let incident = scene.incident(0);
    assert!(incident.publication.is_none() && !published);
    assert_eq!((incident.impact, incident.broke_at), (Impact::None, None));
    let after = scene.state.dependency("db").unwrap().as_ref().clone();
    assert!(after.drilled_at.is_some());
    assert_eq!(DependencyState { drilled_at: None, ..after }, before);
    // What did become public by itself, so that this would be seen.
    scene.check_fully("db", Bad(ConnectRefused));
    assert!(scene.incident(1).publication.is_some());
    let public = scene.state.incidents().filter(|one| one.publication.is_some()).count();
    assert_eq!(public, 1);
}

#[test]
fn maintenance_keeps_it_quiet_only_where_that_is_wanted() {
    let quiet = |landscape: &mut Landscape| {
        landscape.quiets = vec![Quiet {
            kind: QuietKind::Maintenance,
            reason: "new disks".into(),
            what: Match { dependency: vec!["db".parse().unwrap()], ..Match::default() },
            when: QuietTime::Once { from: None, until: Some(begin() + days(1)) },
        }];
    };
    let mut scene = three_steps(quiet);
    drill(&mut scene, "db");
    scene.pass(1).told(&[&format!("0 one#1 opened page: {PLAYED}")]);

    let mut scene = three_steps(quiet);
    scene.act(Action::Drill(DrillTerms { respects_quiet: true, ..terms("db") }));
    scene.pass(60).told(&[]);
    let id = running(&scene, "db").unwrap();
    assert_eq!(scene.state.incident(id).unwrap().hushed.as_ref().unwrap().reason, "new disks");
}

#[test]
fn what_cannot_be_drilled_is_refused_with_a_sentence() {
    let mut scene = three_steps(|_| {});
    let refused = |scene: &mut Scene, terms: DrillTerms, why: &str| {
        assert_eq!(scene.state.check_drill(&terms).unwrap_err().to_string(), why);
        let before = scene.state.incidents().count();
        let name = terms.dependency.clone();
        scene.act(Action::Drill(terms));
        assert_eq!(scene.state.incidents().count(), before);
        let line = format!("ana wanted a drill of {name}, which was not begun: {why}.");
        assert_eq!(last_line(scene, EntryKind::Drill), line);
    };
    refused(&mut scene, terms("nothing"), "no dependency is called nothing");
    let slow = DrillTerms { failure: TooSlow, ..terms("db") };
    refused(&mut scene, slow, "a dependency is not down by too-slow, so that nobody would be told");
    drill(&mut scene, "db");
    let twice = "a drill of db goes on; take it up, or resolve it to call it off";
    refused(&mut scene, terms("db"), twice);
    drill(&mut scene, "files");
    let off = BuiltInRule { enabled: false, severity: None, runbook: None };
    scene.landscape.rules.built_in.insert(Rule::Down, off);
    scene.configure();
    let why = "the rule down is switched off, so that in earnest nobody would be told";
    refused(&mut scene, terms("db"), why);
}

#[test]
fn it_can_be_called_off_and_ends_with_its_dependency() {
    let mut scene = three_steps(|_| {});
    let (db, files) = (drill(&mut scene, "db"), drill(&mut scene, "files"));
    scene.act(Action::Resolve(db));
    assert_eq!(rehearsal(&scene, db).result(), DrillResult::CalledOff);
    scene.landscape.dependencies.remove("files");
    scene.configure();
    assert_eq!(rehearsal(&scene, files).result(), DrillResult::Interrupted);
    scene.pass(4000);
    assert!(scene.state.incidents().all(|one| !one.is_open()), "neither is told as unanswered");
}

/// As after a restart: what was written, and nothing else.
fn restart(scene: &mut Scene, last_written: Timestamp) {
    let incidents = scene.state.incidents().map(|one| one.as_ref().clone()).collect();
    let dependencies = scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
    scene.state = State::restored(dependencies, incidents).blind_since(Some(last_written));
    scene.configure();
}

#[test]
fn a_restart_in_the_middle_changes_nothing() {
    let mut scene = three_steps(|_| {});
    let id = drill(&mut scene, "db");
    scene.pass(30);
    let last_written = scene.now;
    restart(&mut scene, last_written);
    assert_eq!(running(&scene, "db"), Some(id));
    scene.pass(580);
    scene.told(&[&format!("0 one#1 opened page: {PLAYED}"), &format!("600 two#1 opened page: {PLAYED}")]);
    scene.act(Action::Acknowledge(id)).pass(61);
    assert_eq!(rehearsal(&scene, id).result(), DrillResult::Answered);
    assert_eq!(rehearsal(&scene, id).messages.len(), 2);
}

#[test]
fn who_will_be_told_is_who_is_told() {
    let mut scene = three_steps(|_| {});
    let plan = scene.state.plan_drill(&terms("db"), scene.now).unwrap();
    let stages: Vec<_> = plan
        .stages
        .iter()
        .map(|stage| {
            (stage.after.as_secs(), stage.called[0].channel.as_str(), stage.kind == StageKind::Fallback)
        })
        .collect();
    assert_eq!(
        stages,
        [(0, "one", false), (600, "two", false), (1200, "three", false), (1500, "last", true)]
    );
    assert_eq!(plan.until, scene.now + SignedDuration::from_secs(1800));
    drill(&mut scene, "db");
    scene.pass(1520);
    let told: Vec<_> = scene.written.deliveries.iter().filter(|one| one.message.drill).collect();
    let told: Vec<_> = told
        .iter()
        .map(|one| (one.created_at.duration_since(begin()).as_secs(), one.channel.as_str()))
        .collect();
    assert_eq!(told, [(0, "one"), (600, "two"), (1200, "three"), (1500, "last")]);

    let none = three_steps(|landscape| (landscape.routes, landscape.fallback) = (vec![], vec![]));
    assert!(none.state.plan_drill(&terms("db"), none.now).unwrap().reaches_nobody());
    let long = three_steps(|landscape| {
        landscape.escalations.values_mut().next().unwrap().repeat = 90;
    });
    let until = long.state.plan_drill(&terms("db"), long.now).unwrap().until;
    assert_eq!(until, long.now + SignedDuration::from_hours(2), "no drill is longer");
}

fn weekly(what: &[&str], hours: Option<Hours>) -> PlannedDrill {
    PlannedDrill {
        what: Match {
            dependency: what.iter().map(|name| name.parse().unwrap()).collect(),
            ..Match::default()
        },
        failure: CertificateExpired,
        start: "2026-03-18T02:30:00".parse().unwrap(),
        recurrence: "daily".parse().unwrap(),
        timezone: jiff::tz::TimeZone::get("Europe/Berlin").unwrap(),
        during: hours,
        respects_quiet: false,
        lasts: Some(Duration::from_secs(600)),
    }
}

/// When drills began, and of what.
fn began(scene: &Scene) -> Vec<String> {
    let drills = scene.state.incidents().filter_map(|one| Some((one.opened_at, one.rehearsal()?)));
    drills.map(|(at, one)| format!("{at:.0} {}", one.dependency)).collect()
}

fn planned(at: &str, plan: PlannedDrill) -> Scene {
    let mut scene = Scene::with(&["a", "b"]).seldom();
    scene.landscape.drills = vec![plan];
    scene.now = at.parse().unwrap();
    scene.state = State::default();
    scene.configure();
    scene
}

#[test]
fn planned_ones_begin_on_the_wall_clock_and_take_turns() {
    // Berlin's clocks go from 02:00 to 03:00 on 29 March 2026: 02:30 is read as 03:30 there.
    let mut scene = planned("2026-03-27T12:00:00Z", weekly(&[], None));
    let next = scene.state.next_drills(scene.now);
    assert_eq!(next[0].at.to_string(), "2026-03-28T01:30:00Z");
    assert_eq!(next[0].dependency.as_ref().unwrap().as_str(), "a");
    scene.pass_by(4 * 86_400, 30);
    assert_eq!(
        began(&scene),
        [
            "2026-03-28T01:30:00Z a",
            "2026-03-29T01:30:00Z b",
            "2026-03-30T00:30:00Z a",
            "2026-03-31T00:30:00Z b"
        ]
    );
    assert!(last_line(&scene, EntryKind::Opened).starts_with("DRILL: b is down"));
}

#[test]
fn neither_a_restart_nor_a_reload_repeats_or_loses_one() {
    let mut scene = planned("2026-06-10T00:00:00Z", weekly(&["a"], None));
    scene.pass_by(1800, 30);
    assert_eq!(began(&scene), ["2026-06-10T00:30:00Z a"]);
    // Just begun, and again just after.
    let at = scene.now;
    restart(&mut scene, at);
    scene.pass(30);
    restart(&mut scene, at);
    scene.configure().pass_by(3600, 30);
    assert_eq!(began(&scene).len(), 1);
    // It does not run at the time of the next one, and starts ten minutes later.
    let stopped = "2026-06-11T00:29:50Z".parse().unwrap();
    scene.now = "2026-06-11T00:40:00Z".parse().unwrap();
    restart(&mut scene, stopped);
    scene.pass(5);
    assert_eq!(began(&scene)[1..], ["2026-06-11T00:40:01Z a"]);
    // Or three hours later, which nobody chose.
    scene.now = "2026-06-12T03:30:00Z".parse().unwrap();
    restart(&mut scene, "2026-06-12T00:00:00Z".parse().unwrap());
    scene.pass(5);
    assert_eq!(began(&scene).len(), 2);
    let left_out =
        "The drill that was planned for 2026-06-12 00:30 UTC was left out: Mainstay did not run then.";
    assert_eq!(last_line(&scene, EntryKind::Drill), left_out);
    // A plan that is new begins with its next time, not with one that has passed.
    scene.landscape.drills[0].start = "2026-06-01T05:00:00".parse().unwrap();
    scene.configure().pass(60);
    assert_eq!(began(&scene).len(), 2);
    assert_eq!(scene.state.next_drills(scene.now)[0].at.to_string(), "2026-06-13T03:00:00Z");
}

#[test]
fn planned_ones_keep_to_their_hours_and_leave_out_what_is_in_real_trouble() {
    let mut scene = planned(
        "2026-06-05T12:00:00Z",
        PlannedDrill {
            start: "2026-06-01T10:00:00".parse().unwrap(),
            ..weekly(&[], Some(crate::routes::office()))
        },
    );
    scene.check_fully("a", Bad(ConnectRefused));
    // 6 and 7 June are a weekend.
    scene.pass_by(4 * 86_400, 60);
    assert_eq!(began(&scene), ["2026-06-08T08:00:00Z b", "2026-06-09T08:00:00Z b"]);
    scene.check_fully("b", Bad(ConnectRefused)).pass_by(86_400, 60);
    assert_eq!(began(&scene).len(), 2);
    assert!(
        last_line(&scene, EntryKind::Drill)
            .ends_with("there is no dependency of it that can be drilled now.")
    );
}
