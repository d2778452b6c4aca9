use std::net::{Ipv4Addr, SocketAddr};

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

/// A longer line than this is no mail of ours.
const LONGEST_LINE: usize = 64 * 1024;

/// The people of the demo: a mail server and a webhook endpoint on loopback.
pub(super) struct Inbox {
    ports: Ports,
    arrivals: broadcast::Sender<Arrival>,
}

/// Where they listen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) http: u16,
    pub(super) smtp: u16,
}

/// A message that arrived.
#[derive(Debug, Clone)]
pub(super) struct Arrival {
    /// `mail   ` or `webhook`.
    pub(super) means: &'static str,
    /// What it says first.
    pub(super) subject: String,
}

impl Inbox {
    pub(super) async fn start() -> std::io::Result<Inbox> {
        let (arrivals, _) = broadcast::channel(256);
        let http = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let smtp = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let ports = Ports { http: http.local_addr()?.port(), smtp: smtp.local_addr()?.port() };
        let router = Router::new().route("/hook", post(hook)).with_state(arrivals.clone());
        tokio::spawn(async move { axum::serve(http, router).await });
        tokio::spawn(take_mail(smtp, arrivals.clone()));
        Ok(Inbox { ports, arrivals })
    }

    pub(super) fn ports(&self) -> Ports {
        self.ports
    }

    pub(super) fn arrivals(&self) -> broadcast::Receiver<Arrival> {
        self.arrivals.subscribe()
    }
}

async fn hook(State(arrivals): State<broadcast::Sender<Arrival>>, Json(body): Json<Value>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let subject = format!("{}: {}", text(&body["type"]), text(&body["data"]["incident"]["title"]));
    // Nobody listens while the demo ends.
    let _ = arrivals.send(Arrival { means: "webhook", subject });
}

async fn take_mail(listener: TcpListener, arrivals: broadcast::Sender<Arrival>) {
    while let Ok((stream, _)) = listener.accept().await {
        let arrivals = arrivals.clone();
        tokio::spawn(async move {
            // A client that breaks off has not sent a mail.
            let _ = converse(BufReader::new(stream), &arrivals).await;
        });
    }
}

/// The server's side of RFC 5321, as far as a mail client needs it.
async fn converse(
    mut stream: BufReader<TcpStream>,
    arrivals: &broadcast::Sender<Arrival>,
) -> std::io::Result<()> {
    stream.write_all(b"220 inbox.example.com ESMTP\r\n").await?;
    loop {
        let line = line(&mut stream).await?;
        let reply: &[u8] = match line.get(..4).unwrap_or("QUIT").to_ascii_uppercase().as_str() {
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            "EHLO" => b"250-inbox.example.com\r\n250 8BITMIME\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let subject = mail(&mut stream).await?;
                let _ = arrivals.send(Arrival { means: "mail   ", subject });
                b"250 kept\r\n"
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(reply).await?;
    }
}

/// Reads a mail to its end; its subject, decoded.
async fn mail(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let (mut subject, mut in_subject) = (String::new(), false);
    loop {
        let line = line(stream).await?;
        match line.strip_prefix("Subject: ") {
            Some(first) => (subject, in_subject) = (first.to_owned(), true),
            None if in_subject && line.starts_with(' ') => subject.push_str(&line),
            None => in_subject = false,
        }
        if line == "." {
            return Ok(decoded(&subject));
        }
    }
}

/// RFC 2047: `=?utf-8?b?…?=`, as mail libraries write a subject with a symbol in it.
fn decoded(subject: &str) -> String {
    let mut bytes = Vec::new();
    for word in subject.split_whitespace() {
        match word.strip_prefix("=?utf-8?b?").and_then(|rest| rest.strip_suffix("?=")) {
            Some(encoded) => {
                use base64::Engine as _;
                bytes.extend(base64::prelude::BASE64_STANDARD.decode(encoded).unwrap_or_default());
            }
            None => {
                if !bytes.is_empty() && !bytes.ends_with(b" ") {
                    bytes.push(b' ');
                }
                bytes.extend(word.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn line(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        let chunk = stream.fill_buf().await?;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(chunk.len(), |end| end + 1);
        bytes.extend_from_slice(&chunk[..used]);
        let ended = end.is_some() || used == 0 || bytes.len() > LONGEST_LINE;
        stream.consume(used);
        if ended {
            return Ok(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned());
        }
    }
}
