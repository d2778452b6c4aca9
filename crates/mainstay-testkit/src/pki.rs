use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A certification authority: a root, an intermediate under it, and everything needed to issue good and broken certificates.
pub struct Pki {
    now: Timestamp,
}

/// Every way in which a server's certificates are right or wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// Nothing is wrong.
    Fine,
    /// The leaf ended.
    Expired,
    /// The leaf begins in the future.
    NotYetValid,
    /// The leaf is for another name.
    OtherName,
    /// The chain leads to a root that nobody trusts.
    UnknownCa,
    /// The intermediate ended; the leaf did not.
    ExpiredIntermediate,
    /// The intermediate is not sent.
    MissingIntermediate,
    /// The leaf has five hundredths of its lifetime left.
    ExpiringSoon,
    /// Ended, and for another name.
    ExpiredOtherName,
    /// Ended, and from an unknown root.
    ExpiredUnknownCa,
    /// Ended, and not signed by the issuer that it names.
    ExpiredForged,
    /// Ended, and signed by itself.
    ExpiredSelfSigned,
    /// Ended, and for clients only.
    ExpiredClientAuthOnly,
    /// Signed by itself.
    SelfSigned,
    /// An expired certificate is sent that the path does not need.
    ExtraExpiredCertificate,
    /// The leaf first, then the rest in the wrong order.
    ReversedChain,
    /// The leaf begins after it ends.
    NotBeforeAfterNotAfter,
    /// The leaf's key is RSA with 1024 bits.
    WeakRsa1024,
}

impl Scenario {
    /// Every scenario.
    pub const ALL: &'static [Scenario] = &[];

    /// Its name in kebab-case.
    pub fn as_str(self) -> &'static str {
        unimplemented!()
    }
}

/// Kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Key {
    /// EC P-256.
    #[default]
    P256,
    /// EC P-384.
    P384,
    /// EC P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// RSA with 2048 bits.
    Rsa2048,
}

/// What a leaf is to say.
#[derive(Debug, Clone)]
pub struct Spec {
    /// DNS names and IP addresses; the first is also the common name.
    pub names: Vec<String>,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity, inclusive.
    pub not_after: Timestamp,
    /// Kind of key.
    pub key: Key,
}

/// A chain with its key, as a server presents it.
pub struct Identity {
    /// The leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The leaf's key.
    pub key: PrivateKeyDer<'static>,
}

impl Pki {
    /// Root and intermediate around `now`: the root lives for ten years, the intermediate for three.
    pub fn new(now: Timestamp) -> Pki {
        Pki { now }
    }

    /// The time it was made for.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The root that clients are to trust.
    pub fn root_pem(&self) -> String {
        unimplemented!()
    }

    /// Writes `root.pem` into the directory and returns its path.
    pub fn write_root(&self, _directory: &Path) -> PathBuf {
        unimplemented!()
    }

    /// The chain and key of a scenario for one DNS name or IP address.
    pub fn identity(&self, _scenario: Scenario, _name: &str) -> Identity {
        unimplemented!()
    }

    /// A chain of a leaf made to measure and the intermediate.
    pub fn issue(&self, _spec: Spec) -> Identity {
        unimplemented!()
    }

    /// A leaf that began at `not_before` and lives for `lifetime`.
    pub fn short_lived(&self, _name: &str, _not_before: Timestamp, _lifetime: SignedDuration) -> Identity {
        unimplemented!()
    }
}

impl Identity {
    /// The chain as PEM, the leaf first.
    pub fn chain_pem(&self) -> String {
        unimplemented!()
    }

    /// The key as PKCS#8 PEM.
    pub fn key_pem(&self) -> String {
        unimplemented!()
    }

    /// Writes `chain.pem` and `key.pem` (mode 0600) into the directory and returns their paths.
    pub fn write(&self, _directory: &Path) -> (PathBuf, PathBuf) {
        unimplemented!()
    }

    /// A TLS server that presents this chain and wants no certificate of clients.
    pub fn server_config(&self) -> Arc<rustls::ServerConfig> {
        unimplemented!()
    }
}
