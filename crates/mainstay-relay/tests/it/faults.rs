//! Servers and applications that break off, fall silent or come in crowds.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mainstay_model::{RefusalReason, RelayListen};
use mainstay_testkit::scripted::{Act, Peer, Script};
use mainstay_testkit::{Pki, Scenario, wait_for};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::scene::*;

const NAME: &str = "db.example.com";
const PATIENCE: Duration = Duration::from_secs(30);

/// StartupMessage of protocol 3.0 for the user `app`.
const STARTUP: &[u8] = b"\0\0\0\x12\0\x03\0\0user\0app\0\0";
/// AuthenticationOk, then BackendKeyData and ReadyForQuery.
const WELCOME: &[u8] = b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x02Z\0\0\0\x05I";

/// CancelRequest for the key in that.
const CANCEL: &[u8] = b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02";

/// What an application of PostgreSQL hears until its connection ends.
async fn hears(running: &Running) -> Vec<u8> {
    let mut application = connect(running).await;
    let _ = application.write_all(STARTUP).await;
    let mut heard = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, application.read_to_end(&mut heard)).await.expect("it ends");
    heard
}

async fn nothing_is_open(running: &Running) {
    wait_for("every connection to be gone", PATIENCE, async || {
        (running.meter.figures().open == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_in_any_phase_is_told_in_words() {
    let pki = Pki::new(now());
    let tls = pki.identity(Scenario::Fine, NAME).server_config();
    let agreed = || vec![Act::Read(8), Act::Send(b"S".to_vec()), Act::Tls(tls.clone())];
    let then = |more: Vec<Act>| Script::new([agreed(), more].concat());
    let cases = [
        ("closes at once", Script::close_at_once()),
        ("resets at once", Script::reset_at_once()),
        ("resets after the request for TLS", Script::reset_after(8)),
        ("declines TLS", Script::answer(8, b"N".to_vec())),
        ("injects bytes before TLS", Script::postgres_surplus()),
        ("answers the handshake with garbage", Script::postgres_garbage_for_tls()),
        ("speaks HTTP", Script::speaks_http()),
        ("closes after the handshake", then(vec![Act::Close])),
        ("resets after the handshake", then(vec![Act::Reset])),
        ("closes amid its first message", then(vec![Act::Send(b"R\0\0\0\x08\0\0".to_vec()), Act::Close])),
        ("sends a message without end", then(vec![Act::Repeat(b"R\x7f\xff\xff\xff".to_vec())])),
    ];
    for (what, script) in cases {
        let peer = Peer::start(script).await;
        let running = relay(&peer.url("postgres"), NAME, &pki, terms(loopback())).await;
        let heard = hears(&running).await;
        let text = String::from_utf8_lossy(&heard);
        assert!(
            heard.starts_with(b"E") && text.contains("Mainstay: no connection to db"),
            "{what}: {text:?}"
        );
        nothing_is_open(&running).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_given_up_in_time() {
    let pki = Pki::new(now());
    for script in [Script::silent(), Script::answer(8, b"S".to_vec())] {
        let peer = Peer::start(script).await;
        let mut terms = terms(loopback());
        terms.connect_within = Duration::from_millis(200);
        let running = relay(&peer.url("postgres"), NAME, &pki, terms).await;
        let heard = hears(&running).await;
        assert!(String::from_utf8_lossy(&heard).contains("silent"), "{:?}", String::from_utf8_lossy(&heard));
        nothing_is_open(&running).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_under_an_established_connection_takes_it_along() {
    let pki = Pki::new(now());
    let tls = pki.identity(Scenario::Fine, NAME).server_config();
    for last in [Act::Close, Act::Reset] {
        let acts = [
            Act::Read(8),
            Act::Send(b"S".to_vec()),
            Act::Tls(tls.clone()),
            Act::Read(STARTUP.len()),
            Act::Send(WELCOME.to_vec()),
            Act::Read(1),
            last,
        ];
        let peer = Peer::start(Script::new(acts)).await;
        let running = relay(&peer.url("postgres"), NAME, &pki, terms(loopback())).await;
        let mut application = connect(&running).await;
        application.write_all(STARTUP).await.unwrap();
        let mut welcome = vec![0; WELCOME.len()];
        application.read_exact(&mut welcome).await.unwrap();
        assert_eq!(welcome, WELCOME);
        application.write_all(b"Q\0\0\0\x0dSELECT 1\0").await.unwrap();
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, application.read_to_end(&mut rest)).await.expect("it ends");
        nothing_is_open(&running).await;
    }
}

/// What an imposter with the old key would do: take the log-in and leave. The use is written down all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_waiver_is_used_by_whoever_was_let_in_whatever_becomes_of_the_log_in() {
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Expired, NAME);
    let tls = identity.server_config_unchecked();
    let acts = [Act::Read(8), Act::Send(b"S".to_vec()), Act::Tls(tls), Act::Read(STARTUP.len()), Act::Close];
    let peer = Peer::start(Script::new(acts)).await;
    let running = relay(&peer.url("postgres"), NAME, &pki, terms(loopback())).await;
    running.waive(&identity, NAME);
    assert!(hears(&running).await.starts_with(b"E"));
    assert_eq!(running.meter.figures().waived, 1);
}

/// Both directions as full as they can be: the end must come through all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waivers_end_is_heeded_under_full_load() {
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Expired, NAME);
    let server = echo("127.0.0.1:0", &identity).await;
    let mut terms = terms(loopback());
    terms.drain_within = Duration::from_millis(50);
    let running = relay(&format!("tls://127.0.0.1:{}", server.port()), NAME, &pki, terms).await;
    running.waive(&identity, NAME);
    let (mut from, mut to) = connect(&running).await.into_split();
    let writing = tokio::spawn(async move { while to.write_all(&[7; 64 * 1024]).await.is_ok() {} });
    let mut buffer = vec![0; 64 * 1024];
    from.read_exact(&mut buffer).await.unwrap();
    running.waive_nothing();
    let flood = async { while from.read(&mut buffer).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(PATIENCE, flood).await.expect("it is cut");
    tokio::time::timeout(PATIENCE, writing).await.expect("in both directions").unwrap();
    nothing_is_open(&running).await;
}

/// Applications that come and go, some in the middle of something, leave nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_leaves_no_sockets() {
    let pki = Pki::new(now());
    let server = echo("127.0.0.1:0", &pki.identity(Scenario::Fine, NAME)).await;
    let mut terms = terms(loopback());
    terms.most_connections = 1_000;
    let running = relay(&format!("tls://127.0.0.1:{}", server.port()), NAME, &pki, terms).await;
    let address = running.address.unwrap();
    let mut first = connect_to(address).await;
    plays_ping_pong(&mut first).await;
    assert_eq!(sockets(address.port(), server.port()), 2, "one to the application and one to the server");
    for wave in 0..4 {
        let mut crowd = JoinSet::new();
        for number in 0..50 {
            crowd.spawn(async move {
                let mut application = connect_to(address).await;
                match (number + wave) % 3 > 0 {
                    true => plays_ping_pong(&mut application).await,
                    false => application.write_all(b"ping").await.unwrap(),
                }
            });
        }
        crowd.join_all().await;
    }
    drop(first);
    nothing_is_open(&running).await;
    let closed = async || (sockets(address.port(), server.port()) == 0).then_some(());
    wait_for("the sockets to be closed", PATIENCE, closed).await;
}

async fn plays_ping_pong(application: &mut TcpStream) {
    application.write_all(b"ping").await.unwrap();
    let mut answer = [0; 4];
    application.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"ping");
}

/// How many sockets a relay at this port has open, to applications and to the server at the other one. Those of other tests and of
/// the peers in this one are in the same process, so its files tell nothing.
fn sockets(relay: u16, server: u16) -> usize {
    /// What listens has no other side.
    const LISTEN: &str = "0A";
    let port = |place: &str| place.rsplit(':').next().and_then(|port| u16::from_str_radix(port, 16).ok());
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    // Number, own place, the other's place, state, …; the tenth is the inode, which is none once it is closed.
    let is_ours = |row: &Vec<&str>| {
        (port(row[1]) == Some(relay) || port(row[2]) == Some(server)) && row[3] != LISTEN && row[9] != "0"
    };
    rows.filter(is_ours).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_there_is_room_for_are_told_so() {
    let pki = Pki::new(now());
    let tls = pki.identity(Scenario::Fine, NAME).server_config();
    let acts = [
        Act::Read(8),
        Act::Send(b"S".to_vec()),
        Act::Tls(tls),
        Act::Read(STARTUP.len()),
        Act::Send(WELCOME.to_vec()),
    ];
    let peer = Peer::start(Script::new(acts)).await;
    let mut terms = terms(loopback());
    terms.most_connections = 1;
    let running = relay(&peer.url("postgres"), NAME, &pki, terms).await;
    let mut first = connect(&running).await;
    first.write_all(STARTUP).await.unwrap();
    first.read_exact(&mut vec![0; WELCOME.len()]).await.unwrap();
    let told = hears(&running).await;
    assert!(String::from_utf8_lossy(&told).contains("1 connections are open"), "{told:?}");
    drop(first);
    nothing_is_open(&running).await;
    let mut next = connect(&running).await;
    next.write_all(STARTUP).await.unwrap();
    next.read_exact(&mut vec![0; WELCOME.len()]).await.unwrap();
}

/// A new configuration or a renewed certificate puts another relay in the place of one whose connections go on.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_knows_of_its_connections_goes_over_to_the_next_in_its_place() {
    let pki = Pki::new(now());
    let tls = pki.identity(Scenario::Fine, NAME).server_config();
    let peer = Peer::start(welcomes(tls)).await;
    let mut terms = terms(loopback());
    terms.most_connections = 1;
    let before = relay(&peer.url("postgres"), NAME, &pki, terms.clone()).await;
    let mut session = connect(&before).await;
    session.write_all(STARTUP).await.unwrap();
    session.read_exact(&mut vec![0; WELCOME.len()]).await.unwrap();
    let estate = before.estate.clone();
    let running = relay_after(estate, &peer.url("postgres"), NAME, &pki, terms, |_| ()).await;
    let told = hears(&running).await;
    assert!(String::from_utf8_lossy(&told).contains("1 connections are open"), "{told:?}");
    let counted = async || (running.meter.figures().open == 1).then_some(());
    wait_for("the session to be the only one that is counted", PATIENCE, counted).await;
    let heard = peer.heard();
    connect(&running).await.write_all(CANCEL).await.unwrap();
    let asked = heard + 8 + CANCEL.len() as u64;
    wait_for("the request to cancel", PATIENCE, async || (peer.heard() == asked).then_some(())).await;
}

/// A server that lets everybody in, whether it is to log in or to cancel.
fn welcomes(tls: Arc<ServerConfig>) -> Script {
    Script::new([
        Act::Read(8),
        Act::Send(b"S".to_vec()),
        Act::Tls(tls),
        Act::Read(CANCEL.len()),
        Act::Send(WELCOME.to_vec()),
    ])
}

/// An application has its key before the server is ready, and may be quick.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_good_for_cancelling_as_soon_as_it_is_told() {
    let pki = Pki::new(now());
    let tls = pki.identity(Scenario::Fine, NAME).server_config();
    let not_ready = &WELCOME[..WELCOME.len() - b"Z\0\0\0\x05I".len()];
    let acts = [
        Act::Read(8),
        Act::Send(b"S".to_vec()),
        Act::Tls(tls),
        Act::Read(CANCEL.len()),
        Act::Send(not_ready.to_vec()),
    ];
    let peer = Peer::start(Script::new(acts)).await;
    let running = relay(&peer.url("postgres"), NAME, &pki, terms(loopback())).await;
    let mut session = connect(&running).await;
    session.write_all(STARTUP).await.unwrap();
    session.read_exact(&mut vec![0; not_ready.len()]).await.unwrap();
    let asked = peer.heard() + 8 + CANCEL.len() as u64;
    connect(&running).await.write_all(CANCEL).await.unwrap();
    wait_for("the request to cancel", PATIENCE, async || (peer.heard() == asked).then_some(())).await;
}

/// libpq up to version 16 sends its requests to cancel in plaintext, also where its session has TLS.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_cancel_comes_from_another_machine_in_plaintext() {
    let Some(here) = own_address() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Fine, NAME);
    let peer = Peer::start(welcomes(identity.server_config())).await;
    let acceptor = TlsAcceptor::from(identity.server_config());
    let terms = terms(RelayListen::Tcp("0.0.0.0:0".parse().unwrap()));
    let mut running = relay_with(&peer.url("postgres"), NAME, &pki, terms, |settings| {
        settings.acceptor = Some(acceptor);
    })
    .await;
    let port = running.address.unwrap().port();
    let mut session = connect_to(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)).await;
    session.write_all(STARTUP).await.unwrap();
    session.read_exact(&mut vec![0; WELCOME.len()]).await.unwrap();
    running.address = Some(SocketAddr::new(here, port));
    let told = String::from_utf8_lossy(&hears(&running).await).into_owned();
    assert!(told.contains("spoken to by TLS only"), "a log-in is refused there: {told}");
    let heard = peer.heard();
    connect(&running).await.write_all(CANCEL).await.unwrap();
    let asked = heard + 8 + CANCEL.len() as u64;
    wait_for("the request to cancel", PATIENCE, async || (peer.heard() == asked).then_some(())).await;
}

/// Whose fault it is that nothing comes of a connection is the first question of whoever reads about it.
#[tokio::test(start_paused = true)]
async fn an_application_is_not_blamed_for_a_server_that_is_never_reached() {
    let pki = Pki::new(now());
    let peer = Peer::start(Script::silent()).await;
    let mut terms = terms(loopback());
    terms.connect_within = Duration::from_secs(3_600);
    let running = relay(&peer.url("postgres"), NAME, &pki, terms).await;
    let mut application = connect(&running).await;
    application.write_all(STARTUP).await.unwrap();
    let mut heard = String::new();
    application.read_to_string(&mut heard).await.unwrap();
    assert!(heard.contains("not reached within a minute"), "{heard}");
    assert_eq!(running.meter.figures().refused, [(RefusalReason::Unreachable, 1)]);
}

/// One address of two is that of a proxy whose server is dead: it accepts, and then nothing comes of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_sick_address_is_left_for_a_sound_one_and_remembered() {
    let pki = Pki::new(now());
    let tls = pki.identity(Scenario::Fine, NAME).server_config();
    let sick = [
        Script::close_at_once(),
        Script::answer(8, b"N".to_vec()),
        Script::reset_after(8),
        Script::silent(),
        // It falls silent once it has begun to answer.
        Script::answer(8, b"S".to_vec()),
    ];
    let sound = Peer::start(welcomes(tls)).await;
    for script in sick {
        let sick = Peer::start(script).await;
        let both = [sick.address(), sound.address()];
        let mut terms = terms(loopback());
        terms.connect_within = Duration::from_secs(2);
        let running = relay_with(&sound.url("postgres"), NAME, &pki, terms, |settings| {
            settings.upstream.addresses = Some(both.into());
        })
        .await;
        for _ in 0..2 {
            let mut application = connect(&running).await;
            application.write_all(STARTUP).await.unwrap();
            let mut welcome = vec![0; WELCOME.len()];
            application.read_exact(&mut welcome).await.unwrap();
            assert_eq!(welcome, WELCOME);
            // The relay's own look at all addresses, and the first application.
            let asked = async || (sick.accepted() == 2).then_some(());
            wait_for("the sick address to be asked twice, and no more", PATIENCE, asked).await;
        }
        assert_eq!(running.meter.figures().refused, []);
    }
}
