//! Handshakes that decide.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use mainstay_model::{FailureKind, Phase};
use mainstay_testkit::{Identity, Pki, Scenario};
use mainstay_tls::{Admitted, ClientKey, Entry, Judge, MAX_CHAIN_CERTIFICATES, Terms, parse_server_name};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, Error, HandshakeKind, ServerConfig, SupportedProtocolVersion};

use crate::attempt::{NAME, now, roots, waiver_for, without_waiver};
use crate::judge::kinds;
use crate::wire;

fn entry(pki: &Pki, terms: Terms, key: Option<&ClientKey>) -> Entry {
    let judge = Judge::new(roots(&pki.root_pem()));
    Entry::new(&judge, parse_server_name(NAME).unwrap(), &[], Arc::new(terms), key, now())
}

fn waiving(identity: &Identity) -> Terms {
    Terms { waiver: Some(waiver_for(&identity.chain[0])), ..without_waiver() }
}

/// A server that insists on a client's certificate.
fn demanding(
    pki: &Pki,
    identity: &Identity,
    version: &'static SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let mut config = ServerConfig::clone(&identity.server_config_for_known_clients(pki, &[version]));
    config.time_provider = Arc::new(wire::At(now()));
    Arc::new(config)
}

/// A file of this test's, removed by the next run at the latest.
fn file(name: &str, text: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("client-key");
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn client_key(pki: &Pki, name: &str) -> ClientKey {
    let identity = pki.client("app.example.test");
    let both = file(name, &format!("{}{}", identity.chain_pem(), identity.key_pem()));
    ClientKey::from_pem_files(&both, &both).unwrap()
}

/// The certificate of a client names it, and is for those alone whom it means to speak to.
#[test]
fn a_client_certificate_goes_to_admitted_servers_only() {
    let pki = Pki::new(now());
    let key = client_key(&pki, "both.pem");
    let identity = pki.identity(Scenario::Expired, NAME);
    for version in [&TLS12, &TLS13] {
        let refused = entry(&pki, without_waiver(), Some(&key));
        let (mut client, mut server) =
            wire::ends(&refused.config, &refused.name, demanding(&pki, &identity, version));
        let error = wire::meet(&mut client, &mut server).unwrap_err();
        let failure = refused.failure(&error, Phase::Tls);
        assert_eq!(failure.kind, FailureKind::CertificateExpired, "{version:?}: {}", failure.message);
        assert_eq!(failure.message, refused.decision().unwrap().as_ref().unwrap_err().to_string());
        assert!(server.peer_certificates().is_none() && server.is_handshaking());
        let heard = server.process_new_packets().unwrap_err();
        assert_eq!(heard, Error::AlertReceived(AlertDescription::CertificateUnknown), "{version:?}");

        let admitted = entry(&pki, waiving(&identity), Some(&key));
        let (client, server) =
            wire::connect(&admitted.config, &admitted.name, demanding(&pki, &identity, version)).unwrap();
        assert!(matches!(admitted.decision(), Some(Ok(Admitted::Waived(_)))));
        assert!(!client.is_handshaking() && server.peer_certificates().is_some_and(|chain| chain.len() == 2));
    }
}

#[test]
fn a_server_that_wants_a_certificate_that_there_is_not() {
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Fine, NAME);
    for version in [&TLS12, &TLS13] {
        let entry = entry(&pki, without_waiver(), None);
        let error =
            wire::connect(&entry.config, &entry.name, demanding(&pki, &identity, version)).map(|_| ());
        let failure = entry.failure(&error.unwrap_err(), Phase::Tls);
        assert_eq!(failure.kind, FailureKind::ClientCertificateRequired, "{}", failure.message);
        assert!(entry.client_certificate_requested());
    }
}

/// The certificate itself is public: whoever has it, but not its key, may show it.
#[test]
fn the_waived_certificate_without_its_key_gets_nowhere() {
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Expired, NAME);
    let impostor = pki.identity(Scenario::Expired, NAME);
    for version in [&TLS12, &TLS13] {
        let entry = entry(&pki, waiving(&identity), None);
        let outcome = wire::connect(&entry.config, &entry.name, showing(&identity, &impostor, version));
        let failure = entry.failure(&outcome.map(|_| ()).unwrap_err(), Phase::Tls);
        assert!(failure.message.contains("could not prove"), "{version:?}: {}", failure.message);
        assert!(entry.decision().unwrap().is_ok(), "the chain alone would do");
    }
}

/// A server with the certificate of one and the key of another.
fn showing(
    shown: &Identity,
    held: &Identity,
    version: &'static SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let provider = default_provider();
    let key = provider.key_provider.load_private_key(held.key.clone_key()).unwrap();
    let pair = Arc::new(CertifiedKey::new(shown.chain.clone(), key));
    let builder = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth();
    Arc::new(builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(pair))))
}

/// A resumed session would skip the decision; so it must not happen even where one entry is used twice by mistake.
#[test]
fn nothing_is_resumed() {
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Expired, NAME);
    for version in [&TLS12, &TLS13] {
        let server = showing(&identity, &identity, version);
        let entry = entry(&pki, waiving(&identity), None);
        for _ in 0..3 {
            let (client, _) = wire::connect(&entry.config, &entry.name, server.clone()).unwrap();
            assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full), "{version:?}");
        }
    }
}

#[test]
fn everything_known_is_there_afterwards() {
    let pki = Pki::new(now());
    let look = |scenario, waived: bool| {
        let identity = pki.identity(scenario, NAME);
        let terms = if waived { waiving(&identity) } else { without_waiver() };
        let entry = entry(&pki, terms, None);
        assert!(entry.decision().is_none() && entry.judgement().is_none() && entry.chain().is_none());
        let _outcome = wire::connect(&entry.config, &entry.name, identity.server_config());
        let judgement = entry.judgement().unwrap();
        assert_eq!(judgement.certificates.len(), 3, "the root is known too");
        assert_eq!(entry.chain().unwrap().as_ref(), identity.chain);
        (kinds(&judgement), entry.decision().unwrap().is_ok())
    };
    assert_eq!(look(Scenario::Fine, false), (String::new(), true));
    assert_eq!(look(Scenario::Expired, false), ("certificate-expired only".to_owned(), false));
    assert_eq!(look(Scenario::Expired, true), ("certificate-expired only".to_owned(), true));
}

#[test]
fn alpn_is_offered() {
    let pki = Pki::new(now());
    let judge = Judge::new(roots(&pki.root_pem()));
    let name = parse_server_name(NAME).unwrap();
    let entry = Entry::new(&judge, name, &[b"postgresql"], Arc::new(without_waiver()), None, now());
    let mut server = ServerConfig::clone(&pki.identity(Scenario::Fine, NAME).server_config());
    server.alpn_protocols = vec![b"postgresql".to_vec()];
    let (client, _) = wire::connect(&entry.config, &entry.name, Arc::new(server)).unwrap();
    assert_eq!(client.alpn_protocol(), Some(b"postgresql".as_slice()));
}

#[test]
fn a_chain_beyond_all_bounds_is_not_even_looked_at() {
    let pki = Pki::new(now());
    let mut many = pki.identity(Scenario::Fine, NAME);
    while many.chain.len() <= MAX_CHAIN_CERTIFICATES {
        many.chain.push(pki.intermediate().clone());
    }
    let entry = entry(&pki, without_waiver(), None);
    let error = wire::connect(&entry.config, &entry.name, many.server_config_unchecked()).map(|_| ());
    let failure = entry.failure(&error.unwrap_err(), Phase::Tls);
    assert_eq!(failure.message, "the server sent 21 certificates, more than the 20 that a chain may have");
    assert!(entry.decision().is_none());
}

/// What rustls says of a refusal is what applications log, so it has to be a sentence.
#[test]
fn the_error_of_rustls_tells_why() {
    let pki = Pki::new(now());
    let entry = entry(&pki, without_waiver(), None);
    let server = pki.identity(Scenario::ExpiringSoon, "other.example.test").server_config();
    let error: io::Error = wire::connect(&entry.config, &entry.name, server).map(|_| ()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid peer certificate: Other(OtherError(the server's certificate (CN=other.example.test) is for other.example.test, not for db.example.test))"
    );
}

#[test]
fn files_that_give_no_client_certificate() {
    let pki = Pki::new(now());
    let (one, other) = (pki.client("a.example.test"), pki.client("b.example.test"));
    let chain = file("chain.pem", &one.chain_pem());
    let key = file("key.pem", &one.key_pem());
    let foreign = file("foreign.pem", &other.key_pem());
    let garbled = file("garbled.pem", &one.chain_pem().replacen("MII", "M!!", 1));
    assert!(ClientKey::from_pem_files(&chain, &key).is_ok());
    let says = |certificate: &PathBuf, key: &PathBuf, expected: &str| {
        let error = ClientKey::from_pem_files(certificate, key).unwrap_err().to_string();
        let shown = error.replace(&format!("{}/", chain.parent().unwrap().display()), "");
        assert_eq!(shown, expected);
    };
    says(
        &chain,
        &foreign,
        "the key of foreign.pem is not that of the first certificate of chain.pem; give the two files that belong together",
    );
    says(
        &key,
        &key,
        "key.pem has no certificate; it needs at least one block -----BEGIN CERTIFICATE-----; it has a private key, so it is probably the wrong file",
    );
    says(
        &chain,
        &chain,
        "chain.pem has no private key that can be read (no items found); it needs a block -----BEGIN PRIVATE KEY-----, not encrypted: `openssl pkey -in FILE -out FILE.pem` writes one",
    );
    says(
        &garbled,
        &key,
        "garbled.pem: a certificate is broken (it is not valid base64); write the file anew from its source",
    );
    let missing = chain.with_file_name("missing.pem");
    says(&missing, &key, "missing.pem: the file cannot be read: No such file or directory (os error 2)");
}
