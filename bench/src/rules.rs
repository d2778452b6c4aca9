use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};
use mainstay_engine::expr::{Answer, Fact, Found, Program, Source, Value};
use mainstay_engine::{Event, State};
use mainstay_model::{
    CheckReport, Dependency, Landscape, Observation, OwnRule, Phases, Random, Severity, Target, Verdict,
};

/// What the conditions are about, as plain fields: the least that anybody could read.
struct Facts {
    days_left: i64,
    total_ms: f64,
    criticality: &'static str,
    verdict: &'static str,
    down_for: SignedDuration,
    issuer: &'static str,
}

impl Source for Facts {
    fn find(&self, fact: Fact) -> Found<'_> {
        Found::Known(match fact {
            Fact::TlsDaysLeft => Value::Int(self.days_left),
            Fact::TotalMs => Value::Double(self.total_ms),
            Fact::Criticality => self.criticality.into(),
            Fact::Verdict => self.verdict.into(),
            Fact::DownFor => Value::Duration(self.down_for),
            Fact::TlsIssuer => self.issuer.into(),
            _ => return Found::Unknown,
        })
    }
}

type ByHand = fn(&Facts) -> bool;

/// Conditions, each with the same in Rust.
const CONDITIONS: [(&str, ByHand); 4] = [
    ("tls.days_left < 20", |facts| facts.days_left < 20),
    ("tls.days_left < 20 && dependency.criticality == 'critical'", |facts| {
        facts.days_left < 20 && facts.criticality == "critical"
    }),
    (
        "verdict in ['down', 'degraded'] && down_for > duration('5m') || phase.total_ms > 400.0 * 2.0",
        |facts| {
            ["down", "degraded"].contains(&facts.verdict) && facts.down_for > SignedDuration::from_mins(5)
                || facts.total_ms > 400.0 * 2.0
        },
    ),
    ("tls.issuer.contains('Staging') || tls.issuer.endsWith(',O=Acme')", |facts| {
        facts.issuer.contains("Staging") || facts.issuer.ends_with(",O=Acme")
    }),
];

/// Times each condition, and then the engine's step for a check without rules of one's own and with thirty.
pub(crate) fn run() -> anyhow::Result<()> {
    let facts = Facts {
        days_left: 12,
        total_ms: 37.5,
        criticality: "critical",
        verdict: "down",
        down_for: SignedDuration::from_mins(9),
        issuer: "CN=Acme Issuing CA 3,O=Acme",
    };
    println!("{:>10} {:>10}  condition", "expr", "Rust");
    for (text, by_hand) in CONDITIONS {
        let program = Program::compile(text).map_err(|faults| anyhow!("{text}: {faults:?}"))?;
        let facts = black_box(&facts);
        let judged = nanoseconds(TIMES, || program.judge(facts) == Answer::Holds);
        let plain = nanoseconds(TIMES, || by_hand(black_box(facts)));
        println!("{judged:>7.1} ns {plain:>7.1} ns  {text}");
    }
    let (without, with) = (a_check(0)?, a_check(30)?);
    println!("\na check costs the engine {without:.0} ns, and {with:.0} ns with thirty rules of one's own");
    Ok(())
}

const TIMES: u32 = 200_000;

/// What one of so many takes, the least over several rounds, as whatever else runs only adds to it.
pub(crate) fn nanoseconds<T>(times: u32, judge: impl Fn() -> T) -> f64 {
    let round = || {
        let begin = Instant::now();
        for _ in 0..times {
            black_box(judge());
        }
        begin.elapsed().as_nanos() as f64 / f64::from(times)
    };
    (0..10).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn a_check(rules: usize) -> anyhow::Result<f64> {
    const CHECKS: i64 = 50_000;
    let begin = Timestamp::from_second(1_800_000_000)?;
    let mut state = State::default();
    let mut random = Random::seeded(1);
    state.step(Event::Configured(Arc::new(landscape(rules)?)), begin, &mut random);
    let reports: Vec<_> = (0..CHECKS).map(|n| report(begin + SignedDuration::from_secs(60 * n))).collect();
    let started = Instant::now();
    for report in reports {
        let at = report.checked_at;
        black_box(state.step(Event::Checked(Box::new(report)), at, &mut random));
    }
    Ok(started.elapsed().as_nanos() as f64 / CHECKS as f64)
}

fn landscape(rules: usize) -> anyhow::Result<Landscape> {
    let mut landscape = Landscape::default();
    let name: mainstay_model::DependencyName = "db".parse()?;
    let dependency = Dependency {
        every: Duration::from_secs(60),
        criticality: mainstay_model::Criticality::Critical,
        ..Dependency::new(name.clone(), Target::parse("tcp://db.example.com:5432")?)
    };
    landscape.dependencies.insert(name, dependency);
    for number in 0..rules {
        let (when, _) = CONDITIONS[number % CONDITIONS.len()];
        let rule = OwnRule {
            when: when.to_owned(),
            severity: Severity::Warn,
            message: None,
            runbook: None,
            hold_for: Duration::ZERO,
            enabled: true,
        };
        landscape.rules.own.insert(format!("rule-{number}").parse()?, rule);
    }
    Ok(landscape)
}

fn report(at: Timestamp) -> CheckReport {
    CheckReport {
        endpoint: None,
        target: "tcp://db.example.com:5432".into(),
        dependency: "db".parse().ok(),
        verdict: Verdict::Healthy,
        failure: None,
        addresses: vec![Observation {
            address: "192.0.2.1:5432".into(),
            verdict: Verdict::Healthy,
            failure: None,
            also: Vec::new(),
            phases: Phases { connect_ms: Some(5.0), ..Phases::default() },
            tls: None,
        }],
        findings: Vec::new(),
        diagnosis: None,
        resolve_ms: None,
        checked_at: at,
    }
}
