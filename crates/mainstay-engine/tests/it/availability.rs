use mainstay_engine::{Action, Event};
use mainstay_model::FailureKind::*;
use mainstay_model::Severity::*;
use mainstay_model::{Criticality, Impact, IncidentState, Landscape, Verdict};

use crate::scene::*;

#[test]
fn one_bad_check_is_repeated_and_then_told_within_a_second() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good).pass(30).check("db", Bad(ConnectRefused)).told(&[]);
    let again = scene.last.rechecks.clone();
    assert_eq!(again.len(), 1);
    assert!(again[0].after.as_millis() < 1_000);
    scene.now += again[0].after;
    scene.check("db", Bad(ConnectRefused)).told(&[
        "30 ops#1 opened page: db is down: the connection is refused",
        "30 phone#1 opened page: db is down: the connection is refused",
    ]);
    assert_eq!(scene.verdict("db"), Verdict::Down);
    let incident = scene.incident(0);
    assert_eq!(incident.since, begin() + jiff::SignedDuration::from_secs(30), "the first sight counts");
    assert_eq!(incident.impact, Impact::Critical);
    assert_eq!(incident.broke_at, Some(incident.since));
}

#[test]
fn a_lost_packet_is_not_told() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good).pass(30).check("db", Bad(ConnectRefused)).pass(1).check("db", Good);
    scene.pass_checking(300, &Good).told(&[]);
    assert_eq!(scene.verdict("db"), Verdict::Healthy);
}

#[test]
fn two_of_three_need_not_follow_each_other() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good).pass(1).check("db", Bad(ConnectReset)).pass(1).check("db", Good).pass(1);
    scene.check("db", Bad(ConnectReset));
    assert_eq!(scene.verdict("db"), Verdict::Down);
}

#[test]
fn recovery_takes_two_good_ones_and_the_second_comes_soon() {
    let mut scene = Scene::with(&["db"]);
    scene.check_fully("db", Bad(ConnectRefused)).pass(60).check("db", Good);
    assert_eq!(scene.verdict("db"), Verdict::Down);
    assert_eq!(scene.last.rechecks.len(), 1);
    scene.pass(1).check("db", Good).ops(&[
        "0 #1 opened page: db is down: the connection is refused",
        "61 #2 resolved page: db is down: the connection is refused | db works again.",
    ]);
    let incident = scene.incident(0);
    assert!(matches!(incident.state, IncidentState::Resolved { by: None, .. }));
    assert_eq!(scene.timeline(incident.id), "opened alert-ended resolved");
}

#[test]
fn inconclusive_checks_change_nothing() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good).pass(1).check("db", Bad(ConnectRefused)).pass(1);
    scene.check("db", Unclear(ClockWrong)).pass(1).check("db", Unclear(ClockWrong)).told(&[]);
    scene.pass(1).check("db", Bad(ConnectRefused));
    assert_eq!(scene.verdict("db"), Verdict::Down, "the two bad ones stand beside each other");
    scene.pass(1).check("db", Good).pass(1).check("db", Unclear(ClockWrong)).pass(1).check("db", Good);
    assert_eq!(scene.verdict("db"), Verdict::Healthy);
}

#[test]
fn certificates_and_refused_log_ins_need_no_third() {
    let strict = |kind| {
        let mut scene = Scene::changed(&["db"], |landscape| {
            let db = landscape.dependencies.get_mut("db").unwrap();
            db.confirm = mainstay_model::Confirmation { failures: 5, of: 8, recoveries: 2 };
        });
        scene.check_fully("db", Bad(kind));
        scene.verdict("db")
    };
    assert_eq!(strict(CertificateUntrusted), Verdict::Down);
    assert_eq!(strict(LoginRejected), Verdict::Down);
    assert_eq!(strict(ConnectRefused), Verdict::Inconclusive);
}

#[test]
fn the_same_check_twice_counts_once() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Bad(ConnectRefused)).check("db", Bad(ConnectRefused));
    assert_eq!(scene.verdict("db"), Verdict::Inconclusive);
    assert_eq!(scene.written.reports.len(), 1);
}

#[test]
fn dependencies_of_one_provider_with_one_cause_are_one_incident() {
    let mut scene = Scene::with(&["a@acme", "b@acme", "c@acme", "other"]);
    for name in ["a", "b", "c", "other"] {
        scene.check(name, Good);
    }
    scene.pass(30).check_fully("a", Bad(ConnectRefused)).pass(5).check_fully("b", Bad(ConnectReset)).pass(5);
    scene.check_fully("c", Bad(ConnectRefused)).pass(5).check_fully("other", Bad(ConnectRefused)).pass(60);
    scene.ops(&[
        "30 #1 opened page: a is down: the connection is refused",
        "45 #1 opened page: other is down: the connection is refused",
        "90 #2 updated page: 3 dependencies of Acme are down: the connection is refused | b is down: the \
         connection is cut. c is down: the connection is refused.",
    ]);
    assert_eq!(scene.state.incidents().count(), 2);
    let incident = scene.incident(0);
    assert_eq!(incident.dependencies.len(), 3);
    for name in ["a", "b", "c"] {
        scene.check_fully(name, Good);
    }
    assert!(!scene.incident(0).is_open());
    assert!(scene.incident(1).is_open());
}

#[test]
fn what_is_found_later_joins_for_as_long_as_the_cause_goes_on() {
    let mut scene = Scene::with(&["a@acme", "b@acme", "c@acme"]).seldom();
    for name in ["a", "b", "c"] {
        scene.check(name, Good);
    }
    scene.pass(30).check_fully("a", Bad(ConnectRefused)).pass(900).take_told();
    scene.check_fully("b", Bad(ConnectTimedOut)).pass(1);
    scene.ops(&["930 #2 updated page: 2 dependencies of Acme are down: the connection is refused | b is down: nothing \
                 answers."]);
    // Somebody has it in hand, and hears of it.
    let id = scene.incident(0).id;
    scene.act(Action::Acknowledge(id)).pass(7200).check_fully("c", Bad(ConnectRefused)).pass(1);
    scene.ops(&["8131 #3 updated page: 3 dependencies of Acme are down: the connection is refused | c is down: the connection \
                 is refused."]);
    assert_eq!(scene.state.incidents().count(), 1);
    for name in ["a", "b", "c"] {
        scene.check_fully(name, Good);
    }
    scene.pass(700).check_fully("b", Bad(ConnectRefused));
    assert_eq!(scene.state.incidents().count(), 2, "what is over for ten minutes is over");
}

#[test]
fn what_is_announced_later_is_an_incident_of_its_own() {
    let mut scene = Scene::with(&["a@acme", "b@acme"]).seldom();
    let end = begin() + days(20);
    scene.check("a", Life(end - days(90), end)).pass(900);
    scene.check("b", Life(end - days(90), end));
    assert_eq!(scene.state.incidents().count(), 2);
}

#[test]
fn what_breaks_unannounced_beside_an_announcement_needs_people_and_is_not_called_announced() {
    let mut scene = Scene::with(&["a@acme", "b@acme"]).seldom();
    let end = begin() + days(1);
    scene.check("a", Life(end - days(90), end));
    let id = scene.incident(0).id;
    scene.act(Action::Acknowledge(id)).take_told();
    scene.pass(900).check_fully("b", Expired(begin() - days(90), begin()));
    assert_eq!(scene.state.incidents().count(), 1);
    assert_eq!(scene.incident(0).state, IncidentState::Open);
    scene.ops(&[
        "900 #2 updated page: b is down: its certificate expired | b is down: its certificate expired.",
    ]);
}

#[test]
fn what_returns_soon_opens_the_same_incident_again() {
    let mut scene = Scene::with(&["db"]);
    scene.check_fully("db", Bad(TimedOut)).pass(10).check_fully("db", Good).pass(60);
    scene.check_fully("db", Bad(TimedOut)).pass(10).check_fully("db", Good).ops(&[
        "0 #1 opened page: db is down: no answer comes in time",
        "11 #2 resolved page: db is down: no answer comes in time | db works again.",
        "71 #3 updated page: db is down: no answer comes in time | It is back: db is down: no answer comes \
         in time.",
        "82 #4 resolved page: db is down: no answer comes in time | db works again.",
    ]);
    assert_eq!(scene.state.incidents().count(), 1);
    scene.pass_checking(700, &Good).pass(1).check_fully("db", Bad(TimedOut));
    assert_eq!(scene.state.incidents().count(), 2, "after ten minutes it is a new one");
}

#[test]
fn flapping_is_told_once_and_ends_when_calm() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good);
    for _ in 0..8 {
        scene.pass(30).check("db", Bad(ConnectRefused)).pass(1).check("db", Bad(ConnectRefused));
        scene.pass(30).check("db", Good).pass(1).check("db", Good);
    }
    let told = scene.written.deliveries.iter().filter(|one| one.channel.as_str() == "ops");
    let kinds: Vec<_> = told.map(|one| one.message.kind.as_str().trim_start_matches("incident.")).collect();
    assert_eq!(kinds, ["opened", "resolved", "updated", "resolved", "updated", "updated"]);
    assert!(scene.incident(0).is_open());
    assert_eq!(scene.incident(0).title, "db keeps changing between good and bad");
    scene.pass_checking(31 * 60, &Good);
    assert!(!scene.incident(0).is_open());
    assert_eq!(scene.state.incidents().count(), 1);
    assert_eq!(scene.verdict("db"), Verdict::Healthy);
}

#[test]
fn some_addresses_down_is_degraded_and_becomes_down_in_the_same_incident() {
    let mut scene = Scene::with(&["db"]);
    scene
        .check("db", Good)
        .pass(30)
        .check_fully("db", Partly)
        .ops(&["30 #1 opened high: db is down on some addresses: the connection is refused"]);
    assert_eq!(scene.verdict("db"), Verdict::Degraded);
    scene.pass(30).check_fully("db", Bad(ConnectRefused)).ops(&[
        "60 #2 updated page: db is down: the connection is refused | db is down: the connection is refused. \
         db works on all addresses again.",
    ]);
    scene.pass(30).check_fully("db", Good);
    assert!(!scene.incident(0).is_open());
}

#[test]
fn slow_three_times_in_a_row_is_told_and_ends_after_three() {
    let mut scene = Scene::with(&["db"]);
    for _ in 0..40 {
        scene.pass(30).check("db", Took(10.0));
    }
    scene.pass(30).check("db", Took(200.0)).pass(30).check("db", Took(200.0)).told(&[]);
    scene.pass(30).check("db", Took(200.0)).ops(&["1290 #1 opened warn: db is slow"]);
    assert_eq!(scene.verdict("db"), Verdict::Degraded);
    scene.pass(30).check("db", Took(10.0)).pass(30).check("db", Took(10.0)).told(&[]);
    scene.pass(30).check("db", Took(10.0));
    scene.ops(&["1380 #2 resolved warn: db is slow | db is as fast as usual."]);
}

fn slow(change: impl FnOnce(&mut Landscape)) -> Scene {
    let mut scene = Scene::changed(&["db"], change);
    for ms in [[10.0; 40], [100.0; 40]].concat() {
        scene.pass(30).check("db", Took(ms));
    }
    scene.ops(&["1290 #1 opened warn: db is slow"]);
    scene
}

#[test]
fn a_slowness_lasts_until_it_is_over() {
    let mut scene = slow(|_| {});
    for _ in 0..2_000 {
        scene.pass(30).check("db", Took(100.0));
    }
    scene.told(&[]);
    assert_eq!(scene.verdict("db"), Verdict::Degraded);
    for _ in 0..3 {
        scene.pass(30).check("db", Took(12.0));
    }
    scene.ops(&["62490 #2 resolved warn: db is slow | db is as fast as usual."]);
}

#[test]
fn whoever_resolves_a_slowness_takes_it_as_usual() {
    let mut scene = slow(|_| {});
    let id = scene.incident(0).id;
    scene.act(Action::Resolve(id));
    scene.ops(&["2400 #2 resolved warn: db is slow | How long db takes now counts as usual."]);
    assert_eq!(scene.verdict("db"), Verdict::Healthy);
    for _ in 0..200 {
        scene.pass(30).check("db", Took(100.0));
    }
    scene.told(&[]);
    for _ in 0..3 {
        scene.pass(30).check("db", Took(300.0));
    }
    scene.ops(&["8490 #1 opened warn: db is slow"]);
}

#[test]
fn a_limit_of_the_configuration_stays_whoever_resolves() {
    let limit = Some(std::time::Duration::from_millis(50));
    let mut scene = slow(|landscape| landscape.dependencies.get_mut("db").unwrap().slow = limit);
    let id = scene.incident(0).id;
    scene.act(Action::Resolve(id)).pass(30).check("db", Took(100.0));
    scene.ops(&["2400 #2 resolved warn: db is slow"]);
    assert_eq!(scene.verdict("db"), Verdict::Degraded);
}

#[test]
fn what_leaves_the_configuration_ends() {
    let mut scene = Scene::with(&["db", "keep"]);
    scene.check_fully("db", Bad(ConnectRefused)).landscape.dependencies.remove("db");
    scene.configure().ops(&[
        "0 #1 opened page: db is down: the connection is refused",
        "0 #2 resolved page: db is down: the connection is refused | db works again: it was removed from \
         the configuration.",
    ]);
    assert!(scene.state.dependency("db").is_none());
    scene.pass(1).check("db", Bad(ConnectRefused));
    assert!(scene.last.commit.is_empty());
    let before = scene.written.clone();
    scene.configure();
    assert_eq!(scene.written, before, "the same configuration again changes nothing");
}

#[test]
fn a_tick_with_nothing_due_writes_nothing() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good).pass(1);
    assert!(scene.last.commit.is_empty());
    scene.step(Event::Tick);
    assert!(scene.last.commit.is_empty() && !scene.last.publish && !scene.last.check_references);
}

#[test]
fn steady_checks_write_only_themselves() {
    let mut scene = Scene::with(&["db"]);
    scene.check("db", Good).pass(30).check("db", Good);
    assert_eq!(scene.last.commit.reports.len(), 1);
    assert!(scene.last.commit.dependencies.is_empty() && scene.last.commit.timeline.is_empty());
    let before = scene.written.dependencies.len();
    scene.pass_checking(3_600 * 5, &Good);
    assert_eq!(scene.written.dependencies.len() - before, 5, "once an hour");
}

#[test]
fn steady_states_are_not_written_all_in_the_same_moment() {
    let names: Vec<String> = (0..120).map(|number| format!("d{number}")).collect();
    let mut scene = Scene::with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    scene.pass_checking(60, &Good);
    let mut most = 0;
    let begin = scene.written.dependencies.len();
    for _ in 0..60 {
        let before = scene.written.dependencies.len();
        scene.pass_checking(60, &Good);
        most = most.max(scene.written.dependencies.len() - before);
    }
    assert_eq!(scene.written.dependencies.len() - begin, names.len(), "each once an hour");
    assert!(most <= 12, "{most} in one minute");
}

#[test]
fn what_recovers_one_by_one_is_resolved_as_what_it_was_at_its_widest() {
    let mut scene = Scene::with(&["db@acme", "cache@acme"]);
    scene.check_fully("db", Bad(ConnectRefused)).check_fully("cache", Bad(ConnectRefused)).pass(60);
    assert_eq!(scene.incident(0).title, "2 dependencies of Acme are down: the connection is refused");
    scene.check_fully("cache", Good).pass(1);
    assert_eq!(scene.incident(0).title, "db is down: the connection is refused");
    scene.check_fully("db", Good);
    assert_eq!(scene.incident(0).resolved_at(), Some(scene.now), "the last one ends it");
    assert_eq!(scene.incident(0).title, "2 dependencies of Acme are down: the connection is refused");
}

#[test]
fn the_most_urgent_alert_makes_the_severity_whoever_leads() {
    let mut scene = Scene::changed(&["a@acme", "b@acme"], |landscape| {
        landscape.dependencies.get_mut("a").unwrap().criticality = Criticality::Normal;
    });
    scene.check("a", Good).check("b", Good);
    for _ in 0..4 {
        scene.pass(30).check("a", Bad(ConnectRefused)).pass(1).check("a", Bad(ConnectRefused));
        scene.pass(30).check("a", Good).pass(1).check("a", Good).check("b", Good);
    }
    let flapping = scene.incident(0);
    assert_eq!((flapping.title.as_str(), flapping.severity), ("a keeps changing between good and bad", High));
    scene.pass(1).check_fully("b", Bad(ConnectRefused));
    assert_eq!(scene.state.incidents().count(), 1);
    let both = scene.incident(0);
    assert_eq!((both.title.as_str(), both.severity), ("b is down: the connection is refused", Page));
    let paged = scene.last.commit.deliveries.iter().any(|one| one.channel.as_str() == "phone");
    assert!(paged, "a critical dependency is down");
}

#[test]
fn what_is_announced_may_be_more_urgent_than_what_is_broken() {
    let mut scene = Scene::changed(&["a@acme", "b@acme"], |landscape| {
        landscape.dependencies.get_mut("a").unwrap().criticality = Criticality::Low;
    });
    scene.check("a", Expired(begin() - days(90), begin()));
    assert_eq!(scene.incident(0).severity, Warn);
    scene.pass(30).check("b", Life(begin() - days(89), begin() + days(1)));
    assert_eq!(scene.state.incidents().count(), 1);
    assert_eq!(scene.incident(0).title, "a is down: its certificate expired");
    assert_eq!(scene.incident(0).severity, Page);
}
