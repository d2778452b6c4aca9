use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// The most that one read takes in.
const READ_SIZE: usize = 16 * 1024;
/// How long a farewell may take; a peer that does not take it is left.
const FAREWELL: Duration = Duration::from_millis(200);

/// The connection of a check, before and after it is encrypted.
pub(crate) enum Link {
    Plain(Tap),
    Secure(Box<TlsStream<Tap>>),
    /// While TLS is being started the socket is elsewhere; when that fails there is nothing to come back to.
    Gone,
}

impl Link {
    /// Sends all of it.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Link::Plain(stream) => stream.write_all(bytes).await,
            Link::Secure(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Link::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Appends what has come, at most 16 KiB; 0 when the peer closed its side.
    pub(crate) async fn read(&mut self, input: &mut BytesMut) -> io::Result<usize> {
        input.reserve(READ_SIZE);
        let mut input = bytes::BufMut::limit(input, READ_SIZE);
        match self {
            Link::Plain(stream) => stream.read_buf(&mut input).await,
            Link::Secure(stream) => stream.read_buf(&mut input).await,
            Link::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Says good-bye in the manner of the connection, so that the server has nothing to complain of in its log.
    pub(crate) async fn close(&mut self) {
        let farewell = async {
            match self {
                Link::Plain(stream) => stream.shutdown().await,
                Link::Secure(stream) => stream.shutdown().await,
                Link::Gone => Ok(()),
            }
        };
        // The check is over by now: whether the farewell was heard changes nothing.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }
}

/// How much a peer has sent, and how it began: kept apart from the connection, so that it is known when time runs out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<HeardBytes>>);

#[derive(Debug, Default)]
struct HeardBytes {
    total: u64,
    first: Vec<u8>,
}

impl Heard {
    /// Enough to recognise a protocol by.
    const FIRST: usize = 80;

    /// Bytes received in all.
    pub(crate) fn total(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).total
    }

    /// The first of them.
    pub(crate) fn first(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).first.clone()
    }

    fn add(&self, bytes: &[u8]) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.total += bytes.len() as u64;
        let room = Heard::FIRST.saturating_sub(heard.first.len());
        heard.first.extend(bytes.iter().take(room));
    }
}

/// A TCP connection that remembers what was heard.
pub(crate) struct Tap {
    stream: TcpStream,
    heard: Heard,
}

impl Tap {
    pub(crate) fn new(stream: TcpStream, heard: Heard) -> Tap {
        Tap { stream, heard }
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.heard.add(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
