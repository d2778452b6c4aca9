use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::{Time, Weekday, date, time};
use jiff::tz::TimeZone;
use mainstay_model::{
    Channel, ChannelKind, Cover, Criticality, Escalation, Heard, Hole, HoleCode, Hours, Layer, LookedUp,
    Lookup, Manner, Match, Person, Quiet, QuietKind, QuietTime, Recipient, Recurrence, Restriction, Route,
    Schedule, Severity, Step, Target, Way,
};

use super::sweep::at_every;
use super::*;

fn channel() -> Channel {
    Channel { kind: ChannelKind::Email { to: vec!["a@example.org".into()] }, provider: None }
}

fn weekly() -> Recurrence {
    Recurrence::every_days(std::num::NonZeroU32::new(7).unwrap())
}

fn by_channel(name: &str) -> Recipient {
    Recipient::Channel(name.parse().unwrap())
}

fn by_schedule(name: &str) -> Recipient {
    Recipient::Schedule(name.parse().unwrap())
}

fn hours(from: Time, until: Time, days: &[Weekday]) -> Restriction {
    Restriction { from, until, days: days.iter().copied().collect() }
}

const WORKDAYS: [Weekday; 5] =
    [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];

fn dependency(name: &str) -> Dependency {
    Dependency {
        criticality: Criticality::Critical,
        ..Dependency::new(
            name.parse().unwrap(),
            Target::parse(&format!("postgres://u:p@{name}.example.com/x")).unwrap(),
        )
    }
}

/// Everything that changes with time: hours of routes and policies, people who take turns and are missing on Sundays by night, a
/// weekly maintenance, digests, and in the middle of it a change to daylight saving time.
fn landscape() -> Landscape {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let six = [WORKDAYS.as_slice(), &[Weekday::Saturday]].concat();
    let layer = |people: &[&str], restriction| Layer {
        people: people.iter().map(|one| one.parse().unwrap()).collect(),
        rotation: weekly(),
        start: date(2026, 1, 5).at(9, 0, 0, 0),
        restriction,
    };
    let schedule = Schedule {
        title: "Platform".into(),
        timezone: berlin.clone(),
        layers: vec![
            layer(&["anna", "ben"], Some(hours(time(20, 0, 0, 0), time(8, 0, 0, 0), &six))),
            layer(
                &["carla"],
                Some(hours(
                    time(8, 0, 0, 0),
                    time(20, 0, 0, 0),
                    &[
                        Weekday::Sunday,
                        Weekday::Monday,
                        Weekday::Tuesday,
                        Weekday::Wednesday,
                        Weekday::Thursday,
                        Weekday::Friday,
                        Weekday::Saturday,
                    ],
                )),
            ),
        ],
        overrides: Vec::new(),
    };
    let office = Hours {
        restriction: hours(time(9, 0, 0, 0), time(17, 0, 0, 0), &WORKDAYS),
        timezone: berlin.clone(),
    };
    let step = |to: Recipient, minutes: u64| Step { to: vec![to], wait: Duration::from_secs(60 * minutes) };
    let policy = Escalation {
        steps: vec![step(by_schedule("platform"), 10), step(by_channel("boss"), 20)],
        repeat: 1,
        during: None,
    };
    let slow_policy =
        Escalation { steps: vec![step(by_channel("desk"), 5)], repeat: 0, during: Some(office.clone()) };
    let severities = |severity: &[Severity]| Match { severity: severity.to_vec(), ..Match::default() };
    let routes = vec![
        Route {
            when: severities(&[Severity::Page, Severity::High]),
            escalate: Some("urgent".parse().unwrap()),
            ..Route::default()
        },
        Route {
            when: severities(&[Severity::Warn]),
            during: Some(office),
            to: vec![by_channel("desk")],
            ..Route::default()
        },
        Route {
            when: severities(&[Severity::Warn]),
            to: vec![by_channel("mail")],
            manner: Manner::Digest,
            ..Route::default()
        },
        Route {
            when: severities(&[Severity::Warn, Severity::Info]),
            escalate: Some("office".parse().unwrap()),
            ..Route::default()
        },
    ];
    let person =
        |name: &str| Person { title: name.into(), channels: vec![name.parse().unwrap()], timezone: None };
    let names = ["anna", "ben", "carla", "boss", "desk", "mail", "fallback"];
    Landscape {
        dependencies: [("db".parse().unwrap(), dependency("db"))].into(),
        channels: names.iter().map(|name| (name.parse().unwrap(), channel())).collect(),
        people: names[..3].iter().map(|name| (name.parse().unwrap(), person(name))).collect(),
        schedules: [("platform".parse().unwrap(), schedule)].into(),
        escalations: [("urgent".parse().unwrap(), policy), ("office".parse().unwrap(), slow_policy)].into(),
        routes,
        fallback: vec![by_channel("fallback")],
        quiets: vec![Quiet {
            kind: QuietKind::Maintenance,
            reason: "new disks".into(),
            what: Match::default(),
            when: QuietTime::Recurring {
                start: date(2026, 1, 3).at(2, 0, 0, 0),
                recurrence: weekly(),
                length: Duration::from_secs(3 * 3_600),
                timezone: berlin,
            },
        }],
        ..Landscape::default()
    }
}

fn rehearsal<'a>(landscape: &'a Landscape, known: Option<&'a Known>) -> Rehearsal<'a> {
    let from = "2026-03-09T10:17:00Z".parse().unwrap();
    Rehearsal {
        landscape,
        known,
        from,
        until: later(from, SignedDuration::from_hours(28 * 24)),
        resolved: None,
        require_proven: false,
    }
}

/// Who is told by what, without the times.
fn who(told: &[Heard]) -> Vec<String> {
    told.iter().map(|one| format!("{} {:?} {:?}", one.channel, one.person, one.by)).collect()
}

#[test]
fn a_play_for_every_hour_of_four_weeks_shows_nothing_else() {
    let landscape = landscape();
    let rehearsal = rehearsal(&landscape, None);
    let dependency = landscape.dependencies.values().next().unwrap();
    let end = later(rehearsal.until, TAIL);
    let calendar = Calendars::new(&landscape, None, &[], rehearsal.from, end).of(dependency);
    let bare = Landscape { dependencies: BTreeMap::new(), ..landscape.clone() };
    let stage = Stage::new(&bare, dependency, None);
    let scripts = [
        Script::Breaks(Breaking::Failure(mainstay_model::FailureKind::ConnectRefused)),
        Script::Breaks(Breaking::Failure(mainstay_model::FailureKind::TooSlow)),
        Script::Breaks(Breaking::Unchecked),
        Script::Nears { life: stage.life(), step: 0 },
    ];
    for script in scripts {
        let mut sweep = Sweep::new(&stage, calendar.clone(), rehearsal.from, rehearsal.until);
        let classes = sweep.play(script);
        assert!(sweep.plays() < 200, "{} plays", sweep.plays());
        // Off the full hour too, and by no round number, so that the moments fall on all sides of what changes.
        let step = SignedDuration::from_secs(3_533);
        let hours = std::iter::successors(Some(rehearsal.from), |at| Some(later(*at, step)));
        let hours = hours.take_while(|at| *at < rehearsal.until);
        let mut seen = 0;
        for (at, played) in at_every(&stage, script, hours) {
            let holds = |class: &&super::sweep::Class| {
                class.stretches.iter().any(|one| one.from <= at && at < one.until)
            };
            let mut holding = classes.iter().filter(holds);
            let class = holding.next().unwrap_or_else(|| panic!("{script:?}: no course for {at}"));
            assert!(holding.next().is_none(), "{script:?}: two courses for {at}");
            assert_eq!(who(&played.told), who(&class.played.told), "{script:?} at {at}");
            for (here, there) in played.told.iter().zip(class.played.told.iter()) {
                assert!(here.after_ms <= there.after_ms, "{script:?} at {at}: {here:?} after {there:?}");
            }
            assert_eq!(
                (played.why.noticed, &played.why.unstaffed, played.why.no_route),
                (class.played.why.noticed, &class.played.why.unstaffed, class.played.why.no_route),
                "{script:?} at {at}"
            );
            seen += 1;
        }
        assert!(seen > 600);
    }
}

#[test]
fn alike_dependencies_share_their_plays_and_differ_by_name_where_that_matters() {
    let mut landscape = landscape();
    for name in ["a", "b", "c"] {
        landscape.dependencies.insert(name.parse().unwrap(), dependency(name));
    }
    let all: Vec<&Dependency> = landscape.dependencies.values().collect();
    assert_eq!(alike::groups(&all, &landscape, None, &[]).len(), 1);
    let mut named = landscape.clone();
    named.routes[0].when.dependency = vec!["b".parse().unwrap()];
    assert_eq!(alike::groups(&all, &named, None, &[]).len(), 2);
}

#[test]
fn the_gap_at_night_on_sunday_is_found_and_told_once() {
    let landscape = landscape();
    let coverage = rehearsal(&landscape, None).play(&mut |_, _| {});
    let codes: Vec<HoleCode> = coverage.holes.iter().map(|hole| hole.code).collect();
    assert_eq!(codes, [HoleCode::ProofUnknown, HoleCode::ScheduleGap], "{:#?}", coverage.holes);
    assert!(coverage.dependencies[0].ways.iter().all(|way| way.cover == Cover::Covered));
    assert_eq!(coverage.holes[1].times.len(), 4, "each of four Sundays");
}

/// All channels of this configuration are mail to example.org, and the database is below example.com.
#[test]
fn mail_that_leads_to_whom_it_is_to_tell_of_is_a_hole_and_what_nobody_resolves_is_said() {
    let landscape = landscape();
    let played = |resolved: &Resolved| {
        let one = Rehearsal { resolved: Some(resolved), ..rehearsal(&landscape, None) };
        let until = later(one.from, SignedDuration::from_hours(24));
        Rehearsal { until, ..one }.play(&mut |_, _| {}).holes
    };
    let of = |holes: &[Hole], code| holes.iter().find(|hole| hole.code == code).cloned();
    let nothing = Resolved::new();
    let unknown = of(&played(&nothing), HoleCode::FateUnknown).expect("nothing was resolved");
    assert!(unknown.what.ends_with("nobody could say where example.org leads."), "{}", unknown.what);
    assert!(!unknown.is_one(), "it is advice");
    let mail = Lookup::Mail("example.org".into());
    let led = LookedUp { names: ["mx.example.com".to_owned()].into(), ..LookedUp::default() };
    let there = Resolved::from([(mail, led)]);
    let shared = of(&played(&there), HoleCode::SharedFate).expect("every channel leads there");
    assert!(shared.is_one());
    assert!(shared.what.contains("the mail of example.org goes to mx.example.com"), "{}", shared.what);
    let asked: BTreeSet<Lookup> = lookups(&landscape, &there).into_iter().collect();
    assert!(asked.contains(&Lookup::Host("mx.example.com".into())), "{asked:?}");
}

#[test]
fn failures_that_share_their_plays_are_told_alike() {
    let landscape = landscape();
    let rehearsal = rehearsal(&landscape, None);
    let dependency = landscape.dependencies.values().next().unwrap();
    let bare = Landscape { dependencies: BTreeMap::new(), ..landscape.clone() };
    let stage = Stage::new(&bare, dependency, None);
    let step = SignedDuration::from_secs(31 * 3_533);
    let mut first: BTreeMap<String, Vec<(Timestamp, play::Played)>> = BTreeMap::new();
    for breaking in breaks::breaks(dependency) {
        let moments = std::iter::successors(Some(rehearsal.from), |at| Some(later(*at, step))).take(20);
        let played = at_every(&stage, Script::Breaks(breaking), moments);
        let way = alike::way(dependency, breaking, &landscape, None, &[]);
        assert_eq!(first.entry(way).or_insert_with(|| played.clone()), &played, "{breaking}");
    }
    assert!(first.len() < 14, "{:?}", first.keys());
}

/// Lives of minutes are those of demonstrations, and the end of such a certificate is announced as well.
#[test]
fn the_end_of_a_certificate_is_told_as_it_comes_near_however_short_its_life_is() {
    let mut landscape = landscape();
    landscape.quiets.clear();
    landscape.dependencies.get_mut("db").unwrap().every = Duration::from_secs(2);
    landscape.routes = vec![Route { to: vec![by_channel("mail")], ..Route::default() }];
    let lives = [("db".parse().unwrap(), SignedDuration::from_secs(120))].into();
    let proven = landscape.channels.keys().map(|name| (name.clone(), Timestamp::UNIX_EPOCH)).collect();
    let known = Known { lives, proven, ..Known::default() };
    let coverage = rehearsal(&landscape, Some(&known)).play(&mut |_, _| {});
    let ending = |way: &&Way| way.breaking == Breaking::CertificateEnding;
    let way = coverage.dependencies[0].ways.iter().find(ending).unwrap();
    assert_eq!((way.cover, way.slowest_ms), (Cover::Covered, Some(1_000)), "{way:#?}");
}
