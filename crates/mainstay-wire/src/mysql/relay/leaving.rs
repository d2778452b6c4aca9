use bytes::BytesMut;

use super::response::Response;
use crate::mysql::auth::Method;
use crate::mysql::client::{Client, Options};
use crate::relay::{HopStep, Received};
use crate::{Conversation, Step, TlsStart, WireError};

/// What a server is owed, by what it heard, so that it does not count the connection as one that broke off.
#[derive(Debug)]
pub(super) enum Owed {
    /// It was not reached, has said its last word, or has let the application in.
    Nothing,
    /// A visit, after this greeting; none where that is yet to come.
    Visit(Vec<u8>),
    /// It is asked for TLS in the application's name: a log-in over that.
    LogIn(Farewell),
    /// It asked this of an application that logs in. Without an answer it would count that as broken off; as it is, the log-in fails
    /// like one with a wrong password.
    Answer(Vec<u8>),
    /// It has heard all that it asked for: somebody who waits for its next word.
    Patience,
}

impl Owed {
    pub(super) fn conversation(self) -> Option<Box<dyn Conversation + Send>> {
        match self {
            Owed::Nothing => None,
            Owed::Visit(greeting) => Some(Box::new(Leaving::new(&greeting, TlsStart::InProtocol))),
            Owed::LogIn(farewell) => Some(Box::new(farewell)),
            Owed::Answer(question) => Some(Box::new(Leaving::unanswered(&question))),
            Owed::Patience => Some(Box::new(Leaving::unanswered(&[]))),
        }
    }
}

/// How a relay leaves a server to which no application logged in: as a check without credentials would.
#[derive(Debug)]
pub(super) struct Leaving {
    client: Client,
    /// The server's greeting, or its last question, to be heard once more.
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

    /// The server is not admitted: nothing but the visitor's words follow.
    pub(super) fn rejected(mut self) -> Option<Client> {
        (self.securing && self.client.tls_rejected()).then_some(self.client)
    }

    /// After this question of the server's to an application that logs in. It is answered as by somebody without a password.
    fn unanswered(question: &[u8]) -> Leaving {
        let client = Client::awaiting_dismissal(0);
        Leaving { client, greeting: BytesMut::from(question), securing: false }
    }

    pub(super) fn step(&mut self, from: &mut Received) -> HopStep {
        if std::mem::take(&mut self.securing) {
            self.client.tls_established(b"");
        }
        // Every step that is not for the driver takes the conversation on, so this ends.
        loop {
            match Conversation::step(self, &mut from.server, from.server_ended) {
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

impl Conversation for Leaving {
    fn step(&mut self, input: &mut BytesMut, ended: bool) -> Result<Step, WireError> {
        let input = if self.greeting.is_empty() { input } else { &mut self.greeting };
        self.client.step(input, ended)
    }

    fn tls_established(&mut self, server_certificate: &[u8]) {
        self.client.tls_established(server_certificate);
    }

    fn tls_rejected(&mut self) -> bool {
        self.client.tls_rejected()
    }
}

/// How a relay leaves a server after it asked for TLS in an application's name, and had it: as the visitor, who says of itself what was
/// said in that request. A server reads the log-in by what the request promised.
#[derive(Debug)]
pub(super) struct Farewell {
    /// The visitor's log-in, until it is sent.
    login: Option<Vec<u8>>,
    client: Client,
}

impl Farewell {
    /// `response` is the application's, `method` the greeting's log-in method.
    pub(super) fn new(response: &Response, method: &[u8]) -> Farewell {
        /// After the request for TLS.
        const SECOND: u8 = 2;
        let login = response.packet_of_visitor(SECOND, Method::first(method).name().as_bytes());
        Farewell { login: Some(login), client: Client::awaiting_dismissal(SECOND + 1) }
    }
}

impl Conversation for Farewell {
    fn step(&mut self, input: &mut BytesMut, ended: bool) -> Result<Step, WireError> {
        match self.login.take() {
            Some(login) => Ok(Step::Write(login)),
            None => self.client.step(input, ended),
        }
    }
}
