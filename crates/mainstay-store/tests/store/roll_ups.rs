use std::collections::BTreeMap;

use jiff::Timestamp;
use mainstay_model::{CheckReport, Histogram, Verdict};
use mainstay_store::{RollUp, Store};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};

use crate::home::{Home, on_both};
use crate::sample::*;

const HOUR: i64 = 3600;

/// Checks begin at multiples of this many seconds, so that looking at the verdict as often finds its every change.
const STEP: i64 = 20;

async fn hourly(store: &Store, dependency: &str) -> Vec<RollUp> {
    store.hourly(&name(dependency), Timestamp::UNIX_EPOCH, Timestamp::MAX).await.unwrap()
}

async fn daily(store: &Store, dependency: &str) -> Vec<RollUp> {
    store.daily(&name(dependency), Timestamp::UNIX_EPOCH, Timestamp::MAX).await.unwrap()
}

fn check(dependency: &str, second: i64, verdict: Verdict) -> CheckReport {
    report(
        dependency,
        later(second),
        verdict,
        vec![observation("a:1", verdict, &[]), observation("b:1", verdict, &[])],
    )
}

/// The same sums in the plainest way: the verdict of every moment is looked up.
fn brute_force(checks: &[(i64, Verdict)], start: i64, length: i64) -> Option<RollUp> {
    let within: Vec<_> = checks.iter().filter(|(at, _)| (start..start + length).contains(at)).collect();
    let count = |verdict| within.iter().filter(|(_, found)| *found == verdict).count() as u64;
    // An hour in which no check began has no row, and so its seconds do not count.
    let counts = |second: &i64| {
        let hour = second - second.rem_euclid(HOUR);
        checks.iter().any(|(at, _)| (hour..hour + HOUR).contains(at))
    };
    let holding = |second: i64| {
        let latest = checks.iter().filter(|(at, _)| *at <= second).max_by_key(|(at, _)| *at)?;
        (second - latest.0 < 600).then_some(latest.1)
    };
    let moments = (start..start + length).step_by(STEP as usize);
    let holding: Vec<_> = moments.filter(counts).filter_map(holding).collect();
    let held = |matching: &dyn Fn(Verdict) -> bool| {
        holding.iter().filter(|verdict| matching(**verdict)).count() as u64 * STEP as u64
    };
    let mut latency = Histogram::default();
    for (_, verdict) in &within {
        match verdict {
            Verdict::Healthy | Verdict::Degraded => latency.record_ms(2.5 + 12.5),
            Verdict::Down | Verdict::Inconclusive => {}
        }
    }
    (!within.is_empty()).then(|| RollUp {
        start: later(start),
        checks: within.len() as u64,
        healthy: count(Verdict::Healthy),
        degraded: count(Verdict::Degraded),
        down: count(Verdict::Down),
        inconclusive: count(Verdict::Inconclusive),
        observed_seconds: held(&|verdict| verdict != Verdict::Inconclusive),
        down_seconds: held(&|verdict| verdict == Verdict::Down),
        latency,
    })
}

/// Checks over a day and a half that begins at 10:00, as seconds from then.
fn any_checks() -> impl Strategy<Value = Vec<(i64, Verdict)>> {
    let verdict = prop_oneof![
        Just(Verdict::Healthy),
        Just(Verdict::Degraded),
        Just(Verdict::Down),
        Just(Verdict::Inconclusive)
    ];
    let dense = prop::collection::btree_map(0..2 * HOUR / STEP, verdict.clone(), 0..60);
    let sparse = prop::collection::btree_map(0..36 * HOUR / STEP, verdict, 0..60);
    (dense, sparse).prop_map(|(dense, sparse)| {
        let all: BTreeMap<_, _> = dense.into_iter().chain(sparse).collect();
        all.into_iter().map(|(step, verdict)| (step * STEP, verdict)).collect()
    })
}

async fn compare(store: &Store, dependency: &str, checks: &[(i64, Verdict)]) {
    let hours = (0..36).filter_map(|hour| brute_force(checks, hour * HOUR, HOUR));
    assert_eq!(hourly(store, dependency).await, hours.collect::<Vec<_>>(), "{checks:?}");
    // The first day began ten hours before.
    let days = (0..3).filter_map(|day| brute_force(checks, (24 * day - 10) * HOUR, 24 * HOUR));
    assert_eq!(daily(store, dependency).await, days.collect::<Vec<_>>(), "{checks:?}");
}

#[tokio::test]
async fn roll_ups_are_what_brute_force_finds() {
    on_both(async |home: &Home| {
        let mut runner = TestRunner::new(Config::default());
        let store = home.open().await;
        let cases: Vec<_> = (0..24).map(|_| any_checks().new_tree(&mut runner).unwrap().current()).collect();
        for (number, checks) in cases.iter().enumerate() {
            let reports = checks.iter().map(|(at, verdict)| check(&format!("db{number}"), *at, *verdict));
            store.commit(&of_reports(reports.collect())).await.unwrap();
        }
        // In two goes, and the second one twice: it makes no difference.
        for second in [90_000, 37 * HOUR, 37 * HOUR] {
            store.roll_up(later(second)).await.unwrap();
        }
        for (number, checks) in cases.iter().enumerate() {
            compare(&store, &format!("db{number}"), checks).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_hour_is_summed_up_once_it_is_closed_and_late_checks_are_added() {
    on_both(async |home| {
        let store = home.open().await;
        store.commit(&of_reports(vec![check("db", 60, Verdict::Healthy)])).await.unwrap();
        store.roll_up(later(HOUR + 119)).await.unwrap();
        assert_eq!(hourly(&store, "db").await, [], "checks of it may still be under way");
        store.roll_up(later(HOUR + 120)).await.unwrap();
        compare(&store, "db", &[(60, Verdict::Healthy)]).await;
        let late = vec![check("db", 40, Verdict::Down), check("db", HOUR + 20, Verdict::Down)];
        store.commit(&of_reports(late)).await.unwrap();
        store.roll_up(later(2 * HOUR + 120)).await.unwrap();
        let all = [(40, Verdict::Down), (60, Verdict::Healthy), (HOUR + 20, Verdict::Down)];
        compare(&store, "db", &all).await;
    })
    .await;
}

#[tokio::test]
async fn sums_go_on_after_the_clock_was_ahead() {
    on_both(async |home| {
        let store = home.open().await;
        let year = 365 * 24 * HOUR;
        store.commit(&of_reports(vec![check("db", 60, Verdict::Healthy)])).await.unwrap();
        store.roll_up(later(2 * HOUR)).await.unwrap();
        // What a clock that was a year ahead left behind.
        let ahead = later(year).as_microsecond();
        home.run(&format!("UPDATE roll_up SET pending_from = {ahead}, closed_to = {ahead}")).await;
        home.run(&format!("INSERT INTO mark (name, at) VALUES ('raw-from', {ahead})")).await;
        store.roll_up(later(2 * HOUR)).await.unwrap();
        store.commit(&of_reports(vec![check("db", 2 * HOUR + 60, Verdict::Down)])).await.unwrap();
        store.roll_up(later(4 * HOUR)).await.unwrap();
        compare(&store, "db", &[(60, Verdict::Healthy), (2 * HOUR + 60, Verdict::Down)]).await;
        assert!(home.number("SELECT closed_to FROM roll_up").await < ahead, "the clock is believed now");
        store.retain(later(4 * HOUR), Default::default()).await.unwrap();
        assert_eq!(home.number("SELECT COUNT(*) FROM endpoint").await, 2, "none of them is old");
        assert!(home.number("SELECT at FROM mark WHERE name = 'raw-from'").await < ahead);
    })
    .await;
}
