use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use jiff::civil::{Weekday, date, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mainstay_engine::Rehearsal;
use mainstay_model::{
    Channel, ChannelKind, Criticality, Dependency, Escalation, Hours, Landscape, Layer, Match, Person,
    Provider, Recipient, Recurrence, Restriction, Route, Schedule, Severity, Step, Target,
};

/// Rehearses so many dependencies of fifty providers over four weeks: two schedules, two escalations, and routes with office hours.
pub(crate) fn run(dependencies: usize) -> anyhow::Result<()> {
    let landscape = landscape(dependencies)?;
    let from: Timestamp = "2026-03-09T10:17:00Z".parse()?;
    let until = from + SignedDuration::from_hours(28 * 24);
    let rehearsal =
        Rehearsal { landscape: &landscape, known: None, from, until, resolved: None, require_proven: false };
    let begin = Instant::now();
    let coverage = rehearsal.play(&mut |_, _| {});
    let seconds = begin.elapsed().as_secs_f64();
    println!("{}", coverage.sentence());
    println!(
        "{dependencies} dependencies, {} ways to break, four weeks: {seconds:.2} s; {} plays, {:.0} plays a second",
        coverage.ways(),
        coverage.plays,
        coverage.plays as f64 / seconds
    );
    Ok(())
}

fn landscape(dependencies: usize) -> anyhow::Result<Landscape> {
    let office = Hours {
        restriction: Restriction {
            from: time(9, 0, 0, 0),
            until: time(17, 0, 0, 0),
            days: [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday]
                .into_iter()
                .collect(),
        },
        timezone: TimeZone::get("Europe/Berlin")?,
    };
    let severities = |severity: &[Severity]| Match { severity: severity.to_vec(), ..Match::default() };
    let by_channel = |name: &str| Ok::<_, anyhow::Error>(Recipient::Channel(name.parse()?));
    let routes = vec![
        Route { when: severities(&[Severity::Page]), escalate: Some("urgent".parse()?), ..Route::default() },
        Route { when: severities(&[Severity::High]), escalate: Some("calm".parse()?), ..Route::default() },
        Route {
            when: severities(&[Severity::Warn]),
            during: Some(office),
            to: vec![by_channel("desk")?],
            ..Route::default()
        },
        Route { to: vec![by_channel("ops")?], ..Route::default() },
    ];
    let step = |name: &str| {
        Ok::<_, anyhow::Error>(Step {
            to: vec![Recipient::Schedule(name.parse()?)],
            wait: Duration::from_secs(600),
        })
    };
    let policy = |first: &str, second: &str| {
        Ok::<_, anyhow::Error>(Escalation {
            steps: vec![step(first)?, step(second)?],
            repeat: 1,
            during: None,
        })
    };
    let people = ["anna", "ben", "carla", "dina"];
    let all = (0..dependencies).map(|number| dependency(number).map(|one| (one.name.clone(), one)));
    let channels = ["desk", "ops"].into_iter().chain(people);
    Ok(Landscape {
        providers: (0..PROVIDERS).map(provider).collect::<anyhow::Result<_>>()?,
        dependencies: all.collect::<anyhow::Result<_>>()?,
        channels: channels.map(|name| Ok((name.parse()?, channel()))).collect::<anyhow::Result<_>>()?,
        people: people.into_iter().map(person).collect::<anyhow::Result<_>>()?,
        schedules: [
            ("first".parse()?, schedule(&people[..2])?),
            ("second".parse()?, schedule(&people[2..])?),
        ]
        .into(),
        escalations: [
            ("urgent".parse()?, policy("first", "second")?),
            ("calm".parse()?, policy("second", "first")?),
        ]
        .into(),
        fallback: vec![by_channel("ops")?],
        routes,
        ..Landscape::default()
    })
}

const PROVIDERS: usize = 50;

fn dependency(number: usize) -> anyhow::Result<Dependency> {
    let url = match number % 4 {
        0 => format!("postgres://u:p@db{number}.example.com/x"),
        1 => format!("https://api{number}.example.com/"),
        2 => format!("mysql://u:p@my{number}.example.com/x"),
        _ => format!("rediss://cache{number}.example.com"),
    };
    Ok(Dependency {
        provider: Some(format!("provider-{}", number % PROVIDERS).parse()?),
        criticality: Criticality::ALL[number / 4 % 4],
        ..Dependency::new(format!("dependency-{number}").parse()?, Target::parse(&url)?)
    })
}

fn provider(number: usize) -> anyhow::Result<(mainstay_model::ProviderName, Provider)> {
    let provider = Provider {
        title: format!("Provider {number}"),
        status_page: None,
        contacts: Vec::new(),
        sla_percent: None,
        review_every: None,
    };
    Ok((format!("provider-{number}").parse()?, provider))
}

fn channel() -> Channel {
    Channel { kind: ChannelKind::Email { to: vec!["ops@example.org".into()] }, provider: None }
}

fn person(name: &str) -> anyhow::Result<(mainstay_model::PersonName, Person)> {
    Ok((name.parse()?, Person { title: name.into(), channels: vec![name.parse()?], timezone: None }))
}

/// Two people who take turns of a week, and of a day and a night.
fn schedule(people: &[&str]) -> anyhow::Result<Schedule> {
    let days = |days: u32| NonZeroU32::new(days).map(Recurrence::every_days);
    let layer = |days: Option<Recurrence>| {
        Ok::<_, anyhow::Error>(Layer {
            people: people.iter().map(|name| Ok(name.parse()?)).collect::<anyhow::Result<_>>()?,
            rotation: days.ok_or_else(|| anyhow::anyhow!("a rotation of no days"))?,
            start: date(2026, 1, 5).at(9, 0, 0, 0),
            restriction: None,
        })
    };
    Ok(Schedule {
        title: "Team".into(),
        timezone: TimeZone::get("Europe/Berlin")?,
        layers: vec![layer(days(7))?],
        overrides: Vec::new(),
    })
}
