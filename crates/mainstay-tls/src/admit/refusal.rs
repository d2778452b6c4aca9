use std::fmt;

use jiff::Timestamp;
use mainstay_model::{DependencyName, FailureKind};
use webpki::Error;

use crate::verifier::Refusal;
use crate::{Judgement, words};

/// Why a connection may not go on, with everything that is known of the chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Denied {
    /// What is wrong, as of now. There is always a failure.
    pub judgement: Judgement,
    /// Why a waiver does not help; `None` when there is none.
    pub not_waived: Option<NotWaived>,
}

/// Why a waiver does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotWaived {
    /// It is for another dependency.
    #[error("the waiver is for the dependency {0}, not for this one")]
    OtherDependency(DependencyName),
    /// It is for another server name.
    #[error("the waiver is for the server name {0:?}, which is not the one that was asked for")]
    OtherName(String),
    /// It is not in force yet.
    #[error("the waiver begins only at {}", words::moment(*.0))]
    NotBegun(Timestamp),
    /// It is no longer in force.
    #[error("the waiver ended at {}", words::moment(*.0))]
    Over(Timestamp),
    /// The server has another key than the pinned one.
    #[error("the server's certificate has another key than the one that was waived")]
    OtherKey,
    /// The server shows another certificate for the pinned key.
    #[error("the server shows another certificate than the one that was waived, although with the same key")]
    OtherCertificate,
    /// What the waiver says of the certificate's end is not so.
    #[error(
        "the waiver is for a certificate that ended at {}, and the server's ended at {}",
        words::moment(*.waived),
        words::moment(*.real)
    )]
    OtherEnd {
        /// As the waiver has it.
        waived: Timestamp,
        /// As the certificate has it.
        real: Timestamp,
    },
    /// The certificate begins after it ends.
    #[error(
        "the server's certificate begins after it ends, so it was never valid, and only expiry is waived"
    )]
    NeverValid,
    /// The certificate is not past its end.
    #[error("the server's certificate is not expired, and only expiry is waived")]
    NotExpired,
    /// The certificate is for other names.
    #[error("the server's certificate is not for the name that was asked for, and only expiry is waived")]
    WrongName,
    /// The chain did not lead to a trusted root at the certificate's end.
    #[error(
        "the chain led to no trusted root when the server's certificate expired, and only expiry is waived"
    )]
    Untrusted,
    /// A signature of the chain is wrong.
    #[error("a signature of the chain does not hold, and only expiry is waived")]
    Forged,
    /// The certificate is not for servers.
    #[error("the server's certificate may not be used by servers, and only expiry is waived")]
    WrongPurpose,
    /// The chain is signed with an algorithm that is refused.
    #[error(
        "a certificate of the chain is signed with an algorithm that clients refuse, and only expiry is waived"
    )]
    WeakSignature,
    /// A key of the chain is too small.
    #[error("the key of {0} is too small, and only expiry is waived")]
    WeakKey(String),
    /// Another certificate was not valid when the server's ended.
    #[error("the chain was not valid as a whole when the server's certificate expired")]
    NotValidTogether,
    /// Another certificate of the chain is not valid now.
    #[error(
        "another certificate of the chain, {0}, is out of date as well, and only the server's own is waived"
    )]
    OtherOutOfDate(String),
    /// A certificate of the chain is known to be revoked.
    #[error("{0} is revoked, and only expiry is waived")]
    Revoked(String),
    /// A certificate of the chain cannot be read.
    #[error("a certificate of the chain cannot be read, and only expiry is waived")]
    Unreadable,
    /// Another rule is broken.
    #[error(
        "the chain did not verify when the server's certificate expired either ({0}), and only expiry is waived"
    )]
    Broken(String),
}

impl NotWaived {
    /// What stood in the way of full verification as of the certificate's end.
    pub(super) fn of(error: Error) -> NotWaived {
        match error {
            Error::UnknownIssuer => NotWaived::Untrusted,
            Error::InvalidSignatureForPublicKey => NotWaived::Forged,
            Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => NotWaived::WrongPurpose,
            Error::UnsupportedSignatureAlgorithmContext(_)
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => NotWaived::WeakSignature,
            Error::CertExpired { .. } | Error::CertNotValidYet { .. } => NotWaived::NotValidTogether,
            other => NotWaived::Broken(other.to_string()),
        }
    }
}

impl std::error::Error for Denied {}

/// The error with which a handshake ends because of this.
impl From<&Denied> for rustls::Error {
    fn from(denied: &Denied) -> rustls::Error {
        let kind =
            denied.judgement.failures.first().map_or(FailureKind::CertificateInvalid, |first| first.kind);
        Refusal { kind, message: denied.to_string() }.into()
    }
}

/// In one line, the failure to act on first and why no waiver helps.
impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = self.judgement.failures.first();
        f.write_str(
            failure.map_or("the server's certificate could not be verified", |first| &first.message),
        )?;
        match &self.not_waived {
            Some(reason) => write!(f, "; {reason}"),
            None => Ok(()),
        }
    }
}
