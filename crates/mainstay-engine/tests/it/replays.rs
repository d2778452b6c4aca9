//! A rule tried against the past tells what it would have told.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_engine::expr::Fact;
use mainstay_engine::{NoReplay, Replay, Replayed};
use mainstay_model::FailureKind::*;
use mainstay_model::{CheckReport, OwnRule, Severity};

use crate::scene::*;

fn rule(when: &str) -> OwnRule {
    OwnRule {
        when: when.into(),
        severity: Severity::Warn,
        message: Some("It takes {phase.total_ms} ms".into()),
        runbook: None,
        hold_for: Duration::ZERO,
        enabled: false,
    }
}

fn second(seconds: i64) -> Timestamp {
    begin() + SignedDuration::from_secs(seconds)
}

/// Replays checks, given as what each found and when.
fn replay(rule: &OwnRule, checks: &[(i64, Found)], to: i64) -> Replayed {
    let mut scene = Scene::with(&["db"]);
    let mut replay = Replay::new(&dependency("db"), &"tried".parse().unwrap(), rule, begin()).unwrap();
    for (at, found) in checks {
        scene.now = second(*at);
        replay.check(scene.report("db", found.clone()));
    }
    replay.finish(second(to))
}

fn spans(replayed: &Replayed) -> Vec<(i64, i64, Option<i64>)> {
    let seconds = |at: Timestamp| at.duration_since(begin()).as_secs();
    let span =
        |held: &mainstay_engine::Held| (seconds(held.since), seconds(held.told_at), held.until.map(seconds));
    replayed.held.iter().map(span).collect()
}

#[test]
fn from_when_to_when_it_would_have_held() {
    let checks =
        [(0, Took(50.0)), (30, Took(150.0)), (60, Took(160.0)), (90, Took(50.0)), (120, Took(200.0))];
    let replayed = replay(&rule("phase.total_ms > 100.0"), &checks, 600);
    assert_eq!(spans(&replayed), [(30, 30, Some(90)), (120, 120, None)]);
    assert_eq!((replayed.checks, replayed.alerts, replayed.untold), (5, 2, 0));
    assert_eq!(replayed.held[0].message, "It takes 150 ms");
}

#[test]
fn what_has_to_hold_for_a_while_is_told_when_it_did() {
    let slow = OwnRule { hold_for: Duration::from_secs(45), ..rule("phase.total_ms > 100.0") };
    let checks =
        [(0, Took(150.0)), (30, Took(50.0)), (60, Took(150.0)), (90, Took(150.0)), (120, Took(50.0))];
    assert_eq!(spans(&replay(&slow, &checks, 600)), [(60, 105, Some(120))]);
}

#[test]
fn time_passes_between_checks() {
    let soon = rule("tls.days_left < 60");
    let life = Life(begin() - days(1), begin() + days(61));
    let replayed = replay(&soon, &[(0, life.clone()), (5 * 86_400, life)], 6 * 86_400);
    assert_eq!(spans(&replayed), [(86_430, 86_430, None)]);
}

#[test]
fn what_could_not_be_told_is_counted() {
    let checks = [(0, Took(150.0)), (30, Bad(ConnectRefused)), (60, Unclear(ClockWrong)), (90, Took(50.0))];
    let replayed = replay(&rule("phase.total_ms > 100.0"), &checks, 600);
    assert_eq!(spans(&replayed), [(0, 0, Some(90))]);
    assert_eq!((replayed.untold, replayed.missing), (2, Some(Fact::TotalMs)));
}

#[test]
fn what_is_not_kept_cannot_be_tried() {
    let refused = |when: &str| {
        Replay::new(&dependency("db"), &"tried".parse().unwrap(), &rule(when), begin()).unwrap_err()
    };
    assert_eq!(refused("tls.version == 'TLSv1.2'"), NoReplay::NotKept(vec![Fact::TlsVersion]));
    assert!(matches!(refused("tls.version == "), NoReplay::Faults(faults) if faults.len() == 1));
}

/// Some days of a dependency that changes between fast, slow, down and unclear.
fn days_of_trouble(scene: &Scene) -> Vec<CheckReport> {
    let found = |n: i64| match (n / 7 * 31 + n / 3) % 11 {
        0..4 => Took(50.0),
        4..8 => Took(150.0),
        8 => Bad(ConnectRefused),
        9 => Partly,
        _ => Unclear(ClockWrong),
    };
    let report = |n: i64| CheckReport { checked_at: second(n * 30), ..scene.report("db", found(n)) };
    (0..5_000).map(report).collect()
}

/// The past is judged as the present was, step by step.
#[test]
fn a_replay_tells_what_was_told() {
    for when in [
        "phase.total_ms > 100.0",
        "down_for > duration('10s') || failure.kind == 'connect-refused'",
        "verdict != 'healthy'",
    ] {
        let own = OwnRule { hold_for: Duration::from_secs(60), enabled: true, ..rule(when) };
        let mut scene = Scene::changed(&["db"], |landscape| {
            landscape.rules.own.insert("tried".parse().unwrap(), own.clone());
        });
        let mut replay = Replay::new(&dependency("db"), &"tried".parse().unwrap(), &own, begin()).unwrap();
        let (mut alerts, mut holds) = (0, false);
        for report in days_of_trouble(&scene) {
            while scene.now < report.checked_at {
                scene.pass_by(1, 1);
                count(&scene, &mut alerts, &mut holds);
            }
            scene.step(mainstay_engine::Event::Checked(Box::new(report.clone())));
            count(&scene, &mut alerts, &mut holds);
            replay.check(report);
        }
        let replayed = replay.finish(scene.now);
        assert!(alerts > 3, "{when}: {alerts}");
        assert_eq!(replayed.alerts, alerts, "{when}");
    }
}

fn count(scene: &Scene, alerts: &mut u64, holds: &mut bool) {
    let state = scene.state.dependency("db").unwrap();
    let now = state.alerts.iter().any(|alert| alert.key.to_string() == "db/tried");
    *alerts += u64::from(now && !*holds);
    *holds = now;
}
