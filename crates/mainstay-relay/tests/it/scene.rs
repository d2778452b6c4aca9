//! Relays in front of servers that this process is itself.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Dependency, Pin, PolicyWaiver, Random, Relay as Terms, RelayLeg, RelayListen, RelayPolicy, Target,
    WaiverId,
};
use mainstay_relay::{Estate, Listening, Meter, News, Relay, RelaySettings, Spoken, Upstream, Wiring};
use mainstay_testkit::{Identity, Pki};
use mainstay_tls::{Judge, Roots, parse_server_name};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

#[expect(clippy::disallowed_methods, reason = "these tests run in real time")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A server that gives back what it gets, over TLS.
pub(crate) async fn echo(address: &str, identity: &Identity) -> SocketAddr {
    counted_echo(address, identity).await.0
}

/// The same, with how often it was connected to.
pub(crate) async fn counted_echo(address: &str, identity: &Identity) -> (SocketAddr, Arc<AtomicUsize>) {
    balanced_echo(address, &[identity]).await
}

/// Several such servers behind one address, which take turns.
pub(crate) async fn balanced_echo(address: &str, identities: &[&Identity]) -> (SocketAddr, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counting = count.clone();
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = |one: &&Identity| TlsAcceptor::from(one.server_config_unchecked());
    let acceptors: Vec<TlsAcceptor> = identities.iter().map(acceptor).collect();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let number = counting.fetch_add(1, Ordering::Relaxed);
            let acceptor = acceptors[number % acceptors.len()].clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let _ = repeat(stream).await;
            });
        }
    });
    (address, count)
}

async fn repeat(stream: impl AsyncRead + AsyncWrite) -> std::io::Result<()> {
    let (mut from, mut to) = tokio::io::split(stream);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
        to.flush().await?;
    }
}

/// A relay that runs.
pub(crate) struct Running {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) news: mpsc::Receiver<News>,
    pub(crate) policy: watch::Sender<Arc<RelayPolicy>>,
    pub(crate) stop: CancellationToken,
    pub(crate) estate: Estate,
    /// Ends with the relay.
    pub(crate) task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Puts a waiver for this certificate in force.
    pub(crate) fn waive(&self, identity: &Identity, name: &str) {
        let waiver = waiver(identity, name);
        let policy = RelayPolicy { issued_at: now(), waivers: vec![waiver], ..RelayPolicy::default() };
        self.policy.send_replace(Arc::new(policy));
    }

    pub(crate) fn waive_nothing(&self) {
        self.policy.send_replace(Arc::new(RelayPolicy { issued_at: now(), ..RelayPolicy::default() }));
    }
}

fn waiver(identity: &Identity, name: &str) -> PolicyWaiver {
    let roots = Roots::from_pem(identity.chain_pem().as_bytes(), "the test").unwrap();
    let name_in_certificate = parse_server_name(name).unwrap();
    let judgement = Judge::new(roots).judge(&identity.chain, &name_in_certificate, now());
    let leaf = &judgement.certificates[0];
    PolicyWaiver {
        id: WaiverId::new(now(), &mut Random::seeded(1)),
        dependency: "db".parse().unwrap(),
        server_name: name.to_owned(),
        pin: Pin { sha256: leaf.sha256, spki_sha256: leaf.spki_sha256 },
        not_after: leaf.not_after,
        from: now() - SignedDuration::from_mins(1),
        until: now() + SignedDuration::from_hours(4),
        url: None,
    }
}

pub(crate) fn terms(listen: RelayListen) -> Terms {
    Terms {
        listen: vec![listen],
        leg: RelayLeg::Plain,
        plaintext_from_network: false,
        allow: vec![],
        allow_users: vec![],
        most_connections: 100,
        connect_within: std::time::Duration::from_secs(10),
        idle: None,
        drain_within: std::time::Duration::from_secs(10),
        shadow: std::time::Duration::from_secs(30 * 86_400),
    }
}

pub(crate) fn loopback() -> RelayListen {
    RelayListen::Tcp("127.0.0.1:0".parse().unwrap())
}

/// A relay in front of `url`, which trusts this PKI.
pub(crate) async fn relay(url: &str, name: &str, pki: &Pki, terms: Terms) -> Running {
    relay_with(url, name, pki, terms, |_| ()).await
}

/// The same with something more that it is told.
pub(crate) async fn relay_with(
    url: &str,
    name: &str,
    pki: &Pki,
    terms: Terms,
    more: impl FnOnce(&mut RelaySettings),
) -> Running {
    relay_after(Estate::default(), url, name, pki, terms, more).await
}

/// The same in the place of another, of which it has this.
pub(crate) async fn relay_after(
    estate: Estate,
    url: &str,
    name: &str,
    pki: &Pki,
    terms: Terms,
    more: impl FnOnce(&mut RelaySettings),
) -> Running {
    let mut dependency = Dependency::new("db".parse().unwrap(), Target::parse(url).unwrap());
    dependency.tls.server_name = Some(name.to_owned());
    let (spoken, start) = Spoken::of(&dependency).unwrap();
    let judge = Judge::new(Roots::from_pem(pki.root_pem().as_bytes(), "the test").unwrap());
    let upstream = Upstream::of(&dependency, spoken, start, watch::Sender::new(judge).subscribe()).unwrap();
    let listening = Listening::bind(&terms.listen[0]).await.unwrap();
    let address = listening.address();
    let mut settings = RelaySettings {
        dependency: dependency.name.clone(),
        relay: terms,
        upstream,
        peers: Default::default(),
        acceptor: None,
    };
    more(&mut settings);
    let policy = watch::Sender::new(Arc::new(RelayPolicy::default()));
    let (news, told) = mpsc::channel(1_000);
    let stop = CancellationToken::new();
    let wiring = Wiring {
        policy: policy.subscribe(),
        news,
        needless: Default::default(),
        clock: now,
        no_more: CancellationToken::new(),
        stop: stop.clone(),
        estate: estate.clone(),
    };
    let relay = Relay::new(settings, wiring);
    let meter = relay.meter();
    let task = tokio::spawn(relay.run(vec![listening]));
    Running { address, meter, news: told, policy, stop, estate, task }
}

/// An application that connects to a relay.
pub(crate) async fn connect(running: &Running) -> TcpStream {
    connect_to(running.address.unwrap()).await
}

#[expect(clippy::disallowed_methods, reason = "an application connects")]
pub(crate) async fn connect_to(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

pub(crate) fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

/// An address of this machine by which others could reach it. Nothing is sent.
pub(crate) fn own_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_loopback() && !address.is_unspecified())
}
