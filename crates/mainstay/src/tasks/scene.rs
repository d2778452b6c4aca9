//! For tests of the tasks: what decides, writes and delivers, together, in a house of their own.

use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use jiff::Timestamp;
use mainstay_engine::Event;
use mainstay_model::{CheckReport, DependencyName, Failure, FailureKind, Landscape, Phase, Secret, Verdict};
use mainstay_notify::Courier;
use mainstay_store::{Location, Store, StoreError};
use mainstay_web::operator::Links;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::tasks::deliver::Deliverer;
use crate::tasks::heartbeat::OutboxRead;
use crate::tasks::record::{Inbox, Pokes, Recorder, SharedState};
use crate::tasks::restore::restore;
use crate::tasks::schedule::Rechecks;
use crate::{clock, config};

/// What every life finds.
pub(crate) struct House {
    pub(crate) location: Location,
    pub(crate) landscape: Arc<Landscape>,
    /// Made once: to read the roots of the system takes longer than a short life.
    tls: rustls::ClientConfig,
    clock: fn() -> Timestamp,
}

impl House {
    /// Dependencies `d0`, `d1`, …, of which one check is believed, and webhooks, which are told of everything.
    pub(crate) fn new(
        location: Location,
        dependencies: usize,
        channels: &[(&str, String)],
        clock: fn() -> Timestamp,
    ) -> House {
        let tls = mainstay_tls::Roots::system().client_config();
        House { location, landscape: landscape(dependencies, channels), tls, clock }
    }
}

fn landscape(dependencies: usize, channels: &[(&str, String)]) -> Arc<Landscape> {
    let directory = Directory::new("configuration");
    let once = "confirm: { failures: 1, of: 1, recoveries: 1 }";
    let dependency = |number| format!("  d{number}: {{ url: tcp://127.0.0.1:9, every: 7d, {once} }}\n");
    let dependencies: String = (0..dependencies).map(dependency).collect();
    let webhook = |(name, url): &(&str, String)| format!("  {name}: {{ webhook: \"{url}\" }}\n");
    let webhooks: String = channels.iter().map(webhook).collect();
    let names: Vec<&str> = channels.iter().map(|(name, _)| *name).collect();
    let routes = format!("routes: [{{ to: [{}] }}]\n", names.join(", "));
    let path = directory.0.join("mainstay.yaml");
    std::fs::write(&path, format!("dependencies:\n{dependencies}channels:\n{webhooks}{routes}")).unwrap();
    let loaded = config::load(&path, &|_| None).unwrap_or_else(|problems| panic!("{problems}"));
    Arc::new(loaded.landscape)
}

/// What serves in one life.
pub(crate) struct Life {
    pub(crate) store: Store,
    pub(crate) state: SharedState,
    pub(crate) inbox: Inbox,
}

impl Life {
    /// Opens the store and goes on where it stopped. The deliverer is to be set to work by the caller.
    pub(crate) async fn begin(house: &House) -> Result<(Life, Deliverer), StoreError> {
        let store = Store::open(&house.location).await?;
        let state: SharedState = Arc::new(RwLock::new(restore(&store, (house.clock)()).await?));
        let (rechecks, _) = Rechecks::new();
        let pokes = Pokes {
            rechecks,
            deliver: Arc::new(Notify::new()),
            references: Arc::new(Notify::new()),
            publish: Arc::new(Notify::new()),
            changes: watch::Sender::new(0),
        };
        let (recorder, inbox) = Recorder::new(state.clone(), store.clone(), pokes.clone(), house.clock);
        tokio::spawn(recorder.run(CancellationToken::new()));
        assert!(inbox.record(Event::Configured(house.landscape.clone())).await);
        let life = Life { store, state, inbox };
        let deliverer = life.deliverer(house, pokes.deliver);
        Ok((life, deliverer))
    }

    /// One more that delivers out of the same store.
    pub(crate) fn deliverer(&self, house: &House, poked: Arc<Notify>) -> Deliverer {
        Deliverer {
            state: self.state.clone(),
            store: self.store.clone(),
            courier: Arc::new(Courier::new(house.tls.clone()).unwrap()),
            links: Arc::new(Links::new(&Secret::new("the key of this test"))),
            inbox: self.inbox.clone(),
            poked,
            outbox: OutboxRead::default(),
            clock: house.clock,
        }
    }
}

/// A check that found the dependency well, or refused.
pub(crate) fn report(name: &str, well: bool, checked_at: Timestamp) -> CheckReport {
    let refused = || Failure::new(FailureKind::ConnectRefused, Phase::Connect, "It is refused.".to_owned());
    CheckReport {
        endpoint: None,
        target: "tcp://127.0.0.1:9".into(),
        dependency: Some(name.parse::<DependencyName>().unwrap()),
        verdict: if well { Verdict::Healthy } else { Verdict::Down },
        failure: (!well).then(refused),
        addresses: vec![],
        findings: vec![],
        diagnosis: None,
        resolve_ms: None,
        checked_at,
    }
}

/// A directory of its own for one test, gone afterwards.
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    pub(crate) fn new(what: &str) -> Directory {
        let name = format!("mainstay-tasks-{what}-{}-{:x}", std::process::id(), clock::seed());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        Directory(directory)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
