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
    /// After the greeting, with nothing said to the server.
    pub(super) fn new(greeting: &[u8], server: TlsStart) -> Leaving {
        // What is TLS from its first byte has it already.
        let tls = if server == TlsStart::InProtocol { server } else { TlsStart::Never };
        let client = Client::new(Options { tls, login: None, database: None, query: None });
        Leaving { client, greeting: BytesMut::from(greeting), securing: false }
    }

    /// After a handshake that did not convince.
    pub(super) fn after_rejection(greeting: &[u8]) -> Leaving {
        let mut leaving = Leaving::new(greeting, TlsStart::InProtocol);
        // What it would say now was said already: the request for TLS, in the application's name, and the handshake.
        while !leaving.securing && leaving.step(&mut Received::default()) != HopStep::Finished {}
        leaving.tls_rejected();
        leaving
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

    /// Whether there is a farewell all the same.
    pub(super) fn tls_rejected(&mut self) -> bool {
        self.securing = false;
        self.client.tls_rejected()
    }
}
