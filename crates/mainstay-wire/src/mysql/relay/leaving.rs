use bytes::BytesMut;

use crate::mysql::client::{Client, Options};
use crate::relay::{HopStep, Received};
use crate::{Conversation, Step, TlsStart};

/// How a relay leaves a server to which no application logged in: as a check without credentials would.
#[derive(Debug)]
pub(super) struct Leaving {
    client: Client,
    /// The server's greeting, to be heard once more.
    greeting: BytesMut,
    /// Whether the handshake is under way.
    securing: bool,
}

impl Leaving {
    /// After this greeting, with nothing said to the server.
    pub(super) fn new(greeting: &[u8], server: TlsStart) -> Leaving {
        // What is TLS from its first byte has it already.
        let tls = if server == TlsStart::InProtocol { server } else { TlsStart::Never };
        let client = Client::new(Options { tls, login: None, database: None, query: None });
        Leaving { client, greeting: BytesMut::from(greeting), securing: false }
    }

    pub(super) fn step(&mut self, from: &mut Received) -> HopStep {
        if std::mem::take(&mut self.securing) {
            self.client.tls_established(b"");
        }
        // Every step that is not for the driver takes the conversation on, so this ends.
        loop {
            let input = if self.greeting.is_empty() { &mut from.server } else { &mut self.greeting };
            match self.client.step(input, from.server_ended) {
                Ok(Step::Write(bytes)) => return HopStep::ToServer(bytes),
                Ok(Step::Read) => return HopStep::ReadServer,
                Ok(Step::StartTls) => {
                    self.securing = true;
                    return HopStep::ServerTls;
                }
                Ok(Step::Reached(_)) => {}
                Ok(Step::Finished) | Err(_) => return HopStep::Finished,
            }
        }
    }
}
