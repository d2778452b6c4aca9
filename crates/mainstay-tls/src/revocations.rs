use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use mainstay_model::Fingerprint;

/// Certificates that are known to be revoked, by the SHA-256 of their DER. What is not in it is not known to be good.
///
/// It only grows: a certificate that was ever seen revoked is not trusted again, also when later lists leave it out because it
/// expired (RFC 5280 section 3.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revocations(BTreeMap<Fingerprint, Option<Revoked>>);

/// A certificate that a list of its issuer's calls revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// Which.
    pub sha256: Fingerprint,
    /// When the issuer revoked it.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
    /// When the list that says so was issued.
    pub listed_at: Timestamp,
    /// The number of that list, lower-case hexadecimal.
    pub list_number: Option<String>,
}

/// Why a certificate was revoked (RFC 5280 section 5.3.1). A list that gives no reason means [`RevocationReason::Unspecified`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the RFC")]
pub enum RevocationReason {
    Unspecified,
    KeyCompromise,
    CaCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    CertificateHold,
    PrivilegeWithdrawn,
    AaCompromise,
}

impl Revocations {
    /// Nothing is known.
    pub const NONE: &'static Revocations = &Revocations(BTreeMap::new());

    /// Whether this certificate is known to be revoked.
    pub fn contains(&self, sha256: &Fingerprint) -> bool {
        self.0.contains_key(sha256)
    }

    /// What is known of a certificate that is revoked: the inner one is `None` where only the fact is known.
    pub(crate) fn find(&self, sha256: &Fingerprint) -> Option<Option<&Revoked>> {
        self.0.get(sha256).map(Option::as_ref)
    }
}

impl FromIterator<Fingerprint> for Revocations {
    fn from_iter<I: IntoIterator<Item = Fingerprint>>(all: I) -> Revocations {
        Revocations(all.into_iter().map(|one| (one, None)).collect())
    }
}

/// Of these only the fact is known.
impl Extend<Fingerprint> for Revocations {
    fn extend<I: IntoIterator<Item = Fingerprint>>(&mut self, all: I) {
        for one in all {
            self.0.entry(one).or_default();
        }
    }
}

/// The first that is known of a certificate stays: later lists may have another date for it.
impl Extend<Revoked> for Revocations {
    fn extend<I: IntoIterator<Item = Revoked>>(&mut self, all: I) {
        for one in all {
            self.0.entry(one.sha256).or_default().get_or_insert(one);
        }
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RevocationReason::Unspecified => "no reason given",
            RevocationReason::KeyCompromise => "its key is compromised",
            RevocationReason::CaCompromise => "its authority's key is compromised",
            RevocationReason::AffiliationChanged => "its owner's affiliation changed",
            RevocationReason::Superseded => "it was replaced by another",
            RevocationReason::CessationOfOperation => "its owner gave up the service",
            RevocationReason::CertificateHold => "it was put on hold",
            RevocationReason::PrivilegeWithdrawn => "its privileges were withdrawn",
            RevocationReason::AaCompromise => "its attribute authority's key is compromised",
        })
    }
}
