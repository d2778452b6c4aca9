use std::fmt;
use std::sync::{Arc, LazyLock};

use mainstay_model::FailureKind;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::provider::{self, signature_algorithms};

/// More certificates than this are refused. Real chains have two to five.
pub const MAX_CHAIN_CERTIFICATES: usize = 20;
/// Chains of more bytes than this are refused; rustls has the same bound for the message that holds them.
pub const MAX_CHAIN_BYTES: usize = 64 * 1024;

/// The one verifier of all our clients: the given function decides about the chain, and the signature over the handshake is
/// verified as ever.
///
/// The function gets the chain as sent, the server's own certificate first, the name that was asked for, and rustls's time. A
/// handshake that ends proves that it said yes, and that the server holds the key of the first certificate.
pub struct Verifier<D>(pub D);

/// A client that goes by this verifier and by nothing else, shows no certificate, and makes a full handshake every time.
///
/// A resumed session shows no certificate and skips the verifier, so there is none, ever. It costs next to nothing: everything
/// that does not depend on the verifier is shared.
pub fn client_config(verifier: Arc<dyn ServerCertVerifier>) -> ClientConfig {
    let mut config = BASE.clone();
    config.dangerous().set_certificate_verifier(verifier);
    config
}

/// Why a handshake ended because of the chain, as it travels through rustls.
///
/// rustls shows what it does not know by its `Debug`, and people read that: so it is the sentence alone.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
    }
}

impl<D> ServerCertVerifier for Verifier<D>
where
    D: Fn(&[CertificateDer<'_>], &ServerName<'_>, UnixTime) -> Result<(), Error> + Send + Sync,
{
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let sent = || std::iter::once(end_entity).chain(intermediates);
        check_bounds(1 + intermediates.len(), sent().map(|one| one.len()).sum())?;
        let chain: Vec<CertificateDer<'_>> = sent().map(|one| CertificateDer::from(one.as_ref())).collect();
        (self.0)(&chain, server_name, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &signature_algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &signature_algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        signature_algorithms().supported_schemes()
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl<D> fmt::Debug for Verifier<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

fn check_bounds(certificates: usize, bytes: usize) -> Result<(), Refusal> {
    let message = if certificates > MAX_CHAIN_CERTIFICATES {
        format!(
            "the server sent {certificates} certificates, more than the {MAX_CHAIN_CERTIFICATES} that a chain may have"
        )
    } else if bytes > MAX_CHAIN_BYTES {
        format!("the server sent a chain of {bytes} bytes, more than the {MAX_CHAIN_BYTES} that it may have")
    } else {
        return Ok(());
    };
    Err(Refusal { kind: FailureKind::CertificateInvalid, message })
}

/// Everything that clients share: the provider, its suites and groups, and no resumption. By itself it lets nobody in.
static BASE: LazyLock<ClientConfig> = LazyLock::new(|| {
    let nobody = |_: &[CertificateDer<'_>], _: &ServerName<'_>, _: UnixTime| {
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    };
    let mut config = provider::client()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier(nobody)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config
});
