use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::DependencyName;
use mainstay_tls::{Admitted, CertificateDer, Judge, Roots, ServerName, Verifier};
use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::UnixTime;

use crate::Policies;

/// A client that connects to one dependency, verifies as [`verifier`] does, and shows no certificate.
///
/// It never resumes a session, because a resumed one skips the verifier: an ended waiver would go on. Keep that so. ALPN and a
/// client certificate can be set in it.
pub fn client_config(roots: Roots, dependency: DependencyName, policies: Arc<Policies>) -> ClientConfig {
    mainstay_tls::client_config(verifier(roots, dependency, policies))
}

/// Verifies the servers of one dependency: fully, against these roots, or by the waiver that the policy in use has for it.
///
/// A connection by a waiver is logged as a warning with the waiver's identifier. It is not closed when the waiver ends: bound how
/// long connections live, as most pools can.
///
/// **In a configuration of your own, set `resumption` to `Resumption::disabled()`**, as [`client_config`] does.
pub fn verifier(
    roots: Roots,
    dependency: DependencyName,
    policies: Arc<Policies>,
) -> Arc<dyn ServerCertVerifier> {
    let judge = Judge::new(roots);
    let decide = move |chain: &[CertificateDer<'_>], name: &ServerName<'_>, time: UnixTime| {
        let now = end_of(time);
        match judge.admit(chain, name, &policies.terms(&dependency, now), now) {
            Ok(Admitted::Verified) => Ok(()),
            Ok(Admitted::Waived(waiver)) => {
                tracing::warn!(%dependency, %waiver, "connected although the server's certificate is expired, by a waiver");
                Ok(())
            }
            Err(denied) => Err((&denied).into()),
        }
    };
    Arc::new(Verifier(decide))
}

/// rustls tells whole seconds. The last moment of the second is taken, so that no waiver lasts a part of it too long; certificates
/// end with whole seconds, and are not touched by that.
fn end_of(second: UnixTime) -> Timestamp {
    let begin = i64::try_from(second.as_secs()).ok().and_then(|second| Timestamp::from_second(second).ok());
    let almost_one = SignedDuration::from_nanos(999_999_999);
    begin.and_then(|begin| begin.checked_add(almost_one).ok()).unwrap_or(Timestamp::MAX)
}
