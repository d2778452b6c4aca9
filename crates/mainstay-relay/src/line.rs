use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::streams::streams;

/// The side of the server.
pub(crate) enum Line {
    /// Before the handshake.
    Plain(TcpStream),
    /// Admitted, or to be left.
    Secure(Box<TlsStream<TcpStream>>),
}

impl Line {
    /// Cuts the connection so that the server sees a fault and no regular end.
    pub(crate) fn reset(self) {
        let socket = match &self {
            Line::Plain(socket) => socket,
            Line::Secure(stream) => stream.get_ref().0,
        };
        // Where the option is not to be had, the connection ends by being dropped.
        let _ = socket2::SockRef::from(socket).set_linger(Some(std::time::Duration::ZERO));
    }
}

streams!(Line: Line::Plain, Line::Secure);
