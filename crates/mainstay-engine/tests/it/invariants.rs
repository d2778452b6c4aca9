use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_engine::{Action, DrillTerms, Event, ExternalAlert, State};
use mainstay_model::*;
use proptest::prelude::*;

use crate::external::external;
use crate::scene::{Found, Scene, begin, days};

#[derive(Debug, Clone)]
enum Move {
    Check(usize, Found),
    Wait(u16),
    References(usize),
    Resolve,
    Acknowledge,
    GiveUp,
    Deliver,
    Refuse,
    Reconfigure(usize),
    Retarget(usize, u16),
    ClockBack(i64),
    External(usize, bool),
    Drill(usize, bool),
    Silence(i64),
}

const NAMES: [&str; 4] = ["a@acme", "b@acme", "c", "d"];

fn found() -> impl Strategy<Value = Found> {
    prop_oneof![
        4 => Just(Found::Good),
        2 => Just(Found::Bad(FailureKind::ConnectRefused)),
        2 => Just(Found::Bad(FailureKind::ConnectTimedOut)),
        1 => Just(Found::Bad(FailureKind::CertificateUntrusted)),
        1 => Just(Found::Unclear(FailureKind::NameNotResolved)),
        1 => Just(Found::Partly),
        1 => (0i64..40).prop_map(|left| Found::Life(begin() - days(60), begin() + days(left))),
        1 => Just(Found::Expired(begin() - days(90), begin())),
    ]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        12 => (0..NAMES.len(), found()).prop_map(|(name, found)| Move::Check(name, found)),
        6 => (1u16..400).prop_map(Move::Wait),
        1 => (0usize..2).prop_map(Move::References),
        1 => Just(Move::Resolve),
        1 => Just(Move::Acknowledge),
        1 => Just(Move::GiveUp),
        1 => Just(Move::Deliver),
        1 => Just(Move::Refuse),
        1 => (1..=NAMES.len()).prop_map(Move::Reconfigure),
        1 => (0..NAMES.len(), 3306u16..3308).prop_map(|(name, port)| Move::Retarget(name, port)),
        1 => (1i64..100_000).prop_map(Move::ClockBack),
        2 => (0usize..4, any::<bool>()).prop_map(|(which, firing)| Move::External(which, firing)),
        2 => (0..NAMES.len(), any::<bool>()).prop_map(|(name, briefly)| Move::Drill(name, briefly)),
        1 => (1i64..40).prop_map(Move::Silence),
    ];
    prop::collection::vec(one, 1..120)
}

/// Whom everything leads to.
#[derive(Debug, Clone, Copy)]
enum Routing {
    ToChannels,
    ToNobodyOnCall,
    ByStepsToNobodyOnCall,
    Nowhere,
    NowhereWithoutFallback,
}

fn routing() -> impl Strategy<Value = Routing> {
    use Routing::*;
    prop_oneof![
        3 => Just(ToChannels),
        1 => Just(ToNobodyOnCall),
        1 => Just(ByStepsToNobodyOnCall),
        1 => Just(Nowhere),
        1 => Just(NowhereWithoutFallback),
    ]
}

fn lead(landscape: &mut Landscape, routing: Routing) {
    let on_call = || vec![Recipient::Schedule("nobody".parse().unwrap())];
    let timezone = jiff::tz::TimeZone::UTC;
    let nobody = Schedule { title: "Nobody".into(), timezone, layers: vec![], overrides: vec![] };
    landscape.fallback = vec![Recipient::Channel("phone".parse().unwrap())];
    match routing {
        Routing::ToChannels => {}
        Routing::ToNobodyOnCall => {
            landscape.schedules = [("nobody".parse().unwrap(), nobody)].into();
            landscape.routes = vec![Route { to: on_call(), ..Route::default() }];
        }
        Routing::ByStepsToNobodyOnCall => {
            landscape.schedules = [("nobody".parse().unwrap(), nobody)].into();
            let steps = vec![Step { to: on_call(), wait: std::time::Duration::from_secs(300) }];
            let policy = Escalation { steps, repeat: 1, during: None };
            landscape.escalations = [("team".parse().unwrap(), policy)].into();
            landscape.routes = vec![Route { escalate: "team".parse().ok(), ..Route::default() }];
        }
        Routing::Nowhere => landscape.routes.clear(),
        Routing::NowhereWithoutFallback => {
            landscape.routes.clear();
            landscape.fallback.clear();
        }
    }
}

fn play(moves: &[Move], references: bool, quiet: bool, routing: Routing) -> Scene {
    let mut scene = Scene::changed(&NAMES, |landscape| {
        lead(landscape, routing);
        landscape.status_page.auto_publish = true;
        landscape.dependencies.get_mut("b").unwrap().criticality = Criticality::Low;
        landscape.dependencies.get_mut("c").unwrap().criticality = Criticality::Normal;
        landscape.rules.own = own_rules();
        if references {
            landscape.references = vec![Target::parse("tcp://192.0.2.9:443").unwrap()];
        }
    });
    let all = scene.landscape.dependencies.clone();
    let is_meant = |one: &&Move| quiet || !matches!(one, Move::Silence(_));
    for one in moves.iter().filter(is_meant) {
        scene.now += jiff::SignedDuration::from_millis(100);
        apply(&mut scene, one, &all);
        check_alerts(&scene.state);
        check_told(&scene);
    }
    scene
}

/// One that has to hold, over what built-in rules decide, and one that follows time.
fn own_rules() -> BTreeMap<RuleName, OwnRule> {
    let rule = |when: &str, severity, seconds| OwnRule {
        when: when.into(),
        severity,
        message: Some("{verdict}, {tls.days_left} days".into()),
        runbook: None,
        hold_for: std::time::Duration::from_secs(seconds),
        enabled: true,
    };
    BTreeMap::from([
        ("soon".parse().unwrap(), rule("tls.days_left < 20", Severity::High, 0)),
        ("unwell".parse().unwrap(), rule("verdict != 'healthy'", Severity::Page, 90)),
    ])
}

fn apply(scene: &mut Scene, one: &Move, all: &BTreeMap<DependencyName, Dependency>) {
    let incident = scene.state.incidents().last().map(|incident| incident.id);
    let delivery = scene.written.deliveries.last().cloned();
    match (one, incident, delivery) {
        (Move::Check(index, found), ..) => {
            let name = NAMES[*index].split('@').next().unwrap();
            scene.check_fully(name, found.clone());
        }
        (Move::Wait(seconds), ..) => {
            scene.pass_by(i64::from(*seconds), 10);
        }
        (Move::References(reachable), ..) => {
            scene.step(Event::ReferencesChecked { reachable: *reachable, tried: 1 });
        }
        (Move::Resolve, Some(id), _) => {
            scene.act(Action::Resolve(id));
        }
        (Move::Acknowledge, Some(id), _) => {
            scene.act(Action::Acknowledge(id));
        }
        (Move::GiveUp, _, Some(one)) => {
            let incident = Some(one.message.incident.id);
            let reason = "gone".into();
            scene.step(Event::DeliveryGivenUp { id: one.id, channel: one.channel, incident, reason });
        }
        (Move::Deliver, _, Some(one)) => {
            let incident = Some(one.message.incident.id);
            scene.step(Event::Delivered { id: one.id, channel: one.channel, incident, receipt: None });
        }
        (Move::Refuse, ..) => {
            scene.step(Event::ConfigurationRefused { problems: vec!["a line".into()] });
        }
        (Move::Reconfigure(count), ..) => {
            scene.landscape.dependencies = all.clone().into_iter().take(*count).collect();
            scene.landscape.rules.own = own_rules().into_iter().take(*count % 3).collect();
            scene.configure();
        }
        (Move::Retarget(index, port), ..) => {
            let name = NAMES[*index].split('@').next().unwrap();
            let url = format!("mysql://{name}.example.com:{port}/x");
            if let Some(one) = scene.landscape.dependencies.get_mut(name) {
                one.target = Target::parse(&url).unwrap();
            }
            scene.configure();
        }
        (Move::External(which, firing), ..) => {
            let alert = external(["HighErrors", "Slow"][which % 2], "db", "acme", *firing);
            let alert = ExternalAlert { key: format!("k{which}").parse().unwrap(), ..alert };
            scene.step(Event::External { source: ExternalSource::Alertmanager, alerts: vec![alert] });
        }
        (Move::Drill(index, briefly), ..) => {
            scene.act(Action::Drill(DrillTerms {
                dependency: NAMES[*index].split('@').next().unwrap().parse().unwrap(),
                failure: FailureKind::ConnectRefused,
                respects_quiet: false,
                lasts: briefly.then_some(std::time::Duration::from_secs(120)),
            }));
        }
        (Move::Silence(minutes), ..) => {
            let until = scene.now + jiff::SignedDuration::from_mins(*minutes);
            scene.act(Action::Silence { reason: "known".into(), what: Match::default(), until });
        }
        (Move::ClockBack(seconds), ..) => {
            scene.now -= jiff::SignedDuration::from_secs(*seconds);
            scene.step(Event::Tick);
        }
        _ => {}
    }
}

/// Each alert of a dependency exists once, and belongs to exactly one incident, which says the same.
fn check_alerts(state: &State) {
    let mut homes: BTreeMap<String, Alert> = BTreeMap::new();
    for incident in state.incidents() {
        for (key, alert) in &incident.alerts {
            assert_eq!(*key, alert.key.to_string());
            assert!(homes.insert(key.clone(), alert.clone()).is_none(), "{key} has two incidents");
            let as_urgent = incident.severity >= alert.severity;
            assert!(as_urgent || !incident.is_open(), "{key} is more urgent than {incident:?}");
        }
        assert!(!incident.is_open() || !incident.alerts.is_empty(), "open without a cause: {incident:?}");
        check_drill(incident);
    }
    for dependency in state.dependencies() {
        for alert in &dependency.alerts {
            assert_eq!(homes.remove(&alert.key.to_string()).as_ref(), Some(alert));
        }
        let down = dependency.alerts.iter().any(|alert| alert.key.rule == Rule::Down);
        assert_eq!(down, dependency.verdict == Verdict::Down, "{dependency:?}");
    }
    let of_a_dependency = |alert: &Alert| matches!(alert.key.subject, Subject::Dependency(_));
    assert!(!homes.values().any(of_a_dependency), "alerts of nobody: {homes:?}");
    for alert in homes.values() {
        let comes_from_outside = matches!(alert.key.subject, Subject::External { .. });
        assert_eq!(alert.external.is_some(), comes_from_outside, "{alert:?}");
    }
}

/// Whatever is urgent, not quiet and in nobody's hand was told to somebody, or it is told that nobody was reached, or where nobody is
/// left to be told, it is written down.
fn check_told(scene: &Scene) {
    let is_unreached = |id: IncidentId| {
        let key = format!("incident:{id}/nobody-reached");
        scene.state.incidents().any(|one| one.is_open() && one.alerts.contains_key(&key))
    };
    let is_written = |id: IncidentId| {
        let lines = scene.written.timeline.iter().filter(|entry| entry.incident == Some(id));
        lines.into_iter().any(|entry| matches!(entry.kind, EntryKind::NoRoute | EntryKind::NotTold))
    };
    let about_telling = |incident: &Incident| {
        use Rule::{ChannelFailing, ChannelUnproven, NobodyReached};
        let mut rules = incident.alerts.values().filter_map(|alert| alert.key.rule.built_in());
        rules.any(|rule| matches!(rule, ChannelFailing | ChannelUnproven | NobodyReached))
    };
    let urgent = |incident: &&Arc<Incident>| {
        incident.state == IncidentState::Open
            && incident.severity >= Severity::High
            && incident.hushed.is_none()
            && !about_telling(incident)
    };
    for incident in scene.state.incidents().filter(urgent) {
        let nobody_is_left = scene.landscape.fallback.is_empty() && is_written(incident.id);
        let is_told = !incident.told.channels.is_empty();
        assert!(is_told || is_unreached(incident.id) || nobody_is_left, "nobody was told of {incident:#?}");
    }
}

/// What is played and what is so never share an incident, and customers see nothing of the former.
fn check_drill(incident: &Incident) {
    let is_played =
        |alert: &Alert| matches!(alert.key.subject, Subject::Drill(_)) && alert.key.rule == Rule::Down;
    if incident.rehearsal().is_some() {
        assert!(incident.alerts.values().all(is_played), "{incident:?}");
        assert!(incident.publication.is_none() && incident.broke_at.is_none(), "{incident:?}");
    } else {
        assert!(!incident.alerts.values().any(is_played), "{incident:?}");
    }
}

/// For each channel and incident: opened once and first, no gaps, and resolved last when it is.
fn check_messages(scene: &Scene) {
    let mut streams: BTreeMap<(ChannelName, IncidentId), Vec<&Delivery>> = BTreeMap::new();
    for delivery in &scene.written.deliveries {
        let key = (delivery.channel.clone(), delivery.message.incident.id);
        streams.entry(key).or_default().push(delivery);
    }
    // What comes back while it is quiet is not told, and that it is over is told all the same.
    let is_quiet = !scene.written.silences.is_empty();
    for ((_, id), stream) in &streams {
        for (index, one) in stream.iter().enumerate() {
            assert_eq!(one.message.drill, scene.state.incident(*id).unwrap().is_drill());
            assert_eq!(one.sequence as usize, index + 1);
            assert_eq!(one.message.kind == MessageKind::Opened, index == 0);
        }
        for pair in stream.windows(2) {
            let twice = pair.iter().all(|one| one.message.kind == MessageKind::Resolved);
            assert!(is_quiet || !twice, "resolved twice in a row");
        }
        let incident = scene.state.incident(*id).unwrap();
        let told_end = stream.last().is_some_and(|one| one.message.kind == MessageKind::Resolved);
        assert!(is_quiet || told_end != incident.is_open(), "{stream:#?}");
        assert!(scene.written.timeline.iter().any(|entry| entry.incident == Some(*id)));
    }
}

fn last_written(commit: &Commit) -> State {
    let dependencies: BTreeMap<_, _> =
        commit.dependencies.iter().map(|one| (one.name.clone(), one.as_ref().clone())).collect();
    let incidents: BTreeMap<_, _> =
        commit.incidents.iter().map(|one| (one.id, one.as_ref().clone())).collect();
    State::restored(dependencies.into_values().collect(), incidents.into_values().collect())
}

/// What was written is what is known, but for what a restart may forget.
fn check_restored(scene: &Scene) {
    let restored = last_written(&scene.written);
    let incidents = |state: &State| state.incidents().cloned().collect::<Vec<Arc<Incident>>>();
    assert_eq!(incidents(&restored), incidents(&scene.state));
    assert_eq!(restored.offline_since(), scene.state.offline_since());
    for one in scene.state.dependencies() {
        let Some(kept) = restored.dependency(one.name.as_str()) else {
            assert!(one.alerts.is_empty() && one.verdict == Verdict::Inconclusive);
            continue;
        };
        assert_eq!((kept.verdict, kept.since, &kept.alerts), (one.verdict, one.since, &one.alerts));
        assert_eq!(kept.holding, one.holding);
        assert_eq!((&kept.renewals.current, &kept.changes), (&one.renewals.current, &one.changes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(moves in moves(), references: bool, quiet: bool, routing in routing()) {
        let scene = play(&moves, references, quiet, routing);
        check_messages(&scene);
        check_restored(&scene);
        let again = play(&moves, references, quiet, routing);
        prop_assert_eq!(&again.written, &scene.written);
    }
}
