//! Everything is dropped at any moment, again and again, and what people were told is held against what was decided.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Action, Event};
use mainstay_model::{
    CheckReport, Delivery, DeliveryState, Incident, MessageKind, Random, Secret, Severity, Verdict,
};
use mainstay_store::{IncidentFilter, Location, MOST_ROWS};
use mainstay_testkit::servers::{Postgres, PostgresOptions, require};
use mainstay_testkit::{Moody, Taken, wait_for};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::tasks::record::SharedState;
use crate::tasks::scene::{Directory, House, Life, report};

/// How many crashes, where `MAINSTAY_TEST_CRASHES` does not say it.
const CRASHES: u32 = 150;
/// The longest life before one: opening the store, restoring, deciding, writing, sending and noting all lie within.
const LONGEST_LIFE: Duration = Duration::from_millis(160);
/// With as many dependencies as a long run has, whose restoring takes a part of every life.
const LONGEST_OF_MANY: Duration = Duration::from_millis(400);
/// With a database on a server, which has to notice the end of the life before, and to be logged in to.
const LONGEST_WITH_SERVER: Duration = Duration::from_millis(1200);
/// Each breaks and returns so often; with a third time it would be flapping, whose single changes are not told.
const BREAKS: usize = 2;
/// As long as the outbox may take to empty once the receivers are well, and the store to be free.
const SETTLING: Duration = Duration::from_secs(120);
/// Time passes so much faster then: what was refused often waits for an hour, and what is late goes out twenty a minute.
const STRIDE: i64 = 60;

/// How many seconds the time of each test is ahead.
static AHEAD: [AtomicI64; 2] = [const { AtomicI64::new(0) }; 2];

fn time_of<const TEST: usize>() -> Timestamp {
    clock::now() + SignedDuration::from_secs(AHEAD[TEST].load(Ordering::SeqCst))
}

#[test]
fn however_often_everything_is_dropped_each_message_arrives() {
    let directory = Directory::new("sqlite");
    let count = crashes(CRASHES);
    let longest = if count > CRASHES { LONGEST_OF_MANY } else { LONGEST_LIFE };
    crash::<0>(count, longest, &Location::Sqlite(directory.0.join("mainstay.db")));
}

#[test]
fn the_same_with_postgres() {
    if require(Postgres::available()) {
        let server = Postgres::start(PostgresOptions::default());
        let location = Location::Postgres(Secret::new(server.admin_url("postgres")));
        crash::<1>(crashes(CRASHES) / 10, LONGEST_WITH_SERVER, &location);
    }
}

#[expect(clippy::disallowed_methods, reason = "the full run is asked for by whoever starts the tests")]
fn crashes(usual: u32) -> u32 {
    std::env::var("MAINSTAY_TEST_CRASHES").map_or(usual, |text| text.parse().expect("a number of crashes"))
}

fn crash<const TEST: usize>(crashes: u32, longest_life: Duration, location: &Location) {
    let seed = clock::seed();
    println!("{crashes} crashes, seed {seed}");
    let mut random = Random::seeded(seed);
    let outside = Runtime::new().unwrap();
    let receivers = outside
        .block_on(async { [Moody::start(random.next_u64()).await, Moody::start(random.next_u64()).await] });
    let dependencies = usize::try_from(crashes / 3).unwrap().clamp(20, 300);
    let [first, second] = receivers.each_ref().map(Moody::url);
    let house =
        House::new(location.clone(), dependencies, &[("first", first), ("second", second)], time_of::<TEST>);
    let mut weather =
        Weather::fine(dependencies, crashes, Random::seeded(random.next_u64()), time_of::<TEST>);
    for round in 0..crashes {
        weather.turn(round);
        let life = Runtime::new().unwrap();
        let length = longest_life.mul_f64(random.fraction());
        life.block_on(async {
            // Its end is a crash as well: nothing is told to stop.
            let _ = tokio::time::timeout(length, live(&house, &mut weather)).await;
        });
        // Every task ends where it stands.
        drop(life);
    }
    let counts = receivers.iter().map(Moody::counts);
    let (requests, failed) = counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    weather.clear();
    receivers.iter().for_each(Moody::calm_down);
    let last = Runtime::new().unwrap();
    let told = last.block_on(settle(&house, &mut weather, &AHEAD[TEST]));
    let incidents = told.iter().map(|delivery| delivery.message.incident.id).collect::<BTreeSet<_>>().len();
    let mut duplicates = 0;
    for (channel, receiver) in ["first", "second"].into_iter().zip(&receivers) {
        let to_it = told.iter().filter(|delivery| delivery.channel.as_str() == channel);
        duplicates += judge(&to_it.collect::<Vec<_>>(), &receiver.taken());
    }
    let merged = told.iter().filter(|delivery| is_merged(delivery)).count();
    println!(
        "{incidents} incidents, {} messages, {merged} of them told by a later one, {duplicates} duplicates with equal ids; {failed} of {requests} requests failed meanwhile",
        told.len()
    );
    assert!(incidents >= dependencies / 2, "too little happened to prove anything: {incidents}");
    assert!(failed > requests / 4, "the receivers did not fail enough to prove anything");
}

/// Whether each dependency is well, and in which round that changes.
struct Weather {
    well: Vec<bool>,
    plan: BTreeMap<u32, Vec<usize>>,
    random: Random,
    clock: fn() -> Timestamp,
}

impl Weather {
    fn fine(dependencies: usize, rounds: u32, mut random: Random, clock: fn() -> Timestamp) -> Weather {
        let mut plan: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for number in 0..dependencies {
            for _ in 0..2 * BREAKS {
                let round = u32::try_from(random.next_u64() % u64::from(rounds)).unwrap();
                plan.entry(round).or_default().push(number);
            }
        }
        Weather { well: vec![true; dependencies], plan, random, clock }
    }

    fn turn(&mut self, round: u32) {
        for number in self.plan.remove(&round).unwrap_or_default() {
            self.well[number] = !self.well[number];
        }
    }

    fn clear(&mut self) {
        self.well.fill(true);
    }

    /// A check of each dependency that is not known to be as it is.
    fn news(&self, state: &SharedState) -> Vec<CheckReport> {
        let state = state.read().unwrap_or_else(PoisonError::into_inner);
        let changed = self.well.iter().enumerate().filter_map(|(number, well)| {
            let name = format!("d{number}");
            let known = state.dependency(&name).map_or(Verdict::Healthy, |known| known.verdict);
            ((known == Verdict::Healthy) != *well).then(|| report(&name, *well, (self.clock)()))
        });
        changed.collect()
    }

    /// What a person does about an open incident: one that is chosen at random, if there are any.
    fn gesture(&mut self, state: &SharedState) -> Option<Action> {
        let state = state.read().unwrap_or_else(PoisonError::into_inner);
        let open: Vec<&Arc<Incident>> = state.incidents().filter(|incident| incident.is_open()).collect();
        let place = self.random.next_u64() % (open.len() as u64).max(1);
        let incident = open.get(usize::try_from(place).unwrap())?;
        let severity =
            [Severity::Page, Severity::High, Severity::Warn][(self.random.next_u64() % 3) as usize];
        Some(match self.random.next_u64() % 4 {
            0 => Action::Acknowledge(incident.id),
            _ => Action::SetSeverity { incident: incident.id, severity },
        })
    }
}

/// A life, and what has its deliverer look at the outbox.
async fn begin(house: &House) -> (Life, Arc<Notify>) {
    let (life, deliverer) =
        wait_for("the store to be free", SETTLING, async || Life::begin(house).await.ok()).await;
    let poke = deliverer.poked.clone();
    tokio::spawn(deliverer.run(CancellationToken::new()));
    (life, poke)
}

/// Checks come in and people act, until it is dropped.
async fn live(house: &House, weather: &mut Weather) {
    let (life, _) = begin(house).await;
    loop {
        for report in weather.news(&life.state) {
            life.inbox.send(Event::Checked(Box::new(report))).await;
        }
        if let Some(action) = weather.gesture(&life.state) {
            life.inbox.record(Event::Operator { by: "somebody".into(), action }).await;
        }
        tokio::time::sleep(Duration::from_millis(weather.random.next_u64() % 20)).await;
    }
}

/// The last life: waits until everything is well, every incident over and the outbox empty; gives every message.
async fn settle(house: &House, weather: &mut Weather, ahead: &AtomicI64) -> Vec<Delivery> {
    let (life, poke) = begin(house).await;
    let told = wait_for("everything to be over and told", SETTLING, async || {
        ahead.fetch_add(STRIDE, Ordering::SeqCst);
        poke.notify_one();
        for report in weather.news(&life.state) {
            life.inbox.record(Event::Checked(Box::new(report))).await;
        }
        let filter = IncidentFilter { limit: MOST_ROWS, ..IncidentFilter::default() };
        let incidents = life.store.incidents(&filter).await.unwrap();
        let queued = life.store.delivery_counts().await.unwrap().queued;
        if queued > 0 || incidents.iter().any(Incident::is_open) {
            tokio::time::sleep(Duration::from_millis(200)).await;
            return None;
        }
        let mut told = Vec::new();
        for incident in incidents {
            told.extend(life.store.deliveries(incident.id).await.unwrap());
        }
        Some(told)
    });
    told.await
}

/// Holds what one receiver took against what was decided for it; says how many came more than once.
fn judge(decided: &[&Delivery], taken: &[Taken]) -> usize {
    let known: HashMap<String, &Delivery> = decided.iter().map(|one| (one.id.to_string(), *one)).collect();
    let merged: HashSet<(String, u32)> =
        decided.iter().filter(|one| is_merged(one)).map(|one| place(one)).collect();
    let mut first: HashMap<&str, &Taken> = HashMap::new();
    let mut latest: HashMap<String, u32> = HashMap::new();
    for one in taken {
        let delivery = known
            .get(&one.id)
            .unwrap_or_else(|| panic!("{} was told and never written: {:#}", one.id, one.body));
        if let Some(before) = first.get(one.id.as_str()) {
            assert_eq!(before.body, one.body, "one id, two messages");
            continue;
        }
        first.insert(&one.id, one);
        let (incident, sequence) = place(delivery);
        let before = latest.insert(incident.clone(), sequence).unwrap_or(0);
        assert!(before < sequence, "out of order: {delivery:#?}");
        let told_later = |skipped| merged.contains(&(incident.clone(), skipped));
        assert!((before + 1..sequence).all(told_later), "what comes before it is lost: {delivery:#?}");
    }
    for delivery in decided {
        match &delivery.state {
            DeliveryState::Delivered { .. } => {
                let id = delivery.id.to_string();
                assert!(first.contains_key(id.as_str()), "the receiver lacks {delivery:#?}");
            }
            DeliveryState::Merged { into, .. } => {
                let later = known.get(&into.to_string()).expect("what it was merged into");
                assert!(later.sequence > delivery.sequence, "{delivery:#?}");
            }
            _ => panic!("neither told nor merged: {delivery:#?}"),
        }
        let is_first = delivery.sequence == 1 || merged.contains(&(place(delivery).0, 1));
        assert!(is_first || delivery.message.kind != MessageKind::Opened, "{delivery:#?}");
        assert!(delivery.sequence > 1 || delivery.message.kind == MessageKind::Opened, "{delivery:#?}");
    }
    taken.len() - first.len()
}

fn is_merged(delivery: &Delivery) -> bool {
    matches!(delivery.state, DeliveryState::Merged { .. })
}

/// Which message of which incident it is.
fn place(delivery: &Delivery) -> (String, u32) {
    (delivery.message.incident.id.to_string(), delivery.sequence)
}
