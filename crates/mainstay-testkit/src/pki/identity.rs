use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::Pki;
use super::authority::Authority;

/// A chain and the key of its leaf, as a server presents them.
pub struct Identity {
    /// The leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's key.
    pub key: PrivateKeyDer<'static>,
}

impl Identity {
    /// The chain as PEM, the leaf first.
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(|certificate| pem("CERTIFICATE", certificate)).collect()
    }

    /// The key as PEM.
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", self.key.secret_der())
    }

    /// Writes `chain.pem` and `key.pem` (mode 0600) into the directory and returns their paths in this order.
    ///
    /// Both are replaced by renaming, so that a server that reloads meanwhile reads whole files.
    pub fn write(&self, directory: &Path) -> (PathBuf, PathBuf) {
        let (chain, key) = (directory.join("chain.pem"), directory.join("key.pem"));
        replace(&chain, &self.chain_pem(), 0o644);
        replace(&key, &self.key_pem(), 0o600);
        (chain, key)
    }

    /// A TLS server that presents this chain and asks clients for no certificate.
    ///
    /// Panics for [`super::Scenario::WeakRsa1024`], whose key rustls does not take; other servers do.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .with_no_client_auth();
        let config = builder.with_single_cert(self.chain.clone(), self.key.clone_key());
        Arc::new(config.expect("rustls takes the key"))
    }

    /// The same, without the check that the key belongs to the chain: for a server that pretends.
    pub fn server_config_unchecked(&self) -> Arc<ServerConfig> {
        let provider = default_provider();
        let key = provider.key_provider.load_private_key(self.key.clone_key()).expect("rustls takes the key");
        let shown = Arc::new(CertifiedKey::new(self.chain.clone(), key));
        let builder = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .with_no_client_auth();
        Arc::new(builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(shown))))
    }

    /// A TLS server that presents this chain and insists on a client's certificate of the same authority.
    pub fn server_config_for_known_clients(
        &self,
        pki: &Pki,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let provider = Arc::new(default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(pki.root().clone()).expect("the root of a test is sound");
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("the provider has the versions")
            .with_client_cert_verifier(clients.build().expect("there is a root"));
        let config = builder.with_single_cert(self.chain.clone(), self.key.clone_key());
        Arc::new(config.expect("rustls takes the key"))
    }

    pub(super) fn followed_by<'a>(self, authorities: impl IntoIterator<Item = &'a Authority>) -> Identity {
        self.followed_by_certificates(authorities.into_iter().map(|one| one.certificate().clone()))
    }

    pub(super) fn followed_by_certificates(
        mut self,
        certificates: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Identity {
        self.chain.extend(certificates);
        self
    }
}

fn replace(path: &Path, text: &str, mode: u32) {
    let fresh = path.with_extension("fresh");
    fs::write(&fresh, text).expect("the directory of a test is writable");
    fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)).expect("the file was just made");
    fs::rename(&fresh, path).expect("the file was just made");
}

/// RFC 7468.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
