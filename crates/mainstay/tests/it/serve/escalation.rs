//! Step after step for real: a channel that hangs, one that refuses, one that works, and what is said when nobody takes it up.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use mainstay_testkit::scripted::{Peer, Script};
use mainstay_testkit::{Answer, Receiver, wait_for};
use serde_json::Value;

use super::hook::{Hook, Told, time};
use super::switch::Switch;
use crate::instance::{Home, PATIENCE, now};

/// Each step has so long to be taken up.
const WAIT: SignedDuration = SignedDuration::from_secs(3);

/// A webhook endpoint that says for ever that there is none.
struct Gone {
    receiver: Receiver,
    arrivals: Arc<Mutex<Vec<Timestamp>>>,
}

impl Gone {
    async fn start() -> Gone {
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let noted = arrivals.clone();
        let script = move |_: &_| {
            noted.lock().expect("no panic while holding it").push(now());
            Answer::new(404, "no such hook")
        };
        Gone { receiver: Receiver::start(script).await, arrivals }
    }

    fn asked(&self) -> Vec<Timestamp> {
        self.arrivals.lock().expect("no panic while holding it").clone()
    }
}

/// Four channels, three of them one after the other, the fourth for when nobody was reached.
struct Scene {
    home: Home,
    hangs: Peer,
    gone: Gone,
    works: Hook,
    last: Hook,
    db: Switch,
}

impl Scene {
    async fn set() -> Scene {
        let hangs = Peer::start(Script::silent()).await;
        let (gone, works, last) = (Gone::start().await, Hook::start().await, Hook::start().await);
        let (db, home) = (Switch::on().await, Home::new());
        home.configure(&format!(
            "dependencies:\n{}channels:\n  hangs: {{ webhook: \"{}/hook\" }}\n  gone: {{ webhook: \"{}\" }}\n{}{}\
             routes: [{{ severity: page, escalate: team }}]\n\
             escalations:\n  team:\n    steps: [{{ to: hangs, wait: 3s }}, {{ to: gone, wait: 3s }}, {{ to: works, wait: 3s }}]\n\
             fallback: [last]\n",
            db.dependency("db").replace("every: 1s", "criticality: critical, every: 1s"),
            hangs.url("http"),
            gone.receiver.url("/hook"),
            works.channel_line("works"),
            last.channel_line("last"),
        ));
        Scene { home, hangs, gone, works, last, db }
    }
}

/// When something was asked for, after something else and within what a busy machine may add.
#[track_caller]
fn follows(earlier: Timestamp, later: Timestamp, wait: SignedDuration) {
    let slack = SignedDuration::try_from(PATIENCE).expect("seconds");
    let after = later.duration_since(earlier);
    assert!(
        after >= wait - SignedDuration::from_secs(1) && after <= wait + slack,
        "{after:#} is not {wait:#}"
    );
}

async fn incident(home: &Home, told: &Told) -> Value {
    let id = told.incident()["id"].as_str().expect("an id");
    home.api(&format!("/api/v1/incidents/{id}")).await.expect("an incident that was told")
}

/// What was decided for a channel about an incident: the identifiers of its messages.
fn decided(incident: &Value, channel: &str) -> Vec<String> {
    let deliveries = incident["deliveries"].as_array().expect("a list");
    let its = deliveries.iter().filter(|one| one["channel"] == channel);
    its.map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_steps_and_then_nobody_was_reached() {
    let mut scene = Scene::set().await;
    let _instance = scene.home.serve().await;
    scene.home.verdict("db", "healthy").await;
    scene.db.turn_off().await;

    // The first one takes the connection and says nothing; the second one is asked when its time is over.
    wait_for("the channel that hangs to be asked", PATIENCE, async || {
        (scene.hangs.accepted() > 0).then_some(())
    })
    .await;
    let begun = now();
    let asked =
        wait_for("the one that refuses to be asked", PATIENCE, async || scene.gone.asked().first().copied())
            .await;
    follows(begun, asked, WAIT);
    assert!(
        scene.works.told().iter().all(|one| !one.says("incident.opened", "db")),
        "nobody is told before their turn"
    );

    // That one refuses for good, so the third is told without waiting, and so is the fallback.
    let opened = scene.works.wait("the third step", |one| one.says("incident.opened", "db")).await;
    let about = |one: &Told| {
        one.body["data"]["cause"].as_str().is_some_and(|cause| cause.starts_with("Nobody was reached about"))
    };
    let unreached = scene.last.wait("that nobody was reached", about).await;
    assert_eq!(unreached.kind(), "incident.opened");
    let title = opened.incident()["title"].as_str().expect("a title");
    assert_eq!(title, "db is down: the connection is refused");
    assert_eq!(unreached.body["data"]["cause"], format!("Nobody was reached about \u{201c}{title}\u{201d}."));
    assert_eq!(unreached.body["data"]["drill"], false);
    assert!(
        asked <= opened.arrived
            && opened.arrived <= asked + SignedDuration::try_from(PATIENCE).expect("seconds")
    );

    // Nobody takes it up: the history has every step in its order, and that all of them passed.
    let id = opened.incident()["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/incidents/{id}");
    let history = scene
        .home
        .api_until("all steps to have passed", &path, |one| {
            let texts: Vec<String> = texts(one);
            texts.iter().any(|text| text.starts_with("All of team was told within")).then_some(texts)
        })
        .await;
    let place = |what: &str| {
        history.iter().position(|text| text.contains(what)).unwrap_or_else(|| panic!("{what}: {history:#?}"))
    };
    let order = [
        place("step 2 of team is told"),
        place("No message of step 2 of team arrived"),
        place("step 3 of team is told"),
        place("All of team was told within"),
    ];
    assert!(order.is_sorted(), "{history:#?}");

    // Each message is one, under the identifier that was decided.
    let one = incident(&scene.home, &opened).await;
    assert_eq!(decided(&one, "works"), std::slice::from_ref(&opened.id));
    assert_eq!(decided(&one, "hangs").len(), 1);
    assert_eq!(decided(&one, "gone").len(), 1);
    let of_last = incident(&scene.home, &unreached).await;
    assert_eq!(decided(&of_last, "last"), std::slice::from_ref(&unreached.id));
    let times = scene.last.told().iter().filter(|one| about(one) && one.kind() == "incident.opened").count();
    assert_eq!(times, 1, "the fallback hears of it once");
    let asked: Vec<String> =
        scene.gone.receiver.received().iter().map(|one| one.header("webhook-id").to_owned()).collect();
    assert!(asked.contains(&decided(&one, "gone")[0]), "{asked:?}");

    // Somebody takes it up: that nobody was reached is over, and the trouble itself is not.
    let (status, _) = scene.home.post(&format!("{path}/acknowledge"), Value::Null).await;
    assert_eq!(status, 200);
    let over = scene.last.wait("that somebody was reached", |one| one.kind() == "incident.resolved").await;
    assert_eq!(over.incident()["id"], unreached.incident()["id"]);
    let after = scene.home.api(&path).await.expect("the incident");
    assert_eq!(after["state"], "acknowledged");
    assert!(time(&unreached.body["timestamp"]) < time(&over.body["timestamp"]));
}

/// The lines of an incident's history, oldest first.
fn texts(incident: &Value) -> Vec<String> {
    let entries = incident["timeline"].as_array().expect("a list").iter().rev();
    entries.map(|one| one["text"].as_str().expect("a sentence").to_owned()).collect()
}
