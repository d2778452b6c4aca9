use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;

pub(crate) type Chain = Arc<[CertificateDer<'static>]>;

/// Keeps what the server shows and asks for in one handshake, and shows it our certificate when we have one.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    chain: OnceLock<Chain>,
    client_certificate_requested: AtomicBool,
    identity: Option<Arc<CertifiedKey>>,
    cut_short: AtomicBool,
}

impl Recorder {
    pub(crate) fn with_identity(identity: Option<Arc<CertifiedKey>>) -> Recorder {
        Recorder { identity, ..Recorder::default() }
    }

    pub(crate) fn has_identity(&self) -> bool {
        self.identity.is_some()
    }

    pub(crate) fn cut_short(&self) {
        self.cut_short.store(true, Ordering::Relaxed);
    }

    pub(crate) fn was_cut_short(&self) -> bool {
        self.cut_short.load(Ordering::Relaxed)
    }

    pub(crate) fn keep(&self, chain: &[CertificateDer<'_>]) {
        let _first = self.chain.set(chain.iter().map(|one| one.clone().into_owned()).collect());
    }

    pub(crate) fn chain(&self) -> Option<Chain> {
        self.chain.get().cloned()
    }

    pub(crate) fn client_certificate_requested(&self) -> bool {
        self.client_certificate_requested.load(Ordering::Relaxed)
    }
}

/// Even without a certificate to show we want to know that one was asked for: it explains what the server does next.
impl ResolvesClientCert for Recorder {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.client_certificate_requested.store(true, Ordering::Relaxed);
        self.identity.clone()
    }

    fn has_certs(&self) -> bool {
        self.has_identity()
    }
}
