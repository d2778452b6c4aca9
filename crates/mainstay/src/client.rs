//! How a command reaches a running server: by the socket in its data directory, or by an address.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use clap::Args;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use mainstay_model::Secret;
use rustls_pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use url::Url;

use crate::config::{self, Problems};

/// Longer than the server itself waits for what it writes down.
const PATIENCE: Duration = Duration::from_secs(20);

/// No answer of the API is larger.
const LARGEST: usize = 64 << 20;

/// The socket of the server that keeps its things there.
pub(crate) fn socket_in(data_dir: &Path) -> PathBuf {
    data_dir.join("mainstay.sock")
}

/// Which server a command speaks to, and in whose name.
#[derive(Debug, Args)]
pub(crate) struct Reach {
    /// The address of the operator's pages of a server elsewhere.
    #[arg(long, global = true, value_name = "URL", value_parser = address)]
    server: Option<Url>,
    /// What proves to that server who asks.
    #[arg(long, global = true, value_name = "TOKEN", env = "MAINSTAY_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// In whose name it is done. [default: the user who calls this]
    #[arg(long, global = true, value_name = "NAME")]
    by: Option<String>,
}

impl Reach {
    /// The server: the one that is named, or the one of the configuration.
    ///
    /// # Errors
    /// What is wrong with the configuration, so that it does not say where the server's socket is.
    pub(crate) fn server(self, config: &Path) -> Result<Server, Problems> {
        match self.server {
            Some(url) => Ok(Server::There { url, token: self.token.map(Secret::new) }),
            None => config::data_dir(config, &config::environment)
                .map(|folder| Server::Here { socket: socket_in(&folder), by: self.by.or_else(caller) }),
        }
    }
}

/// The user who calls this, even where they became another to be allowed to.
fn caller() -> Option<String> {
    ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(config::environment).filter(|name| !name.is_empty())
}

/// A running server, seen from a command.
#[derive(Debug)]
pub(crate) enum Server {
    /// On this machine, by the socket of its data directory.
    Here {
        /// The socket.
        socket: PathBuf,
        /// In whose name something is done.
        by: Option<String>,
    },
    /// Anywhere, by its address.
    There {
        /// The operator's pages, `http` or `https`.
        url: Url,
        /// What proves who asks.
        token: Option<Secret>,
    },
}

impl Server {
    /// Asks the API, whose paths begin with `/api/v1`, and gives back what it answers.
    ///
    /// # Errors
    /// That no server answers, with what to do about it; or the sentence with which it refuses.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let asking = self.send(method, path, body);
        let (status, text) = tokio::time::timeout(PATIENCE, asking)
            .await
            .map_err(|_| anyhow!("{} does not answer in time; its log says more", self.shown()))??;
        let answer: Value = serde_json::from_slice(&text).map_err(|_| {
            anyhow!(
                "{} answers {status} and no JSON: it is no Mainstay, or one of another version",
                self.shown()
            )
        })?;
        if status.is_success() { Ok(answer) } else { Err(refusal(status, &answer)) }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let request = self.request(method, path, body)?;
        match self {
            Server::Here { socket, .. } => {
                let stream =
                    UnixStream::connect(socket).await.map_err(|error| nobody_here(socket, &error))?;
                exchange(stream, request).await
            }
            Server::There { url, .. } => {
                let stream = connect(url).await.map_err(|error| nobody_there(url, &error))?;
                match url.scheme() {
                    "https" => exchange(encrypted(url, stream).await?, request).await,
                    _ => exchange(stream, request).await,
                }
            }
        }
    }

    fn request(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Request<Body>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.prefix()));
        request = match self {
            Server::Here { by, .. } => {
                let request = request.header(header::HOST, "localhost");
                match by {
                    // Names have letters that ASCII has not; the server reads them as UTF-8.
                    Some(by) => request.header("mainstay-by", HeaderValue::from_bytes(by.as_bytes())?),
                    None => request,
                }
            }
            Server::There { url, token } => {
                let request =
                    request.header(header::HOST, &url[url::Position::BeforeHost..url::Position::AfterPort]);
                match token {
                    Some(token) => {
                        request.header(header::AUTHORIZATION, format!("Bearer {}", token.expose()))
                    }
                    None => request,
                }
            }
        };
        let content = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        request.body(content).context("the request cannot be written; is the name or the token odd?")
    }

    /// What stands before the paths of the API.
    fn prefix(&self) -> &str {
        match self {
            Server::Here { .. } => "",
            Server::There { url, .. } => url.path().trim_end_matches('/'),
        }
    }

    fn shown(&self) -> String {
        match self {
            Server::Here { socket, .. } => socket.display().to_string(),
            Server::There { url, .. } => url.to_string(),
        }
    }
}

async fn exchange(
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

#[expect(clippy::disallowed_methods, reason = "this is no check, but a command that talks to its server")]
async fn connect(url: &Url) -> io::Result<TcpStream> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    TcpStream::connect((host, url.port_or_known_default().unwrap_or(443))).await
}

async fn encrypted(
    url: &Url,
    stream: TcpStream,
) -> anyhow::Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).context("the host of --server is no name")?;
    let connector = TlsConnector::from(Arc::new(mainstay_tls::Roots::system().client_config()));
    connector.connect(name, stream).await.with_context(|| format!("{url} cannot be trusted"))
}

fn nobody_here(socket: &Path, error: &io::Error) -> anyhow::Error {
    let shown = socket.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => anyhow!(
            "no Mainstay runs with this configuration: nothing answers at {shown}. Start one with `mainstay serve`, name another \
             configuration with --config, or a server elsewhere with --server"
        ),
        io::ErrorKind::PermissionDenied => {
            anyhow!("{shown} belongs to another user. Run this as the user that Mainstay runs as")
        }
        _ => anyhow!("{shown} cannot be reached: {error}"),
    }
}

fn nobody_there(url: &Url, error: &io::Error) -> anyhow::Error {
    anyhow!(
        "no Mainstay answers at {url}: {error}. Is the address that of the operator's pages, and can it be reached from here?"
    )
}

fn refusal(status: StatusCode, answer: &Value) -> anyhow::Error {
    let said = |key: &str| answer["error"][key].as_str().unwrap_or_default().to_owned();
    match said("message") {
        message if message.is_empty() => anyhow!("the server answers {status}"),
        message => anyhow!("{}", format!("{message} {}", said("advice")).trim().trim_end_matches('.')),
    }
}

/// An address for `--server`.
pub(crate) fn address(text: &str) -> anyhow::Result<Url> {
    let url: Url = text.parse().context("it is no address; write for example https://ops.example.com")?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        bail!("it has to begin with http:// or https://");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::HeaderMap;
    use axum::routing::{get, post};
    use serde_json::json;
    use tokio::net::{TcpListener, UnixListener};

    use super::*;

    /// Answers with what it was told, or refuses as the API does.
    fn api() -> Router {
        let told = |headers: HeaderMap, body: String| async move {
            let said = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            json!({ "by": said("mainstay-by"), "token": said("authorization"), "body": body }).to_string()
        };
        let refused = || async {
            let why = json!({ "error": { "message": "This incident is over.", "advice": "It opens again by itself." } });
            (StatusCode::CONFLICT, why.to_string())
        };
        Router::new()
            .route("/told", post(told))
            .route("/refused", get(refused))
            .route("/page", get(|| async { "<html>" }))
    }

    fn path(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("mainstay-client-{}-{name}.sock", std::process::id()))
    }

    #[tokio::test]
    async fn by_the_socket_it_says_who_asks_and_repeats_what_is_refused() {
        let socket = path("here");
        let listener = UnixListener::bind(&socket).unwrap();
        tokio::spawn(async move { axum::serve(listener, api()).await });
        let server = Server::Here { socket: socket.clone(), by: Some("ben".into()) };
        let told = server.ask(Method::POST, "/told", Some(&json!({ "text": "x" }))).await.unwrap();
        assert_eq!(told, json!({ "by": "ben", "token": null, "body": "{\"text\":\"x\"}" }));
        let refused = server.ask(Method::GET, "/refused", None).await.unwrap_err();
        assert_eq!(refused.to_string(), "This incident is over. It opens again by itself");
        let page = server.ask(Method::GET, "/page", None).await.unwrap_err().to_string();
        assert!(page.contains("it is no Mainstay, or one of another version"), "{page}");
        std::fs::remove_file(socket).unwrap();
    }

    #[tokio::test]
    async fn by_an_address_it_carries_the_token() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = address(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        tokio::spawn(async move { axum::serve(listener, api()).await });
        let server = Server::There { url, token: Some(Secret::new("t0ken")) };
        let told = server.ask(Method::POST, "/told", None).await.unwrap();
        assert_eq!((&told["token"], &told["by"]), (&json!("Bearer t0ken"), &Value::Null));
    }

    #[tokio::test]
    async fn where_nobody_answers_it_says_what_to_do() {
        let here = Server::Here { socket: path("nowhere"), by: None };
        let said = here.ask(Method::GET, "/told", None).await.unwrap_err().to_string();
        assert!(said.starts_with("no Mainstay runs with this configuration: nothing answers at"), "{said}");
        assert!(said.contains("`mainstay serve`") && said.contains("--server"), "{said}");
        let there = Server::There { url: address("http://127.0.0.1:1").unwrap(), token: None };
        let said = there.ask(Method::GET, "/told", None).await.unwrap_err().to_string();
        assert!(said.starts_with("no Mainstay answers at http://127.0.0.1:1/"), "{said}");
    }

    #[test]
    fn only_web_addresses_are_servers() {
        for wrong in ["ops.example.com", "ftp://ops.example.com", "/run/mainstay.sock"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
        assert!(address("https://ops.example.com/mainstay").is_ok());
    }
}
