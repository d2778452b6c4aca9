use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

/// The latest messages that the page shows.
const KEPT: usize = 200;

/// A longer line than this is no mail of ours.
const LONGEST_LINE: usize = 64 * 1024;

/// Nor is a longer mail.
const LONGEST_MAIL: usize = 1024 * 1024;

/// The people of the demo: a mail server and a webhook endpoint on loopback.
pub(super) struct Inbox {
    ports: Ports,
    desk: Desk,
}

/// Where messages are put.
#[derive(Clone)]
struct Desk {
    arrivals: broadcast::Sender<Arrival>,
    /// As they came, the newest last.
    kept: Arc<Mutex<VecDeque<String>>>,
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
        let desk = Desk { arrivals: broadcast::Sender::new(256), kept: Arc::default() };
        let http = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let smtp = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let ports = Ports { http: http.local_addr()?.port(), smtp: smtp.local_addr()?.port() };
        let router = Router::new().route("/", get(page)).route("/hook", post(hook)).with_state(desk.clone());
        tokio::spawn(async move { axum::serve(http, router).await });
        tokio::spawn(take_mail(smtp, desk.clone()));
        Ok(Inbox { ports, desk })
    }

    pub(super) fn ports(&self) -> Ports {
        self.ports
    }

    pub(super) fn arrivals(&self) -> broadcast::Receiver<Arrival> {
        self.desk.arrivals.subscribe()
    }

    /// Where what arrived can be read.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.ports.http)
    }
}

impl Desk {
    fn put(&self, means: &'static str, subject: String, whole: String) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(whole);
        // Nobody listens while the demo ends.
        let _ = self.arrivals.send(Arrival { means, subject });
    }
}

/// Everything that arrived, the newest first, as it was sent.
async fn page(State(desk): State<Desk>) -> String {
    let kept = desk.kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.is_empty() {
        return "Nothing has arrived yet. The first message comes when the certificate is near its end.\n"
            .into();
    }
    kept.iter().rev().map(|message| format!("{message}\n\n{}\n\n", "─".repeat(80))).collect()
}

async fn hook(State(desk): State<Desk>, Json(body): Json<Value>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let subject = format!("{}: {}", text(&body["type"]), text(&body["data"]["incident"]["title"]));
    desk.put("webhook", subject, format!("POST /hook\n\n{body:#}"));
}

async fn take_mail(listener: TcpListener, desk: Desk) {
    while let Ok((stream, _)) = listener.accept().await {
        let desk = desk.clone();
        tokio::spawn(async move {
            // A client that breaks off has not sent a mail.
            let _ = converse(BufReader::new(stream), &desk).await;
        });
    }
}

/// The server's side of RFC 5321, as far as a mail client needs it.
async fn converse(mut stream: BufReader<TcpStream>, desk: &Desk) -> std::io::Result<()> {
    stream.write_all(b"220 inbox.example.com ESMTP\r\n").await?;
    loop {
        let line = line(&mut stream).await?;
        let reply: &[u8] = match line.get(..4).unwrap_or("QUIT").to_ascii_uppercase().as_str() {
            "QUIT" => return stream.write_all(b"221 bye\r\n").await,
            "EHLO" => b"250-inbox.example.com\r\n250 8BITMIME\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let (subject, whole) = mail(&mut stream).await?;
                desk.put("mail   ", subject, whole);
                b"250 kept\r\n"
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(reply).await?;
    }
}

/// Reads a mail to its end: its subject, decoded, and all of it.
async fn mail(stream: &mut BufReader<TcpStream>) -> std::io::Result<(String, String)> {
    let (mut subject, mut in_subject, mut whole) = (String::new(), false, String::new());
    while whole.len() < LONGEST_MAIL {
        let line = line(stream).await?;
        if line == "." {
            break;
        }
        match line.strip_prefix("Subject: ") {
            Some(first) => (subject, in_subject) = (first.to_owned(), true),
            None if in_subject && line.starts_with(' ') => subject.push_str(&line),
            None => in_subject = false,
        }
        whole.push_str(&line);
        whole.push('\n');
    }
    Ok((decoded(&subject), whole))
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
