use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;
use jiff::Timestamp;
use mainstay_model::{Dependency, Protocol, Relay as Terms, RelayLeg, RelayListen, RelayPolicy};
use mainstay_relay::{
    Estate, Listening, Needless, News, OwnAuthority, Relay, RelaySettings, Spoken, Upstream, Wiring,
    acceptor_of_files,
};
use mainstay_tls::ClientKey;
use mainstay_wire::mysql;
use mainstay_wire::redis::Peers;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::roots::{RootsFollower, modified};
use crate::inherited::Inherited;

/// One relay that runs, and what is needed to put another in its place.
pub(super) struct Kept {
    dependency: Dependency,
    sockets: Sockets,
    roots: RootsFollower,
    /// The files that were read only once, and how they looked then.
    files: Vec<(PathBuf, Option<SystemTime>)>,
    peers: Peers,
    estate: Estate,
    no_more: CancellationToken,
}

/// What goes over from a relay to the next in its place.
#[derive(Clone, Default)]
pub(super) struct HandedOver {
    pub(super) sockets: Sockets,
    estate: Estate,
}

impl HandedOver {
    /// What is known of connections, for a relay that is to find sockets of its own.
    pub(super) fn without_sockets(self) -> HandedOver {
        HandedOver { sockets: Sockets::new(), ..self }
    }
}

/// The sockets of a relay, each where the configuration says.
pub(super) type Sockets = Vec<(RelayListen, Arc<Listening>)>;

/// What a relay is connected to.
pub(super) struct Around<'a> {
    pub(super) policy: watch::Receiver<Arc<RelayPolicy>>,
    pub(super) news: mpsc::Sender<News>,
    /// Shared by all relays, also by one and the next in its place.
    pub(super) needless: Needless,
    pub(super) stop: CancellationToken,
    pub(super) clock: fn() -> Timestamp,
    pub(super) data_dir: &'a Path,
    pub(super) inherited: &'a Inherited,
    /// Other servers of a cluster of Redis, and where their relays are.
    pub(super) peers: Peers,
}

impl Kept {
    /// Whether it is what such a relay would be now. A certificate that was renewed makes another one of it.
    pub(super) fn is_of(&self, dependency: &Dependency, peers: &Peers) -> bool {
        // Other protocols know no peers, and a relay of theirs is none the worse for a new one of Redis.
        let knows_peers = matches!(dependency.target.protocol, Protocol::Redis(_));
        if (knows_peers && self.peers != *peers)
            || self.files.iter().any(|(file, seen)| modified(file) != *seen)
        {
            return false;
        }
        let same = |one: &Dependency| (one.relay.clone(), one.tls.clone(), one.target.to_string());
        same(&self.dependency) == same(dependency)
    }

    pub(super) fn hand_over(&self) -> HandedOver {
        HandedOver { sockets: self.sockets.clone(), estate: self.estate.clone() }
    }

    /// Whether both take connections at the same socket.
    pub(super) fn shares_socket_with(&self, other: &Kept) -> bool {
        let shared = |one: &Arc<Listening>| other.sockets.iter().any(|(_, theirs)| Arc::ptr_eq(one, theirs));
        self.sockets.iter().any(|(_, own)| shared(own))
    }

    /// Where it listens, as it turned out.
    pub(super) fn places(&self) -> Vec<String> {
        let place = |(place, listening): &(RelayListen, Arc<Listening>)| match (place, listening.address()) {
            (RelayListen::Unix(path), _) => path.display().to_string(),
            (RelayListen::Tcp(address), actual) => actual.unwrap_or(*address).to_string(),
        };
        self.sockets.iter().map(place).collect()
    }

    pub(super) fn look_at_roots(&self) {
        self.roots.look();
    }

    /// Takes no more connections; those that are open go on.
    pub(super) fn end(&self) {
        self.no_more.cancel();
    }
}

/// Everything for a relay in front of the dependency. What the one before it had is taken over.
pub(super) async fn prepare(
    dependency: &Dependency,
    before: HandedOver,
    around: Around<'_>,
) -> anyhow::Result<(Kept, Relay, Vec<Listening>)> {
    let terms = dependency.relay.clone().context("there is no relay in front of it")?;
    let (spoken, start) = Spoken::of(dependency).map_err(anyhow::Error::msg)?;
    if spoken == Spoken::MySql {
        // Else the first application in plaintext would have one of the few threads of all connections compute it.
        tokio::task::spawn_blocking(mysql::make_key).await?;
    }
    let roots = RootsFollower::new(dependency.tls.ca_file.clone())?;
    let key = match &dependency.tls.identity {
        Some(files) => Some(ClientKey::from_pem_files(&files.certificate, &files.key)?),
        None => None,
    };
    let files = files(dependency, &terms);
    let acceptor = acceptor(&terms, spoken, &around)?;
    let settings = RelaySettings {
        dependency: dependency.name.clone(),
        upstream: Upstream { key, ..Upstream::of(dependency, spoken, start, roots.judge())? },
        peers: around.peers.clone(),
        acceptor,
        relay: terms,
    };
    let sockets = sockets(&settings.relay.listen, before.sockets, around.inherited).await?;
    let listening = sockets.iter().map(|(_, one)| one.share()).collect::<Result<_, _>>()?;
    let no_more = CancellationToken::new();
    let wiring = Wiring {
        policy: around.policy,
        news: around.news,
        needless: around.needless,
        clock: around.clock,
        no_more: no_more.clone(),
        stop: around.stop,
        estate: before.estate.clone(),
    };
    let estate = before.estate;
    let kept =
        Kept { estate, dependency: dependency.clone(), sockets, roots, files, peers: around.peers, no_more };
    Ok((kept, Relay::new(settings, wiring), listening))
}

/// The files of certificates and keys that this relay shows.
fn files(dependency: &Dependency, terms: &Terms) -> Vec<(PathBuf, Option<SystemTime>)> {
    let of_leg = match &terms.leg {
        RelayLeg::Files { certificate, key } => vec![certificate, key],
        _ => Vec::new(),
    };
    let own = dependency.tls.identity.iter().flat_map(|files| [&files.certificate, &files.key]);
    of_leg.into_iter().chain(own).map(|file| (file.clone(), modified(file))).collect()
}

fn acceptor(
    terms: &Terms,
    spoken: Spoken,
    around: &Around<'_>,
) -> anyhow::Result<Option<tokio_rustls::TlsAcceptor>> {
    Ok(match &terms.leg {
        RelayLeg::Plain => None,
        RelayLeg::Files { certificate, key } => Some(acceptor_of_files(certificate, key, spoken)?),
        RelayLeg::OwnAuthority { names } => {
            let authority = Arc::new(OwnAuthority::open(around.data_dir, (around.clock)())?);
            Some(authority.acceptor(known_by(terms, names), spoken, around.clock)?)
        }
    })
}

/// What clients may call the relay by: where it listens, and what else the configuration says.
fn known_by(terms: &Terms, names: &[String]) -> Vec<String> {
    let addresses = terms.listen.iter().filter_map(|place| match place {
        RelayListen::Tcp(address) if !address.ip().is_unspecified() => Some(address.ip().to_string()),
        RelayListen::Tcp(_) | RelayListen::Unix(_) => None,
    });
    addresses.chain(names.iter().cloned()).collect()
}

async fn sockets(places: &[RelayListen], before: Sockets, inherited: &Inherited) -> anyhow::Result<Sockets> {
    let mut sockets = Vec::with_capacity(places.len());
    for place in places {
        let known = before.iter().find(|(known, _)| known == place);
        let listening = match known {
            Some((_, listening)) => listening.clone(),
            None => match inherited.listening(place) {
                Some(listening) => Arc::new(listening),
                None => Arc::new(Listening::bind(place).await?),
            },
        };
        sockets.push((place.clone(), listening));
    }
    Ok(sockets)
}
