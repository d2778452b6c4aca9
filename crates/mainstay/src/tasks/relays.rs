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
use kept::Kept;

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
            connections: TaskTracker::new(),
            needless: Needless::default(),
            stop,
        };
        let wanted = relays.wanted();
        for dependency in wanted.values() {
            relays.set_up(dependency).await?;
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
                    if let Err(why) = self.set_up(dependency).await {
                        let why = format!("{why:#}");
                        if self.board.troubled(name, why.clone()) {
                            error!(relay.dependency = %name, "the relay does not run as it should: {why}");
                        }
                    }
                }
            }
        }
    }

    async fn set_up(&mut self, dependency: &Dependency) -> anyhow::Result<()> {
        let before = self.running.get(&dependency.name).map(Kept::hand_over).unwrap_or_default();
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
        if let Some(old) = self.running.insert(dependency.name.clone(), kept) {
            old.end();
        }
        self.connections.spawn(relay.run(listening));
        Ok(())
    }
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
    use mainstay_model::{Relay, RelayLeg, Target};
    use mainstay_testkit::{Pki, wait_for};
    use tokio::io::AsyncReadExt as _;
    use tokio::net::UnixStream;

    use super::*;

    /// A change of the configuration goes over to the next relay on the same socket, which is found under its path as before, and goes
    /// on counting.
    #[tokio::test]
    async fn a_new_configuration_keeps_what_the_old_one_had() {
        let folder = std::env::temp_dir().join(format!("mainstay-relays-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (path, ca_file) = (folder.join("db.sock"), Pki::new(clock::now()).write_root(&folder));
        let landscape = |idle: Option<Duration>| {
            let target = Target::parse("tls://127.0.0.1:9").unwrap();
            let mut dependency = Dependency::new("db".parse().unwrap(), target);
            dependency.tls.ca_file = Some(ca_file.clone());
            dependency.relay = Some(Relay {
                listen: vec![RelayListen::Unix(path.clone())],
                leg: RelayLeg::Plain,
                plaintext_from_network: false,
                allow: Vec::new(),
                allow_users: Vec::new(),
                most_connections: 10,
                connect_within: Duration::from_secs(1),
                idle,
                drain_within: Duration::from_secs(1),
                shadow: Duration::from_secs(3_600),
            });
            let dependencies = BTreeMap::from([(dependency.name.clone(), dependency)]);
            Arc::new(Landscape { dependencies, ..Landscape::default() })
        };
        let (changes, stop) = (watch::Sender::new(landscape(None)), CancellationToken::new());
        let policy = watch::Sender::default().subscribe();
        let (inherited, board) = (Arc::default(), Board::default());
        let started = Relays::start(
            changes.subscribe(),
            policy,
            folder.clone(),
            inherited,
            board.clone(),
            stop.clone(),
        );
        let (mut relays, _told) = started.await.unwrap();
        let mut refused = UnixStream::connect(&path).await.expect("it listens");
        // Nobody serves that port.
        let _ = refused.read(&mut [0]).await;
        let decided = async || (board.reports()[0].figures.refused.len() == 1).then_some(());
        wait_for("the refusal", Duration::from_secs(10), decided).await;
        let others = Peers::new([("cache:6379".to_owned(), "127.0.0.1:6379".to_owned())].into());
        let is_of = relays.running["db"].is_of(&landscape(None).dependencies["db"], &others);
        assert!(is_of, "servers of Redis are nothing to it");
        changes.send_replace(landscape(Some(Duration::from_secs(60))));
        relays.follow().await;
        UnixStream::connect(&path).await.expect("it still does");
        assert_eq!(board.reports()[0].figures.refused.len(), 1, "what was counted is not forgotten");
        stop.cancel();
        relays.run().await;
        assert!(!path.exists(), "the socket goes with the last relay");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
