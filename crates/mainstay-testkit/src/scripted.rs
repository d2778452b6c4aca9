//! Peers that misbehave on purpose: each accepts connections on loopback and does to every one what its script says.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

mod huge_chain;

/// What a peer does to each connection, act by act. After the last act it holds the connection until the other side leaves.
#[derive(Clone)]
pub struct Script(Arc<[Act]>);

/// One act of a script.
#[derive(Clone)]
pub enum Act {
    /// Sends these bytes.
    Send(Vec<u8>),
    /// Sends these bytes one by one, with a pause after each.
    Drip {
        /// What is sent.
        bytes: Vec<u8>,
        /// The pause.
        every: Duration,
    },
    /// Sends these bytes over and over.
    Repeat(Vec<u8>),
    /// Waits until this many bytes have come, and forgets them.
    Read(usize),
    /// Makes the server's side of a TLS handshake; what follows is sent inside.
    Tls(Arc<ServerConfig>),
    /// Closes the connection in order (FIN, and `close_notify` inside TLS).
    Close,
    /// Cuts the connection (RST).
    Reset,
}

impl Script {
    /// These acts.
    pub fn new(acts: impl Into<Vec<Act>>) -> Script {
        Script(acts.into().into())
    }

    /// Accepts and says nothing.
    pub fn silent() -> Script {
        Script::new([])
    }

    /// Closes at once.
    pub fn close_at_once() -> Script {
        Script::new([Act::Close])
    }

    /// Cuts the connection at once.
    pub fn reset_at_once() -> Script {
        Script::new([Act::Reset])
    }

    /// Cuts the connection once this many bytes have come.
    pub fn reset_after(bytes: usize) -> Script {
        Script::new([Act::Read(bytes), Act::Reset])
    }

    /// Sends these bytes, then says nothing more.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Script {
        Script::new([Act::Send(bytes.into())])
    }

    /// Sends these bytes one by one.
    pub fn drip(bytes: impl Into<Vec<u8>>, every: Duration) -> Script {
        Script::new([Act::Drip { bytes: bytes.into(), every }])
    }

    /// Sends these bytes without end.
    pub fn endless(bytes: impl Into<Vec<u8>>) -> Script {
        Script::new([Act::Repeat(bytes.into())])
    }

    /// Reads a request of this length, sends these bytes in answer, then says nothing more.
    pub fn answer(request: usize, bytes: impl Into<Vec<u8>>) -> Script {
        Script::new([Act::Read(request), Act::Send(bytes.into())])
    }

    /// Agrees to PostgreSQL's request for TLS and answers the handshake with garbage.
    pub fn postgres_garbage_for_tls() -> Script {
        Script::new([Act::Read(8), Act::Send(b"S".to_vec()), Act::Read(1), Act::Send(vec![0xa5; 512])])
    }

    /// Answers PostgreSQL's request for TLS with consent and more bytes in the clear (CVE-2021-23222).
    pub fn postgres_surplus() -> Script {
        Script::answer(8, b"Ssurplus".to_vec())
    }

    /// Answers everything with garbage.
    pub fn garbage() -> Script {
        Script::answer(1, vec![0xa5; 512])
    }

    /// A web server that does not know TLS.
    pub fn speaks_http() -> Script {
        let answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        Script::new([Act::Read(1), Act::Send(answer.into()), Act::Close])
    }

    /// An SSH server.
    pub fn speaks_ssh() -> Script {
        Script::bytes("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
    }

    /// Makes a good handshake and closes.
    pub fn tls_then_close(config: Arc<ServerConfig>) -> Script {
        Script::new([Act::Tls(config), Act::Close])
    }

    /// Makes a good handshake and says nothing.
    pub fn tls_then_silent(config: Arc<ServerConfig>) -> Script {
        Script::new([Act::Tls(config)])
    }

    /// A TLS server with a certificate chain of about this many bytes.
    pub fn huge_chain(bytes: usize) -> Script {
        Script::new([Act::Tls(huge_chain::server_config(bytes))])
    }
}

/// What a peer has done in all its connections. Inside TLS only what was said inside counts.
#[derive(Default)]
struct Counts {
    accepted: AtomicU64,
    sent: AtomicU64,
    heard: AtomicU64,
}

/// A peer that runs until it is dropped.
pub struct Peer {
    address: SocketAddr,
    counts: Arc<Counts>,
    task: JoinHandle<()>,
}

impl Peer {
    /// Starts a peer on a free port of 127.0.0.1.
    pub async fn start(script: Script) -> Peer {
        Peer::start_on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), script).await
    }

    /// Starts a peer on this address, such as another one of `127.0.0.0/8`.
    pub async fn start_on(address: SocketAddr, script: Script) -> Peer {
        let listener = TcpListener::bind(address).await.expect("a loopback address can be bound");
        let address = listener.local_addr().expect("a bound socket has an address");
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn(accept(listener, script, counts.clone()));
        Peer { address, counts, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `scheme://127.0.0.1:port`.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// How many connections it has accepted.
    pub fn accepted(&self) -> u64 {
        self.counts.accepted.load(Ordering::SeqCst)
    }

    /// How many bytes it has sent by its script.
    pub fn sent(&self) -> u64 {
        self.counts.sent.load(Ordering::SeqCst)
    }

    /// How many bytes it has heard while it played its script; inside TLS those that were said inside.
    pub fn heard(&self) -> u64 {
        self.counts.heard.load(Ordering::SeqCst)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, script: Script, counts: Arc<Counts>) {
    let mut connections = tokio::task::JoinSet::new();
    // Ends when the peer is dropped, and every connection with it.
    while let Ok((stream, _)) = listener.accept().await {
        counts.accepted.fetch_add(1, Ordering::SeqCst);
        let (script, counts) = (script.clone(), counts.clone());
        connections.spawn(async move {
            // The other side leaving in the middle of an act is what these tests are about.
            let _ = play(stream, &script.0, &counts).await;
        });
    }
}

async fn play(mut stream: TcpStream, acts: &[Act], counts: &Counts) -> io::Result<()> {
    for (index, act) in acts.iter().enumerate() {
        match act {
            Act::Reset => return stream.set_zero_linger(),
            Act::Close => return stream.shutdown().await,
            Act::Tls(config) => {
                let secure = TlsAcceptor::from(config.clone()).accept(stream).await?;
                return play_inside(secure, &acts[index + 1..], counts).await;
            }
            act => perform(&mut stream, act, counts).await?,
        }
    }
    hold(stream, counts).await
}

/// The acts after a handshake; a second one has no meaning.
async fn play_inside(mut stream: TlsStream<TcpStream>, acts: &[Act], counts: &Counts) -> io::Result<()> {
    for act in acts {
        match act {
            Act::Reset => return stream.get_ref().0.set_zero_linger(),
            Act::Close => return stream.shutdown().await,
            act => perform(&mut stream, act, counts).await?,
        }
    }
    hold(stream, counts).await
}

/// An act that is the same inside TLS and outside.
async fn perform(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    act: &Act,
    counts: &Counts,
) -> io::Result<()> {
    match act {
        Act::Send(bytes) => send(stream, bytes, counts).await,
        Act::Drip { bytes, every } => {
            for byte in bytes {
                send(stream, &[*byte], counts).await?;
                tokio::time::sleep(*every).await;
            }
            Ok(())
        }
        Act::Repeat(bytes) => loop {
            send(stream, bytes, counts).await?;
        },
        Act::Read(count) => {
            let mut bytes = vec![0; *count];
            stream.read_exact(&mut bytes).await?;
            counts.heard.fetch_add(*count as u64, Ordering::SeqCst);
            Ok(())
        }
        Act::Tls(_) | Act::Close | Act::Reset => panic!("an act that depends on the kind of the stream"),
    }
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8], counts: &Counts) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await?;
    counts.sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
    Ok(())
}

/// Reads and forgets until the other side leaves.
async fn hold(mut stream: impl AsyncRead + Unpin, counts: &Counts) -> io::Result<()> {
    let heard = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    counts.heard.fetch_add(heard, Ordering::SeqCst);
    Ok(())
}
