//! A service around the pages, as the binary builds one: a real engine, a real store, one task that owns the state.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::middleware::{Next, from_fn};
use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Delay, Event, Remedy, State};
use mainstay_model::{Commit, DeliveryState, Landscape, Random, Secret};
use mainstay_store::{Location, Store};
use mainstay_web::operator::{Links, Operator, Readiness, Submitted, router};
use tokio::sync::{mpsc, watch};

use crate::sample;

/// One service; its files go when it does.
pub(crate) struct House {
    pub(crate) state: Arc<RwLock<State>>,
    pub(crate) store: Store,
    pub(crate) router: Router,
    pub(crate) links: Arc<Links>,
    pub(crate) readiness: watch::Sender<Readiness>,
    changes: Arc<watch::Sender<u64>>,
    random: Arc<Mutex<Random>>,
    directory: PathBuf,
}

impl House {
    /// A service that has just loaded this configuration.
    pub(crate) async fn configured(landscape: Landscape, at: Timestamp) -> House {
        let house = House::empty().await;
        house.happens(vec![(at, Event::Configured(Arc::new(landscape)))]).await;
        house
    }

    /// The sample world, with so much of a past.
    pub(crate) async fn sample(past: SignedDuration) -> House {
        let mut before_the_newest = sample::landscape();
        before_the_newest.dependencies.retain(|name, _| !sample::is_new(name.as_str()));
        let house = House::configured(before_the_newest, sample::now() - past).await;
        let mut random = Random::seeded(7);
        let mut before = sample::now() - past;
        for at in times(past) {
            let reports = sample::ACTORS.iter().filter_map(|actor| actor.report(at, &mut random));
            let checked = reports.map(|report| (at, Event::Checked(Box::new(report))));
            house.happens(ticks(std::mem::replace(&mut before, at), at).chain(checked).collect()).await;
            house.deliver(at).await;
        }
        house.happens(vec![(sample::now(), Event::Configured(Arc::new(sample::landscape())))]).await;
        house.store.roll_up(sample::now()).await.unwrap();
        house
    }

    async fn empty() -> House {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("mainstay-web-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let store = Store::open(&Location::Sqlite(directory.join("mainstay.db"))).await.unwrap();
        let state = Arc::new(RwLock::new(State::default()));
        let (submit, submitted) = mpsc::channel(16);
        let (changes, heard) = watch::channel(0);
        let ready = Readiness { configured: true, scheduled: true, store_trouble: None };
        let (readiness, seen) = watch::channel(ready);
        let kept = store.secret("links", &Secret::new("a fresh secret")).await.unwrap();
        let links = Arc::new(Links::new(&kept));
        let operator = Operator {
            relays: mainstay_web::operator::RelayReports::none(),
            policy: mainstay_web::operator::PolicyDesk {
                latest: tokio::sync::watch::Sender::default().subscribe(),
                sign: Arc::new(|policy| {
                    let payload = serde_json::to_string(policy).ok()?;
                    let signed =
                        serde_json::json!({ "payload": payload, "protected": "e30", "signature": "" });
                    Some(signed.to_string())
                }),
                public_key: "public".into(),
            },
            state: Arc::clone(&state),
            store: store.clone(),
            submit,
            changes: heard,
            readiness: seen,
            links: Arc::clone(&links),
            read_bounce: sample::bounce,
            plain_text: mainstay_notify::plain_text,
            clock: sample::now,
            version: "0.1.0",
        };
        let random = Arc::new(Mutex::new(Random::seeded(1)));
        let changes = Arc::new(changes);
        tokio::spawn(recorder(
            Arc::clone(&state),
            store.clone(),
            submitted,
            Arc::clone(&changes),
            Arc::clone(&random),
        ));
        House { state, store, router: router(operator), links, readiness, changes, random, directory }
    }

    /// Lets events happen, in one transaction.
    pub(crate) async fn happens(&self, events: Vec<(Timestamp, Event)>) {
        let mut commit = Commit::default();
        for (at, event) in events {
            let mut random = self.random.lock().unwrap();
            commit.append(self.state.write().unwrap().step(event, at, &mut random).commit);
        }
        self.store.commit(&commit).await.unwrap();
        self.changes.send_modify(|revision| *revision += 1);
    }

    /// Plays the channels: mail takes everything, the bot nothing, Discord what is older than ten minutes.
    pub(crate) async fn deliver(&self, at: Timestamp) {
        let due = self.store.due_deliveries(at, 100).await.unwrap();
        let outcome = |delivery: mainstay_model::Delivery| {
            let (id, channel, incident) =
                (delivery.id, delivery.channel.clone(), Some(delivery.message.incident.id));
            let attempts = match delivery.state {
                DeliveryState::Queued { attempts, .. } => attempts,
                _ => 0,
            };
            let delay = |seconds: i64, error: &str| Delay {
                created_at: at,
                next_attempt_at: at + SignedDuration::from_secs(seconds),
                remedy: Remedy::Time,
                error: error.into(),
            };
            let slow = delivery.channel.as_str() == "ops-discord" && at > sample::ago(10);
            match delivery.channel.as_str() {
                "bot" if attempts > 2 => Event::DeliveryGivenUp {
                    id,
                    channel,
                    incident,
                    reason: "the endpoint answered 410 Gone: it wants no more messages.".into(),
                },
                "bot" => Event::DeliveryDelayed {
                    id,
                    delay: delay(55, "the endpoint answered 502 Bad Gateway."),
                    channel,
                    incident,
                },
                _ if slow => Event::DeliveryDelayed {
                    id,
                    delay: delay(240, "Discord answered 503 Service Unavailable."),
                    channel,
                    incident,
                },
                _ => Event::Delivered { id, channel, incident, receipt: None },
            }
        };
        let events =
            due.into_iter().map(|delivery| (at + SignedDuration::from_secs(2), outcome(delivery))).collect();
        self.happens(events).await;
    }

    /// Waits for a message that was never tried, and plays the channels then.
    pub(crate) async fn deliver_the_next(&self) {
        let mut changes = self.changes.subscribe();
        let is_new =
            |one: &mainstay_model::Delivery| matches!(one.state, DeliveryState::Queued { attempts: 0, .. });
        while !self.store.due_deliveries(sample::now(), 100).await.unwrap().iter().any(is_new) {
            changes.changed().await.unwrap();
        }
        self.deliver(sample::now()).await;
    }

    /// How many pages listen for changes; the service itself holds one receiver to make theirs of.
    pub(crate) fn listeners(&self) -> usize {
        self.changes.receiver_count() - 1
    }

    /// Serves the pages on a free port of this machine and says which.
    pub(crate) async fn serve(&self) -> SocketAddr {
        serve(self.router.clone()).await
    }

    /// The same to browsers that run no scripts. Chromedriver cannot drive one whose scripts are switched off, so the pages forbid them.
    pub(crate) async fn serve_without_scripts(&self) -> SocketAddr {
        let forbidding = from_fn(async |request: Request, next: Next| {
            let mut response = next.run(request).await;
            response
                .headers_mut()
                .append(CONTENT_SECURITY_POLICY, HeaderValue::from_static("script-src 'none'"));
            response
        });
        serve(self.router.clone().layer(forbidding)).await
    }
}

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Every twenty minutes long ago, every minute lately.
fn times(past: SignedDuration) -> impl Iterator<Item = Timestamp> {
    let recent = SignedDuration::from_hours(3).min(past);
    let long_ago = (past.as_mins() - recent.as_mins()) / 20;
    let seldom = (0..long_ago).map(move |i| sample::now() - past + SignedDuration::from_mins(i * 20));
    // Two days ago there was trouble, and it was looked at every minute.
    let trouble = (0..20).map(|i| sample::ago(2882 - i));
    let often =
        (0..recent.as_mins()).map(move |i| sample::ago(recent.as_mins() - i) + SignedDuration::from_secs(20));
    let mut all: Vec<Timestamp> =
        seldom.chain(trouble.filter(move |at| *at > sample::now() - past)).chain(often).collect();
    all.sort();
    all.into_iter()
}

/// The passing of a minute or so, in steps short enough that it does not look like a service that stood still; a longer time is one
/// in which it did.
fn ticks(from: Timestamp, to: Timestamp) -> impl Iterator<Item = (Timestamp, Event)> {
    let watched = if to.duration_since(from) <= SignedDuration::from_mins(2) { to } else { from };
    std::iter::successors(Some(from), |at| Some(*at + SignedDuration::from_secs(5)))
        .take_while(move |at| *at < watched)
        .map(|at| (at, Event::Tick))
}

/// The single owner of the state, as in the binary.
async fn recorder(
    state: Arc<RwLock<State>>,
    store: Store,
    mut submitted: mpsc::Receiver<Submitted>,
    changes: Arc<watch::Sender<u64>>,
    random: Arc<Mutex<Random>>,
) {
    while let Some(Submitted { event, done }) = submitted.recv().await {
        let commit = {
            let mut random = random.lock().unwrap();
            state.write().unwrap().step(event, sample::now(), &mut random).commit
        };
        if store.commit(&commit).await.is_ok() {
            let _ = done.send(());
            changes.send_modify(|revision| *revision += 1);
        }
    }
}

/// Long enough for a slow machine, and an end for a broken test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
