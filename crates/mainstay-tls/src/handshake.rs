use std::io;
use std::sync::Arc;

use mainstay_model::{Failure, Phase};
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};

/// One recording handshake: make a new one for every connection.
///
/// It accepts every certificate and keeps what it saw. The driver must judge [`Handshake::chain`] before it sends another byte.
pub struct Handshake {
    /// For `tokio_rustls::TlsConnector::from` or `rustls::ClientConnection::new`.
    pub config: Arc<ClientConfig>,
    /// The name to ask for and to verify.
    pub name: ServerName<'static>,
}

/// A text that is neither a host name nor an IP address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is neither a host name nor an IP address, so no certificate can be verified for it")]
pub struct ServerNameError {
    /// The text.
    pub name: String,
}

/// Reads a host name (a final dot is dropped) or an IP address.
pub fn parse_server_name(_name: &str) -> Result<ServerName<'static>, ServerNameError> {
    unimplemented!()
}

impl Handshake {
    /// Prepares a handshake. `alpn` may be empty.
    pub fn new(_name: ServerName<'static>, _alpn: &[&[u8]]) -> Handshake {
        unimplemented!()
    }

    /// The chain as sent, once the server has sent it; also after the handshake failed.
    pub fn chain(&self) -> Option<Arc<[CertificateDer<'static>]>> {
        unimplemented!()
    }

    /// Whether the server asked for a certificate of the client's.
    pub fn client_certificate_requested(&self) -> bool {
        unimplemented!()
    }

    /// What an error of the handshake, or of reading and writing after it, means. `phase` is where it happened.
    pub fn failure(&self, _error: &io::Error, _phase: Phase) -> Failure {
        unimplemented!()
    }
}
