//! A day without a channel, on a clock of its own; and two that deliver out of one outbox.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use mainstay_model::CheckReport;
use mainstay_store::Location;
use mainstay_testkit::{Answer, Received, Receiver};
use serde_json::Value;

use super::*;
use crate::tasks::scene::{Directory, House, Life, report};

const DAY: i64 = 86_400;
const INCIDENTS: usize = 200;
/// So many of them are still open when the channel is back.
const OPEN: usize = 20;
/// The waits grow to an hour: nine tries within the first 54 minutes, then one an hour.
const TRIES_IN_A_DAY: usize = 9 + 24;

/// Seconds since the beginning: what the tasks of this test take for the time.
static NOW: AtomicI64 = AtomicI64::new(0);
static IS_AWAY: AtomicBool = AtomicBool::new(true);

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn simulated() -> Timestamp {
    moment(NOW.load(Ordering::SeqCst))
}

/// A message that arrived.
#[derive(Clone)]
struct Arrival {
    at: i64,
    body: Value,
}

impl Arrival {
    fn incident(&self) -> String {
        self.body["data"]["incident"]["id"].to_string()
    }
}

/// A channel that refuses while it is away, what it took, and how often it was asked meanwhile.
struct Outage {
    receiver: Receiver,
    taken: Arc<Mutex<Vec<Arrival>>>,
}

impl Outage {
    async fn begin() -> Outage {
        let taken: Arc<Mutex<Vec<Arrival>>> = Arc::default();
        let taking = taken.clone();
        let receiver = Receiver::start(move |request: &Received| {
            if IS_AWAY.load(Ordering::SeqCst) {
                return Answer::new(503, "");
            }
            taking.lock().unwrap().push(Arrival { at: NOW.load(Ordering::SeqCst), body: request.json() });
            Answer::new(204, "")
        });
        Outage { receiver: receiver.await, taken }
    }

    /// Of incidents: a quiet trial of the channel is none.
    fn taken(&self) -> Vec<Arrival> {
        let taken = self.taken.lock().unwrap().clone();
        taken.into_iter().filter(|one| one.body["type"].as_str().unwrap().starts_with("incident.")).collect()
    }
}

/// What is found, and when: most incidents end within the day.
fn day(random: &mut Random) -> BTreeMap<(i64, usize), bool> {
    let mut found = BTreeMap::new();
    for number in 0..INCIDENTS {
        let opens = (random.fraction() * (DAY - 8000) as f64) as i64;
        found.insert((opens, number), false);
        if number >= OPEN {
            found.insert((opens + 120 + (random.fraction() * 7200.0) as i64, number), true);
        }
    }
    found
}

/// Tries everything that is due at this moment.
pub(super) async fn deliver(deliverer: &Deliverer, load: &mut Load) {
    loop {
        deliverer.start_due(load).await;
        if load.attempts.is_empty() {
            return;
        }
        while let Some(ended) = load.attempts.join_next().await {
            load.ended(ended.unwrap());
        }
    }
}

async fn observe(life: &Life, report: CheckReport) {
    assert!(life.inbox.record(Event::Checked(Box::new(report))).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_day_without_a_channel_nothing_is_lost_and_nothing_floods() {
    let seed = clock::seed();
    println!("seed {seed}");
    let directory = Directory::new("outage");
    let outage = Outage::begin().await;
    let location = Location::Sqlite(directory.0.join("mainstay.db"));
    let house = House::new(location, INCIDENTS + 1, &[("away", outage.receiver.url("/hook"))], simulated);
    let (life, deliverer) = Life::begin(&house).await.unwrap();
    let mut load = Load::new(Random::seeded(seed));

    let mut found = day(&mut Random::seeded(seed));
    loop {
        let due = life.store.next_delivery_at().await.unwrap();
        let due = due.map_or(DAY, |at| (at.duration_since(moment(0)).as_millis() as i64 + 999) / 1000);
        let next =
            found.keys().next().map_or(DAY, |(at, _)| *at).min(due.max(NOW.load(Ordering::SeqCst) + 1));
        if next >= DAY {
            break;
        }
        NOW.store(next, Ordering::SeqCst);
        while let Some(entry) = found.first_entry().filter(|entry| entry.key().0 <= next) {
            let ((_, number), well) = entry.remove_entry();
            observe(&life, report(&format!("d{number}"), well, simulated())).await;
        }
        deliver(&deliverer, &mut load).await;
    }
    let tries = outage.receiver.received().len();
    println!("{tries} tries while it was away");
    assert!(tries <= TRIES_IN_A_DAY * (INCIDENTS + 1), "{tries} tries");
    assert!(outage.taken().is_empty());

    NOW.store(DAY, Ordering::SeqCst);
    IS_AWAY.store(false, Ordering::SeqCst);
    let mut broke_at = None;
    for second in DAY..DAY + 2 * 3600 {
        NOW.store(second, Ordering::SeqCst);
        if broke_at.is_none() && outage.taken().len() > OPEN {
            observe(&life, report(&format!("d{INCIDENTS}"), false, simulated())).await;
            broke_at = Some(second);
        }
        deliver(&deliverer, &mut load).await;
        if life.store.delivery_counts().await.unwrap().queued == 0 {
            break;
        }
    }
    assert_eq!(life.store.delivery_counts().await.unwrap().queued, 0, "nothing waits any more");
    let fresh = |one: &Arrival| one.body["data"]["dependencies"][0]["name"] == format!("d{INCIDENTS}");
    let (news, late): (Vec<Arrival>, Vec<Arrival>) = outage.taken().into_iter().partition(fresh);
    assert_eq!(
        news.iter().map(|one| Some(one.at)).collect::<Vec<_>>(),
        [broke_at],
        "what is fresh waits for nothing"
    );
    judge(&late);
}

fn judge(taken: &[Arrival]) {
    let mut by_incident: BTreeMap<String, Vec<&Arrival>> = BTreeMap::new();
    for one in taken {
        by_incident.entry(one.incident()).or_default().push(one);
    }
    assert_eq!(by_incident.len(), INCIDENTS, "every incident was told");
    assert_eq!(taken.len(), INCIDENTS, "in one message each");
    let of_kind = |kind: &str| taken.iter().filter(|one| one.body["type"] == kind).count();
    assert_eq!((of_kind("incident.opened"), of_kind("incident.resolved")), (OPEN, INCIDENTS - OPEN));
    for one in taken.iter().filter(|one| one.body["type"] == "incident.resolved") {
        let said = one.body["data"]["change"].as_str().unwrap_or_default();
        assert!(said.contains("took no messages, and is over: this is the only message"), "{said}");
    }
    let first_over = taken.iter().skip(1).position(|one| one.body["type"] == "incident.resolved").unwrap();
    assert!(
        first_over + 1 >= OPEN,
        "what is still open goes first, after the one that found the channel well"
    );
    for window in taken.windows(super::pace::LATE_IN_A_MINUTE + 1) {
        let took = window.last().unwrap().at - window[0].at;
        assert!(took >= 60, "more than the pace within {took} s");
    }
    let took = taken.last().unwrap().at - taken[0].at;
    println!("{} messages within {took} s", taken.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_deliver_never_send_the_same_message() {
    let directory = Directory::new("two");
    let receiver = Receiver::start(|_: &Received| Answer::new(204, "")).await;
    let location = Location::Sqlite(directory.0.join("mainstay.db"));
    let house = House::new(location, INCIDENTS, &[("hook", receiver.url("/hook"))], clock::now);
    let (life, first) = Life::begin(&house).await.unwrap();
    let second = life.deliverer(&house, Arc::new(Notify::new()));
    let pokes = [first.poked.clone(), second.poked.clone()];
    let stop = CancellationToken::new();
    let running = [tokio::spawn(first.run(stop.clone())), tokio::spawn(second.run(stop.clone()))];
    for number in 0..INCIDENTS {
        observe(&life, report(&format!("d{number}"), false, clock::now())).await;
        pokes.iter().for_each(|poke| poke.notify_one());
    }
    mainstay_testkit::wait_for("everything to be told", Duration::from_secs(60), async || {
        pokes.iter().for_each(|poke| poke.notify_one());
        (life.store.delivery_counts().await.unwrap().queued == 0).then_some(())
    })
    .await;
    stop.cancel();
    for one in running {
        one.await.unwrap();
    }
    let received = receiver.received();
    let ids: std::collections::BTreeSet<&str> = received.iter().map(|one| one.header("webhook-id")).collect();
    assert_eq!((received.len(), ids.len()), (INCIDENTS, INCIDENTS));
}
