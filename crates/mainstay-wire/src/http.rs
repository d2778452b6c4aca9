use bytes::BytesMut;

use crate::{Conversation, Login, Step, TlsStart, WireError};

/// What to do in a conversation with a web server (HTTP/1.1).
#[derive(Debug, Clone)]
pub struct Options {
    /// How TLS comes in.
    pub tls: TlsStart,
    /// Who to log in as; without it the conversation ends after the greeting.
    pub login: Option<Login>,
    /// Host as in the URL; an IPv6 address without brackets.
    pub host: String,
    /// Port, named in the `Host` field when it is not the usual one.
    pub port: u16,
    /// Path and query, beginning with `/`.
    pub path: String,
    /// The status to expect; without it, any from 200 to 399.
    pub expected_status: Option<u16>,
}

/// A client of a web server (HTTP/1.1).
#[derive(Debug)]
pub struct Client {
    options: Options,
}

impl Client {
    /// A conversation that has not begun.
    pub fn new(options: Options) -> Client {
        Client { options }
    }
}

impl Conversation for Client {
    fn step(&mut self, _input: &mut BytesMut, _ended: bool) -> Result<Step, WireError> {
        let _ = &self.options;
        Err(WireError::Malformed { reason: "this protocol's file is being written" })
    }
}
