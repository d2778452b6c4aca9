//! A TLS handshake and nothing more, for servers whose protocol is not spoken here.

use bytes::BytesMut;

use crate::{Conversation, Step, WireError};

/// A TLS handshake and nothing more.
#[derive(Debug, Default)]
pub struct Client {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Begin,
    Handshake,
    Established,
}

impl Client {
    /// A conversation that has not begun.
    pub fn new() -> Client {
        Client::default()
    }
}

impl Conversation for Client {
    fn step(&mut self, _input: &mut BytesMut, _ended: bool) -> Result<Step, WireError> {
        match self.state {
            State::Begin => {
                self.state = State::Handshake;
                Ok(Step::StartTls)
            }
            State::Handshake => Ok(Step::StartTls),
            State::Established => Ok(Step::Finished),
        }
    }

    fn tls_established(&mut self, _server_certificate: &[u8]) {
        self.state = State::Established;
    }
}
