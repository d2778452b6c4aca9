//! Rules of one's own, and built-in ones that are changed.

use std::time::Duration;

use mainstay_engine::{Action, State, runbooks};
use mainstay_model::FailureKind::*;
use mainstay_model::{BuiltInRule, Landscape, OwnRule, Rule, Severity, Target, Verdict};

use crate::scene::*;

fn rule(when: &str) -> OwnRule {
    OwnRule {
        when: when.into(),
        severity: Severity::Warn,
        message: None,
        runbook: None,
        hold_for: Duration::ZERO,
        enabled: true,
    }
}

fn with(dependencies: &[&str], rules: &[(&str, OwnRule)]) -> Scene {
    Scene::changed(dependencies, |landscape| {
        for (name, rule) in rules {
            landscape.rules.own.insert(name.parse().unwrap(), rule.clone());
        }
    })
}

fn remove(landscape: &mut Landscape, name: &str) {
    landscape.rules.own.remove(name).unwrap();
}

fn switch_off(landscape: &mut Landscape, rule: Rule) {
    let off = BuiltInRule { enabled: false, severity: None, runbook: None };
    landscape.rules.built_in.insert(rule, off);
}

fn alerts(scene: &Scene, name: &str) -> Vec<String> {
    scene.state.dependency(name).unwrap().alerts.iter().map(|alert| alert.key.to_string()).collect()
}

fn restart(scene: &mut Scene) {
    let dependencies = scene.state.dependencies().map(|one| one.as_ref().clone()).collect();
    let incidents = scene.state.incidents().map(|one| one.as_ref().clone()).collect();
    scene.state = State::restored(dependencies, incidents);
    scene.configure();
}

#[test]
fn it_is_told_while_it_holds_and_says_what_it_saw() {
    let message = Some("Answers take {phase.total_ms} ms".into());
    let mut scene = with(
        &["db"],
        &[("sluggish", OwnRule { message, severity: Severity::High, ..rule("phase.total_ms > 100.0") })],
    );
    scene.check("db", Took(90.0)).told(&[]).pass(30).check("db", Took(150.0));
    assert_eq!(alerts(&scene, "db"), ["db/sluggish"]);
    assert_eq!(scene.verdict("db"), Verdict::Healthy, "a rule of one's own has no say in the verdict");
    let incident = scene.incident(0);
    assert_eq!(incident.cause_key, "dependency:db/rule:sluggish");
    assert_eq!(
        incident.diagnosis.evidence,
        ["The rule sluggish says: phase.total_ms > 100.0", "phase.total_ms: 150"]
    );
    scene.pass(30).check("db", Took(200.0)).pass(30).check("db", Took(80.0)).ops(&[
        "30 #1 opened high: db: Answers take 150 ms",
        "90 #2 resolved high: db: Answers take 150 ms | db no longer meets the rule sluggish.",
    ]);
}

#[test]
fn what_cannot_be_told_is_neither_true_nor_over() {
    let mut scene = with(&["db"], &[("sluggish", rule("phase.total_ms > 100.0"))]);
    scene.check("db", Bad(ConnectRefused)).pass(1).check("db", Bad(ConnectRefused));
    assert_eq!(alerts(&scene, "db"), ["db/down"]);
    scene.pass_checking(90, &Took(150.0));
    assert_eq!(alerts(&scene, "db"), ["db/sluggish"]);
    scene.check("db", Unclear(ClockWrong)).pass(1).check_fully("db", Bad(ConnectRefused));
    assert_eq!(alerts(&scene, "db"), ["db/down", "db/sluggish"]);
    scene.pass_checking(90, &Took(50.0));
    assert!(alerts(&scene, "db").is_empty());
}

#[test]
fn what_failed_last_is_over_with_the_next_good_check() {
    let mut scene = with(&["db"], &[("no-log-in", rule("failure.kind == 'login-rejected'"))]);
    scene.check("db", Bad(LoginRejected));
    assert_eq!(alerts(&scene, "db"), ["db/no-log-in"]);
    scene.pass(1).check("db", Unclear(ClockWrong));
    assert_eq!(alerts(&scene, "db"), ["db/no-log-in"]);
    scene.pass(1).check("db", Good);
    assert!(alerts(&scene, "db").is_empty());
}

#[test]
fn it_has_to_hold_for_as_long_as_it_says() {
    let hold_for = Duration::from_secs(300);
    let mut scene = with(&["db"], &[("sluggish", OwnRule { hold_for, ..rule("phase.total_ms > 100.0") })]);
    scene.pass_checking(240, &Took(150.0)).pass_checking(30, &Took(90.0)).told(&[]);
    scene.pass_checking(300, &Took(150.0));
    assert!(alerts(&scene, "db").is_empty());
    // Neither a check that cannot tell nor a restart breaks it.
    scene.check("db", Unclear(ClockWrong));
    restart(&mut scene);
    scene.pass(10).check("db", Took(150.0)).pass(60);
    scene.ops(&["600 #1 opened warn: db meets the rule sluggish"]);
    assert_eq!(scene.incident(0).since, begin() + jiff::SignedDuration::from_secs(300));
}

#[test]
fn time_alone_makes_it_true_between_checks() {
    let mut scene = Scene::changed(&["db"], |landscape| {
        landscape.dependencies.get_mut("db").unwrap().every = Duration::from_secs(86_400 * 30);
        let soon =
            OwnRule { message: Some("{tls.days_left} days are left.".into()), ..rule("tls.days_left < 60") };
        landscape.rules.own.insert("soon".parse().unwrap(), soon);
    });
    scene.check("db", Life(begin() - days(1), begin() + days(61))).told(&[]).pass(86_400 + 90);
    scene.ops(&["86460 #1 opened warn: db: 59 days are left"]);
    assert_eq!(scene.incident(0).diagnosis.evidence.len(), 2);
}

#[test]
fn later_messages_say_what_is_so_then() {
    let mut scene = Scene::changed(&["db"], |landscape| {
        landscape.dependencies.get_mut("db").unwrap().every = Duration::from_secs(86_400 * 30);
        let soon =
            OwnRule { message: Some("{tls.days_left} days are left.".into()), ..rule("tls.days_left < 20") };
        landscape.rules.own.insert("soon".parse().unwrap(), soon);
        switch_off(landscape, Rule::CertificateExpiring);
    });
    let end = begin() + days(20) - jiff::SignedDuration::from_hours(1);
    scene.check("db", Life(end - days(90), end)).ops(&["0 #1 opened warn: db: 19 days are left"]);
    let incident = scene.incident(0).id;
    scene.act(Action::Snooze { incident, until: begin() + days(10) });
    scene.pass_by(864_030, 60);
    scene.ops(&[
        "864000 #2 updated warn: db: 9 days are left | ana took it up for 10 days, and it is still open.",
    ]);
    let alert = &scene.state.dependency("db").unwrap().alerts[0];
    assert_eq!((alert.key.to_string().as_str(), alert.since), ("db/soon", begin()));
    assert_eq!(alert.diagnosis.evidence.last().unwrap(), "tls.days_left: 9");
    assert_eq!(scene.incident(0).alerts.values().next(), Some(alert));
}

#[test]
fn one_rule_and_one_provider_are_one_incident_and_rules_keep_apart() {
    let old = rule("dependency.used_by.size() > 0 && addresses.total == 1");
    let slow = rule("phase.total_ms > 100.0");
    let mut scene = with(&["a@acme", "b@acme"], &[("old", old), ("slow", slow)]);
    scene.check("a", Took(150.0)).check("b", Took(50.0));
    assert_eq!(scene.state.incidents().count(), 2);
    let titles: Vec<_> = scene.state.incidents().map(|incident| incident.title.clone()).collect();
    assert_eq!(titles, ["2 dependencies of Acme meet the rule old", "a meets the rule slow"]);
    assert_eq!(scene.incident(0).cause_key, "provider:acme/rule:old");
}

#[test]
fn a_rule_about_the_verdict_does_not_feed_itself() {
    let mut scene = with(&["db"], &[("not-well", rule("verdict != 'healthy'"))]);
    assert_eq!(alerts(&scene, "db"), ["db/not-well"], "nothing was checked yet");
    scene.check("db", Good);
    assert!(alerts(&scene, "db").is_empty());
    scene.pass_checking(90, &Partly);
    assert_eq!(scene.verdict("db"), Verdict::Degraded);
    assert_eq!(alerts(&scene, "db"), ["db/degraded", "db/not-well"]);
    scene.pass_checking(120, &Good);
    assert_eq!(scene.verdict("db"), Verdict::Healthy);
    assert!(alerts(&scene, "db").is_empty());
}

#[test]
fn removed_switched_off_and_changed_rules_end_with_the_reason() {
    for (change, why) in [
        (
            &(|landscape: &mut Landscape| remove(landscape, "slow")) as &dyn Fn(&mut Landscape),
            "it was removed",
        ),
        (&|landscape| landscape.rules.own.get_mut("slow").unwrap().enabled = false, "switched off"),
        (
            &|landscape| landscape.rules.own.get_mut("slow").unwrap().when = "phase.query_ms > 1.0".into(),
            "changed",
        ),
        (
            &|landscape| landscape.rules.own.get_mut("slow").unwrap().when = "phase.total_ms > 999.0".into(),
            "",
        ),
    ] {
        let mut scene = with(&["db"], &[("slow", rule("phase.total_ms > 100.0"))]);
        scene.check("db", Took(150.0)).told(&["0 ops#1 opened warn: db meets the rule slow"]);
        change(&mut scene.landscape);
        scene.configure();
        assert!(alerts(&scene, "db").is_empty(), "{why}");
        let sentence = match why {
            "it was removed" => {
                "What the rule slow said of db no longer stands: it was removed from the configuration."
            }
            "switched off" => "What the rule slow said of db no longer stands: it was switched off.",
            "changed" => "What the rule slow said of db no longer stands: its condition was changed.",
            _ => "db no longer meets the rule slow.",
        };
        scene.told(&[&format!("0 ops#2 resolved warn: db meets the rule slow | {sentence}")]);
    }
}

#[test]
fn a_rule_that_was_removed_while_mainstay_did_not_run_ends_at_the_start() {
    let mut scene = with(&["db"], &[("slow", rule("phase.total_ms > 100.0"))]);
    scene.check("db", Took(150.0));
    remove(&mut scene.landscape, "slow");
    restart(&mut scene);
    assert!(alerts(&scene, "db").is_empty() && !scene.incident(0).is_open());
}

#[test]
fn an_alert_goes_on_over_a_restart() {
    let mut scene = with(&["db"], &[("slow", rule("phase.total_ms > 100.0"))]);
    scene.check("db", Took(150.0)).pass(30);
    restart(&mut scene);
    scene.check("db", Took(150.0));
    assert_eq!(scene.state.incidents().count(), 1);
    assert_eq!(scene.incident(0).since, begin());
    scene.ops(&["0 #1 opened warn: db meets the rule slow"]);
}

#[test]
fn what_was_seen_of_another_server_is_forgotten() {
    let rules = [("slow", rule("phase.total_ms > 100.0")), ("named", rule("dependency.name == 'db'"))];
    let mut scene = with(&["db"], &rules);
    scene.check("db", Took(150.0));
    let db = scene.landscape.dependencies.get_mut("db").unwrap();
    db.target = Target::parse("mysql://new.example.com/x").unwrap();
    scene.configure();
    assert_eq!(alerts(&scene, "db"), ["db/named"]);
}

#[test]
fn a_built_in_rule_that_is_switched_off_is_silent_and_ends() {
    let mut scene = Scene::with(&["db"]);
    scene.check_fully("db", Bad(ConnectRefused));
    switch_off(&mut scene.landscape, Rule::Down);
    scene.configure();
    assert_eq!((alerts(&scene, "db").len(), scene.verdict("db")), (0, Verdict::Down));
    scene.ops(&[
        "0 #1 opened page: db is down: the connection is refused",
        "0 #2 resolved page: db is down: the connection is refused | What the rule down said of db no longer stands: it was switched off.",
    ]);
    let last = scene.written.timeline.iter().rev().find(|entry| entry.text == "The configuration changed.");
    assert_eq!(last.unwrap().evidence, ["The rule down is no longer judged."]);
    scene.pass_checking(120, &Bad(ConnectRefused)).told(&[]);
}

#[test]
fn a_silence_is_no_opinion_even_where_nobody_is_told() {
    let mut scene = Scene::changed(&["db"], |landscape| switch_off(landscape, Rule::Stale));
    scene.check("db", Good).pass(400);
    assert_eq!(scene.verdict("db"), Verdict::Inconclusive);
    scene.told(&[]).check("db", Good);
    assert_eq!(scene.verdict("db"), Verdict::Healthy);
}

#[test]
fn a_built_in_rule_takes_another_severity() {
    let severity = Some(Severity::Info);
    let mut scene = Scene::changed(&["db"], |landscape| {
        landscape.rules.built_in.insert(Rule::Down, BuiltInRule { enabled: true, severity, runbook: None });
    });
    scene
        .check_fully("db", Bad(ConnectRefused))
        .ops(&["0 #1 opened info: db is down: the connection is refused"]);
}

#[test]
fn a_runbook_that_is_a_link_is_named_in_the_message_with_the_values_of_the_incident() {
    let wiki = "https://wiki.example.com/{{dependency.name}}".parse().unwrap();
    let linked = OwnRule { runbook: Some(wiki), severity: Severity::Page, ..rule("verdict == 'down'") };
    let words = "Call {{provider.contacts}}.".parse().unwrap();
    let told = OwnRule { runbook: Some(words), ..rule("verdict == 'down'") };
    let mut scene = with(&["db"], &[("linked", linked), ("told", told)]);
    scene.check_fully("db", Bad(ConnectRefused));
    let named: Vec<&String> = scene.written.deliveries.iter().flat_map(|one| &one.message.actions).collect();
    let links = named.iter().filter(|one| one.contains("runbook")).collect::<Vec<_>>();
    assert!(!links.is_empty());
    assert!(links.iter().all(|one| ***one == "Follow the runbook: https://wiki.example.com/db"), "{links:?}");
    let incidents = scene.state.incidents().map(|one| runbooks(one, &scene.landscape).len());
    assert_eq!(incidents.sum::<usize>(), 2, "the page shows both");
}
