//! What passes and what does not, whatever is spoken.

use std::net::{IpAddr, SocketAddr};

use mainstay_model::{AdmissionDecision, RefusalReason, RelayListen};
use mainstay_relay::News;
use mainstay_testkit::{Pki, Scenario, Spec};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use crate::scene::*;

const NAME: &str = "db.example.com";

/// Bytes that no shift or swap leaves as they are.
fn stream(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_byte_arrives_in_its_order_both_ways() {
    let pki = Pki::new(now());
    let server = echo("127.0.0.1:0", &pki.identity(Scenario::Fine, NAME)).await;
    let running = relay(&format!("tls://127.0.0.1:{}", server.port()), NAME, &pki, terms(loopback())).await;
    let sent = stream(32 * 1024 * 1024);
    let (mut from, mut to) = connect(&running).await.into_split();
    let reading = tokio::spawn(async move {
        let mut all = Vec::new();
        from.read_to_end(&mut all).await.unwrap();
        all
    });
    to.write_all(&sent).await.unwrap();
    to.shutdown().await.unwrap();
    assert!(reading.await.unwrap() == sent, "what came back is what was sent, to its end");
    let figures = running.meter.figures();
    assert_eq!((figures.verified, figures.waived, figures.open), (1, 0, 0));
    assert_eq!((figures.sent, figures.received), (sent.len() as u64, sent.len() as u64));
}

#[tokio::test]
async fn an_expired_certificate_is_refused_and_told() {
    let pki = Pki::new(now());
    let server = echo("127.0.0.1:0", &pki.identity(Scenario::Expired, NAME)).await;
    let mut running =
        relay(&format!("tls://127.0.0.1:{}", server.port()), NAME, &pki, terms(loopback())).await;
    let mut application = connect(&running).await;
    application.write_all(b"hello").await.unwrap();
    let mut answer = Vec::new();
    let _ = application.read_to_end(&mut answer).await;
    assert_eq!(answer, b"", "nothing of the server's reaches the application");
    let Some(News::Decided(admission)) = running.news.recv().await else { panic!("a decision") };
    let AdmissionDecision::Refused { reason, message } = admission.decision else { panic!("a refusal") };
    assert_eq!(reason, RefusalReason::Expired);
    assert!(message.contains("expired") && message.ends_with("No waiver is in force"), "{message}");
    assert_eq!(running.meter.figures().refused, [(RefusalReason::Expired, 1)]);
}

/// A load balancer in front of several servers, of which one has a stale certificate: whoever meets that one is refused, and no other.
#[tokio::test]
async fn one_stale_server_behind_an_address_is_no_outage_of_the_others() {
    let pki = Pki::new(now());
    let (stale, fine) = (pki.identity(Scenario::Expired, NAME), pki.identity(Scenario::Fine, NAME));
    let (server, _) = balanced_echo("127.0.0.1:0", &[&stale, &fine, &fine, &fine]).await;
    let running = relay(&format!("tls://127.0.0.1:{}", server.port()), NAME, &pki, terms(loopback())).await;
    for number in 0..8 {
        assert_eq!(answers(&mut connect(&running).await).await, number % 4 > 0, "{number}");
    }
    let figures = running.meter.figures();
    assert_eq!((figures.verified, figures.refused), (6, vec![(RefusalReason::Expired, 2)]));
}

#[tokio::test]
async fn an_address_with_a_stale_certificate_is_avoided() {
    let pki = Pki::new(now());
    let sound = echo("127.0.0.1:0", &pki.identity(Scenario::Fine, NAME)).await;
    let (stale, asked) = counted_echo("127.0.0.1:0", &pki.identity(Scenario::Expired, NAME)).await;
    let running = relay_with(&format!("tls://{sound}"), NAME, &pki, terms(loopback()), |settings| {
        settings.upstream.addresses = Some([stale, sound].into());
    })
    .await;
    for _ in 0..4 {
        let mut application = connect(&running).await;
        application.write_all(b"ping").await.unwrap();
        let mut answer = [0; 4];
        application.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"ping");
    }
    assert_eq!(running.meter.figures().refused, []);
    let asked = asked.load(std::sync::atomic::Ordering::Relaxed);
    assert!(
        asked <= 2,
        "the stale address was asked {asked} times: once to know it, and not for each application"
    );
}

#[tokio::test]
async fn what_will_fail_in_thirty_days_is_told_today() {
    let pki = Pki::new(now());
    let spec = Spec::new(NAME, now() - days(60), now() + days(9));
    let server = echo("127.0.0.1:0", &pki.issue(spec)).await;
    let mut running =
        relay(&format!("tls://127.0.0.1:{}", server.port()), NAME, &pki, terms(loopback())).await;
    let mut application = connect(&running).await;
    application.write_all(b"ping").await.unwrap();
    let told = loop {
        match running.news.recv().await.unwrap() {
            News::Shadow { finding, .. } => break finding.unwrap(),
            News::Decided(admission) => assert_eq!(admission.decision, AdmissionDecision::Verified),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told.kind, mainstay_model::FailureKind::CertificateExpired);
}

#[tokio::test]
async fn a_unix_socket_serves_the_users_that_it_is_for() {
    let folder = std::env::temp_dir().join(format!("mainstay-relay-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let pki = Pki::new(now());
    let server = echo("127.0.0.1:0", &pki.identity(Scenario::Fine, NAME)).await;
    let url = format!("tls://127.0.0.1:{}", server.port());
    let own = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&folder).unwrap());
    for (users, is_served) in [(vec![], true), (vec![own], true), (vec![own + 1], false)] {
        let path = folder.join(format!("{}.sock", users.len() + usize::from(is_served)));
        let mut terms = terms(RelayListen::Unix(path.clone()));
        terms.allow_users.clone_from(&users);
        let running = relay(&url, NAME, &pki, terms).await;
        let mut application = UnixStream::connect(&path).await.unwrap();
        let _ = application.write_all(b"ping").await;
        let mut answer = [0; 4];
        assert_eq!(application.read_exact(&mut answer).await.is_ok(), is_served, "{users:?}");
        running.stop.cancel();
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn stopping_ends_what_never_rests_after_its_time() {
    let pki = Pki::new(now());
    let server = echo("127.0.0.1:0", &pki.identity(Scenario::Fine, NAME)).await;
    let mut terms = terms(loopback());
    terms.drain_within = std::time::Duration::from_millis(50);
    let running = relay(&format!("tls://127.0.0.1:{}", server.port()), NAME, &pki, terms).await;
    let mut application = connect(&running).await;
    application.write_all(b"ping").await.unwrap();
    let mut answer = [0; 4];
    application.read_exact(&mut answer).await.unwrap();
    running.stop.cancel();
    let ended = application.read_exact(&mut answer).await.unwrap_err();
    assert_eq!(ended.kind(), std::io::ErrorKind::ConnectionReset, "half a message must not look whole");
}

#[tokio::test]
async fn a_waiver_lets_in_the_one_certificate_until_it_ends() {
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Expired, NAME);
    let server = echo("127.0.0.1:0", &identity).await;
    let mut terms = terms(loopback());
    terms.drain_within = std::time::Duration::from_millis(50);
    let running = relay(&format!("tls://127.0.0.1:{}", server.port()), NAME, &pki, terms).await;
    let other = pki.identity(Scenario::Expired, NAME);
    running.waive(&other, NAME);
    assert!(!answers(&mut connect(&running).await).await, "the waiver is for another certificate");
    running.waive(&identity, NAME);
    let mut application = connect(&running).await;
    assert!(answers(&mut application).await);
    running.waive_nothing();
    let ended = application.read_exact(&mut [0; 1]).await.unwrap_err();
    assert_eq!(ended.kind(), std::io::ErrorKind::ConnectionReset, "what was admitted under it ends with it");
    assert!(!answers(&mut connect(&running).await).await);
    let refused = [(RefusalReason::Expired, 1), (RefusalReason::NotWaived, 1)];
    assert_eq!(
        (running.meter.figures().waived, running.meter.figures().refused.as_slice()),
        (1, &refused[..])
    );
}

async fn answers(application: &mut TcpStream) -> bool {
    let _ = application.write_all(b"ping").await;
    let mut answer = [0; 4];
    application.read_exact(&mut answer).await.is_ok()
}

/// A relay that has a certificate takes plaintext on this machine, and from another only where the configuration says so.
#[tokio::test]
async fn from_another_machine_a_relay_with_a_certificate_is_spoken_to_by_tls_only() {
    let Some(here) = own_address() else {
        eprintln!("skipped: this machine has no address but loopback");
        return;
    };
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Fine, NAME);
    let server = echo("127.0.0.1:0", &identity).await;
    for (plaintext_from_network, from, expected) in
        [(false, here, false), (true, here, true), (false, LOOPBACK, true)]
    {
        let everywhere = RelayListen::Tcp("0.0.0.0:0".parse().unwrap());
        let terms = mainstay_model::Relay { plaintext_from_network, ..terms(everywhere) };
        let acceptor = Some(tokio_rustls::TlsAcceptor::from(identity.server_config()));
        let url = format!("rediss://{server}");
        let mut running = relay_with(&url, NAME, &pki, terms, |settings| settings.acceptor = acceptor).await;
        running.address = running.address.map(|address| SocketAddr::new(from, address.port()));
        let mut stream = connect(&running).await;
        // A command and its answer alike.
        stream.write_all(b"+PONG\r\n").await.unwrap();
        let mut answer = [0; 7];
        let came_back = stream.read_exact(&mut answer).await.is_ok() && &answer == b"+PONG\r\n";
        assert_eq!(came_back, expected, "{plaintext_from_network} {from}");
    }
}

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
