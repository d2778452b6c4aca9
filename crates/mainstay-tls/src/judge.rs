use jiff::Timestamp;
use mainstay_model::{Certificate, Failure, Finding};
use rustls_pki_types::{CertificateDer, ServerName};

use crate::Roots;

/// Judges chains against one set of roots and remembers chains that it has verified. Cheap to clone; keep one per set of roots.
#[derive(Clone)]
pub struct Judge {
    roots: Roots,
}

/// Everything there is to say about a chain.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// Whether full verification succeeded: dates, trust, signatures, purpose and name.
    pub verified: bool,
    /// What is wrong, the one to act on first at the beginning. Empty exactly when `verified`.
    pub failures: Vec<Failure>,
    /// The chain as sent, then the trust anchor when it is known and was not sent.
    pub certificates: Vec<Certificate>,
    /// What needs attention without being a failure.
    pub findings: Vec<Finding>,
}

impl Judge {
    /// A judge with an empty memory.
    pub fn new(roots: Roots) -> Judge {
        Judge { roots }
    }

    /// The roots it judges against.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Judges a chain as sent, the server's own certificate first.
    pub fn judge(&self, _chain: &[CertificateDer<'_>], _name: &ServerName<'_>, _now: Timestamp) -> Judgement {
        unimplemented!()
    }
}

/// Judges the certificates of a PEM file; private keys in it are ignored. Without roots, trust is not judged; without a name, names are not.
pub fn judge_file(
    _pem: &[u8],
    _roots: Option<&Roots>,
    _name: Option<&ServerName<'_>>,
    _now: Timestamp,
) -> Judgement {
    unimplemented!()
}
