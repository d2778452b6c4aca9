mod refusal;
mod waived;

pub use refusal::{Denied, NotWaived};

use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::{DependencyName, PolicyWaiver, WaiverId};
use rustls_pki_types::{CertificateDer, ServerName};

use crate::judge::refused;
use crate::{Judge, Revocations};

/// What connections to one dependency are admitted by, beside full verification. Make it anew when the policy changes.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Which dependency is connected to.
    pub dependency: DependencyName,
    /// The waiver that was granted for it, if any; whether it is in force is judged at each connection.
    pub waiver: Option<PolicyWaiver>,
    /// Certificates that were ever seen revoked.
    pub revocations: Arc<Revocations>,
}

/// Why a connection may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// Full verification succeeded.
    Verified,
    /// The server's certificate is expired, nothing else is wrong, and this waiver is for it.
    Waived(WaiverId),
}

impl Judge {
    /// Whether a connection to a server that shows this chain may go on.
    ///
    /// It may **if and only if** full verification succeeds, **or** a waiver for this dependency and name is in force, **and** the
    /// server's certificate and its key are the pinned ones, **and** that certificate is past its end, **and** the chain verifies
    /// at that end with the same roots, name, purpose and algorithms, **and** every other certificate of that very path is valid
    /// now, **and** none of it was ever seen revoked, neither here nor with full verification.
    ///
    /// That the server holds the key is proved by the handshake, which has to end as well.
    pub fn admit(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        terms: &Terms,
        now: Timestamp,
    ) -> Result<Admitted, Denied> {
        let read = self.read(chain);
        let case = self.case(chain, &read, name, &terms.revocations, now);
        if self.verified(&case, &read).is_some() {
            return Ok(Admitted::Verified);
        }
        let denied = |not_waived| Denied { judgement: refused(&case), not_waived };
        let waiver = terms.waiver.as_ref().ok_or_else(|| denied(None))?;
        waived::addressed(waiver, &terms.dependency, name, now)
            .and_then(|()| waived::holds(&case, name, waiver))
            .map(|()| Admitted::Waived(waiver.id))
            .map_err(|reason| denied(Some(reason)))
    }
}
