use std::io;
use std::sync::Arc;

use mainstay_model::{Failure, FailureKind, Phase};
use rustls::{CertificateError, ClientConfig, Error};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::ClientKey;
use crate::errors;
use crate::recorder::Recorder;
use crate::verifier::{Verifier, client_config};

/// One recording handshake. Make a new one for every connection: it keeps what that connection showed.
///
/// It accepts every certificate, unless it is [`Handshake::showing`] one of ours, so the driver must judge [`Handshake::chain`] before it sends another byte.
pub struct Handshake {
    /// For `tokio_rustls::TlsConnector::from` or `rustls::ClientConnection::new`.
    pub config: Arc<ClientConfig>,
    /// The name to ask for and to verify.
    pub name: ServerName<'static>,
    recorder: Arc<Recorder>,
}

/// A text that is neither a host name nor an IP address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is neither a host name nor an IP address, so no certificate can be verified for it")]
pub struct ServerNameError {
    /// The text.
    pub name: String,
}

/// Reads a host name (a final dot is dropped) or an IP address (with brackets or without).
pub fn parse_server_name(name: &str) -> Result<ServerName<'static>, ServerNameError> {
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare.to_owned()).map_err(|_| ServerNameError { name: name.to_owned() })
}

impl Handshake {
    /// Prepares a handshake. `alpn` names application protocols in order of preference, and may be empty.
    pub fn new(name: ServerName<'static>, alpn: &[&[u8]]) -> Handshake {
        Handshake::of(name, alpn, Recorder::default(), |_: &[CertificateDer<'_>]| true)
    }

    /// The same with a certificate of ours to show. It is for a server that `verifies` says yes to: with any other the handshake is
    /// cut short here, and its chain is known all the same.
    pub fn showing(
        name: ServerName<'static>,
        alpn: &[&[u8]],
        key: &ClientKey,
        verifies: impl Fn(&[CertificateDer<'_>]) -> bool + Send + Sync + 'static,
    ) -> Handshake {
        Handshake::of(name, alpn, Recorder::with_identity(Some(key.certified())), verifies)
    }

    fn of(
        name: ServerName<'static>,
        alpn: &[&[u8]],
        recorder: Recorder,
        goes_on: impl Fn(&[CertificateDer<'_>]) -> bool + Send + Sync + 'static,
    ) -> Handshake {
        let recorder = Arc::new(recorder);
        let keeper = recorder.clone();
        let keep = move |chain: &[CertificateDer<'_>], _: &ServerName<'_>, _: UnixTime| {
            keeper.keep(chain);
            match goes_on(chain) {
                true => Ok(()),
                false => {
                    keeper.cut_short();
                    Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
                }
            }
        };
        let mut config = client_config(Arc::new(Verifier(keep)));
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        config.client_auth_cert_resolver = recorder.clone();
        Handshake { config: Arc::new(config), name, recorder }
    }

    /// Whether it ended because of what the chain is, by [`Handshake::showing`].
    pub fn was_cut_short(&self) -> bool {
        self.recorder.was_cut_short()
    }

    /// The chain as sent, once the server has sent it; also when the handshake failed afterwards.
    pub fn chain(&self) -> Option<Arc<[CertificateDer<'static>]>> {
        self.recorder.chain()
    }

    /// Whether the server asked for a certificate of ours.
    pub fn client_certificate_requested(&self) -> bool {
        self.recorder.client_certificate_requested()
    }

    /// What an error of the handshake means, or one of reading and writing soon after it: with TLS 1.3 a server refuses
    /// a client without a certificate only then. `phase` is where the error came up.
    ///
    /// When a chain was recorded too, its judgement usually explains more than this and goes first.
    pub fn failure(&self, error: &io::Error, phase: Phase) -> Failure {
        let failure = errors::failure(error, phase, self.client_certificate_requested());
        match failure.kind {
            FailureKind::ClientCertificateRequired if self.recorder.has_identity() => {
                let message = "the server asks its clients for a certificate, and refused the connection with the one that it was \
                               shown (`tls.client_certificate`)";
                Failure { message: message.to_owned(), ..failure }
            }
            _ => failure,
        }
    }
}
