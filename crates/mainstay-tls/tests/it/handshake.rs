//! Handshakes with real rustls servers and with peers that misbehave byte by byte, in memory.

use std::io::{self, Read, Write};
use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::{Failure, FailureKind, Phase};
use mainstay_testkit::{Identity, Pki, Scenario};
use mainstay_tls::{Handshake, Judge, MAX_CHAIN_CERTIFICATES, Roots, parse_server_name};
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use crate::wire::{self, carry, feed};

const NAME: &str = "db.example.test";

fn pki() -> Pki {
    Pki::new("2026-03-15T00:39:00Z".parse().unwrap())
}

fn handshake() -> Handshake {
    Handshake::new(parse_server_name(NAME).unwrap(), &[])
}

fn connect(
    handshake: &Handshake,
    server: Arc<ServerConfig>,
) -> io::Result<(ClientConnection, ServerConnection)> {
    wire::connect(&handshake.config, &handshake.name, server)
}

fn failure_of(handshake: &Handshake, outcome: io::Result<(ClientConnection, ServerConnection)>) -> Failure {
    let error = outcome.map(|_| ()).expect_err("the handshake fails");
    handshake.failure(&error, Phase::Tls)
}

/// What a peer that sends these bytes is called.
#[track_caller]
fn peer_says(bytes: &[u8], expected: FailureKind) -> Failure {
    let handshake = handshake();
    let mut client = ClientConnection::new(handshake.config.clone(), handshake.name.clone()).unwrap();
    client.write_tls(&mut io::sink()).unwrap();
    let error = feed(&mut client, bytes).expect_err("that is no handshake");
    let failure = handshake.failure(&error, Phase::Tls);
    assert_eq!(failure.kind, expected, "{}", failure.message);
    assert_eq!(failure.phase, Phase::Tls);
    failure
}

#[test]
fn a_bad_chain_is_recorded_and_the_handshake_ends() {
    let pki = pki();
    for scenario in [Scenario::Fine, Scenario::Expired, Scenario::UnknownCa, Scenario::OtherName] {
        let identity = pki.identity(scenario, NAME);
        let handshake = handshake();
        assert!(handshake.chain().is_none());
        let (client, _) = connect(&handshake, identity.server_config()).unwrap();
        assert!(!client.is_handshaking());
        assert_eq!(handshake.chain().unwrap().as_ref(), identity.chain, "{scenario:?}");
        assert!(!handshake.client_certificate_requested());
    }
}

#[test]
fn the_recorded_chain_is_judged() {
    let pki = pki();
    let handshake = handshake();
    let (_client, _) = connect(&handshake, pki.identity(Scenario::Expired, NAME).server_config()).unwrap();
    let judge = Judge::new(Roots::from_pem(pki.root_pem().as_bytes(), "root.pem").unwrap());
    let judgement = judge.judge(&handshake.chain().unwrap(), &handshake.name, pki.now());
    assert_eq!(judgement.failures[0].kind, FailureKind::CertificateExpired);
}

/// Data flows both ways after the handshake, for an IP address too, for which there is no server name indication.
#[test]
fn an_address_is_a_server_name() {
    let pki = pki();
    let identity = pki.identity(Scenario::Fine, "192.0.2.7");
    let handshake = Handshake::new(parse_server_name("192.0.2.7").unwrap(), &[]);
    let (mut client, mut server) = connect(&handshake, identity.server_config()).unwrap();
    assert_eq!(server.server_name(), None);
    client.writer().write_all(b"hello").unwrap();
    carry(&mut client, &mut server);
    let mut read = [0; 5];
    server.reader().read_exact(&mut read).unwrap();
    assert_eq!(&read, b"hello");
}

#[test]
fn server_names() {
    let read = |text: &str| {
        parse_server_name(text).map(|name| name.to_str().into_owned()).map_err(|error| error.to_string())
    };
    assert_eq!(read("db.example.test.").unwrap(), "db.example.test");
    assert_eq!(read("[2001:db8::1]").unwrap(), "2001:db8::1");
    assert_eq!(read("2001:db8::1").unwrap(), "2001:db8::1");
    assert_eq!(
        read("no name").unwrap_err(),
        "\"no name\" is neither a host name nor an IP address, so no certificate can be verified for it"
    );
    assert!(read("").is_err());
}

#[test]
fn alpn_is_offered_and_its_refusal_explained() {
    let identity = pki().identity(Scenario::Fine, NAME);
    let with_alpn = || Handshake::new(parse_server_name(NAME).unwrap(), &[b"postgresql"]);
    let speaks = |protocol: &[u8]| {
        let mut config = ServerConfig::clone(&identity.server_config());
        config.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(config)
    };
    let (client, _) = connect(&with_alpn(), speaks(b"postgresql")).unwrap();
    assert_eq!(client.alpn_protocol(), Some(b"postgresql".as_slice()));
    let handshake = with_alpn();
    let failure = failure_of(&handshake, connect(&handshake, speaks(b"h2")));
    assert_eq!(failure.kind, FailureKind::TlsHandshakeFailed);
    assert!(failure.message.contains("no_application_protocol"), "{}", failure.message);
}

/// With TLS 1.3 the refusal arrives after the client's handshake has ended, with 1.2 within it.
#[test]
fn a_server_that_wants_a_client_certificate() {
    let pki = pki();
    let identity = pki.identity(Scenario::Fine, NAME);
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let handshake = handshake();
        let server = identity.server_config_for_known_clients(&pki, &[version]);
        let failure = failure_of(&handshake, connect(&handshake, server));
        assert_eq!(failure.kind, FailureKind::ClientCertificateRequired, "{version:?}: {}", failure.message);
        assert!(handshake.client_certificate_requested());
        assert!(handshake.chain().is_some());
    }
}

/// OpenSSL's TLS 1.2 answers a missing client certificate with handshake_failure; others just hang up.
#[test]
fn a_server_that_asked_for_a_certificate_and_left() {
    let pki = pki();
    let handshake = handshake();
    let server =
        pki.identity(Scenario::Fine, NAME).server_config_for_known_clients(&pki, &[&rustls::version::TLS13]);
    let _refused = connect(&handshake, server);
    let alert = rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure);
    for error in [
        io::Error::new(io::ErrorKind::InvalidData, alert),
        io::ErrorKind::UnexpectedEof.into(),
        io::ErrorKind::ConnectionReset.into(),
    ] {
        let failure = handshake.failure(&error, Phase::Ready);
        assert_eq!((failure.kind, failure.phase), (FailureKind::ClientCertificateRequired, Phase::Ready));
    }
}

#[test]
fn endings_of_a_connection() {
    let failure = |kind: io::ErrorKind| handshake().failure(&kind.into(), Phase::Tls);
    assert_eq!(failure(io::ErrorKind::UnexpectedEof).kind, FailureKind::ConnectReset);
    assert_eq!(
        failure(io::ErrorKind::UnexpectedEof).message,
        "the server closed the connection during the TLS handshake"
    );
    assert_eq!(failure(io::ErrorKind::ConnectionReset).kind, FailureKind::ConnectReset);
    assert_eq!(failure(io::ErrorKind::TimedOut).kind, FailureKind::TimedOut);
}

#[test]
fn a_port_that_speaks_something_else() {
    peer_says(b"HTTP/1.1 400 Bad Request\r\n\r\n", FailureKind::WrongProtocol);
    peer_says(b"220 mail.example.test ESMTP\r\n", FailureKind::WrongProtocol);
    peer_says(b"SSH-2.0-OpenSSH_9.2\r\n", FailureKind::WrongProtocol);
    peer_says(b"J\0\0\0\x0a11.8.3-MariaDB\0", FailureKind::WrongProtocol);
    peer_says(b"-ERR unknown command\r\n", FailureKind::WrongProtocol);
    peer_says(&[0; 64], FailureKind::WrongProtocol);
    peer_says(&[0xff; 64], FailureKind::WrongProtocol);
}

#[test]
fn alerts() {
    let alert = |description: u8, kind| peer_says(&[21, 3, 3, 0, 2, 2, description], kind).message;
    assert!(alert(70, FailureKind::TlsVersionUnsupported).contains("TLS 1.2"));
    assert!(alert(40, FailureKind::TlsHandshakeFailed).contains("cipher suite"));
    assert!(alert(112, FailureKind::TlsHandshakeFailed).contains("does not serve this name"));
    alert(116, FailureKind::ClientCertificateRequired);
    alert(80, FailureKind::TlsHandshakeFailed);
}

/// A ServerHello that chooses TLS 1.0, as servers of before 2008 do without regard to what was offered.
#[test]
fn an_old_server_hello() {
    let mut hello = vec![22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0x00, 0x2f, 0]);
    peer_says(&hello, FailureKind::TlsVersionUnsupported);
}

#[test]
fn chains_beyond_all_bounds() {
    let pki = pki();
    let mut many = pki.identity(Scenario::Fine, NAME);
    while many.chain.len() <= MAX_CHAIN_CERTIFICATES {
        many.chain.push(pki.intermediate().clone());
    }
    let failure = refused(&many);
    assert_eq!(failure.message, "the server sent 21 certificates, more than the 20 that a chain may have");

    // rustls itself reads no more than 64 KiB of one handshake message.
    let mut huge = pki.identity(Scenario::Fine, NAME);
    huge.chain.push(vec![0x30; 10_000_000].into());
    let failure = refused(&huge);
    assert!(failure.message.contains("more than 64 KiB"), "{}", failure.message);
}

#[track_caller]
fn refused(identity: &Identity) -> Failure {
    let handshake = handshake();
    let failure = failure_of(&handshake, connect(&handshake, identity.server_config_unchecked()));
    assert_eq!(failure.kind, FailureKind::CertificateInvalid);
    assert!(handshake.chain().is_none());
    failure
}

/// The recorder accepts chains, not handshakes: a server without the key of the certificate it shows gets nowhere.
#[test]
fn a_server_without_the_key() {
    let pki = pki();
    let (shown, held) = (pki.identity(Scenario::Fine, NAME), pki.identity(Scenario::Fine, NAME));
    let impostor = Identity { chain: shown.chain, key: held.key };
    let handshake = handshake();
    let config = impostor.server_config_unchecked();
    let failure = failure_of(&handshake, connect(&handshake, config));
    assert_eq!(failure.kind, FailureKind::TlsHandshakeFailed);
    assert!(failure.message.contains("could not prove"), "{}", failure.message);
    assert!(handshake.chain().is_some(), "the chain was kept all the same");
}

/// A resumed session would show no certificate.
#[test]
fn every_handshake_is_a_full_one() {
    let server = pki().identity(Scenario::Fine, NAME).server_config();
    for _ in 0..3 {
        let handshake = handshake();
        let (client, _) = connect(&handshake, server.clone()).unwrap();
        assert_eq!(client.handshake_kind(), Some(rustls::HandshakeKind::Full));
        assert!(handshake.chain().is_some());
    }
}

/// The other kind of client: it records nothing and trusts nobody without a reason.
#[test]
fn an_ordinary_client_verifies_by_itself() {
    let pki = pki();
    let mut config = Roots::from_pem(pki.root_pem().as_bytes(), "root.pem").unwrap().client_config();
    config.time_provider = Arc::new(wire::At(pki.now()));
    let config = Arc::new(config);
    let ordinary = || {
        let mut handshake = handshake();
        handshake.config = config.clone();
        handshake
    };
    assert!(connect(&ordinary(), pki.identity(Scenario::Fine, NAME).server_config()).is_ok());
    for scenario in [Scenario::Expired, Scenario::OtherName, Scenario::UnknownCa] {
        assert!(connect(&ordinary(), pki.identity(scenario, NAME).server_config()).is_err(), "{scenario:?}");
    }
}

#[test]
fn now_is_an_argument() {
    // The handshake itself has no opinion on dates: a chain of another century is recorded as well.
    let long_ago: Timestamp = "1999-12-31T23:59:59Z".parse().unwrap();
    let handshake = handshake();
    let identity = Pki::new(long_ago).identity(Scenario::Fine, NAME);
    connect(&handshake, identity.server_config()).unwrap();
    assert_eq!(handshake.chain().unwrap().len(), 2);
}
