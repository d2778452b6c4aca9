mod visitor;

use bytes::BytesMut;

use super::auth::Method;
use super::command;
use super::error::ServerError;
use super::greeting::{Greeting, NATIVE, capability, is_expected};
use super::packet::{self, Packet, packet};
use crate::conversation::{no_nul, no_surplus, read_more};
use crate::reader::Reader;
use crate::{Conversation, Login, Milestone, Step, TlsStart, WireError};

pub use visitor::VISITOR;

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

/// A client of MySQL and MariaDB.
#[derive(Debug)]
pub struct Client {
    options: Options,
    encrypted: bool,
    state: State,
    /// The sequence number of the next packet of ours.
    sequence: u8,
    /// Bytes of packets taken so far, of the log-in and then of the query's answer.
    received: usize,
}

#[derive(Debug)]
enum State {
    Begin,
    AwaitingGreeting,
    /// The request for TLS is sent; the handshake is next.
    Upgrading(Greeting),
    Handshake(Option<Greeting>),
    /// The channel is as it shall be, and the server has greeted.
    Greeted(Greeting),
    /// Ready is told; the log-in is next.
    LoggingIn(Greeting),
    /// Our answer by this method is sent, made against these random bytes.
    AwaitingVerdict(Method),
    /// The log-in is accepted.
    Idle,
    /// The query is sent.
    Querying(Answer),
    Queried,
    Leaving,
    /// Ready is told and there are no credentials: nothing is left to learn.
    Content(Greeting),
    /// The visitor's log-in is next.
    Visiting(Greeting),
    /// The visitor's log-in is sent.
    AwaitingDismissal,
    Over,
}

/// How far the answer to a query is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Nothing came yet.
    Head,
    /// The columns are described, up to an EOF packet.
    Columns,
    /// The rows come, up to an EOF packet.
    Rows,
}

/// The most in all packets before a query. Real servers send less than 300 bytes.
const LOGIN_LIMIT: usize = 64 * 1024;
/// The most in a query's answer, all packets together: a query that checks a service needs a row.
const ANSWER_LIMIT: usize = 1024 * 1024;
/// What we say we can take in one packet.
const MAX_PACKET: u32 = 1 << 24;
/// `utf8mb4_general_ci`, known to every server since 5.5.3 (2010).
const UTF8MB4: u8 = 45;

const WHILE_GREETING: &str = "before its greeting";
const WHILE_LOGIN: &str = "during log-in";
const WHILE_QUERY: &str = "during the query";

impl Client {
    /// A conversation that has not begun.
    pub fn new(options: Options) -> Client {
        Client { options, encrypted: false, state: State::Begin, sequence: 1, received: 0 }
    }

    /// Advances by one packet. `None` when there is nothing for the driver to do about it.
    fn advance(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begin => Ok(self.begin()),
            State::AwaitingGreeting => self.greeting(input, ended),
            State::Upgrading(greeting) => self.hand_over(greeting, input),
            State::Handshake(greeting) => Ok(Some(self.then(State::Handshake(greeting), Step::StartTls))),
            State::Greeted(greeting) => Ok(Some(self.ready(greeting))),
            State::LoggingIn(greeting) => self.log_in(&greeting).map(Some),
            State::AwaitingVerdict(method) => self.verdict(method, input, ended),
            State::Idle => Ok(Some(self.query())),
            State::Querying(answer) => self.answer(answer, input, ended),
            State::Queried => Ok(Some(self.then(State::Leaving, Step::Reached(Milestone::Settled)))),
            State::Leaving => Ok(Some(self.then(State::Over, Step::Write(packet(0, &[command::QUIT]))))),
            State::Content(greeting) => {
                Ok(Some(self.then(State::Visiting(greeting), Step::Reached(Milestone::Settled))))
            }
            State::Visiting(greeting) => Ok(Some(self.visit(&greeting))),
            State::AwaitingDismissal => self.dismissal(input, ended),
            State::Over => Ok(Some(Step::Finished)),
        }
    }

    fn then(&mut self, next: State, step: Step) -> Step {
        self.state = next;
        step
    }

    /// Sends a payload as the next packet of the exchange.
    fn send(&mut self, next: State, payload: &[u8]) -> Step {
        let bytes = packet(self.sequence, payload);
        self.sequence = self.sequence.wrapping_add(1);
        self.then(next, Step::Write(bytes))
    }

    /// Takes the next packet, if it is complete and all packets so far stay within `limit`.
    fn packet(
        &mut self,
        input: &mut BytesMut,
        limit: usize,
        while_doing: &'static str,
    ) -> Result<Option<Packet>, WireError> {
        let left = limit.saturating_sub(self.received);
        let too_large = |_| WireError::TooLarge { limit, while_doing };
        let packet = packet::take(input, left, while_doing).map_err(too_large)?;
        if let Some(packet) = &packet {
            self.received += packet.payload.len() + 4;
            self.sequence = packet.sequence.wrapping_add(1);
        }
        Ok(packet)
    }

    fn begin(&mut self) -> Option<Step> {
        self.state = match self.options.tls {
            TlsStart::Direct => State::Handshake(None),
            TlsStart::InProtocol | TlsStart::Never => State::AwaitingGreeting,
        };
        None
    }

    fn greeting(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        is_expected(input)?;
        let Some(Packet { payload, .. }) = self.packet(input, LOGIN_LIMIT, WHILE_GREETING)? else {
            return Ok(Some(self.then(State::AwaitingGreeting, read_more(ended, WHILE_GREETING)?)));
        };
        let greeting = match payload.split_first() {
            Some((10, body)) => Greeting::parse(body)?,
            Some((0xff, body)) => return Err(ServerError::parse(body)?.at_greeting()),
            _ => return Err(WireError::malformed("an empty packet instead of a greeting")),
        };
        self.upgrade(greeting, input)
    }

    fn upgrade(&mut self, greeting: Greeting, input: &BytesMut) -> Result<Option<Step>, WireError> {
        if self.options.tls != TlsStart::InProtocol {
            self.state = State::Greeted(greeting);
            return Ok(None);
        }
        if !greeting.offers(capability::SSL) {
            return Err(WireError::TlsNotOffered { message: "its greeting does not list it".into() });
        }
        no_surplus(input)?;
        let opening = self.opening(&greeting);
        Ok(Some(self.send(State::Upgrading(greeting), &opening)))
    }

    fn hand_over(&mut self, greeting: Greeting, input: &BytesMut) -> Result<Option<Step>, WireError> {
        no_surplus(input)?;
        Ok(Some(self.then(State::Handshake(Some(greeting)), Step::StartTls)))
    }

    fn ready(&mut self, greeting: Greeting) -> Step {
        let next = match self.options.login {
            Some(_) => State::LoggingIn(greeting),
            None => State::Content(greeting),
        };
        self.then(next, Step::Reached(Milestone::Ready))
    }

    /// What the request for TLS and the log-in begin with: capabilities that the server has too, and their settings.
    fn opening(&self, greeting: &Greeting) -> Vec<u8> {
        let mut wanted = capability::LONG_PASSWORD
            | capability::PROTOCOL_41
            | capability::TRANSACTIONS
            | capability::SECURE_CONNECTION
            | capability::PLUGIN_AUTH;
        if self.options.tls == TlsStart::InProtocol {
            wanted |= capability::SSL;
        }
        if self.database().is_some() {
            wanted |= capability::CONNECT_WITH_DB;
        }
        let mut opening = (wanted & greeting.capabilities).to_le_bytes().to_vec();
        opening.extend(MAX_PACKET.to_le_bytes());
        opening.push(UTF8MB4);
        opening.extend([0; 23]);
        opening
    }

    /// The database to name in the log-in; a visitor names none.
    fn database(&self) -> Option<&str> {
        self.options.login.as_ref().and(self.options.database.as_deref())
    }

    fn log_in(&mut self, greeting: &Greeting) -> Result<Step, WireError> {
        let Some(login) = self.options.login.clone() else { return Ok(Step::Finished) };
        no_nul(&login.user, "the user's name")?;
        no_nul(self.database().unwrap_or_default(), "the database's name")?;
        let method = Method::first(&greeting.plugin);
        let answer = method.answer(login.password_bytes(), &greeting.scramble, self.encrypted)?;
        let response = self.response(greeting, &login.user, method, &answer);
        Ok(self.send(State::AwaitingVerdict(method), &response))
    }

    /// The log-in itself (HandshakeResponse41).
    fn response(&self, greeting: &Greeting, user: &str, method: Method, answer: &[u8]) -> Vec<u8> {
        let mut response = self.opening(greeting);
        response.extend(user.as_bytes());
        response.push(0);
        // The methods of a first answer make 0, 20 or 32 bytes.
        response.push(answer.len() as u8);
        response.extend(answer);
        if let Some(database) = self.database().filter(|_| greeting.offers(capability::CONNECT_WITH_DB)) {
            response.extend(database.as_bytes());
            response.push(0);
        }
        if greeting.offers(capability::PLUGIN_AUTH) {
            response.extend(method.name().as_bytes());
            response.push(0);
        }
        response
    }

    fn verdict(
        &mut self,
        method: Method,
        input: &mut BytesMut,
        ended: bool,
    ) -> Result<Option<Step>, WireError> {
        let Some(Packet { payload, .. }) = self.packet(input, LOGIN_LIMIT, WHILE_LOGIN)? else {
            return Ok(Some(self.then(State::AwaitingVerdict(method), read_more(ended, WHILE_LOGIN)?)));
        };
        match payload.split_first() {
            Some((0x00, _)) => Ok(Some(self.then(State::Idle, Step::Reached(Milestone::LoggedIn)))),
            Some((0xff, body)) => Err(ServerError::parse(body)?.at_login()),
            Some((0xfe, body)) => self.switch(body).map(Some),
            Some((0x01, body)) => self.more(method, body),
            _ => Err(WireError::malformed("a packet that has no place during log-in")),
        }
    }

    /// The server asks for another method: its name, and random bytes with a NUL after them.
    fn switch(&mut self, body: &[u8]) -> Result<Step, WireError> {
        if body.is_empty() {
            return Err(WireError::login_unsupported(b"mysql_old_password", "which gives the password away"));
        }
        let (method, scramble) = switch_request(body)?;
        let password = self.options.login.as_ref().map(Login::password_bytes).unwrap_or_default();
        let answer = method.answer(password, scramble, self.encrypted)?;
        Ok(self.send(State::AwaitingVerdict(method), &answer))
    }

    /// `caching_sha2_password` says whether it remembered the password (3) or needs it whole (4).
    fn more(&mut self, method: Method, body: &[u8]) -> Result<Option<Step>, WireError> {
        match (method, body) {
            (Method::CachingSha2, [3]) => {
                self.state = State::AwaitingVerdict(method);
                Ok(None)
            }
            (Method::CachingSha2, [4]) => {
                let password = self.options.login.as_ref().map(Login::password_bytes).unwrap_or_default();
                let answer = method.password_itself(password, self.encrypted)?;
                Ok(Some(self.send(State::AwaitingVerdict(method), &answer)))
            }
            _ => Err(WireError::malformed("a question that has no place during log-in")),
        }
    }

    fn query(&mut self) -> Step {
        let Some(query) = &self.options.query else {
            return self.then(State::Leaving, Step::Reached(Milestone::Settled));
        };
        let bytes = packet(0, &[&[command::QUERY], query.as_bytes()].concat());
        self.received = 0;
        self.then(State::Querying(Answer::Head), Step::Write(bytes))
    }

    /// Reads over the answer, whose content is nobody's business here, within [`ANSWER_LIMIT`].
    fn answer(
        &mut self,
        answer: Answer,
        input: &mut BytesMut,
        ended: bool,
    ) -> Result<Option<Step>, WireError> {
        let Some(Packet { payload, .. }) = self.packet(input, ANSWER_LIMIT, "as the answer to the query")?
        else {
            return Ok(Some(self.then(State::Querying(answer), read_more(ended, WHILE_QUERY)?)));
        };
        let next = match (answer, payload.split_first()) {
            (_, Some((0xff, body))) => return Err(ServerError::parse(body)?.at_query()),
            (Answer::Head, Some((0x00, _))) => State::Queried,
            (Answer::Head, Some((0xfb, _))) => {
                return Err(WireError::malformed("it asks for a local file, which it will not get"));
            }
            (Answer::Head, Some(_)) => State::Querying(Answer::Columns),
            (Answer::Columns, Some((0xfe, rest))) if rest.len() < 8 => State::Querying(Answer::Rows),
            (Answer::Rows, Some((0xfe, rest))) if rest.len() < 8 => State::Queried,
            (_, Some(_)) => State::Querying(answer),
            (_, None) => return Err(WireError::malformed("an empty packet in an answer")),
        };
        let queried = matches!(next, State::Queried);
        self.state = next;
        Ok(queried.then_some(Step::Reached(Milestone::Queried)))
    }
}

impl Conversation for Client {
    fn step(&mut self, input: &mut BytesMut, ended: bool) -> Result<Step, WireError> {
        // Each round without a step takes a packet out of the input or moves the state on, so this ends.
        loop {
            if let Some(step) = self.advance(input, ended)? {
                return Ok(step);
            }
        }
    }

    fn tls_established(&mut self, _server_certificate: &[u8]) {
        self.encrypted = true;
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Handshake(Some(greeting)) => State::Greeted(greeting),
            _ => State::AwaitingGreeting,
        };
    }

    /// Closing here would count towards blocking this host, and an expired certificate would soon look like a refusal.
    fn tls_rejected(&mut self) -> bool {
        self.encrypted = true;
        self.options.login = None;
        match std::mem::replace(&mut self.state, State::Over) {
            State::Handshake(Some(greeting)) => {
                self.state = State::Visiting(greeting);
                true
            }
            _ => false,
        }
    }
}

/// The method's name and its random bytes.
fn switch_request(body: &[u8]) -> Result<(Method, &[u8]), WireError> {
    let mut reader = Reader::new(body);
    let name = reader.until_nul().unwrap_or(NATIVE);
    let method = Method::named(name)
        .ok_or_else(|| WireError::login_unsupported(name, "which Mainstay does not speak"))?;
    let scramble = reader.rest();
    Ok((method, scramble.strip_suffix(b"\0").filter(|_| method != Method::Ed25519).unwrap_or(scramble)))
}

#[cfg(test)]
mod tests;
