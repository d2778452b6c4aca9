use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use tokio::task::JoinHandle;

/// One request that a [`Receiver`] got.
#[derive(Debug, Clone)]
pub struct Received {
    /// Path and query.
    pub uri: String,
    /// Headers by lower-case name.
    pub headers: HeaderMap,
    /// The body as text.
    pub body: String,
}

impl Received {
    /// A header's value, empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What a [`Receiver`] answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A status and a body.
    pub fn new(status: u16, body: &str) -> Answer {
        Answer::of_bytes(status, body.as_bytes())
    }

    /// The same with a body that is no text.
    pub fn of_bytes(status: u16, body: &[u8]) -> Answer {
        Answer { status, headers: Vec::new(), body: body.to_vec() }
    }

    /// With one more header.
    pub fn header(mut self, name: &'static str, value: &str) -> Answer {
        self.headers.push((name, value.to_owned()));
        self
    }
}

type Script = Box<dyn FnMut(&Received) -> Answer + Send>;

struct Shared {
    script: Script,
    received: Vec<Received>,
}

/// An HTTP endpoint on loopback that keeps what it gets and answers by a script, as a webhook receiver on a bad day does.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    server: JoinHandle<()>,
}

impl Receiver {
    /// Answers every request as `script` says.
    pub async fn start(script: impl FnMut(&Received) -> Answer + Send + 'static) -> Receiver {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let shared = Arc::new(Mutex::new(Shared { script: Box::new(script), received: Vec::new() }));
        let router = Router::new().fallback(receive).with_state(shared.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("loopback serves");
        });
        Receiver { address, shared, server }
    }

    /// `http://127.0.0.1:…` and the path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything so far, in order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().expect("no panic in a script").received.clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(
    State(shared): State<Arc<Mutex<Shared>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let received =
        Received { uri: uri.to_string(), headers, body: String::from_utf8_lossy(&body).into_owned() };
    let mut shared = shared.lock().expect("no panic in a script");
    let answer = (shared.script)(&received);
    shared.received.push(received);
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers {
        headers.append(name, value.parse().expect("a header value"));
    }
    (StatusCode::from_u16(answer.status).expect("a status code"), headers, answer.body)
}
