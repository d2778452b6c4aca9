use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::inherited::Inherited;

/// Connections to one listener at once. The checks need file handles too.
const CONNECTIONS: usize = 1024;

/// How long a client may take to say what it wants, the pause between two requests included.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes the address, or says which key of the configuration to change.
pub(super) async fn bind(
    address: SocketAddr,
    key: &str,
    inherited: &Inherited,
) -> anyhow::Result<TcpListener> {
    if let Some(socket) = inherited.tcp(address) {
        return Ok(TcpListener::from_std(socket)?);
    }
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}: is another program using that port? Choose another address in {key}"
        )
    })
}

/// Where connections come from.
pub(super) trait Source: Send + Sync + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next one.
    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Source for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.accept().await?;
        // Answers are written at once; where that cannot be asked for they only come a little later.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

impl Source for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<UnixStream> {
        Ok(self.accept().await?.0)
    }
}

/// Answers until told to stop, then lets what was asked be answered.
pub(super) async fn listen(listener: impl Source, router: Router, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let open = GracefulShutdown::new();
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            stream = accept(&listener) => stream,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = open.watch(server.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // A client that goes away, or speaks something else, is no trouble of ours.
            let _ = connection.await;
            drop(place);
        });
    }
    // Pages that stay open to hear of changes would hold up the end; the service does not wait for them for ever.
    open.shutdown().await;
}

async fn accept<S: Source>(listener: &S) -> S::Stream {
    loop {
        match listener.next().await {
            Ok(stream) => return stream,
            Err(error) => {
                // No file handles are left, most likely; others will be closed.
                warn!("a connection cannot be accepted: {error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}
