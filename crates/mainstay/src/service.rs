//! The whole service: what `serve` and `demo` run. Wiring only.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use mainstay_engine::{Event, State};
use mainstay_model::Landscape;
use mainstay_notify::Courier;
use mainstay_probe::{Prober, ProberOptions};
use mainstay_store::{Restored, Retention, Store};
use mainstay_web::operator::{self, Operator, Readiness};
use mainstay_web::public::Public;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use crate::clock;
use crate::config::{self, Loaded};
use crate::tasks::deliver::Deliverer;
use crate::tasks::publish::Publisher;
use crate::tasks::record::{Inbox, Pokes, Recorder, SharedState};
use crate::tasks::references::References;
use crate::tasks::reload::Reloader;
use crate::tasks::schedule::{Rechecks, Scheduler};
use crate::tasks::tidy;

/// How long what is under way may take to end after the signal to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// A running service.
pub(crate) struct Service {
    terminate: Signal,
    stop: CancellationToken,
    /// Stopped after everything else, so that what ends last is still written.
    stop_recorder: CancellationToken,
    tasks: TaskTracker,
    recorder: tokio::task::JoinHandle<()>,
    store: Store,
    operator_address: SocketAddr,
    public_address: SocketAddr,
}

impl Service {
    /// Opens the store, restores the state, binds both listeners and starts every task. Nothing is left behind when it fails.
    pub(crate) async fn start(config: &Path, loaded: Loaded) -> anyhow::Result<Service> {
        // Before anybody can see that it runs: until then these signals would end it on the spot.
        let terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be waited for")?;
        let hang_up = signal(SignalKind::hangup()).context("SIGHUP cannot be waited for")?;
        let operator_listener = bind(loaded.server.listen, "server.listen").await?;
        let public_listener = bind(loaded.landscape.status_page.listen, "status_page.listen").await?;
        let operator_address = operator_listener.local_addr()?;
        let public_address = public_listener.local_addr()?;

        let store = Store::open(&crate::location::of(&loaded.server)).await?;
        let courier = Arc::new(courier()?);
        let Restored { dependencies, incidents, .. } = store.restore(clock::now()).await?;
        let state: SharedState = Arc::new(RwLock::new(State::restored(dependencies, incidents)));

        let (rechecks, rechecks_wanted) = Rechecks::new();
        let pokes = Pokes {
            rechecks,
            deliver: Arc::new(Notify::new()),
            references: Arc::new(Notify::new()),
            publish: Arc::new(Notify::new()),
            changes: watch::Sender::new(0),
        };
        let (recorder, inbox) = Recorder::new(state.clone(), store.clone(), pokes.clone());
        let trouble = recorder.trouble();
        let stop = CancellationToken::new();
        let stop_recorder = CancellationToken::new();
        let recorder = tokio::spawn(recorder.run(stop_recorder.clone()));

        let landscape = Arc::new(loaded.landscape.clone());
        anyhow::ensure!(
            inbox.record(Event::Configured(landscape.clone())).await,
            "the recorder ended before the configuration was in force"
        );
        let landscape = watch::Sender::new(landscape);
        let prober = Arc::new(Prober::new(ProberOptions::default()));

        let parts = Parts {
            config: config.to_owned(),
            loaded,
            state,
            store,
            courier,
            pokes,
            inbox,
            landscape,
            prober,
        };
        let tasks = TaskTracker::new();
        parts.spawn_scheduler(&tasks, rechecks_wanted, &stop);
        parts.spawn_background(&tasks, &stop);
        let operator = parts.operator_pages(&tasks, trouble, &stop);
        let public = parts.public_pages(&tasks, &stop).await;
        tasks.spawn(listen(operator_listener, operator, stop.clone()));
        tasks.spawn(listen(public_listener, public, stop.clone()));
        let store = parts.store.clone();
        parts.spawn_reloader(&tasks, hang_up, &stop);
        tasks.close();
        Ok(Service {
            terminate,
            stop,
            stop_recorder,
            tasks,
            recorder,
            store,
            operator_address,
            public_address,
        })
    }

    /// Where the operator's pages are.
    pub(crate) fn operator_url(&self) -> String {
        format!("http://{}/", self.operator_address)
    }

    /// Where the status page is.
    pub(crate) fn public_url(&self) -> String {
        format!("http://{}/", self.public_address)
    }

    /// Ends in order on SIGTERM or SIGINT: no new checks and answers, then what is under way, then the recorder, then the store.
    pub(crate) async fn run_until_told_to_stop(mut self) -> anyhow::Result<()> {
        tokio::select! {
            _ = self.terminate.recv() => {}
            interrupted = tokio::signal::ctrl_c() => interrupted.context("SIGINT cannot be waited for")?,
        }
        info!("stopping");
        self.end().await;
        Ok(())
    }

    async fn end(self) {
        self.stop.cancel();
        // What does not end in time is cut off; everything decided is already written.
        let _ = tokio::time::timeout(FAREWELL, self.tasks.wait()).await;
        self.stop_recorder.cancel();
        let _ = self.recorder.await;
        self.store.close().await;
    }
}

/// What the tasks share while they are started.
struct Parts {
    config: PathBuf,
    loaded: Loaded,
    state: SharedState,
    store: Store,
    courier: Arc<Courier>,
    pokes: Pokes,
    inbox: Inbox,
    landscape: watch::Sender<Arc<Landscape>>,
    prober: Arc<Prober>,
}

impl Parts {
    fn spawn_scheduler(
        &self,
        tasks: &TaskTracker,
        rechecks: mpsc::UnboundedReceiver<mainstay_engine::Recheck>,
        stop: &CancellationToken,
    ) {
        let scheduler = Scheduler {
            landscape: self.landscape.subscribe(),
            rechecks,
            prober: self.prober.clone(),
            inbox: self.inbox.clone(),
        };
        tasks.spawn(scheduler.run(stop.clone()));
    }

    fn spawn_background(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let references = References {
            landscape: self.landscape.subscribe(),
            prober: self.prober.clone(),
            inbox: self.inbox.clone(),
            poked: self.pokes.references.clone(),
        };
        tasks.spawn(references.run(stop.clone()));
        let deliverer = Deliverer {
            landscape: self.landscape.subscribe(),
            store: self.store.clone(),
            courier: self.courier.clone(),
            inbox: self.inbox.clone(),
            poked: self.pokes.deliver.clone(),
        };
        tasks.spawn(deliverer.run(stop.clone()));
        let config::Retention { raw, hourly } = self.loaded.server.retention;
        let retention = Retention { raw, hourly, ..Retention::default() };
        tasks.spawn(tidy::run(self.store.clone(), retention, stop.clone()));
    }

    fn operator_pages(
        &self,
        tasks: &TaskTracker,
        trouble: watch::Receiver<Option<String>>,
        stop: &CancellationToken,
    ) -> Router {
        let (submit, submitted) = mpsc::channel(64);
        tasks.spawn(forward(submitted, self.inbox.clone(), stop.clone()));
        let readiness = watch::Sender::new(readiness(&trouble.borrow()));
        let router = operator::router(Operator {
            state: self.state.clone(),
            store: self.store.clone(),
            submit,
            changes: self.pokes.changes.subscribe(),
            readiness: readiness.subscribe(),
            clock: clock::now,
            version: env!("CARGO_PKG_VERSION"),
        });
        tasks.spawn(follow(trouble, readiness, stop.clone()));
        router
    }

    async fn public_pages(&self, tasks: &TaskTracker, stop: &CancellationToken) -> Router {
        let public = Public::new();
        let publisher = Publisher {
            state: self.state.clone(),
            store: self.store.clone(),
            public: public.clone(),
            poked: self.pokes.publish.clone(),
        };
        publisher.publish().await;
        tasks.spawn(publisher.run(stop.clone()));
        public.router()
    }

    fn spawn_reloader(self, tasks: &TaskTracker, hang_up: Signal, stop: &CancellationToken) {
        let Parts { config: path, loaded, landscape, inbox, .. } = self;
        let reloader = Reloader { asked: hang_up, path, loaded, landscape, inbox };
        tasks.spawn(reloader.run(stop.clone()));
    }
}

fn readiness(trouble: &Option<String>) -> Readiness {
    Readiness { configured: true, scheduled: true, store_trouble: trouble.clone() }
}

async fn follow(
    mut trouble: watch::Receiver<Option<String>>,
    readiness: watch::Sender<Readiness>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = trouble.changed() => if changed.is_err() { return },
        }
        let now = self::readiness(&trouble.borrow_and_update());
        readiness.send_replace(now);
    }
}

async fn forward(mut submitted: mpsc::Receiver<operator::Submitted>, inbox: Inbox, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            next = submitted.recv() => match next {
                Some(next) => inbox.forward(next).await,
                None => return,
            }
        }
    }
}

async fn listen(listener: TcpListener, router: Router, stop: CancellationToken) {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    // Pages that stay open to hear of changes would hold up the end, so it is not waited for them longer than `FAREWELL`.
    if let Err(error) = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::error!("a listener ended: {error}");
    }
}

async fn bind(address: SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}: is another program using that port? Choose another address in {key}"
        )
    })
}

fn courier() -> anyhow::Result<Courier> {
    let roots = mainstay_tls::Roots::system();
    Ok(Courier::new(roots.client_config())?)
}
