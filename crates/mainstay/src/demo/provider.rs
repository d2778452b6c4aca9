//! The pretend provider: real TLS on loopback, and PostgreSQL and MySQL as far as a log-in and a query go.

mod mysql;
mod postgres;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::authority::Issued;

/// The password of every account here.
const PASSWORD: &str = "demo";

/// A client that says nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(10);

/// A provider with one certificate for everything it runs.
pub(super) struct Provider {
    certificate: Certificate,
    ports: Ports,
}

/// Where it listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) mysql: u16,
    pub(super) postgres: u16,
    pub(super) tls: u16,
}

/// The certificate that the next connection gets.
#[derive(Clone)]
struct Certificate(Arc<RwLock<Arc<rustls::ServerConfig>>>);

impl Provider {
    pub(super) async fn start(issued: Issued) -> anyhow::Result<Provider> {
        let certificate = Certificate(Arc::new(RwLock::new(issued.server_config()?)));
        let ports = Ports {
            mysql: listen(&certificate, mysql::serve).await?,
            postgres: listen(&certificate, postgres::serve).await?,
            tls: listen(&certificate, only_tls).await?,
        };
        Ok(Provider { certificate, ports })
    }

    pub(super) fn ports(&self) -> Ports {
        self.ports
    }

    /// From now on, new connections get this certificate.
    pub(super) fn present(&self, issued: Issued) -> anyhow::Result<()> {
        let config = issued.server_config()?;
        *self.certificate.0.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }
}

impl Certificate {
    async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        TlsAcceptor::from(config).accept(stream).await
    }
}

async fn listen<F>(
    certificate: &Certificate,
    serve: impl Fn(TcpStream, Certificate) -> F + Send + 'static,
) -> io::Result<u16>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let port = listener.local_addr()?.port();
    let certificate = certificate.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Answers are short, and a delayed one would look like a slow server.
            let _ = stream.set_nodelay(true);
            // A client that breaks off, as it does when the certificate is bad, is no news here.
            tokio::spawn(tokio::time::timeout(PATIENCE, serve(stream, certificate.clone())));
        }
    });
    Ok(port)
}

async fn only_tls(stream: TcpStream, certificate: Certificate) -> io::Result<()> {
    let mut stream = certificate.accept(stream).await?;
    tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(|_| ())
}

fn refused(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
