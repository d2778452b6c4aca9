use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{DependencyName, Fingerprint, HumanDuration, IncidentId, WaiverId};

/// The break-glass: the permission to accept exactly one expired certificate for one dependency until a fixed time.
///
/// It waives expiry and nothing else, and it is for one certificate with one key: any other goes through full verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// Its identity.
    pub id: WaiverId,
    /// For which dependency.
    pub dependency: DependencyName,
    /// Where that was and how it verified, as [`Dependency::endpoint`](crate::Dependency::endpoint) says: for another it does not hold.
    pub endpoint: String,
    /// The incident that it was asked for in.
    pub incident: Option<IncidentId>,
    /// The one certificate.
    pub pin: Pin,
    /// That certificate's subject, for people.
    pub subject: String,
    /// Its `notAfter`: when it expired.
    pub expired_at: Timestamp,
    /// Why somebody needs this.
    pub reason: String,
    /// Who asked, and when.
    pub requested: Act,
    /// How long it lasts from the moment at which it is granted.
    pub lasts: HumanDuration,
    /// What was known when it was asked for, one fact each.
    pub evidence: Vec<String>,
    /// Where it stands.
    pub state: WaiverState,
    /// How often a connection was admitted under it.
    pub uses: WaiverUses,
}

/// Which certificate is meant, by itself and by its key.
///
/// Both are compared: the certificate, so that no other is accepted, and the key, so that a fault in the one comparison alone lets
/// nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// SHA-256 of the certificate's DER.
    pub sha256: Fingerprint,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub spki_sha256: Fingerprint,
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Where a waiver stands. There is no way back, and an ended one stays ended: an extension is a new waiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum WaiverState {
    /// Asked for; a second person has to agree.
    Requested,
    /// In force.
    Active {
        /// Who granted it: whoever asked, or the second person.
        granted: Act,
        /// When it ends at the latest.
        ends_at: Timestamp,
    },
    /// Over, or never granted.
    Ended {
        /// Who granted it, if anybody did.
        granted: Option<Act>,
        /// When it ended.
        at: Timestamp,
        /// Why.
        end: WaiverEnd,
    },
}

/// Why a waiver is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "kebab-case")]
pub enum WaiverEnd {
    /// Its time was up.
    Time,
    /// Somebody ended it.
    Withdrawn {
        /// Who.
        by: String,
    },
    /// The second person did not agree.
    Refused {
        /// Who.
        by: String,
    },
    /// A later waiver for the same dependency took its place.
    Replaced {
        /// Which.
        with: WaiverId,
    },
    /// Nobody answered the request in time, or the diagnosis no longer says "expired, and nothing else".
    Lapsed,
    /// Full verification succeeded: the provider has a valid certificate again.
    Renewed,
    /// The server shows another certificate, or the dependency is another.
    ChainChanged,
    /// A certificate of the path was found revoked.
    RevocationSeen,
}

/// How often a waiver was made use of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiverUses {
    /// How many connections were admitted.
    pub count: u64,
    /// When the first was.
    pub first_at: Option<Timestamp>,
    /// When the latest was.
    pub last_at: Option<Timestamp>,
}

impl WaiverState {
    /// The word used in JSON and on pages.
    pub fn as_str(&self) -> &'static str {
        match self {
            WaiverState::Requested => "requested",
            WaiverState::Active { .. } => "active",
            WaiverState::Ended { .. } => "ended",
        }
    }
}

impl Waiver {
    /// Whether connections may be admitted under it at that moment.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        matches!(self.state, WaiverState::Active { ends_at, .. } if now < ends_at)
    }

    /// When a request for it lapses if nobody answers: an hour after it says little about what is so then.
    pub fn lapses_at(&self) -> Timestamp {
        self.requested.at.saturating_add(SignedDuration::from_hours(1)).unwrap_or(self.requested.at)
    }

    /// When it ends at the latest, while it is in force.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match self.state {
            WaiverState::Active { ends_at, .. } => Some(ends_at),
            WaiverState::Requested | WaiverState::Ended { .. } => None,
        }
    }

    /// When it ended, once it is over.
    pub fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            WaiverState::Ended { at, .. } => Some(at),
            WaiverState::Requested | WaiverState::Active { .. } => None,
        }
    }

    /// Who granted it, if anybody did.
    pub fn granted(&self) -> Option<&Act> {
        match &self.state {
            WaiverState::Requested => None,
            WaiverState::Active { granted, .. } => Some(granted),
            WaiverState::Ended { granted, .. } => granted.as_ref(),
        }
    }

    /// Whether it is over, or was never granted.
    pub fn is_over(&self) -> bool {
        matches!(self.state, WaiverState::Ended { .. })
    }
}
