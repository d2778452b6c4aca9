//! How a conversation without credentials leaves.

use bytes::BytesMut;

use super::{Client, LOGIN_LIMIT, Options, State, WHILE_LOGIN, switch_request};
use crate::mysql::auth::Method;
use crate::mysql::greeting::Greeting;
use crate::mysql::packet::Packet;
use crate::{Step, TlsStart, WireError};

/// The user that a conversation without credentials names when it leaves; the module's text says why it names one.
pub const VISITOR: &str = "mainstay-hello";

impl Client {
    /// A conversation in which the visitor's log-in is sent already; the next packet of ours has this number.
    pub(in crate::mysql) fn awaiting_dismissal(sequence: u8) -> Client {
        let options = Options { tls: TlsStart::Never, login: None, database: None, query: None };
        Client { encrypted: true, state: State::AwaitingDismissal, sequence, ..Client::new(options) }
    }

    pub(super) fn visit(&mut self, greeting: &Greeting) -> Step {
        let response = self.response(greeting, VISITOR, Method::first(&greeting.plugin), &[]);
        self.send(State::AwaitingDismissal, &response)
    }

    /// Answers whatever the server asks of the visitor as somebody without a password would, and goes at any verdict.
    pub(super) fn dismissal(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        let Some(Packet { payload, .. }) = self.packet(input, LOGIN_LIMIT, WHILE_LOGIN)? else {
            let step = if ended { Step::Finished } else { Step::Read };
            let next = if ended { State::Over } else { State::AwaitingDismissal };
            return Ok(Some(self.then(next, step)));
        };
        Ok(match &payload[..] {
            [0x00, ..] => {
                self.state = State::Leaving;
                None
            }
            [0xfe, body @ ..] => Some(self.send(State::AwaitingDismissal, &visitors_answer(body))),
            // `caching_sha2_password` goes on by itself, or wants the password and a NUL after it; it counts an answer without that as
            // an interrupted log-in.
            [0x01, 0x03] => {
                self.state = State::AwaitingDismissal;
                None
            }
            [0x01, 0x04] => Some(self.send(State::AwaitingDismissal, &[0])),
            [0x01, ..] => Some(self.send(State::AwaitingDismissal, &[])),
            _ => Some(Step::Finished),
        })
    }
}

/// The answer of a user without a password to a request to switch. Its form must be right: MariaDB picks a method at random
/// for users that it does not know, and counts an answer in the wrong form as an interrupted log-in.
fn visitors_answer(body: &[u8]) -> Vec<u8> {
    switch_request(body)
        .and_then(|(method, scramble)| method.answer(b"", scramble, false))
        .unwrap_or_default()
}
