use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{DependencyName, Fingerprint, Pin, WaiverId};

/// What relays and applications go by: which certificates are accepted although they expired, and which never are.
///
/// It says everything that is in force; what it does not name is not waived. Every waiver carries its own end, so that it ends on
/// time even where a later policy never arrives. Its JSON is a contract for other languages: fields are added, never renamed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayPolicy {
    /// When it was made. Of two, the later one holds.
    pub issued_at: Timestamp,
    /// The waivers in force.
    pub waivers: Vec<PolicyWaiver>,
    /// Where to read about what is wrong with a dependency, where something is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<DependencyName, String>,
    /// Certificates that were ever seen revoked, by the SHA-256 of their DER: no path with one of them is ever waived.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Fingerprint>,
}

/// One waiver in force, with all that a decision needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyWaiver {
    /// Which waiver.
    pub id: WaiverId,
    /// For which dependency.
    pub dependency: DependencyName,
    /// The name that the certificate must be for, as in the SNI; an IP address without brackets.
    pub server_name: String,
    /// The one certificate.
    #[serde(flatten)]
    pub pin: Pin,
    /// That certificate's `notAfter`, as of which its chain has to verify.
    pub not_after: Timestamp,
    /// Not before.
    pub from: Timestamp,
    /// Not from then on.
    pub until: Timestamp,
    /// Where to read about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl PolicyWaiver {
    /// Whether connections may be admitted under it at that moment.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        (self.from..self.until).contains(&now)
    }
}

impl RelayPolicy {
    /// The waiver for a dependency, if one is in force at that moment.
    pub fn waiver(&self, dependency: &DependencyName, now: Timestamp) -> Option<&PolicyWaiver> {
        self.waivers.iter().find(|one| one.dependency == *dependency && one.is_in_force(now))
    }
}
