//! The whole service: what `serve` and `demo` run. Wiring only.

mod listen;
mod socket;
mod team;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use mainstay_engine::{Event, Recheck};
use mainstay_model::{Landscape, RelayPolicy, Secret};
use mainstay_notify::Courier;
use mainstay_probe::{Prober, ProberOptions};
use mainstay_store::{Retention, Store};
use mainstay_tls::{PolicyKey, SignedPolicy};
use mainstay_web::operator::{self, Links, Operator, Readiness};
use mainstay_web::public::Public;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::clock;
use crate::config::{self, Loaded};
use crate::inherited::Inherited;
use crate::tasks::alarm::Alarm;
use crate::tasks::deliver::Deliverer;
use crate::tasks::heartbeat::{Heart, OutboxRead};
use crate::tasks::prove::Prover;
use crate::tasks::publish::Publisher;
use crate::tasks::record::{Inbox, Pokes, Recorder, SharedState};
use crate::tasks::references::References;
use crate::tasks::relays::{Board, Relays, Told};
use crate::tasks::reload::{Reloader, Versions};
use crate::tasks::restore::restore;
use crate::tasks::revocations::{self, RevocationLists};
use crate::tasks::schedule::{Rechecks, Scheduler};
use crate::tasks::tidy;
use listen::{bind, listen};
use socket::Socket;
use team::Team;

/// How long what is under way may take to end after the signal to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// What a relay needs after its last connection.
const DRAIN_MARGIN: Duration = Duration::from_secs(2);

/// Under which name the store keeps the key that policies are signed with.
const POLICY: &str = "policy";

/// Under which name the store keeps the key of the links in messages.
const LINKS: &str = "links";

/// A running service.
pub(crate) struct Service {
    terminate: Signal,
    team: Team,
    /// Stopped after everything else, so that what ends last is still written.
    stop_recorder: CancellationToken,
    recorder: tokio::task::JoinHandle<()>,
    store: Store,
    landscape: watch::Receiver<Arc<Landscape>>,
    operator_address: SocketAddr,
    public_address: SocketAddr,
}

impl Service {
    /// Opens the store, restores the state, binds both listeners and starts every task. Nothing is left behind when it fails.
    /// Sockets that were handed over are used where the configuration names them.
    pub(crate) async fn start(
        config: &Path,
        loaded: Loaded,
        inherited: Inherited,
    ) -> anyhow::Result<Service> {
        // Before anybody can see that it runs: until then these signals would end it on the spot.
        let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be waited for")?;
        let hang_up = signal(SignalKind::hangup()).context("SIGHUP cannot be waited for")?;
        let doors = Doors::open(&loaded, &inherited).await?;
        let store = Store::open(&crate::location::of(&loaded.server)).await?;
        let socket = Socket::bind(&loaded.server.data_dir)?;
        let courier = Arc::new(courier()?);
        let links = Arc::new(Links::new(&store.secret(LINKS, &clock::key()).await?));
        let policy_key = Arc::new(policy_key(&store.secret(POLICY, &clock::key()).await?)?);
        let state = restore(&store, clock::now()).await?;
        let state: SharedState = Arc::new(RwLock::new(state));

        let (rechecks, rechecks_wanted) = Rechecks::new();
        let pokes = pokes(rechecks);
        let (recorder, inbox) = Recorder::new(state.clone(), store.clone(), pokes.clone(), clock::now);
        let (trouble, policy) = (recorder.trouble(), recorder.policy());
        let stop_recorder = CancellationToken::new();
        let recorder = tokio::spawn(recorder.run(stop_recorder.clone()));

        let landscape = Arc::new(loaded.landscape.clone());
        put_in_force(&inbox, landscape.clone(), &mut terminate).await?;
        let landscape = watch::Sender::new(landscape);
        let prober = Arc::new(Prober::new(ProberOptions::default()));
        // Before the first check: what was ever revoked is no news.
        prober.learn_ever_revoked(policy.borrow().revoked.clone());
        let team = Team::new();
        let board = Board::default();
        let data_dir = loaded.server.data_dir.clone();
        let (seen, inherited) = (landscape.subscribe(), Arc::new(inherited));
        let relays = Relays::start(seen, policy.clone(), data_dir, inherited, board.clone(), team.stop());
        let (relays, told) = relays.await?;

        let parts = Parts {
            config: config.to_owned(),
            loaded,
            state,
            store,
            courier,
            links,
            pokes,
            inbox,
            landscape,
            prober,
            board,
            policy,
            policy_key,
        };
        team.spawn("relays", relays.run());
        let refused = HashMap::new();
        let told = Told { news: told, board: parts.board.clone(), inbox: parts.inbox.clone(), refused };
        team.spawn("relays' news", told.follow(team.stop()));
        parts.spawn_scheduler(&team, rechecks_wanted);
        parts.spawn_background(&team, trouble.clone());
        parts.spawn_revocations(&team)?;
        let operator = parts.operator_pages(&team, trouble);
        let public = parts.public_pages(&team).await;
        if let Some(socket) = socket {
            team.spawn("owner's socket", socket.listen(operator::for_owner(operator.clone()), team.stop()));
        }
        team.spawn("operator's listener", listen(doors.operator, operator, team.stop()));
        team.spawn("public listener", listen(doors.public, public, team.stop()));
        let (store, landscape) = (parts.store.clone(), parts.landscape.subscribe());
        parts.spawn_reloader(&team, hang_up);
        Ok(Service {
            terminate,
            team,
            stop_recorder,
            recorder,
            store,
            landscape,
            operator_address: doors.operator_address,
            public_address: doors.public_address,
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
        let broken = tokio::select! {
            _ = self.terminate.recv() => false,
            interrupted = tokio::signal::ctrl_c() => interrupted.context("SIGINT cannot be waited for").map(|()| false)?,
            () = self.team.broken() => true,
            _ = &mut self.recorder => true,
        };
        info!("stopping");
        self.end(broken).await;
        anyhow::ensure!(
            !broken,
            "a part of Mainstay ended by a fault, so all of it ends, to be started again"
        );
        Ok(())
    }

    async fn end(self, broken: bool) {
        let landscape = self.landscape.borrow().clone();
        let drains = landscape.dependencies.values().filter_map(|one| Some(one.relay.as_ref()?.drain_within));
        // A relay waits for the transactions under way, and cuts what is left itself.
        let longest = drains.max().map_or(FAREWELL, |drain| FAREWELL.max(drain + DRAIN_MARGIN));
        self.team.end(longest).await;
        self.stop_recorder.cancel();
        if !broken {
            // It has nothing more to write than what is under way.
            let _ = self.recorder.await;
        }
        self.store.close().await;
    }
}

/// Where pages are asked for.
struct Doors {
    operator: TcpListener,
    operator_address: SocketAddr,
    public: TcpListener,
    public_address: SocketAddr,
}

impl Doors {
    async fn open(loaded: &Loaded, inherited: &Inherited) -> anyhow::Result<Doors> {
        let (operator, public) = (loaded.server.listen, loaded.landscape.status_page.listen);
        inherited.tell_of_others(&[operator, public], &loaded.landscape);
        let operator = bind(operator, "server.listen", inherited).await?;
        let public = bind(public, "status_page.listen", inherited).await?;
        let (operator_address, public_address) = (operator.local_addr()?, public.local_addr()?);
        Ok(Doors { operator, operator_address, public, public_address })
    }
}

fn pokes(rechecks: Rechecks) -> Pokes {
    Pokes {
        rechecks,
        deliver: Arc::new(Notify::new()),
        references: Arc::new(Notify::new()),
        publish: Arc::new(Notify::new()),
        changes: watch::Sender::new(0),
    }
}

/// On a full disk this waits for room, and a signal must still end it.
async fn put_in_force(
    inbox: &Inbox,
    landscape: Arc<Landscape>,
    terminate: &mut Signal,
) -> anyhow::Result<()> {
    tokio::select! {
        written = inbox.record(Event::Configured(landscape)) => {
            anyhow::ensure!(written, "the recorder ended before the configuration was in force");
            Ok(())
        }
        _ = terminate.recv() => anyhow::bail!("told to stop before the configuration could be written"),
    }
}

/// What the tasks share while they are started.
struct Parts {
    config: PathBuf,
    loaded: Loaded,
    state: SharedState,
    store: Store,
    courier: Arc<Courier>,
    links: Arc<Links>,
    pokes: Pokes,
    inbox: Inbox,
    landscape: watch::Sender<Arc<Landscape>>,
    prober: Arc<Prober>,
    board: Board,
    policy: watch::Receiver<Arc<RelayPolicy>>,
    policy_key: Arc<PolicyKey>,
}

impl Parts {
    fn spawn_scheduler(&self, team: &Team, rechecks: mpsc::UnboundedReceiver<Recheck>) {
        let scheduler = Scheduler {
            landscape: self.landscape.subscribe(),
            rechecks,
            prober: self.prober.clone(),
            inbox: self.inbox.clone(),
        };
        team.spawn("scheduler", scheduler.run(team.stop()));
    }

    fn spawn_background(&self, team: &Team, trouble: watch::Receiver<Option<String>>) {
        let references = References {
            landscape: self.landscape.subscribe(),
            // Of their own, so that they never wait behind the checks of a provider that hangs.
            prober: Arc::new(Prober::new(ProberOptions::default())),
            inbox: self.inbox.clone(),
            poked: self.pokes.references.clone(),
        };
        team.spawn("references", references.run(team.stop()));
        let outbox = OutboxRead::default();
        let deliverer = Deliverer {
            state: self.state.clone(),
            store: self.store.clone(),
            courier: self.courier.clone(),
            links: self.links.clone(),
            inbox: self.inbox.clone(),
            poked: self.pokes.deliver.clone(),
            outbox: outbox.clone(),
            clock: clock::now,
        };
        team.spawn("deliverer", deliverer.run(team.stop()));
        if let Some(to) = self.loaded.server.heartbeat.clone() {
            let (state, trouble, courier) = (self.state.clone(), trouble.clone(), self.courier.clone());
            team.spawn("heartbeat", Heart { to, state, trouble, outbox, courier }.run(team.stop()));
        }
        let alarm = Alarm { trouble, state: self.state.clone(), courier: self.courier.clone() };
        team.spawn("alarm", alarm.run(team.stop()));
        let prover = Prover {
            state: self.state.clone(),
            store: self.store.clone(),
            inbox: self.inbox.clone(),
            prober: self.prober.clone(),
            changes: self.pokes.changes.clone(),
        };
        team.spawn("prover", prover.run(team.stop()));
        let config::Retention { raw, hourly } = self.loaded.server.retention;
        let retention = Retention { raw, hourly, ..Retention::default() };
        team.spawn("tidy", tidy::run(self.store.clone(), retention, team.stop()));
    }

    fn spawn_revocations(&self, team: &Team) -> anyhow::Result<()> {
        let known = revocations::follow(self.prober.clone(), self.policy.clone(), team.stop());
        team.spawn("revocations", known);
        if self.loaded.server.revocation_lists {
            let lists = RevocationLists::new(self.prober.clone(), self.inbox.clone())?;
            team.spawn("revocation lists", lists.run(team.stop()));
        }
        Ok(())
    }

    fn operator_pages(&self, team: &Team, trouble: watch::Receiver<Option<String>>) -> Router {
        let (submit, submitted) = mpsc::channel(64);
        team.spawn("operator's actions", forward(submitted, self.inbox.clone(), team.stop()));
        let readiness = watch::Sender::new(readiness(&trouble.borrow()));
        let board = self.board.clone();
        let key = self.policy_key.clone();
        let router = operator::router(Operator {
            policy: operator::PolicyDesk {
                latest: self.policy.clone(),
                public_key: key.public().to_string(),
                sign: Arc::new(move |policy| {
                    serde_json::to_string(&SignedPolicy::sign(policy, &key).ok()?).ok()
                }),
            },
            relays: operator::RelayReports(Arc::new(move || board.reports(Instant::now()))),
            state: self.state.clone(),
            store: self.store.clone(),
            submit,
            changes: self.pokes.changes.subscribe(),
            readiness: readiness.subscribe(),
            links: self.links.clone(),
            read_bounce: mainstay_notify::bounce,
            plain_text: mainstay_notify::plain_text,
            clock: clock::now,
            version: env!("CARGO_PKG_VERSION"),
        });
        team.spawn("readiness", follow(trouble, readiness, team.stop()));
        router
    }

    async fn public_pages(&self, team: &Team) -> Router {
        let public = Public::new();
        let publisher = Publisher {
            state: self.state.clone(),
            store: self.store.clone(),
            public: public.clone(),
            poked: self.pokes.publish.clone(),
        };
        publisher.publish().await;
        team.spawn("publisher", publisher.run(team.stop()));
        public.router()
    }

    fn spawn_reloader(self, team: &Team, hang_up: Signal) {
        let Parts { config: path, loaded, landscape, inbox, .. } = self;
        let versions = Versions::new(path, hang_up);
        let reloader = Reloader { versions, loaded, landscape, inbox };
        team.spawn("reloader", reloader.run(team.stop()));
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

/// The key that policies are signed with. The store keeps it in the usual alphabet of base64.
fn policy_key(kept: &Secret) -> anyhow::Result<PolicyKey> {
    let text = kept.expose().trim_end_matches('=').replace('+', "-").replace('/', "_");
    PolicyKey::parse(&text).context("the kept key that policies are signed with is damaged")
}

/// Carries messages, with the roots of this system for the services' HTTPS.
pub(crate) fn courier() -> anyhow::Result<Courier> {
    let roots = mainstay_tls::Roots::system();
    Ok(Courier::new(roots.client_config())?)
}
