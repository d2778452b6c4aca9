use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use mainstay_model::Random;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// At most so many refusals in a row for one message: with more, back-off would make the test wait for minutes.
const IN_A_ROW: u32 = 2;
/// With that bound, this share makes about half of all requests fail.
const SHARE: f64 = 0.6;

/// Of the connections, this share is reset before a byte of them is read.
const RESET: f64 = 0.1;

/// A webhook endpoint on a bad day: it answers with 503, resets the connection before it read, ends it without taking what it read, or
/// takes the message and ends or resets the connection before it says so.
pub struct Moody {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    server: JoinHandle<()>,
}

/// A message that was taken, in order of arrival.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its `webhook-id`.
    pub id: String,
    /// What it says.
    pub body: Value,
}

struct Shared {
    random: Random,
    calm: bool,
    refused: HashMap<String, u32>,
    requests: usize,
    failed: usize,
    taken: Vec<Taken>,
}

enum Mood {
    Accept,
    Refuse,
    CutBefore,
    CutAfter,
    ResetAfter,
}

impl Moody {
    /// What it does to whom follows from the seed and the order of the requests.
    pub async fn start(seed: u64) -> Moody {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let random = Random::seeded(seed);
        let (refused, taken) = (HashMap::new(), Vec::new());
        let shared = Shared { random, calm: false, refused, requests: 0, failed: 0, taken };
        let shared = Arc::new(Mutex::new(shared));
        let serving = shared.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = serving.clone();
                if shared.lock().expect("no panic while holding it").resets() {
                    stream.set_zero_linger().expect("an open connection");
                    continue;
                }
                // A client that was killed broke off; what it sent whole counts.
                tokio::spawn(async move { converse(stream, &shared).await });
            }
        });
        Moody { address, shared, server }
    }

    /// Where it takes messages.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// From now on everything is taken at once.
    pub fn calm_down(&self) {
        self.lock().calm = true;
    }

    /// What it took so far, in order of arrival.
    pub fn taken(&self) -> Vec<Taken> {
        self.lock().taken.clone()
    }

    /// How many requests came, and how many of them failed.
    pub fn counts(&self) -> (usize, usize) {
        let shared = self.lock();
        (shared.requests, shared.failed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().expect("no panic while holding it")
    }
}

impl Drop for Moody {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Shared {
    fn mood(&mut self, id: &str) -> Mood {
        self.requests += 1;
        let refused = self.refused.entry(id.to_owned()).or_default();
        if self.calm || *refused >= IN_A_ROW || self.random.fraction() >= SHARE {
            *refused = 0;
            return Mood::Accept;
        }
        *refused += 1;
        self.failed += 1;
        match self.random.next_u64() % 4 {
            0 => Mood::Refuse,
            1 => Mood::CutBefore,
            2 => Mood::CutAfter,
            _ => Mood::ResetAfter,
        }
    }

    fn resets(&mut self) -> bool {
        let resets = !self.calm && self.random.fraction() < RESET;
        self.requests += usize::from(resets);
        self.failed += usize::from(resets);
        resets
    }
}

async fn converse(stream: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let Some((id, body)) = request(&mut stream).await? else { return Ok(()) };
        let mood = shared.lock().expect("no panic while holding it").mood(&id);
        if matches!(mood, Mood::Accept | Mood::CutAfter | Mood::ResetAfter) {
            let body = serde_json::from_slice(&body).expect("a message is JSON");
            shared.lock().expect("no panic while holding it").taken.push(Taken { id, body });
        }
        match mood {
            Mood::Accept => stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?,
            Mood::Refuse => {
                stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await?;
            }
            Mood::CutBefore | Mood::CutAfter => return Ok(()),
            Mood::ResetAfter => return stream.get_ref().set_zero_linger(),
        }
    }
}

/// The `webhook-id` and the body of a request that came whole; `None` at the end of the connection.
async fn request(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        match line.trim_end().split_once(": ") {
            Some(("webhook-id", value)) => id = value.to_owned(),
            Some(("content-length", value)) => length = value.parse().expect("a length"),
            _ if line == "\r\n" => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some((id, body)))
}
