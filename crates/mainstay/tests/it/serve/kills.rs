use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use mainstay_model::Random;
use mainstay_testkit::{Moody, Taken, wait_for};
use serde_json::Value;

use super::switch::Switch;
use crate::instance::{Home, now};

/// How many kills, where `MAINSTAY_TEST_KILLS` does not say it.
const KILLS: u32 = 40;
/// The longest life before a kill: reading the configuration, restoring, first checks and messages all lie within.
const LONGEST_LIFE: Duration = Duration::from_millis(1500);
/// Each breaks and returns so often; with a third time it would be flapping, whose single changes are not told.
const BREAKS: usize = 2;
/// As long as the outbox may take to empty after the last start: it may hold what was refused twice and is tried again in six seconds.
const SETTLING: Duration = Duration::from_secs(90);

/// Incidents open and close, the receiver fails half the time, and Mainstay is killed at any moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_is_lost_or_told_twice_however_often_it_is_killed() {
    let kills = kills();
    let seed = now().as_nanosecond() as u64;
    println!("{kills} kills, seed {seed}");
    let mut random = Random::seeded(seed);
    let moody = Moody::start(random.next_u64()).await;
    let mut switches = Switches::on(usize::try_from(kills).expect("a small number").clamp(20, 100)).await;
    let home = Home::new();
    home.configure(&configuration(&switches, &moody));

    let mut plan = switches.plan(kills, &mut random);
    for round in 0..kills {
        let instance = home.spawn();
        for number in plan.remove(&round).unwrap_or_default() {
            switches.flip(number).await;
        }
        tokio::time::sleep(LONGEST_LIFE.mul_f64(random.fraction())).await;
        instance.kill();
    }

    switches.all_on().await;
    moody.calm_down();
    let _instance = home.serve().await;
    let incidents = settled(&home, switches.0.len()).await;
    let taken = moody.taken();
    judge(&incidents, &taken);
    let (requests, failed) = moody.counts();
    let messages = taken.iter().map(|one| &one.id).collect::<BTreeSet<_>>().len();
    println!(
        "{} incidents, {messages} messages, {} duplicates with equal ids, {failed} of {requests} requests failed",
        incidents.len(),
        taken.len() - messages
    );
    assert!(
        incidents.len() >= switches.0.len() / 2,
        "too little happened to prove anything: {}",
        incidents.len()
    );
}

#[expect(clippy::disallowed_methods, reason = "the full run is asked for by whoever starts the tests")]
fn kills() -> u32 {
    std::env::var("MAINSTAY_TEST_KILLS").map_or(KILLS, |text| text.parse().expect("a number of kills"))
}

fn configuration(switches: &Switches, moody: &Moody) -> String {
    let dependencies: String = switches
        .0
        .iter()
        .enumerate()
        .map(|(number, (one, _))| one.dependency(&format!("d{number}")))
        .collect();
    format!(
        "dependencies:\n{dependencies}channels: {{ bot: {{ webhook: \"{}\" }} }}\nroutes: [{{ to: bot }}]\n",
        moody.url()
    )
}

/// Servers, and whether each is on.
struct Switches(Vec<(Switch, bool)>);

impl Switches {
    async fn on(count: usize) -> Switches {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push((Switch::on().await, true));
        }
        Switches(all)
    }

    /// In which round which of them are flipped.
    fn plan(&self, rounds: u32, random: &mut Random) -> BTreeMap<u32, Vec<usize>> {
        let mut plan: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for number in 0..self.0.len() {
            for _ in 0..2 * BREAKS {
                let round = (random.next_u64() % u64::from(rounds)) as u32;
                plan.entry(round).or_default().push(number);
            }
        }
        plan
    }

    async fn flip(&mut self, number: usize) {
        let (switch, is_on) = &mut self.0[number];
        if *is_on {
            switch.turn_off().await
        } else {
            switch.turn_on().await
        }
        *is_on = !*is_on;
    }

    async fn all_on(&mut self) {
        for number in 0..self.0.len() {
            if !self.0[number].1 {
                self.flip(number).await;
            }
        }
    }
}

/// Waits until everything is well, every incident over and the outbox empty; gives every incident.
async fn settled(home: &Home, dependencies: usize) -> Vec<Value> {
    wait_for("everything to be well and told", SETTLING, async || {
        let status = home.api("/api/v1/status").await?;
        let well = status["dependencies"]["healthy"] == dependencies && status["open_incidents"] == 0;
        let incidents = if well { home.incidents().await } else { Vec::new() };
        let told =
            |incident: &Value| deliveries(incident).iter().all(|one| one["state"]["is"] == "delivered");
        let settled = well && incidents.iter().all(told);
        if !settled {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        settled.then_some(incidents)
    })
    .await
}

fn deliveries(incident: &Value) -> &Vec<Value> {
    incident["deliveries"].as_array().expect("a list")
}

/// Holds what the receiver has against what the outbox says.
fn judge(incidents: &[Value], taken: &[Taken]) {
    let mut known = HashMap::new();
    for incident in incidents {
        assert_eq!(incident["state"], "resolved", "{incident:#}");
        assert_ordered(incident, taken);
        assert_closed(incident);
        known.extend(deliveries(incident).iter().map(|one| (one["id"].as_str().expect("an id"), one)));
    }
    let mut bodies: HashMap<&str, &Value> = HashMap::new();
    for Taken { id, body } in taken {
        assert!(known.contains_key(id.as_str()), "{id} was told and is not in the outbox: {body:#}");
        let first = bodies.entry(id).or_insert(body);
        assert_eq!(*first, body, "one id, two messages");
    }
    for (id, delivery) in known {
        let body = bodies.get(id).unwrap_or_else(|| panic!("the receiver lacks {delivery:#}"));
        assert_eq!(body["type"], delivery["message"]["kind"]);
        // The link by which it is taken up is put in when a message is sent, and never kept.
        let mut incident = body["data"]["incident"].clone();
        incident.as_object_mut().expect("an incident").remove("ack_url");
        assert_eq!(incident, delivery["message"]["incident"]);
    }
}

/// Every message of an incident came, none before the one that was decided before it, not even a second time.
fn assert_ordered(incident: &Value, taken: &[Taken]) {
    let sequence: HashMap<&str, u64> = deliveries(incident)
        .iter()
        .map(|one| (one["id"].as_str().expect("an id"), one["sequence"].as_u64().expect("a number")))
        .collect();
    let came: Vec<u64> = taken.iter().filter_map(|one| sequence.get(one.id.as_str())).copied().collect();
    assert!(came.is_sorted(), "out of order: {came:?}\n{incident:#}");
    let all: BTreeSet<u64> = sequence.values().copied().collect();
    let expected: BTreeSet<u64> = (1..=deliveries(incident).len() as u64).collect();
    assert_eq!(all, expected, "each place in the order once: {incident:#}");
}

/// It was opened once, and the last word about it is that it is over.
fn assert_closed(incident: &Value) {
    let mut in_order: Vec<&Value> = deliveries(incident).iter().collect();
    in_order.sort_by_key(|one| one["sequence"].as_u64());
    let kinds: Vec<&str> = in_order.iter().filter_map(|one| one["message"]["kind"].as_str()).collect();
    assert_eq!(kinds.first(), Some(&"incident.opened"), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "incident.opened").count(), 1, "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"incident.resolved"), "{kinds:?}");
}
