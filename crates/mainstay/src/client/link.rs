use std::io;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mainstay_model::{FailureKind, Phase};
use mainstay_tls::{Handshake, Judge, Roots, parse_server_name};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Url;

use super::Server;

/// No answer of the API is larger.
const LARGEST: usize = 64 << 20;

/// Connects, asks, and gives back status and text of the answer.
///
/// # Errors
/// That nobody is there, is not whom the address names, or breaks off; with what to do about it.
pub(super) async fn exchange(
    server: &Server,
    request: Request<Body>,
) -> anyhow::Result<(StatusCode, Vec<u8>)> {
    match server {
        Server::Here { socket, .. } => {
            let stream = UnixStream::connect(socket).await.map_err(|error| nobody_here(socket, &error))?;
            ask(stream, request).await
        }
        Server::There { url, roots, .. } => {
            let stream = connect(url).await.map_err(|error| nobody_there(url, &error))?;
            match url.scheme() {
                "https" => ask(encrypted(url, roots.as_ref(), stream).await?, request).await,
                _ => ask(stream, request).await,
            }
        }
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Body>,
) -> anyhow::Result<(StatusCode, Vec<u8>)> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await.context("the server cut the connection")?;
    let status = answer.status();
    let text =
        to_bytes(Body::new(answer.into_body()), LARGEST).await.context("the answer ended too early")?;
    connection.abort();
    Ok((status, text.to_vec()))
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

#[expect(clippy::disallowed_methods, reason = "this is no check, but a command that talks to its server")]
async fn connect(url: &Url) -> io::Result<TcpStream> {
    TcpStream::connect((host(url), url.port_or_known_default().unwrap_or(443))).await
}

/// As a check does it: the handshake records whatever comes, and nothing is sent before the chain is found to be in order. So it is
/// said in the same words what is wrong with it.
async fn encrypted(
    url: &Url,
    roots: Option<&Roots>,
    stream: TcpStream,
) -> anyhow::Result<TlsStream<TcpStream>> {
    let handshake = Handshake::new(parse_server_name(host(url))?, &[]);
    let connector = TlsConnector::from(handshake.config.clone());
    let stream = connector.connect(handshake.name.clone(), stream).await.map_err(|error| {
        let failure = handshake.failure(&error, Phase::Tls);
        anyhow!("{url} cannot be spoken to by TLS: {}", failure.message)
    })?;
    let judge = Judge::new(roots.cloned().unwrap_or_else(Roots::system));
    let chain = handshake.chain().unwrap_or_default();
    let judgement = judge.judge(&chain, &handshake.name, crate::clock::now());
    match judgement.failures.first() {
        None if judgement.verified => Ok(stream),
        None => bail!("{url} cannot be trusted, so nothing was sent"),
        Some(failure) => {
            let advice = match failure.kind {
                FailureKind::CertificateUntrusted => ". If that is your own CA, name its file with --ca-file",
                _ => "",
            };
            bail!("{url} cannot be trusted, so nothing was sent: {}{advice}", failure.message)
        }
    }
}

fn nobody_here(socket: &Path, error: &io::Error) -> anyhow::Error {
    let shown = socket.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => anyhow!(
            "no Mainstay runs with this configuration: nothing answers at {shown}. Start one with `mainstay serve`, name another \
             configuration with --config, or a server elsewhere with --server"
        ),
        io::ErrorKind::PermissionDenied => {
            anyhow!(
                "{shown} belongs to another user. Run this as the user that Mainstay runs as, or name the address of its operator's \
                 pages with --server"
            )
        }
        _ => anyhow!("{shown} cannot be reached: {error}"),
    }
}

fn nobody_there(url: &Url, error: &io::Error) -> anyhow::Error {
    anyhow!(
        "no Mainstay answers at {url}: {error}. Is the address that of the operator's pages, and can it be reached from here?"
    )
}
