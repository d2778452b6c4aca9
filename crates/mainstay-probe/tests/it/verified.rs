use mainstay_model::{FailureKind, FindingKind, Otherwise, Verdict};
use mainstay_testkit::scripted::{Act, Peer, Script};
use mainstay_testkit::servers::{MariaDb, MariaDbOptions, require};
use mainstay_testkit::{Pki, Scenario};

use crate::support::{Authority, Folder, LONG, check, in_short, now, request};

const HTTP_OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn a_good_server_is_healthy_and_its_phases_are_timed() {
    let authority = Authority::new();
    let config = authority.pki.identity(Scenario::Fine, "127.0.0.1").server_config();
    let peer = Peer::start(Script::new([Act::Tls(config), Act::Read(1), Act::Send(HTTP_OK.into())])).await;
    let report = check(&authority.request(&peer.url("https"), LONG)).await;
    assert_eq!(in_short(&report), "healthy", "{report:?}");
    assert!(report.diagnosis.is_none() && report.resolve_ms.is_none());
    let phases = report.addresses[0].phases;
    assert!(phases.connect_ms.is_some() && phases.tls_ms.is_some() && phases.upgrade_ms.is_none());
    let tls = report.tls().unwrap();
    assert!(tls.verified && tls.version.as_deref() == Some("TLSv1.3"), "{:?}", tls.version);
    assert_eq!(tls.cipher.as_deref(), Some("TLS_AES_256_GCM_SHA384"));
}

#[tokio::test]
async fn an_expired_certificate_is_told_whole() {
    let authority = Authority::new();
    let config = authority.pki.identity(Scenario::Expired, "127.0.0.1").server_config();
    let peer = Peer::start(Script::tls_then_silent(config)).await;
    let report = check(&authority.request(&peer.url("tls"), LONG)).await;
    assert_eq!(in_short(&report), "certificate-expired tls provider");
    let expired = report.failure.as_ref().unwrap().expired.clone().unwrap();
    assert!(expired.position == 0 && expired.since < now() && expired.otherwise == Otherwise::Yes);
    assert!(report.tls().unwrap().certificates.len() >= 2 && !report.tls().unwrap().verified);
    let diagnosis = report.diagnosis.unwrap();
    assert!(diagnosis.cause.starts_with("The certificate of 127.0.0.1 expired "), "{}", diagnosis.cause);
    assert!(diagnosis.cause.ends_with("Everything else about it is in order."), "{}", diagnosis.cause);
}

#[tokio::test]
async fn a_server_that_is_not_verified_gets_no_byte_after_the_handshake() {
    let authority = Authority::new();
    let config = authority.pki.identity(Scenario::UnknownCa, "127.0.0.1").server_config();
    // Whatever is said inside TLS would be answered, and the check would then be over for another reason.
    let peer = Peer::start(Script::new([Act::Tls(config), Act::Read(1), Act::Send(HTTP_OK.into())])).await;
    let url = peer.url("https").replace("https://", "https://user:hunter2@");
    let report = check(&authority.request(&url, LONG)).await;
    assert_eq!(in_short(&report), "certificate-untrusted tls provider");
    assert_eq!(peer.heard(), 0, "nothing was said inside TLS");
    assert!(!format!("{report:?}").contains("hunter2"));
    let evidence = report.diagnosis.unwrap().evidence;
    assert!(evidence.iter().any(|fact| fact.starts_with("No credentials were sent")), "{evidence:?}");
}

#[tokio::test]
async fn the_wrong_name() {
    let authority = Authority::new();
    let config = authority.pki.identity(Scenario::OtherName, "127.0.0.1").server_config();
    let peer = Peer::start(Script::tls_then_silent(config)).await;
    let report = check(&authority.request(&peer.url("tls"), LONG)).await;
    assert_eq!(in_short(&report), "certificate-name-mismatch tls provider");
}

#[tokio::test]
async fn the_server_name_can_be_given() {
    let authority = Authority::new();
    let config = authority.pki.identity(Scenario::Fine, "db.example.com").server_config();
    let peer = Peer::start(Script::tls_then_silent(config)).await;
    let mut request = authority.request(&peer.url("tls"), LONG);
    assert_eq!(in_short(&check(&request).await), "certificate-name-mismatch tls provider");
    request.tls.server_name = Some("db.example.com".into());
    assert_eq!(in_short(&check(&request).await), "healthy");
}

#[tokio::test]
async fn an_end_that_is_near_degrades() {
    let authority = Authority::new();
    let config = authority.pki.identity(Scenario::ExpiringSoon, "127.0.0.1").server_config();
    let peer = Peer::start(Script::tls_then_silent(config)).await;
    let report = check(&authority.request(&peer.url("tls"), LONG)).await;
    assert_eq!((report.verdict, report.failure.is_none()), (Verdict::Degraded, true));
    assert_eq!(report.findings[0].kind, FindingKind::CertificateExpiring);
    assert!(report.diagnosis.is_some());
}

#[tokio::test]
async fn roots_that_cannot_be_read_are_our_fault_and_say_nothing_of_the_server() {
    let peer = Peer::start(Script::silent()).await;
    let mut request = request(&peer.url("tls"), LONG);
    request.tls.ca_file = Some("/nonexistent/ca.pem".into());
    let report = check(&request).await;
    assert_eq!(in_short(&report), "certificate-untrusted tls us");
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(report.failure.unwrap().message.contains("/nonexistent/ca.pem"));
    assert_eq!(peer.accepted(), 0);
}

#[tokio::test]
async fn a_renewed_file_of_roots_is_read_again() {
    let (old, new) = (Authority::new(), Authority::new());
    let config = new.pki.identity(Scenario::Fine, "127.0.0.1").server_config();
    let peer = Peer::start(Script::tls_then_silent(config)).await;
    let prober = mainstay_probe::Prober::new(Default::default());
    let request = old.request(&peer.url("tls"), LONG);
    let kind = prober.check(&request, now()).await.failure.map(|failure| failure.kind);
    assert_eq!(kind, Some(FailureKind::CertificateUntrusted));
    let both = format!("{}{}", old.pki.root_pem(), new.pki.root_pem());
    std::fs::write(&old.root, both).unwrap();
    assert_eq!(in_short(&prober.check(&request, now()).await), "healthy");
}

#[tokio::test]
async fn doing_without_tls_is_told() {
    let peer = Peer::start(Script::answer(1, HTTP_OK)).await;
    let report = check(&request(&peer.url("http"), LONG)).await;
    assert_eq!(report.verdict, Verdict::Healthy, "on this machine nobody listens in: {report:?}");
    assert_eq!(report.findings[0].kind, FindingKind::NotEncrypted);
}

#[tokio::test]
async fn slow_is_a_finding() {
    let peer = Peer::start(Script::silent()).await;
    let mut request = request(&peer.url("tcp"), LONG);
    request.slow = Some(std::time::Duration::from_nanos(1));
    let report = check(&request).await;
    assert_eq!(report.verdict, Verdict::Degraded);
    assert_eq!(report.findings[0].kind, FindingKind::TooSlow);
}

#[tokio::test]
async fn a_server_that_insists_on_a_client_certificate() {
    let authority = Authority::new();
    let identity = authority.pki.identity(Scenario::Fine, "127.0.0.1");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = identity.server_config_for_known_clients(&authority.pki, &[version]);
        let peer =
            Peer::start(Script::new([Act::Tls(config), Act::Read(1), Act::Send(HTTP_OK.into())])).await;
        for scheme in ["tls", "https", "rediss"] {
            let report = check(&authority.request(&peer.url(scheme), LONG)).await;
            let kind = report.failure.as_ref().map(|failure| failure.kind);
            assert_eq!(
                kind,
                Some(FailureKind::ClientCertificateRequired),
                "{scheme} {version:?}: {report:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_valid_yet() {
    let authority = Authority::new();
    let config = authority.pki.identity(Scenario::NotYetValid, "127.0.0.1").server_config();
    let peer = Peer::start(Script::tls_then_silent(config)).await;
    let request = authority.request(&peer.url("tls"), LONG);
    assert_eq!(in_short(&check(&request).await), "certificate-not-yet-valid tls provider");
    let long_ago = "2020-01-01T00:00:00Z".parse().unwrap();
    let report = mainstay_probe::Prober::new(Default::default()).check(&request, long_ago).await;
    assert_eq!((in_short(&report).as_str(), report.verdict), ("clock-wrong tls us", Verdict::Inconclusive));
}

#[tokio::test]
async fn a_certificate_of_ours_is_shown_where_one_is_configured() {
    #[expect(clippy::disallowed_methods, reason = "the server judges our certificate by the real clock")]
    let now = jiff::Timestamp::now();
    let (pki, folder) = (Pki::new(now), Folder::new());
    let root = pki.write_root(&folder.0);
    let (ours, strange) = (pki.client("monitor"), Pki::new(now).client("monitor"));
    for (server, shown, expected) in [
        (Scenario::Fine, &ours, "healthy"),
        (Scenario::Fine, &strange, "client-certificate-required us"),
        (Scenario::Expired, &ours, "certificate-expired provider"),
    ] {
        let (certificate, key) = (shown.chain_pem(), shown.key_pem());
        let files = mainstay_model::ClientIdentity {
            certificate: folder.write("client.pem", certificate),
            key: folder.write("client.key", key),
        };
        let identity = pki.identity(server, "127.0.0.1");
        for version in KNOWN_CLIENTS {
            let config = identity.server_config_for_known_clients(&pki, &[version]);
            let script = [Act::Tls(config), Act::Read(1), Act::Send(HTTP_OK.into())];
            let peer = Peer::start(Script::new(script)).await;
            let mut request = request(&peer.url("https"), LONG);
            request.tls.identity = Some(files.clone());
            request.tls.ca_file = Some(root.clone());
            let report = mainstay_probe::Prober::new(Default::default()).check(&request, now).await;
            let said = match &report.failure {
                Some(failure) => format!("{} {}", failure.kind, failure.blame),
                None => report.verdict.to_string(),
            };
            assert_eq!(said, expected, "{version:?}: {report:?}");
            assert_eq!(report.addresses[0].also, [], "{report:?}");
        }
    }
}

/// A certificate of ours is for no server that does not verify, so the first check of an outage breaks off. Servers count that, and
/// lock us out after many in a row: the next ones do without it.
#[tokio::test]
async fn with_a_certificate_of_ours_an_outage_leaves_one_mark() {
    if !require(MariaDb::available()) {
        return;
    }
    #[expect(clippy::disallowed_methods, reason = "the server judges our certificate by the real clock")]
    let now = jiff::Timestamp::now();
    let (pki, folder) = (Pki::new(now), Folder::new());
    let identity = pki.identity(Scenario::Expired, "localhost");
    let server = MariaDb::start(MariaDbOptions { identity: Some(&identity), accounts: &[] });
    let (certificate, key) = pki.client("monitor").write(&folder.0);
    let mut request = request(&format!("mysql://127.0.0.1:{}", server.port()), LONG);
    request.tls.ca_file = Some(pki.write_root(&folder.0));
    request.tls.server_name = Some("localhost".into());
    request.tls.identity = Some(mainstay_model::ClientIdentity { certificate, key });
    let prober = mainstay_probe::Prober::new(Default::default());
    for _ in 0..4 {
        assert_eq!(in_short(&prober.check(&request, now).await), "certificate-expired tls provider");
    }
    prober.farewells().await;
    let marks = server.execute("SHOW GLOBAL STATUS LIKE 'Aborted_connects_preauth'");
    assert_eq!(marks, "Aborted_connects_preauth\t1");
}

#[tokio::test]
async fn a_certificate_of_ours_that_cannot_be_read_is_our_own_fault() {
    let mut request = request("tls://127.0.0.1:9", LONG);
    let (certificate, key) = ("/no/such/client.pem".into(), "/no/such/client.key".into());
    request.tls.identity = Some(mainstay_model::ClientIdentity { certificate, key });
    let report = check(&request).await;
    assert_eq!(
        (in_short(&report).as_str(), report.verdict),
        ("client-certificate-required tls us", Verdict::Inconclusive)
    );
    assert!(report.failure.unwrap().message.contains("/no/such/client.pem"));
}

const KNOWN_CLIENTS: [&rustls::SupportedProtocolVersion; 2] =
    [&rustls::version::TLS12, &rustls::version::TLS13];

#[tokio::test]
async fn a_bad_certificate_is_told_although_the_server_would_refuse_us_anyway() {
    let authority = Authority::new();
    for (scenario, expected) in [
        (Scenario::Expired, "certificate-expired tls provider"),
        (Scenario::OtherName, "certificate-name-mismatch tls provider"),
        (Scenario::Fine, "client-certificate-required tls us"),
    ] {
        let identity = authority.pki.identity(scenario, "127.0.0.1");
        for version in KNOWN_CLIENTS {
            let config = identity.server_config_for_known_clients(&authority.pki, &[version]);
            let peer = Peer::start(Script::new([Act::Tls(config)])).await;
            let report = check(&authority.request(&peer.url("https"), LONG)).await;
            let refused_later = scenario == Scenario::Fine && *version == rustls::version::TLS13;
            let expected = if refused_later { expected.replace("tls", "ready") } else { expected.into() };
            assert_eq!(in_short(&report), expected, "{version:?}: {report:?}");
            let refused = |one: &mainstay_model::Failure| one.kind == FailureKind::ClientCertificateRequired;
            let in_handshake = scenario != Scenario::Fine && *version == rustls::version::TLS12;
            assert_eq!(report.addresses[0].also.iter().any(refused), in_handshake, "{report:?}");
        }
    }
}

#[tokio::test]
async fn a_bad_certificate_is_told_when_the_handshake_runs_out_of_time() {
    let authority = Authority::new();
    let identity = authority.pki.identity(Scenario::Expired, "127.0.0.1");
    let config = identity.server_config_for_known_clients(&authority.pki, &[&rustls::version::TLS12]);
    let report = check(&authority.request(&never_ending(config).await, crate::support::SHORT)).await;
    assert_eq!(in_short(&report), "certificate-expired tls provider", "{report:?}");
    assert_eq!(report.addresses[0].also[0].kind, FailureKind::TimedOut);
}

/// A server that sends its part of a TLS 1.2 handshake up to the certificate, and then nothing.
async fn never_ending(config: std::sync::Arc<rustls::ServerConfig>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tls://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut server = rustls::ServerConnection::new(config).unwrap();
        let mut hello = vec![0; 4096];
        let length = stream.read(&mut hello).await.unwrap();
        server.read_tls(&mut &hello[..length]).unwrap();
        server.process_new_packets().unwrap();
        let mut flight = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut flight).unwrap();
        }
        stream.write_all(&flight).await.unwrap();
        std::future::pending::<()>().await;
    });
    url
}

#[tokio::test]
async fn a_server_without_the_key_is_told_before_what_it_shows() {
    let authority = Authority::new();
    let expired = authority.pki.identity(Scenario::Expired, "127.0.0.1");
    let other = authority.pki.identity(Scenario::Fine, "127.0.0.1");
    let pretender = mainstay_testkit::Identity { chain: expired.chain.clone(), key: other.key.clone_key() };
    let peer = Peer::start(Script::new([Act::Tls(pretender.server_config_unchecked())])).await;
    let report = check(&authority.request(&peer.url("tls"), LONG)).await;
    assert_eq!(in_short(&report), "tls-handshake-failed tls provider", "{report:?}");
    assert_eq!(report.addresses[0].also[0].kind, FailureKind::CertificateExpired);
}

#[tokio::test]
async fn a_check_without_credentials_hears_that_it_is_not_let_in() {
    let authority = Authority::new();
    let identity = authority.pki.identity(Scenario::Fine, "127.0.0.1");
    let greeting = b"\x4a\0\0\0\x0a8.0.36\0\x07\0\0\0abcdefgh\0\xff\xff\x2d\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0caching_sha2_password\0";
    for version in KNOWN_CLIENTS {
        let tls = || Act::Tls(identity.server_config_for_known_clients(&authority.pki, &[version]));
        for (scheme, script) in [
            ("postgres", Script::new([Act::Read(8), Act::Send(b"S".into()), tls()])),
            ("mysql", Script::new([Act::Send(greeting.into()), Act::Read(36), tls()])),
            ("tls", Script::new([tls()])),
        ] {
            let peer = Peer::start(script).await;
            let report = check(&authority.request(&peer.url(scheme), LONG)).await;
            let kind = report.failure.as_ref().map(|failure| failure.kind);
            assert_eq!(
                kind,
                Some(FailureKind::ClientCertificateRequired),
                "{scheme} {version:?}: {report:?}"
            );
        }
    }
}

#[tokio::test]
async fn the_verdict_does_not_wait_for_the_farewell_and_the_next_check_does() {
    let authority = Authority::new();
    let config = authority.pki.identity(Scenario::Fine, "127.0.0.1").server_config();
    // It answers the greeting, and never the good-bye.
    let script = [
        Act::Tls(config),
        Act::Send(b"220 mail\r\n".into()),
        Act::Read(6),
        Act::Send(b"250 mail\r\n".into()),
    ];
    let peer = Peer::start(Script::new(script)).await;
    let prober = mainstay_probe::Prober::new(Default::default());
    let request = authority.request(&peer.url("smtps"), LONG);
    let began = std::time::Instant::now();
    assert_eq!(in_short(&prober.check(&request, now()).await), "healthy");
    let told = began.elapsed();
    prober.farewells().await;
    let over = began.elapsed();
    let courtesy = std::time::Duration::from_secs(1);
    assert!(told < courtesy && over >= courtesy, "told after {told:?}, over after {over:?}");
}
