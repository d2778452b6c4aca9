//! Servers that count connections which break off before the log-in, as MySQL and MariaDB do: they lock out the host that makes a
//! hundred in a row, which is the relay's, with all applications behind it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mainstay_model::{RefusalReason, RelayListen};
use mainstay_testkit::scripted::{Peer, Script};
use mainstay_testkit::{Identity, Pki, Scenario, wait_for};
use mainstay_tls::ClientKey;
use mainstay_wire::mysql::VISITOR;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::scene::*;

const NAME: &str = "db.example.com";
const SOON: Duration = Duration::from_secs(10);
const DAWDLING: Duration = Duration::from_millis(1_500);
/// The length of a request for TLS, with its header.
const REQUEST: usize = 36;
const METHOD: &[u8] = b"mysql_native_password\0";

/// A server of MySQL that refuses every log-in and keeps count.
struct Counting {
    address: SocketAddr,
    /// Connections that were made.
    made: Arc<AtomicUsize>,
    /// Those that broke off.
    marks: Arc<AtomicUsize>,
    /// Those that ended as they should.
    left: Arc<AtomicUsize>,
    /// How many log-ins one may answer that waits to be let.
    lets: Arc<Semaphore>,
}

/// How such a server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Proper,
    /// It answers its first handshake with garbage.
    Stumbles,
    /// It is long in greeting.
    Dawdles,
    /// It answers no log-in until it is let.
    Waits,
    /// It asks for the password itself, as `caching_sha2_password` does.
    Asks,
}

impl Counting {
    async fn start(identity: &Identity, manner: Manner) -> Counting {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(identity.server_config_unchecked());
        let counting = Counting {
            address,
            made: Arc::default(),
            marks: Arc::default(),
            left: Arc::default(),
            lets: Arc::new(Semaphore::new(0)),
        };
        let lets = counting.lets.clone();
        let (made, marks, left) = (counting.made.clone(), counting.marks.clone(), counting.left.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, marks, left) = (acceptor.clone(), marks.clone(), left.clone());
                let lets = lets.clone();
                let is_first = made.fetch_add(1, Ordering::SeqCst) == 0;
                tokio::spawn(async move {
                    if manner == Manner::Stumbles && is_first {
                        let _ = stumble(stream).await;
                        return;
                    }
                    match attend(stream, acceptor, manner, &lets).await {
                        Ok(()) => left.fetch_add(1, Ordering::SeqCst),
                        Err(_) => marks.fetch_add(1, Ordering::SeqCst),
                    };
                });
            }
        });
        counting
    }

    fn url(&self) -> String {
        format!("mysql://{}", self.address)
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    fn marks(&self) -> usize {
        self.marks.load(Ordering::SeqCst)
    }

    /// Every connection that was made has ended, and none by breaking off.
    async fn is_left_without_a_mark(&self, made: usize, because: &str) {
        let ended = async || {
            let (left, marks) = (self.left.load(Ordering::SeqCst), self.marks());
            (left + marks == made).then_some((left, marks))
        };
        assert_eq!(wait_for(because, SOON, ended).await, (made, 0), "{because}");
    }
}

/// Up to the end of a log-in. An error is a mark against whoever connected.
async fn attend(
    mut stream: TcpStream,
    acceptor: TlsAcceptor,
    manner: Manner,
    lets: &Semaphore,
) -> std::io::Result<()> {
    if manner == Manner::Dawdles {
        tokio::time::sleep(DAWDLING).await;
    }
    stream.write_all(&greeting()).await?;
    stream.read_exact(&mut [0; REQUEST]).await?;
    let mut secured = acceptor.accept(stream).await?;
    let (mut number, log_in) = packet_of(&mut secured).await?;
    if manner == Manner::Waits {
        lets.acquire().await.unwrap().forget();
    }
    if manner == Manner::Asks && !log_in.windows(VISITOR.len()).any(|part| part == VISITOR.as_bytes()) {
        secured.write_all(&packet(number + 1, b"\x01\x04")).await?;
        number = packet_of(&mut secured).await?.0;
    }
    secured.write_all(&packet(number + 1, b"\xff\x15\x04#28000Access denied")).await?;
    secured.shutdown().await
}

async fn stumble(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(&greeting()).await?;
    stream.read_exact(&mut [0; REQUEST + 1]).await?;
    stream.write_all(&[0xa5; 512]).await
}

async fn packet_of(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<(u8, Vec<u8>)> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await?;
    let [low, middle, high, number] = header;
    let mut payload = vec![0; u32::from_le_bytes([low, middle, high, 0]) as usize];
    stream.read_exact(&mut payload).await?;
    Ok((number, payload))
}

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    let [low, middle, high, _] = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [&[low, middle, high, number], payload].concat()
}

/// A greeting of protocol 10 that offers all that there is.
fn greeting() -> Vec<u8> {
    let offered = [0xff, 0xff, 0xff, 2, 0, 0xff, 0xdf, 21];
    packet(
        0,
        &[b"\x0a8.4.0\0\x07\0\0\0abcdefgh\0", &offered[..], &[0; 10], b"ijklmnopqrst\0", METHOD].concat(),
    )
}

/// An application's log-in, without TLS.
fn log_in() -> Vec<u8> {
    log_in_with(0)
}

/// The same with more capabilities.
fn log_in_with(more: u32) -> Vec<u8> {
    let wanted = (0x013a_a205_u32 | more).to_le_bytes();
    packet(1, &[&wanted[..], &[0, 0, 0, 1, 45], &[0; 23], b"app\0\x14", &[9; 20], METHOD].concat())
}

/// What an application is told after the greeting that says this.
async fn told(running: &Running, says: &[u8]) -> String {
    let mut application = connect(running).await;
    let _ = application.write_all(says).await;
    let mut heard = Vec::new();
    let _ = application.read_to_end(&mut heard).await;
    String::from_utf8_lossy(&heard).into_owned()
}

fn client_key(pki: &Pki) -> ClientKey {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::SeqCst);
    let folder = std::env::temp_dir().join(format!("mainstay-relay-key-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = pki.client("relay").write(&folder);
    let both = ClientKey::from_pem_files(&certificate, &key).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    both
}

/// With a certificate of its own to show, the relay breaks off: a few times for an outage, and not for each application. An outage
/// begins while connections are being admitted, as when a waiver ends or a certificate expires.
#[tokio::test]
async fn a_refusal_that_counts_is_not_asked_for_again_at_once() {
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Expired, NAME);
    let server = Counting::start(&identity, Manner::Proper).await;
    let key = client_key(&pki);
    let terms = terms(loopback());
    let running =
        relay_with(&server.url(), NAME, &pki, terms, |settings| settings.upstream.key = Some(key)).await;
    running.waive(&identity, NAME);
    assert!(told(&running, &log_in()).await.contains("Access denied"), "it is admitted");
    running.waive_nothing();
    for _ in 0..30 {
        let told = told(&running, &log_in()).await;
        assert!(told.contains("expired"), "{told}");
    }
    assert_eq!(running.meter.figures().refused, [(RefusalReason::Expired, 30)]);
    assert!(server.made() < 10, "{} connections for thirty applications", server.made());
    assert!(server.marks() < 5, "{} marks", server.marks());
}

#[tokio::test]
async fn a_handshake_that_broke_is_no_refusal_of_a_certificate() {
    let pki = Pki::new(now());
    let server = Counting::start(&pki.identity(Scenario::Fine, NAME), Manner::Stumbles).await;
    let key = client_key(&pki);
    let running = relay_with(&server.url(), NAME, &pki, terms(loopback()), |settings| {
        settings.upstream.key = Some(key)
    })
    .await;
    assert!(told(&running, &log_in()).await.contains("Mainstay: no connection to db"));
    assert!(told(&running, &log_in()).await.contains("Access denied"), "the next one is asked for");
}

/// What an application does wrong is its own affair: others come by the same relay, and are not to be locked out with it.
#[tokio::test]
async fn an_application_that_is_refused_is_no_mark_against_the_relay() {
    let pki = Pki::new(now());
    let server = Counting::start(&pki.identity(Scenario::Fine, NAME), Manner::Asks).await;
    let running = relay(&server.url(), NAME, &pki, terms(loopback())).await;
    let cases: [(&str, Vec<u8>, &str); 3] = [
        ("garbage", b"GET / HTTP/1.1\r\n\r\n".to_vec(), "Mainstay: no connection to db"),
        ("a request for TLS", packet(1, &log_in_with(1 << 11)[4..REQUEST]), "no certificate to answer with"),
        ("another key", [log_in(), packet(3, &[7; 256])].concat(), "another key than this relay's"),
    ];
    for (made, (what, says, expected)) in (1..).zip(cases) {
        let told = told(&running, &says).await;
        assert!(told.contains(expected), "{what}: {told}");
        server.is_left_without_a_mark(made, what).await;
    }
}

#[tokio::test]
async fn an_application_that_is_not_to_speak_plaintext_is_no_mark_against_the_relay() {
    let Some(here) = own_address() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Fine, NAME);
    let server = Counting::start(&identity, Manner::Proper).await;
    let terms = terms(RelayListen::Tcp("0.0.0.0:0".parse().unwrap()));
    let acceptor = TlsAcceptor::from(identity.server_config());
    let mut running =
        relay_with(&server.url(), NAME, &pki, terms, |settings| settings.acceptor = Some(acceptor)).await;
    running.address = running.address.map(|address| SocketAddr::new(here, address.port()));
    let told = told(&running, &log_in()).await;
    assert!(told.contains("spoken to by TLS only"), "{told}");
    server.is_left_without_a_mark(1, "plaintext").await;
}

/// Servers wait ten seconds for a log-in, and count who is slower.
#[tokio::test]
async fn an_application_that_says_nothing_is_told_so_before_the_server_loses_patience() {
    let pki = Pki::new(now());
    let server = Counting::start(&pki.identity(Scenario::Fine, NAME), Manner::Proper).await;
    let running = relay(&server.url(), NAME, &pki, terms(loopback())).await;
    let told =
        tokio::time::timeout(SOON, told(&running, b"")).await.expect("it is not waited for any longer");
    assert!(told.contains("did not log in within 5s"), "{told}");
    server.is_left_without_a_mark(1, "silence").await;
}

/// The time in which a server is to be reached is one, and does not begin anew with every byte.
#[tokio::test]
async fn a_server_that_drips_is_given_up_in_time() {
    let pki = Pki::new(now());
    let peer = Peer::start(Script::drip(greeting(), Duration::from_millis(50))).await;
    let mut terms = terms(loopback());
    terms.connect_within = Duration::from_millis(400);
    let running = relay(&peer.url("mysql"), NAME, &pki, terms).await;
    let told = told(&running, &log_in()).await;
    assert!(told.contains("silent or too slow"), "{told}");
    assert!(peer.sent() < greeting().len() as u64, "it was left before it had said its greeting");
}

/// A server that takes longer to greet than it is waited for counts those who are gone by then.
#[tokio::test]
async fn a_server_that_is_left_for_a_faster_one_is_left_without_a_mark() {
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Fine, NAME);
    let slow = Counting::start(&identity, Manner::Dawdles).await;
    let fast = Counting::start(&identity, Manner::Proper).await;
    let mut terms = terms(loopback());
    // Half of it is for the slow one while there is another.
    terms.connect_within = DAWDLING * 9 / 5;
    let running = relay_with(&fast.url(), NAME, &pki, terms, |settings| {
        settings.upstream.addresses = Some([slow.address, fast.address].into());
    })
    .await;
    let told = told(&running, &log_in()).await;
    assert!(told.contains("Access denied"), "{told}");
    // The relay's own look is the other connection.
    slow.is_left_without_a_mark(2, "slowness").await;
    fast.is_left_without_a_mark(2, "nothing").await;
}

#[tokio::test]
async fn a_farewell_has_a_place_and_is_waited_for() {
    let pki = Pki::new(now());
    let server = Counting::start(&pki.identity(Scenario::Expired, NAME), Manner::Waits).await;
    let mut terms = terms(loopback());
    (terms.most_connections, terms.connect_within) = (1, SOON);
    let mut running = relay(&server.url(), NAME, &pki, terms).await;
    assert!(told(&running, &log_in()).await.contains("expired"));
    let full = told(&running, &log_in()).await;
    assert!(full.contains("1 connections are open"), "its leave is not taken yet: {full}");
    server.lets.add_permits(1);
    let next = async || told(&running, &log_in()).await.contains("expired").then_some(());
    wait_for("the place to be free", SOON, next).await;
    running.stop.cancel();
    let stopped = tokio::time::timeout(Duration::from_millis(100), &mut running.task).await;
    assert!(stopped.is_err(), "the second one is not taken leave of yet");
    server.lets.add_permits(1);
    tokio::time::timeout(SOON, running.task).await.expect("it stops").unwrap();
    server.is_left_without_a_mark(2, "a stop").await;
}
