use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// More certificates than this are refused. Real chains have two to five.
pub const MAX_CHAIN_CERTIFICATES: usize = 20;
/// Chains of more bytes than this are refused; rustls has the same bound for the message that holds them.
pub const MAX_CHAIN_BYTES: usize = 64 * 1024;

pub(crate) type Chain = Arc<[CertificateDer<'static>]>;

/// Keeps what the server shows in one handshake, and accepts every chain.
///
/// The signature over the handshake is verified as ever: a handshake that ends proves that the server holds the key of
/// the certificate that was kept.
#[derive(Debug)]
pub(crate) struct Recorder {
    chain: OnceLock<Chain>,
    client_certificate_requested: AtomicBool,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Why a chain was not even looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChainRefused {
    #[error("the server sent {0} certificates, more than the {MAX_CHAIN_CERTIFICATES} that a chain may have")]
    TooMany(usize),
    #[error("the server sent a chain of {0} bytes, more than the {MAX_CHAIN_BYTES} that it may have")]
    TooLarge(usize),
}

impl Recorder {
    pub(crate) fn new(algorithms: WebPkiSupportedAlgorithms) -> Recorder {
        Recorder { chain: OnceLock::new(), client_certificate_requested: AtomicBool::new(false), algorithms }
    }

    pub(crate) fn chain(&self) -> Option<Chain> {
        self.chain.get().cloned()
    }

    pub(crate) fn client_certificate_requested(&self) -> bool {
        self.client_certificate_requested.load(Ordering::Relaxed)
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let sent = || std::iter::once(end_entity).chain(intermediates);
        check_bounds(1 + intermediates.len(), sent().map(|one| one.len()).sum()).map_err(refusal)?;
        let _first = self.chain.set(sent().map(|one| one.clone().into_owned()).collect());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// We have no certificate to show, but want to know that one was asked for: it explains what the server does next.
impl ResolvesClientCert for Recorder {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.client_certificate_requested.store(true, Ordering::Relaxed);
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

fn check_bounds(certificates: usize, bytes: usize) -> Result<(), ChainRefused> {
    if certificates > MAX_CHAIN_CERTIFICATES {
        return Err(ChainRefused::TooMany(certificates));
    }
    if bytes > MAX_CHAIN_BYTES {
        return Err(ChainRefused::TooLarge(bytes));
    }
    Ok(())
}

fn refusal(reason: ChainRefused) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(reason))))
}
