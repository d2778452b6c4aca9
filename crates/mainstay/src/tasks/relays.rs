//! Keeps a relay running in front of every dependency that is to have one.

mod board;
mod kept;
mod roots;
mod told;
mod uses;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mainstay_model::{Dependency, DependencyName, Landscape, RelayPolicy};
use mainstay_model::{Protocol, RelayListen};
use mainstay_relay::{Needless, News};
use mainstay_wire::redis::Peers;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

use crate::clock;
use crate::inherited::Inherited;
use kept::{HandedOver, Kept};

pub(crate) use board::Board;
pub(crate) use told::Told;
pub(crate) use uses::Uses;

/// A relay that could not be set up is tried again this often, and files of roots are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// News wait here; what finds no room is counted and dropped.
const NEWS: usize = 16 * 1024;

/// The relays of one landscape.
pub(crate) struct Relays {
    landscape: watch::Receiver<Arc<Landscape>>,
    policy: watch::Receiver<Arc<RelayPolicy>>,
    /// Where the relays' own certification authority is kept.
    data_dir: PathBuf,
    /// Where sockets are that are listened on already.
    inherited: Arc<Inherited>,
    board: Board,
    news: mpsc::Sender<News>,
    running: BTreeMap<DependencyName, Kept>,
    /// What relays left that are wanted and do not run.
    left: Held,
    connections: TaskTracker,
    needless: Needless,
    stop: CancellationToken,
}

impl Relays {
    /// Sets up the relays of the landscape as it is now. Errors when one of them cannot be set up: at the start that is a mistake
    /// somebody has to hear of. The receiver gets what the relays tell.
    pub(crate) async fn start(
        landscape: watch::Receiver<Arc<Landscape>>,
        policy: watch::Receiver<Arc<RelayPolicy>>,
        data_dir: PathBuf,
        inherited: Arc<Inherited>,
        board: Board,
        stop: CancellationToken,
    ) -> anyhow::Result<(Relays, mpsc::Receiver<News>)> {
        let (news, told) = mpsc::channel(NEWS);
        let mut relays = Relays {
            landscape,
            policy,
            data_dir,
            inherited,
            board,
            news,
            running: BTreeMap::new(),
            left: Held::new(),
            connections: TaskTracker::new(),
            needless: Needless::default(),
            stop,
        };
        let wanted = relays.wanted();
        for dependency in wanted.values() {
            relays.set_up(dependency, HandedOver::default()).await?;
        }
        Ok((relays, told))
    }

    /// Follows the configuration until told to stop, and then waits for the last connection.
    pub(crate) async fn run(mut self) {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                changed = self.landscape.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            self.follow().await;
        }
        self.stop.cancelled().await;
        // Whoever connects from now on is to find nobody here, or the next process on the same socket.
        self.running.clear();
        self.connections.close();
        self.connections.wait().await;
    }

    fn wanted(&mut self) -> BTreeMap<DependencyName, Dependency> {
        let landscape = self.landscape.borrow_and_update();
        let relayed = landscape.dependencies.iter().filter(|(_, one)| one.relay.is_some());
        relayed.map(|(name, one)| (name.clone(), one.clone())).collect()
    }

    /// What changed is set up anew, on the same sockets where they are the same; what is the same goes on.
    async fn follow(&mut self) {
        let wanted = self.wanted();
        let peers = peers(&self.landscape.borrow());
        // Held until the end, so that none is closed on its way from one relay to another.
        let mut before = std::mem::take(&mut self.left);
        before.extend(self.running.iter().map(|(name, kept)| (name.clone(), kept.hand_over())));
        self.running.retain(|name, kept| {
            let stays = wanted.contains_key(name);
            if !stays {
                kept.end();
                self.board.forget(name);
            }
            stays
        });
        for (name, dependency) in &wanted {
            match self.running.get(name) {
                Some(kept) if kept.is_of(dependency, &peers) => kept.look_at_roots(),
                _ => {
                    if let Err(why) = self.set_up(dependency, at_hand(&before, &wanted, name)).await {
                        let why = format!("{why:#}");
                        if self.board.troubled(name, why.clone()) {
                            error!(relay.dependency = %name, "the relay does not run as it should: {why}");
                        }
                    }
                }
            }
        }
        // Without their sockets: those are others' now, or are to be bound anew.
        let idle = before
            .into_iter()
            .filter(|(name, _)| wanted.contains_key(name) && !self.running.contains_key(name));
        self.left = idle.map(|(name, had)| (name, had.without_sockets())).collect();
    }

    async fn set_up(&mut self, dependency: &Dependency, before: HandedOver) -> anyhow::Result<()> {
        let wiring = kept::Around {
            policy: self.policy.clone(),
            news: self.news.clone(),
            needless: self.needless.clone(),
            stop: self.stop.clone(),
            clock: clock::now,
            data_dir: &self.data_dir,
            inherited: &self.inherited,
            peers: peers(&self.landscape.borrow()),
        };
        let (kept, relay, listening) = kept::prepare(dependency, before, wiring).await?;
        self.board.runs(&dependency.name, kept.places(), relay.meter());
        // Also one of another dependency whose socket this is now: it must take no more connections there, whether it can be set up
        // elsewhere or not.
        self.running.retain(|name, old| {
            let (is_before, lost) = (*name == dependency.name, old.shares_socket_with(&kept));
            if is_before || lost {
                old.end();
            }
            if lost && !is_before {
                self.board.listens_nowhere(name);
            }
            !is_before && !lost
        });
        self.running.insert(dependency.name.clone(), kept);
        self.connections.spawn(relay.run(listening));
        Ok(())
    }
}

/// What every relay had.
type Held = BTreeMap<DependencyName, HandedOver>;

/// What a relay can go on with: what it had, and the sockets of places where whoever had them is not to listen any more.
fn at_hand(held: &Held, wanted: &BTreeMap<DependencyName, Dependency>, name: &DependencyName) -> HandedOver {
    let stays = |owner: &DependencyName, place: &RelayListen| {
        let relay = wanted.get(owner).and_then(|one| one.relay.as_ref());
        relay.is_some_and(|relay| relay.listen.contains(place))
    };
    // Whoever was given the number of "any port" of one dependency must not come to another by it.
    let is_any = |place: &RelayListen| matches!(place, RelayListen::Tcp(address) if address.port() == 0);
    let mut own = held.get(name).cloned().unwrap_or_default();
    let others = held.iter().filter(|(owner, _)| *owner != name);
    let others = others.flat_map(|(owner, had)| had.sockets.iter().map(move |socket| (owner, socket)));
    let free = others.filter(|(owner, (place, _))| !stays(owner, place) && !is_any(place));
    own.sockets.extend(free.map(|(_, socket)| socket.clone()));
    own
}

/// Where every server of Redis that has a relay is, as a cluster calls it, and where applications reach its relay.
fn peers(landscape: &Landscape) -> Peers {
    let redis =
        landscape.dependencies.values().filter(|one| matches!(one.target.protocol, Protocol::Redis(_)));
    let pair = |one: &Dependency| {
        let listen = one.relay.as_ref()?.listen.iter().find_map(|place| match place {
            // Nobody can be sent to "every address" or "any port".
            RelayListen::Tcp(address) if !address.ip().is_unspecified() && address.port() != 0 => {
                Some(address.to_string())
            }
            RelayListen::Tcp(_) | RelayListen::Unix(_) => None,
        })?;
        Some((format!("{}:{}", one.target.host, one.target.port), listen))
    };
    Arc::new(redis.filter_map(pair).collect())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::path::Path;

    use mainstay_model::{Relay, RelayLeg, Target};
    use mainstay_testkit::servers::free_port;
    use mainstay_testkit::{Pki, wait_for};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpStream, UnixStream};
    use tokio::time::Instant;

    use super::*;

    /// Relays of a folder of their own, before a server that is never there.
    struct Scene {
        folder: PathBuf,
        ca_file: PathBuf,
        changes: watch::Sender<Arc<Landscape>>,
        relays: Relays,
        told: mpsc::Receiver<News>,
    }

    impl Scene {
        async fn start(name: &str, relays: impl FnOnce(&Path) -> Vec<Dependency>) -> Scene {
            let folder = std::env::temp_dir().join(format!("mainstay-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            let ca_file = Pki::new(clock::now()).write_root(&folder);
            let changes = watch::Sender::new(landscape(&ca_file, relays(&folder)));
            let started = Relays::start(
                changes.subscribe(),
                watch::Sender::default().subscribe(),
                folder.clone(),
                Arc::default(),
                Board::default(),
                CancellationToken::new(),
            );
            let (relays, told) = started.await.unwrap();
            Scene { folder, ca_file, changes, relays, told }
        }

        async fn change_to(&mut self, relays: Vec<Dependency>) {
            self.changes.send_replace(landscape(&self.ca_file, relays));
            self.relays.follow().await;
            let reports = self.relays.board.reports(Instant::now());
            assert!(reports.iter().all(|report| report.trouble.is_none()), "{reports:#?}");
        }

        /// Whose relay answers there.
        async fn relay_at(&mut self, port: u16) -> String {
            #[expect(clippy::disallowed_methods, reason = "this is an application")]
            let mut application = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            application.write_all(b"hello").await.unwrap();
            match self.told.recv().await {
                Some(News::Decided(admission)) => admission.dependency.to_string(),
                other => panic!("{other:?}"),
            }
        }

        async fn end(self) {
            self.relays.stop.cancel();
            self.relays.run().await;
            std::fs::remove_dir_all(&self.folder).unwrap();
        }
    }

    fn landscape(ca_file: &Path, relays: Vec<Dependency>) -> Arc<Landscape> {
        let verified = |mut one: Dependency| {
            one.tls.ca_file = Some(ca_file.to_owned());
            (one.name.clone(), one)
        };
        let dependencies = relays.into_iter().map(verified).collect();
        Arc::new(Landscape { dependencies, ..Landscape::default() })
    }

    fn relay(name: &str, listen: RelayListen) -> Dependency {
        let mut dependency =
            Dependency::new(name.parse().unwrap(), Target::parse("tls://127.0.0.1:9").unwrap());
        dependency.relay = Some(Relay {
            listen: vec![listen],
            leg: RelayLeg::Plain,
            plaintext_from_network: false,
            allow: Vec::new(),
            allow_users: Vec::new(),
            most_connections: 10,
            connect_within: Duration::from_secs(1),
            idle: None,
            drain_within: Duration::from_secs(1),
            shadow: Duration::from_secs(3_600),
        });
        dependency
    }

    fn at(port: u16) -> RelayListen {
        RelayListen::Tcp(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// A change of the configuration goes over to the next relay on the same socket, which is found under its path as before, and goes
    /// on counting.
    #[tokio::test]
    async fn a_new_configuration_keeps_what_the_old_one_had() {
        let db = |folder: &Path| relay("db", RelayListen::Unix(folder.join("db.sock")));
        let mut scene = Scene::start("keeps", |folder| vec![db(folder)]).await;
        let path = scene.folder.join("db.sock");
        let mut refused = UnixStream::connect(&path).await.expect("it listens");
        // Nobody serves that port.
        let _ = refused.read(&mut [0]).await;
        let count = |scene: &Scene| scene.relays.board.reports(Instant::now())[0].figures.refused.len();
        wait_for("the refusal", Duration::from_secs(10), async || (count(&scene) == 1).then_some(())).await;
        let others = Peers::new([("cache:6379".to_owned(), "127.0.0.1:6379".to_owned())].into());
        let wanted = scene.relays.wanted();
        let is_of = scene.relays.running["db"].is_of(&wanted["db"], &others);
        assert!(is_of, "servers of Redis are nothing to it");
        let mut changed = db(&scene.folder);
        changed.relay.as_mut().unwrap().idle = Some(Duration::from_secs(60));
        scene.change_to(vec![changed]).await;
        UnixStream::connect(&path).await.expect("it still does");
        assert_eq!(count(&scene), 1, "what was counted is not forgotten");
        let mut renamed = db(&scene.folder);
        renamed.name = "database".parse().unwrap();
        scene.change_to(vec![renamed]).await;
        UnixStream::connect(&path).await.expect("it does under another name too");
        scene.relays.stop.cancel();
        scene.relays.run().await;
        assert!(!path.exists(), "the socket goes with the last relay");
        std::fs::remove_dir_all(&scene.folder).unwrap();
    }

    #[tokio::test]
    async fn relays_that_change_places_lead_where_the_new_configuration_says() {
        let (one, other) = (free_port(), free_port());
        let mut scene = Scene::start("swaps", |_| vec![relay("a", at(one)), relay("b", at(other))]).await;
        assert_eq!(scene.relay_at(one).await, "a");
        scene.change_to(vec![relay("a", at(other)), relay("b", at(one))]).await;
        assert_eq!((scene.relay_at(one).await, scene.relay_at(other).await), ("b".into(), "a".into()));
        scene.change_to(vec![relay("c", at(one)), relay("a", at(other))]).await;
        assert_eq!((scene.relay_at(one).await, scene.relay_at(other).await), ("c".into(), "a".into()));
        scene.end().await;
    }

    #[tokio::test]
    async fn the_key_for_passwords_of_mysql_is_there_before_anybody_connects() {
        let mut db = relay("db", at(free_port()));
        db.target = Target::parse("mysql://127.0.0.1:9").unwrap();
        let scene = Scene::start("key", |_| vec![db]).await;
        assert!(!mainstay_wire::mysql::make_key(), "it is made only now");
        scene.end().await;
    }

    /// What was the place of one dependency must never lead to two.
    #[tokio::test]
    async fn a_relay_whose_socket_another_took_ends_though_it_cannot_be_set_up_elsewhere() {
        let (one, other) = (free_port(), free_port());
        let mut scene = Scene::start("taken", |_| vec![relay("a", at(one)), relay("b", at(other))]).await;
        let mut broken = relay("b", at(one));
        broken.relay.as_mut().unwrap().leg =
            RelayLeg::Files { certificate: "nowhere.pem".into(), key: "nowhere.key".into() };
        scene.changes.send_replace(landscape(&scene.ca_file, vec![relay("a", at(other)), broken]));
        scene.relays.follow().await;
        assert_eq!(scene.relay_at(other).await, "a");
        // Which of two that accept at one socket comes first is chance.
        let running: Vec<String> = scene.relays.running.keys().map(ToString::to_string).collect();
        assert_eq!(running, ["a"]);
        let reports = scene.relays.board.reports(Instant::now());
        let troubled: Vec<bool> = reports.iter().map(|report| report.trouble.is_some()).collect();
        assert_eq!(troubled, [false, true], "{reports:#?}");
        assert_eq!(reports[1].listen, Vec::<String>::new());
        scene.end().await;
    }
}
