use std::time::{Duration, Instant};

use mainstay_model::Verdict;
use mainstay_testkit::Scenario;
use mainstay_testkit::scripted::{Peer, Script};

use crate::support::{Authority, LONG, SHORT, check, in_short, request};

/// Checks a peer with this script; `expected` is `kind phase blame`.
async fn gives(script: Script, scheme: &str, timeout: Duration, expected: &str) {
    let peer = Peer::start(script).await;
    let began = Instant::now();
    let report = check(&request(&peer.url(scheme), timeout)).await;
    assert_eq!(in_short(&report), expected, "{scheme}: {:?}", report.failure);
    assert_eq!(report.verdict, Verdict::Down);
    assert!(began.elapsed() < LONG / 2, "{scheme}: {:?}", began.elapsed());
    let diagnosis = report.diagnosis.expect("what is down is explained");
    assert!(diagnosis.cause.ends_with('.') && !diagnosis.actions.is_empty(), "{diagnosis:?}");
}

#[tokio::test]
async fn silence_runs_out_of_time_in_the_phase_that_waited() {
    for (scheme, phase) in [
        ("postgres", "upgrade"),
        ("mysql", "upgrade"),
        ("smtp", "upgrade"),
        ("redis", "ready"),
        ("http", "ready"),
        ("https", "tls"),
        ("rediss", "tls"),
        ("smtps", "tls"),
        ("tls", "tls"),
    ] {
        gives(Script::silent(), scheme, SHORT, &format!("timed-out {phase} provider")).await;
    }
}

#[tokio::test]
async fn closing_at_once_is_a_cut_connection() {
    for (scheme, phase) in [
        ("postgres", "upgrade"),
        ("mysql", "upgrade"),
        ("smtp", "upgrade"),
        ("redis", "ready"),
        ("http", "ready"),
        ("https", "tls"),
        ("tls", "tls"),
    ] {
        gives(Script::close_at_once(), scheme, LONG, &format!("connect-reset {phase} provider")).await;
    }
}

#[tokio::test]
async fn a_reset_after_the_first_byte() {
    for (scheme, phase) in
        [("postgres", "upgrade"), ("redis", "ready"), ("http", "ready"), ("https", "tls"), ("tls", "tls")]
    {
        gives(Script::reset_after(1), scheme, LONG, &format!("connect-reset {phase} provider")).await;
    }
}

#[tokio::test]
async fn a_reset_at_once_is_seen_wherever_it_arrives() {
    for scheme in ["postgres", "mysql", "smtp", "https"] {
        let peer = Peer::start(Script::reset_at_once()).await;
        let report = check(&request(&peer.url(scheme), LONG)).await;
        assert!(in_short(&report).starts_with("connect-reset "), "{scheme}: {:?}", report.failure);
    }
}

#[tokio::test]
async fn another_protocol_is_named() {
    for (script, scheme, phase, name) in [
        (Script::speaks_http(), "postgres", "upgrade", "HTTP"),
        (Script::speaks_http(), "https", "tls", "HTTP"),
        (Script::speaks_http(), "redis", "ready", "HTTP"),
        (Script::speaks_ssh(), "mysql", "upgrade", "SSH"),
        (Script::speaks_ssh(), "smtp", "upgrade", "SSH"),
        (Script::speaks_ssh(), "redis", "ready", "SSH"),
        (Script::speaks_ssh(), "http", "ready", "SSH"),
        (Script::speaks_ssh(), "tls", "tls", "SSH"),
        (Script::bytes("220 mail.example.com ESMTP\r\n"), "smtps", "tls", "mail"),
        (Script::bytes("220 mail.example.com ESMTP\r\n"), "mysql", "upgrade", "mail"),
    ] {
        let peer = Peer::start(script).await;
        let report = check(&request(&peer.url(scheme), LONG)).await;
        assert_eq!(in_short(&report), format!("wrong-protocol {phase} provider"), "{scheme}");
        let message = report.failure.unwrap().message;
        assert!(message.contains(name), "{scheme}: {message}");
    }
}

#[tokio::test]
async fn garbage() {
    for (scheme, phase) in
        [("postgres", "upgrade"), ("redis", "ready"), ("http", "ready"), ("https", "tls"), ("tls", "tls")]
    {
        gives(Script::garbage(), scheme, LONG, &format!("wrong-protocol {phase} provider")).await;
    }
    gives(Script::bytes(vec![0xa5; 512]), "mysql", LONG, "wrong-protocol upgrade provider").await;
    gives(Script::bytes(vec![0xa5; 512]), "smtp", LONG, "wrong-protocol upgrade provider").await;
}

#[tokio::test]
async fn trouble_between_consent_and_handshake() {
    gives(Script::postgres_garbage_for_tls(), "postgres", LONG, "tls-handshake-failed tls provider").await;
    gives(Script::postgres_surplus(), "postgres", LONG, "tls-handshake-failed upgrade path").await;
    gives(Script::answer(8, "N"), "postgres", LONG, "tls-not-offered upgrade provider").await;
}

#[tokio::test]
async fn a_byte_now_and_then_runs_out_of_time() {
    let every = Duration::from_millis(40);
    gives(Script::drip("220-slowly, slowly", every), "smtp", SHORT, "timed-out upgrade provider").await;
    gives(
        Script::drip([0x16, 3, 3, 0, 0x7a, 2, 0, 0, 0x76, 3], every),
        "https",
        SHORT,
        "timed-out tls provider",
    )
    .await;
    gives(Script::drip("HTTP/1.1 200 OK\r\n", every), "http", SHORT, "timed-out ready provider").await;
    gives(Script::drip([0x4a, 0, 0, 0, 10, 56], every), "mysql", SHORT, "timed-out upgrade provider").await;
}

/// More than any check may take in, with room for what the system's socket buffers hold on both sides.
const FLOOD: u64 = 24 * 1024 * 1024;

#[tokio::test]
async fn endless_bytes_end_early() {
    for (bytes, scheme, phase) in [
        ("220-more\r\n", "smtp", "upgrade"),
        ("HTTP/1.1 200 OK\r\n", "http", "ready"),
        ("x", "postgres", "upgrade"),
        ("x", "https", "tls"),
        ("x", "mysql", "upgrade"),
        ("+", "redis", "ready"),
    ] {
        let peer = Peer::start(Script::endless(bytes.repeat(4096))).await;
        let report = check(&request(&peer.url(scheme), LONG)).await;
        assert_eq!(
            in_short(&report),
            format!("wrong-protocol {phase} provider"),
            "{scheme}: {:?}",
            report.failure
        );
        assert!(peer.sent() < FLOOD, "{scheme}: {} bytes were taken in", peer.sent());
    }
}

#[tokio::test]
async fn a_chain_of_ten_megabytes_is_refused() {
    let peer = Peer::start(Script::huge_chain(10 * 1024 * 1024)).await;
    let report = check(&request(&peer.url("tls"), LONG)).await;
    assert!(in_short(&report).ends_with(" tls provider"), "{:?}", report.failure);
    assert!(peer.sent() < FLOOD);
}

#[tokio::test]
async fn the_end_comes_right_after_a_good_handshake() {
    let authority = Authority::new();
    let config = authority.pki.identity(Scenario::Fine, "127.0.0.1").server_config();
    for scheme in ["https", "rediss", "smtps"] {
        let closing = Peer::start(Script::tls_then_close(config.clone())).await;
        let report = check(&authority.request(&closing.url(scheme), LONG)).await;
        assert_eq!(in_short(&report), "connect-reset ready provider", "{scheme}: {:?}", report.failure);
        let silent = Peer::start(Script::tls_then_silent(config.clone())).await;
        let report = check(&authority.request(&silent.url(scheme), Duration::from_secs(2))).await;
        assert_eq!(in_short(&report), "timed-out ready provider", "{scheme}: {:?}", report.failure);
        assert!(report.tls().unwrap().verified, "the handshake was verified before");
    }
}

#[tokio::test]
async fn nobody_listens() {
    // The listener is gone at once, so its port is free again.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let report = check(&request(&format!("tcp://{address}"), LONG)).await;
    assert_eq!(in_short(&report), "connect-refused connect provider");
}
