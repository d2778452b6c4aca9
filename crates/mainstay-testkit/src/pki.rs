mod authority;
mod crl;
mod identity;
mod scenario;
mod sha1;

pub use crl::CrlSpec;
pub use identity::Identity;
pub(crate) use identity::pem;
pub use scenario::Scenario;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::CertificateDer;

use authority::{Authority, Purpose};

/// A certification authority for tests: a root, an intermediate under it, and every way of issuing from them.
pub struct Pki {
    now: Timestamp,
    root: Authority,
    intermediate: Authority,
}

/// Kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Key {
    /// EC P-256: the quickest to make.
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

/// What a server's certificate is to say.
#[derive(Debug, Clone)]
pub struct Spec {
    /// DNS names and IP addresses; the first is the common name as well.
    pub names: Vec<String>,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity, inclusive.
    pub not_after: Timestamp,
    /// Kind of its key.
    pub key: Key,
    /// Where its issuer's list of revoked certificates is, if it says so.
    pub crl_url: Option<String>,
}

impl Spec {
    /// A certificate for one name with a P-256 key.
    pub fn new(name: &str, not_before: Timestamp, not_after: Timestamp) -> Spec {
        Spec { names: vec![name.to_owned()], not_before, not_after, key: Key::default(), crl_url: None }
    }

    /// The same, saying where its issuer's list of revoked certificates is.
    pub fn with_crl_url(mut self, url: &str) -> Spec {
        self.crl_url = Some(url.to_owned());
        self
    }

    /// The same with another kind of key.
    pub fn with_key(mut self, key: Key) -> Spec {
        self.key = key;
        self
    }
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Pki {
    /// Root and intermediate around `now`: the root has ten years, of which eight are left, the intermediate four, of which three are left.
    pub fn new(now: Timestamp) -> Pki {
        let root =
            Authority::root("Example Trust Root X1", now - DAY * (2 * 365), now + DAY * (8 * 365), Key::P256);
        let intermediate =
            root.intermediate("Example Trust Intermediate R3", now - DAY * 365, now + DAY * (3 * 365));
        Pki { now, root, intermediate }
    }

    /// The time that it was made for.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The root that clients are to trust.
    pub fn root(&self) -> &CertificateDer<'static> {
        self.root.certificate()
    }

    /// The root's name and key with other dates, signed by itself: the root as it was, or as it will be.
    pub fn root_between(&self, not_before: Timestamp, not_after: Timestamp) -> CertificateDer<'static> {
        self.root.certified_by(&self.root, not_before, not_after)
    }

    /// The root as PEM.
    pub fn root_pem(&self) -> String {
        self.root.pem()
    }

    /// The intermediate that signs the servers' certificates.
    pub fn intermediate(&self) -> &CertificateDer<'static> {
        self.intermediate.certificate()
    }

    /// The intermediate as PEM.
    pub fn intermediate_pem(&self) -> String {
        self.intermediate.pem()
    }

    /// Writes `root.pem` into the directory and returns its path.
    pub fn write_root(&self, directory: &Path) -> PathBuf {
        let path = directory.join("root.pem");
        fs::write(&path, self.root_pem()).expect("the directory of a test is writable");
        path
    }

    /// The chain and key of a scenario, for one DNS name or IP address.
    pub fn identity(&self, scenario: Scenario, name: &str) -> Identity {
        scenario::identity(self, scenario, name)
    }

    /// A certificate made to measure, followed by the intermediate.
    pub fn issue(&self, spec: Spec) -> Identity {
        self.intermediate.issue(&spec, Purpose::Server).followed_by([&self.intermediate])
    }

    /// Another certificate for a key that was certified before, followed by the intermediate.
    pub fn issue_for_key_of(&self, other: &Identity, spec: Spec) -> Identity {
        self.intermediate.issue_for_key_of(other, &spec).followed_by([&self.intermediate])
    }

    /// The intermediate's name and key with other dates: as it was, or as it will be.
    pub fn intermediate_between(
        &self,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> CertificateDer<'static> {
        self.intermediate.certified_by(&self.root, not_before, not_after)
    }

    /// The intermediate's list of revoked certificates, in DER.
    pub fn intermediate_crl(&self, spec: &CrlSpec<'_>) -> Vec<u8> {
        self.intermediate.crl(spec)
    }

    /// The root's list of revoked certificates, in DER.
    pub fn root_crl(&self, spec: &CrlSpec<'_>) -> Vec<u8> {
        self.root.crl(spec)
    }

    /// A list under the intermediate's name that another key signed, in DER.
    pub fn forged_crl(&self, spec: &CrlSpec<'_>) -> Vec<u8> {
        self.intermediate.impostor().crl(spec)
    }

    /// A client's certificate, followed by the intermediate.
    pub fn client(&self, name: &str) -> Identity {
        let spec = Spec::new(name, self.now - DAY * 30, self.now + DAY * 60);
        self.intermediate.issue(&spec, Purpose::Client).followed_by([&self.intermediate])
    }

    /// A certificate that begins at `not_before` and lives for `lifetime`, followed by the intermediate.
    pub fn short_lived(&self, name: &str, not_before: Timestamp, lifetime: SignedDuration) -> Identity {
        self.issue(Spec::new(name, not_before, not_before + lifetime))
    }
}
