use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::kinds;
use crate::{Certificate, DependencyName, Diagnosis, Failure, Severity, Verdict};

/// The outcome of one run against one dependency. Its JSON is the contract of `check --output json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The target as a URL, without its password.
    pub target: String,
    /// The configured dependency, when the check was not of a bare URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependency: Option<DependencyName>,
    /// By what it was judged, as [`Dependency::endpoint`](crate::Dependency::endpoint) says; not kept, and absent for a bare URL.
    #[serde(skip)]
    pub endpoint: Option<String>,
    /// The sum over all addresses.
    pub verdict: Verdict,
    /// What to act on first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// One observation per address.
    pub addresses: Vec<Observation>,
    /// What needs attention without being a failure.
    pub findings: Vec<Finding>,
    /// Present when the verdict is not `healthy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
    /// Time that name resolution took, in milliseconds; absent for addresses and files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve_ms: Option<f64>,
    /// When the check began.
    pub checked_at: Timestamp,
}

impl CheckReport {
    /// The slowest address's sum of phases in milliseconds, name resolution included; `None` when nothing was timed.
    pub fn total_ms(&self) -> Option<f64> {
        let slowest = self.addresses.iter().filter_map(|one| one.phases.total_ms()).reduce(f64::max);
        match (self.resolve_ms, slowest) {
            (None, None) => None,
            (resolve, slowest) => Some(resolve.unwrap_or(0.0) + slowest.unwrap_or(0.0)),
        }
    }

    /// The TLS facts of the address that explains the verdict best: the first with the report's failure, else the first with any.
    pub fn tls(&self) -> Option<&TlsFacts> {
        let explaining = self.addresses.iter().find(|one| one.failure == self.failure && one.tls.is_some());
        explaining.or_else(|| self.addresses.iter().find(|one| one.tls.is_some()))?.tls.as_ref()
    }
}

/// What one address answered: an immutable fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// `192.0.2.1:5432`, `[2001:db8::1]:5432`, or the path of a file.
    pub address: String,
    /// The verdict for this address.
    pub verdict: Verdict,
    /// What to act on first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What else is wrong, in order of importance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Failure>,
    /// How long each phase took.
    pub phases: Phases,
    /// The certificates and the outcome of verification, kept even when verification failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFacts>,
}

impl Observation {
    /// Whether nothing is known against the certificates: they verified, or they are of a file whose trust or name was not
    /// judged, and what was judged holds. A handshake never leaves anything out.
    pub fn certificates_hold(&self) -> bool {
        let file = |tls: &TlsFacts| tls.version.is_none() && self.failure.is_none();
        self.tls.as_ref().is_some_and(|tls| tls.verified || file(tls))
    }
}

/// How long each phase took, in milliseconds; absent where the phase was not reached or does not exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the fields are the phases")]
pub struct Phases {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_ms: Option<f64>,
}

impl Phases {
    /// Each phase with its word, in order, those without a time included.
    pub fn named(&self) -> [(&'static str, Option<f64>); 6] {
        [
            ("connect", self.connect_ms),
            ("upgrade", self.upgrade_ms),
            ("tls", self.tls_ms),
            ("ready", self.ready_ms),
            ("login", self.login_ms),
            ("query", self.query_ms),
        ]
    }

    /// The sum, or `None` when no phase was timed.
    pub fn total_ms(&self) -> Option<f64> {
        self.named().into_iter().filter_map(|(_, ms)| ms).reduce(|a, b| a + b)
    }
}

/// The TLS connection of one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// `TLSv1.3` or `TLSv1.2`; absent when the handshake did not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Name of the cipher suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// Whether full verification succeeded. Never so where trust or name were not judged, as for a file without a `ca_file`.
    pub verified: bool,
    /// The chain as sent, then the trust anchor when it is known and was not sent.
    pub certificates: Vec<Certificate>,
}

/// Something that needs attention without being a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// How urgent it is.
    pub severity: Severity,
    /// One sentence for people.
    pub message: String,
}

kinds! {
    /// The stable list of findings.
    FindingKind {
        /// A certificate of the path is near its end, judged against its own lifetime.
        CertificateExpiring = "certificate-expiring",
        /// The server sends an expired certificate that our path does not need; a strict client would refuse it.
        ChainHasExpired = "chain-has-expired",
        /// The chain as sent lacks a certificate that our path took from elsewhere.
        ChainIncomplete = "chain-incomplete",
        /// The chain as sent is out of order or has certificates that belong to no path.
        ChainUntidy = "chain-untidy",
        /// The addresses of one name serve different certificates.
        AddressesDiffer = "addresses-differ",
        /// The name has more addresses than are checked.
        AddressesSkipped = "addresses-skipped",
        /// Some addresses work and some do not.
        AddressDown = "address-down",
        /// It answered, but slower than allowed.
        TooSlow = "too-slow",
        /// TLS was not asked for, so nothing is verified.
        NotEncrypted = "not-encrypted",
    }
}
