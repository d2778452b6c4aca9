//! How a command reaches a running server: by the socket in its data directory, or by an address.

mod link;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use clap::Args;
use mainstay_model::Secret;
use mainstay_tls::Roots;
use serde_json::Value;
use url::Url;

use crate::config::{self, Problems};

/// Longer than the server itself waits for what it writes down.
const PATIENCE: Duration = Duration::from_secs(20);

/// No token is longer; a file that is, is another one.
const LONGEST_TOKEN: u64 = 4096;

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
    /// A file that holds it, and that others cannot read; it goes before --token.
    #[arg(long, global = true, value_name = "FILE", value_parser = token_in)]
    token_file: Option<Secret>,
    /// PEM file of the only CA certificates to trust for https, instead of those of this system.
    #[arg(long, global = true, value_name = "FILE", value_parser = roots_in)]
    ca_file: Option<Roots>,
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
        let Reach { server, token, token_file, ca_file, by } = self;
        match server {
            Some(url) => {
                let token = token_file.or(token.map(Secret::new));
                Ok(Server::There { url, token, roots: ca_file, by })
            }
            None => config::data_dir(config, &config::environment)
                .map(|folder| Server::Here { socket: socket_in(&folder), by: by.or_else(caller) }),
        }
    }
}

/// The user who calls this, even where they became another to be allowed to.
fn caller() -> Option<String> {
    let said = |name| config::environment(name).filter(|name| !name.is_empty());
    ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(said).or_else(owner)
}

/// The user that this process belongs to, where the environment does not say: by their name, else by their number.
fn owner() -> Option<String> {
    let number = rustix::process::getuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    });
    Some(name.unwrap_or_else(|| format!("user {number}")))
}

/// An address for `--server`.
pub(crate) fn address(text: &str) -> anyhow::Result<Url> {
    let url: Url = text.parse().context("it is no address; write for example https://ops.example.com")?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        bail!("it has to begin with http:// or https://");
    }
    Ok(url)
}

/// What stands in the file of `--token-file`, without the end of its line.
fn token_in(path: &str) -> anyhow::Result<Secret> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST_TOKEN).read_to_string(&mut text));
    let length = read.map_err(|error| anyhow!("it cannot be read: {error}"))?;
    let token = text.trim();
    match length as u64 {
        LONGEST_TOKEN.. => bail!("it is too long for a token; is it another file?"),
        _ if token.is_empty() => bail!("it is empty; write the token into it"),
        _ if token.contains(char::is_whitespace) => bail!("it holds more than one word; is it another file?"),
        _ => Ok(Secret::new(token)),
    }
}

fn roots_in(path: &str) -> anyhow::Result<Roots> {
    Ok(Roots::from_pem_file(Path::new(path))?)
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
        /// Whom to trust for `https`; absent: as this system does.
        roots: Option<Roots>,
        /// In whose name something is done, where the API takes the caller's word for it.
        by: Option<String>,
    },
}

/// What goes along with a question.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content<'a> {
    Nothing,
    Json(&'a Value),
    /// A mail with its headers, of any encoding.
    Mail(&'a [u8]),
}

/// What the API said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    said: Value,
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
        self.answer(method, path, body.map_or(Content::Nothing, Content::Json)).await?.granted()
    }

    /// The name that the API has to be told with what is asked, as nothing else says it.
    pub(crate) fn name_to_tell(&self) -> &str {
        match self {
            Server::Here { .. } => "",
            Server::There { by, .. } => by.as_deref().unwrap_or_default(),
        }
    }

    /// The same for whoever wants to know with what it refuses.
    ///
    /// # Errors
    /// That no server answers, with what to do about it.
    pub(crate) async fn answer(
        &self,
        method: Method,
        path: &str,
        content: Content<'_>,
    ) -> anyhow::Result<Answer> {
        let request = self.request(method, path, content)?;
        let asking = link::exchange(self, request);
        let (status, text) = tokio::time::timeout(PATIENCE, asking)
            .await
            .map_err(|_| anyhow!("{} does not answer in time; its log says more", self.shown()))??;
        let said = serde_json::from_slice(&text).map_err(|_| {
            anyhow!(
                "{} answers {status} and no JSON: it is no Mainstay, or one of another version, or something that stands before it \
                 refuses",
                self.shown()
            )
        })?;
        Ok(Answer { status, said })
    }

    fn request(&self, method: Method, path: &str, content: Content<'_>) -> anyhow::Result<Request<Body>> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.prefix()));
        for (name, value) in self.headers()? {
            request = request.header(name, value);
        }
        let (kind, body) = match content {
            Content::Nothing => (None, Body::empty()),
            Content::Json(value) => (Some("application/json"), Body::from(value.to_string())),
            Content::Mail(bytes) => (Some("message/rfc822"), Body::from(bytes.to_vec())),
        };
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        Ok(request.body(body)?)
    }

    /// The name that it is asked by, and in whose name.
    fn headers(&self) -> anyhow::Result<Vec<(&'static str, HeaderValue)>> {
        let (host, proof) = match self {
            // Names have letters that ASCII has not; the server reads them as UTF-8.
            Server::Here { by, .. } => ("localhost", by.clone().map(|by| ("mainstay-by", by))),
            Server::There { url, token, .. } => {
                let proof =
                    token.as_ref().map(|token| ("authorization", format!("Bearer {}", token.expose())));
                (&url[url::Position::BeforeHost..url::Position::AfterPort], proof)
            }
        };
        let proof = proof.map(|(name, value)| Ok((name, HeaderValue::from_bytes(value.as_bytes())?)));
        let proof = proof.transpose().map_err(|_: header::InvalidHeaderValue| {
            anyhow!("the name or the token holds characters that cannot be sent, such as the end of a line")
        })?;
        Ok([("host", HeaderValue::from_str(host)?)].into_iter().chain(proof).collect())
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

impl Answer {
    /// What it answers, when it does what it was asked.
    ///
    /// # Errors
    /// The sentence with which it refuses.
    pub(crate) fn granted(self) -> anyhow::Result<Value> {
        if self.status.is_success() { Ok(self.said) } else { Err(anyhow!("{}", self.refusal())) }
    }

    /// Why it does not, in a sentence, and what to do.
    pub(crate) fn refusal(&self) -> String {
        let said = |key: &str| self.said["error"][key].as_str().unwrap_or_default();
        let text = match said("message") {
            "" => format!("the server answers {}", self.status),
            message => format!("{message} {}", said("advice")),
        };
        let text = text.trim().trim_end_matches('.');
        match self.status {
            StatusCode::UNAUTHORIZED => {
                format!("{text}. It is given by --token-file, or in $MAINSTAY_TOKEN")
            }
            _ => text.to_owned(),
        }
    }
}
