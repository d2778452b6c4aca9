use std::fmt::Write as _;

use bytes::{Buf, BytesMut};
use md5::{Digest, Md5};

use super::binding;
use super::error::{self, ServerError};
use super::frame::{self, Frame};
use super::opening::{self, SSL_REQUEST};
use super::scram::{self, Binding};
use crate::conversation::{no_nul, no_surplus, read_more};
use crate::reader::Reader;
use crate::{Conversation, Login, Milestone, Step, TlsStart, WireError};

/// What to do in a conversation with PostgreSQL.
#[derive(Debug, Clone)]
pub struct Options {
    /// How TLS comes in.
    pub tls: TlsStart,
    /// Who to log in as; without it the conversation ends after the greeting.
    pub login: Option<Login>,
    /// The database to use; without it the server takes the one named like the user.
    pub database: Option<String>,
    /// What to ask once logged in.
    pub query: Option<String>,
    /// Fresh random bytes, for SCRAM.
    pub nonce: [u8; 18],
}

/// A client of PostgreSQL.
#[derive(Debug)]
pub struct Client {
    options: Options,
    channel: Channel,
    state: State,
    /// Bytes of messages taken so far, of the log-in and then of the query's answer.
    received: usize,
}

/// What the bytes travel in.
#[derive(Debug)]
enum Channel {
    Clear,
    /// TLS, with the server's certificate.
    Encrypted(Vec<u8>),
}

#[derive(Debug)]
enum State {
    /// Nothing was said.
    Begin,
    /// TLS was asked for.
    AwaitingConsent,
    /// The handshake is the driver's.
    Handshake,
    /// The channel is as it shall be; the start-up message is next.
    Open,
    /// The start-up message is sent and nothing came back.
    AwaitingGreeting,
    /// The server has greeted, by asking for a log-in or by refusing it.
    LoggingIn(Proof),
    /// The log-in is accepted; the server reports its parameters.
    Settling,
    /// Ready for a query.
    Idle,
    /// The query is sent.
    Querying,
    /// The query's answer is read to its end.
    Queried,
    /// Good-bye comes next.
    Leaving,
    Over,
}

/// How far the proof of who we are has come.
#[derive(Debug)]
enum Proof {
    /// Nothing was asked for yet, or a password was sent.
    Plain,
    /// The first SCRAM message is sent.
    ScramFirst(scram::First),
    /// Our SCRAM proof is sent.
    ScramFinal(scram::Final),
    /// The server's SCRAM proof holds.
    ScramDone,
}

/// The most in all messages before a query. Real servers send less than a thousand bytes; libpq's bound for one message
/// is 30,000.
const LOGIN_LIMIT: usize = 64 * 1024;
/// The most in a query's answer, all messages together: a query that checks a service needs a row.
const ANSWER_LIMIT: usize = 1024 * 1024;

const PROTOCOL_3_0: [u8; 4] = [0, 3, 0, 0];

const EXPECTED_GREETING: &str = "PostgreSQL's request for a log-in";

impl Client {
    /// A conversation that has not begun.
    pub fn new(options: Options) -> Client {
        Client { options, channel: Channel::Clear, state: State::Begin, received: 0 }
    }

    /// Advances by one message. `None` when there is nothing for the driver to do about it.
    fn advance(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        match &mut self.state {
            State::Begin => Ok(self.begin()),
            State::AwaitingConsent => self.consent(input, ended).map(Some),
            State::Handshake => Ok(Some(Step::StartTls)),
            State::Open => self.open().map(Some),
            State::AwaitingGreeting => self.greeting(input, ended),
            State::LoggingIn(_) => self.log_in(input, ended),
            State::Settling => self.settle(input, ended),
            State::Idle => self.query().map(Some),
            State::Querying => self.answer(input, ended),
            State::Queried => Ok(Some(self.reach(State::Leaving, Milestone::Settled))),
            State::Leaving => Ok(Some(self.write(State::Over, frame::frame(b'X', b"")))),
            State::Over => Ok(Some(Step::Finished)),
        }
    }

    /// Takes the next message, if it is complete and all messages so far stay within `limit`.
    fn message(
        &mut self,
        input: &mut BytesMut,
        limit: usize,
        while_doing: &'static str,
    ) -> Result<Option<Frame>, WireError> {
        let left = limit.saturating_sub(self.received);
        let message = frame::take(input, left, while_doing).map_err(|error| match error {
            WireError::TooLarge { .. } => WireError::TooLarge { limit, while_doing },
            other => other,
        })?;
        // An empty message counts too, or endless empty ones would go through.
        self.received += message.as_ref().map_or(0, |message| message.body.len() + 5);
        Ok(message)
    }

    fn write(&mut self, next: State, bytes: Vec<u8>) -> Step {
        self.state = next;
        Step::Write(bytes)
    }

    fn reach(&mut self, next: State, milestone: Milestone) -> Step {
        self.state = next;
        Step::Reached(milestone)
    }

    fn begin(&mut self) -> Option<Step> {
        match (self.options.tls, &self.options.login) {
            (TlsStart::Direct, _) => self.state = State::Handshake,
            (TlsStart::Never, Some(_)) => self.state = State::Open,
            (TlsStart::InProtocol, _) | (TlsStart::Never, None) => {
                return Some(self.write(State::AwaitingConsent, SSL_REQUEST.to_vec()));
            }
        }
        None
    }

    /// One byte answers the request for TLS.
    fn consent(&mut self, input: &mut BytesMut, ended: bool) -> Result<Step, WireError> {
        let Some(agreed) = opening::consent(input)? else {
            return read_more(ended, "when it was asked for TLS");
        };
        match (agreed, self.options.tls) {
            (_, TlsStart::Never) => {
                input.clear();
                Ok(self.reach(State::Over, Milestone::Ready))
            }
            (true, _) => self.agreed(input),
            (false, _) => Err(opening::declined()),
        }
    }

    fn agreed(&mut self, input: &mut BytesMut) -> Result<Step, WireError> {
        input.advance(1);
        no_surplus(input)?;
        self.state = State::Handshake;
        Ok(Step::StartTls)
    }

    /// Without a log-in the conversation ends here: the handshake was PostgreSQL's own, and that is the greeting.
    fn open(&mut self) -> Result<Step, WireError> {
        let Some(login) = &self.options.login else {
            return Ok(self.reach(State::Over, Milestone::Ready));
        };
        let startup = startup(login, self.options.database.as_deref())?;
        Ok(self.write(State::AwaitingGreeting, startup))
    }

    /// Sees that the first message is PostgreSQL's, and leaves it for the log-in where it belongs to that.
    fn greeting(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        const WHILE: &str = "before its greeting";
        if input.first().is_some_and(|tag| !b"REvN".contains(tag)) {
            return Err(WireError::wrong_protocol(EXPECTED_GREETING, input));
        }
        if error::is_ancient(input) {
            return ancient_error(input, ended).map(Some);
        }
        let Some((tag, body)) = frame::peek(input, LOGIN_LIMIT, WHILE)? else {
            return read_more(ended, WHILE).map(Some);
        };
        let is_login = tag == b'R' || tag == b'E' && ServerError::parse(body)?.is_about_login();
        if is_login {
            return Ok(Some(self.reach(State::LoggingIn(Proof::Plain), Milestone::Ready)));
        }
        match self.message(input, LOGIN_LIMIT, WHILE)? {
            Some(Frame { tag: b'E', body }) => Err(ServerError::parse(&body)?.at_login()),
            // A notice, or the news that the server knows fewer protocol options than we asked for, which were none.
            _ => Ok(None),
        }
    }

    fn log_in(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        const WHILE: &str = "during log-in";
        let Some(Frame { tag, body }) = self.message(input, LOGIN_LIMIT, WHILE)? else {
            return read_more(ended, WHILE).map(Some);
        };
        match tag {
            b'R' => self.authenticate(&body),
            b'E' => Err(ServerError::parse(&body)?.at_login()),
            b'N' | b'v' => Ok(None),
            _ => Err(WireError::malformed("a message that has no place during log-in")),
        }
    }

    /// Answers one authentication request; the kinds are those of the protocol's "Message Formats".
    fn authenticate(&mut self, body: &[u8]) -> Result<Option<Step>, WireError> {
        let mut reader = Reader::new(body);
        let kind = reader.u32_be().ok_or(WireError::malformed("an authentication request without a kind"))?;
        match kind {
            0 => self.authenticated(),
            3 => self.clear_password().map(Some),
            5 => self.md5_password(reader.rest()).map(Some),
            10 => self.scram_first(reader.rest()).map(Some),
            11 => self.scram_answer(reader.rest()).map(Some),
            12 => self.scram_verify(reader.rest()),
            2 | 7 | 8 | 9 => Err(unspoken(b"Kerberos, GSSAPI or SSPI")),
            other => Err(unspoken(format!("number {other}").as_bytes())),
        }
    }

    fn authenticated(&mut self) -> Result<Option<Step>, WireError> {
        match &self.state {
            State::LoggingIn(Proof::ScramFirst(_) | Proof::ScramFinal(_)) => {
                Err(WireError::ServerNotProven { reason: "it accepted the log-in without its own proof" })
            }
            _ => {
                self.state = State::Settling;
                Ok(None)
            }
        }
    }

    fn clear_password(&mut self) -> Result<Step, WireError> {
        if matches!(self.channel, Channel::Clear) {
            return Err(WireError::login_unsupported(
                b"password in the clear",
                "which Mainstay sends over TLS only",
            ));
        }
        let (_, password) = self.secret()?;
        let message = password_message(password.as_bytes());
        Ok(self.write(State::LoggingIn(Proof::Plain), message))
    }

    fn md5_password(&mut self, salt: &[u8]) -> Result<Step, WireError> {
        let (user, password) = self.secret()?;
        let inner = hex(&Md5::new().chain_update(password).chain_update(user).finalize());
        let outer = hex(&Md5::new().chain_update(inner).chain_update(salt).finalize());
        let message = password_message(format!("md5{outer}").as_bytes());
        Ok(self.write(State::LoggingIn(Proof::Plain), message))
    }

    fn scram_first(&mut self, mechanisms: &[u8]) -> Result<Step, WireError> {
        let offers = |name: &str| mechanisms.split(|&byte| byte == 0).any(|offer| offer == name.as_bytes());
        let binding = match &self.channel {
            Channel::Clear => Binding::Impossible,
            Channel::Encrypted(certificate) => match binding::end_point(certificate) {
                Some(data) if offers("SCRAM-SHA-256-PLUS") => Binding::EndPoint(data),
                Some(_) => Binding::NotOffered,
                None => Binding::Impossible,
            },
        };
        if !offers(binding.mechanism()) {
            return Err(unspoken(mechanisms));
        }
        self.secret()?;
        let mechanism = binding.mechanism();
        let first = scram::First::new(binding, &self.options.nonce);
        let message = first.message();
        let mut body = [mechanism.as_bytes(), b"\0"].concat();
        // The message is some 60 bytes long.
        body.extend((message.len() as u32).to_be_bytes());
        body.extend(message.as_bytes());
        Ok(self.write(State::LoggingIn(Proof::ScramFirst(first)), frame::frame(b'p', &body)))
    }

    fn scram_answer(&mut self, challenge: &[u8]) -> Result<Step, WireError> {
        let State::LoggingIn(Proof::ScramFirst(first)) = std::mem::replace(&mut self.state, State::Over)
        else {
            return Err(WireError::malformed("a SCRAM challenge that nobody asked for"));
        };
        let (_, password) = self.secret()?;
        let (last, answer) = first.answer(password, challenge)?;
        Ok(self.write(State::LoggingIn(Proof::ScramFinal(last)), frame::frame(b'p', answer.as_bytes())))
    }

    fn scram_verify(&mut self, message: &[u8]) -> Result<Option<Step>, WireError> {
        let State::LoggingIn(Proof::ScramFinal(last)) = &self.state else {
            return Err(WireError::malformed("a SCRAM proof that nobody asked for"));
        };
        last.verify(message)?;
        self.state = State::LoggingIn(Proof::ScramDone);
        Ok(None)
    }

    /// User and password, for a server that asks for them.
    fn secret(&self) -> Result<(&str, &str), WireError> {
        let login = self.options.login.as_ref().ok_or(WireError::no_password())?;
        let password = login.password.as_ref().ok_or(WireError::no_password())?;
        no_nul(password.as_str(), "the password")?;
        Ok((&login.user, password.as_str()))
    }

    /// Reads over parameters and the cancellation key, up to readiness.
    fn settle(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        const WHILE: &str = "after log-in";
        let Some(Frame { tag, body }) = self.message(input, LOGIN_LIMIT, WHILE)? else {
            return read_more(ended, WHILE).map(Some);
        };
        match tag {
            b'Z' => Ok(Some(self.reach(State::Idle, Milestone::LoggedIn))),
            b'E' => Err(ServerError::parse(&body)?.at_login()),
            b'S' | b'K' | b'N' | b'v' => Ok(None),
            _ => Err(WireError::malformed("a message that has no place after log-in")),
        }
    }

    fn query(&mut self) -> Result<Step, WireError> {
        let Some(query) = &self.options.query else {
            return Ok(self.reach(State::Leaving, Milestone::Settled));
        };
        no_nul(query, "the query")?;
        self.received = 0;
        let message = frame::frame(b'Q', &[query.as_bytes(), b"\0"].concat());
        Ok(self.write(State::Querying, message))
    }

    /// Reads over the answer, whose content is nobody's business here, within [`ANSWER_LIMIT`].
    fn answer(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        const WHILE: &str = "as the answer to the query";
        let Some(Frame { tag, body }) = self.message(input, ANSWER_LIMIT, WHILE)? else {
            return read_more(ended, "during the query").map(Some);
        };
        match tag {
            b'Z' => Ok(Some(self.reach(State::Queried, Milestone::Queried))),
            b'E' => Err(ServerError::parse(&body)?.at_query()),
            // A `COPY … FROM STDIN` wants data; there are none.
            b'G' => Ok(Some(Step::Write(frame::frame(b'f', b"Mainstay copies nothing in\0")))),
            b'T' | b'D' | b'C' | b'I' | b'N' | b'S' | b'A' | b'H' | b'd' | b'c' => Ok(None),
            _ => Err(WireError::malformed("a message that has no place in an answer")),
        }
    }
}

impl Conversation for Client {
    fn step(&mut self, input: &mut BytesMut, ended: bool) -> Result<Step, WireError> {
        // Each round without a step takes a message out of the input or moves the state on, so this ends.
        loop {
            if let Some(step) = self.advance(input, ended)? {
                return Ok(step);
            }
        }
    }

    fn tls_established(&mut self, server_certificate: &[u8]) {
        self.channel = Channel::Encrypted(server_certificate.to_vec());
        self.state = State::Open;
    }
}

/// The start-up message (3.0, which every server since 2003 speaks).
fn startup(login: &Login, database: Option<&str>) -> Result<Vec<u8>, WireError> {
    no_nul(&login.user, "the user's name")?;
    let mut body = PROTOCOL_3_0.to_vec();
    let mut parameter = |name: &str, value: &str| {
        body.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    };
    parameter("user", &login.user);
    if let Some(database) = database {
        no_nul(database, "the database's name")?;
        parameter("database", database);
    }
    parameter("application_name", "mainstay");
    parameter("client_encoding", "UTF8");
    body.push(0);
    Ok(frame::untyped(&body))
}

fn password_message(password: &[u8]) -> Vec<u8> {
    frame::frame(b'p', &[password, b"\0"].concat())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unspoken(method: &[u8]) -> WireError {
    WireError::login_unsupported(method, "which Mainstay does not speak")
}

fn ancient_error(input: &[u8], ended: bool) -> Result<Step, WireError> {
    let text = input.get(1..).unwrap_or_default();
    let end = text.iter().position(|&byte| byte == 0);
    if end.is_none() && !ended && text.len() < LOGIN_LIMIT {
        return Ok(Step::Read);
    }
    Err(WireError::refused("no-process", text.get(..end.unwrap_or(text.len())).unwrap_or_default()))
}

#[cfg(test)]
mod tests;
