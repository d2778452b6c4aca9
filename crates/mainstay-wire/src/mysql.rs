use bytes::BytesMut;

use crate::{Conversation, Login, Step, TlsStart, WireError};

/// What to do in a conversation with MySQL or MariaDB.
#[derive(Debug, Clone)]
pub struct Options {
    /// How TLS comes in.
    pub tls: TlsStart,
    /// Who to log in as; without it the conversation ends after the greeting.
    pub login: Option<Login>,
    /// The database to use.
    pub database: Option<String>,
    /// What to ask once logged in.
    pub query: Option<String>,
}

/// A client of MySQL or MariaDB.
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
