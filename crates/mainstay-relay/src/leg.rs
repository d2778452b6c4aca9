use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use mainstay_tls::{SmallFileError, read_small_file};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::Spoken;
use crate::streams::streams;

/// The side of the application.
pub(crate) enum Leg {
    /// Without TLS.
    Plain(Raw),
    /// With TLS of the relay's own.
    Tls(Box<TlsStream<Begun>>),
}

/// A socket of an application.
pub(crate) enum Raw {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A socket of which some bytes were read already.
pub(crate) struct Begun {
    read: BytesMut,
    raw: Raw,
}

/// Why a relay has no certificate for applications. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LegError {
    /// A file gives no bytes.
    #[error("{path}: {reason}")]
    Unfit {
        /// The file.
        path: String,
        /// What is wrong.
        reason: SmallFileError,
    },
    /// A file has not what it should have.
    #[error("{path} has no {what}; it needs a block -----BEGIN {label}-----")]
    Missing {
        /// The file.
        path: String,
        /// What is missing.
        what: &'static str,
        /// How such a block begins.
        label: &'static str,
    },
    /// Certificate and key do not fit together, or are of no known kind.
    #[error("{certificate} and {key} cannot be used together: {reason}")]
    Unusable {
        /// The file of the certificate.
        certificate: String,
        /// The file of the key.
        key: String,
        /// What the library says.
        reason: rustls::Error,
    },
}

/// Takes up TLS with applications by a certificate of these PEM files. Both are read anew only when the relay is set up anew.
pub fn acceptor_of_files(certificate: &Path, key: &Path, spoken: Spoken) -> Result<TlsAcceptor, LegError> {
    let shown = |path: &Path| path.display().to_string();
    let read =
        |path: &Path| read_small_file(path).map_err(|reason| LegError::Unfit { path: shown(path), reason });
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(certificate)?).filter_map(Result::ok).collect();
    if chain.is_empty() {
        return Err(LegError::Missing {
            path: shown(certificate),
            what: "certificate",
            label: "CERTIFICATE",
        });
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| LegError::Missing {
        path: shown(key),
        what: "private key",
        label: "PRIVATE KEY",
    })?;
    acceptor(chain, private, spoken).map_err(|reason| LegError::Unusable {
        certificate: shown(certificate),
        key: shown(key),
        reason,
    })
}

/// Takes up TLS with applications by this certificate.
pub(crate) fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    spoken: Spoken,
) -> Result<TlsAcceptor, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = spoken.local_alpn();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

impl Leg {
    /// Takes up TLS, whose first bytes may have been read already.
    pub(crate) async fn secured(self, acceptor: &TlsAcceptor, read: BytesMut) -> io::Result<Leg> {
        match self {
            Leg::Plain(raw) => Ok(Leg::Tls(Box::new(acceptor.accept(Begun { read, raw }).await?))),
            Leg::Tls(_) => Err(io::Error::other("TLS inside of TLS")),
        }
    }

    /// Cuts the connection so that the application sees a fault and no regular end.
    pub(crate) fn reset(self) {
        let raw = match &self {
            Leg::Plain(raw) => raw,
            Leg::Tls(stream) => &stream.get_ref().0.raw,
        };
        if let Raw::Tcp(socket) = raw {
            // Where the option is not to be had, the connection ends by being dropped.
            let _ = socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO));
        }
    }
}

streams!(Raw: Raw::Tcp, Raw::Unix);
streams!(Leg: Leg::Plain, Leg::Tls);

impl AsyncRead for Begun {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let begun = self.get_mut();
        if begun.read.is_empty() {
            return Pin::new(&mut begun.raw).poll_read(cx, buffer);
        }
        let ready = begun.read.len().min(buffer.remaining());
        buffer.put_slice(&begun.read.split_to(ready));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().raw).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().raw).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().raw).poll_shutdown(cx)
    }
}
