use bytes::{Bytes, BytesMut};

use super::reply::{self, Reply};
use crate::conversation::read_more;
use crate::{Conversation, Login, Milestone, Step, TlsStart, WireError};

/// What to do in a conversation with Redis.
#[derive(Debug, Clone)]
pub struct Options {
    /// How TLS comes in. Redis has no upgrade of its own, so [`TlsStart::InProtocol`] is [`TlsStart::Direct`].
    pub tls: TlsStart,
    /// Who to log in as; without it the conversation ends after the greeting.
    pub login: Option<Login>,
    /// The number of the database to use.
    pub database: Option<String>,
    /// What to ask once logged in: a command and its arguments, parted by white space.
    pub query: Option<String>,
}

/// A client of Redis.
#[derive(Debug)]
pub struct Client {
    options: Options,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Begin,
    Handshake,
    Open,
    /// `PING` is sent.
    AwaitingPong,
    Greeted,
    /// `AUTH` is sent.
    AwaitingLogin,
    /// Logged in, or nobody to log in; the database is next.
    Choosing,
    /// `SELECT` is sent.
    AwaitingDatabase,
    /// The log-in is complete.
    LoggedIn,
    Idle,
    /// The query is sent.
    Querying,
    Queried,
    Leaving,
    Over,
}

/// The most in a reply to a command of ours: each is a line.
const REPLY_LIMIT: usize = 64 * 1024;
/// The most in the reply to the query.
const ANSWER_LIMIT: usize = 1024 * 1024;

impl Client {
    /// A conversation that has not begun.
    pub fn new(options: Options) -> Client {
        Client { options, state: State::Begin }
    }

    /// Advances by one reply. `None` when there is nothing for the driver to do about it.
    fn advance(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        Ok(match self.state {
            State::Begin => self.go(self.opening()),
            State::Handshake => Some(Step::StartTls),
            State::Open => self.send(State::AwaitingPong, &["PING"]),
            State::AwaitingPong => self.pong(input, ended)?,
            State::Greeted => self.log_in(),
            State::AwaitingLogin => self.logged_in(input, ended)?,
            State::Choosing => self.choose(),
            State::AwaitingDatabase => self.chosen(input, ended)?,
            State::LoggedIn => self.reach(State::Idle, Milestone::LoggedIn),
            State::Idle => self.query(),
            State::Querying => self.answer(input, ended)?,
            State::Queried => self.reach(State::Leaving, Milestone::Settled),
            State::Leaving => self.send(State::Over, &["QUIT"]),
            State::Over => Some(Step::Finished),
        })
    }

    fn go(&mut self, next: State) -> Option<Step> {
        self.state = next;
        None
    }

    fn reach(&mut self, next: State, milestone: Milestone) -> Option<Step> {
        self.state = next;
        Some(Step::Reached(milestone))
    }

    fn send(&mut self, next: State, words: &[&str]) -> Option<Step> {
        self.state = next;
        Some(Step::Write(command(words)))
    }

    fn opening(&self) -> State {
        match self.options.tls {
            TlsStart::Never => State::Open,
            TlsStart::InProtocol | TlsStart::Direct => State::Handshake,
        }
    }

    fn pong(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        const WHILE: &str = "before its greeting";
        if input.first().is_some_and(|&kind| kind != b'+' && kind != b'-') {
            return Err(WireError::wrong_protocol(EXPECTED, input));
        }
        match reply::take(input, REPLY_LIMIT, WHILE)? {
            None => read_more(ended, WHILE).map(Some),
            Some(Reply::Simple(text)) if text.as_ref() == b"PONG" => {
                Ok(self.reach(State::Greeted, Milestone::Ready))
            }
            Some(Reply::Error(text)) if !refuses_to_talk(&text) => {
                Ok(self.reach(State::Greeted, Milestone::Ready))
            }
            Some(Reply::Error(text)) => Err(refused(&text)),
            Some(Reply::Simple(text)) => {
                Err(WireError::wrong_protocol(EXPECTED, &[b"+", text.as_ref()].concat()))
            }
            Some(Reply::Other) => Err(WireError::malformed("a reply to PING that is neither a word nor an error")),
        }
    }

    fn log_in(&mut self) -> Option<Step> {
        let Some(login) = self.options.login.clone() else { return self.go(State::Queried) };
        let Some(password) = &login.password else {
            // A user without a password: Redis knows such users only as `nopass`, which take any.
            return self.send(State::AwaitingLogin, &["AUTH", &login.user, ""]);
        };
        match login.user.as_str() {
            "" => self.send(State::AwaitingLogin, &["AUTH", password.as_str()]),
            user => self.send(State::AwaitingLogin, &["AUTH", user, password.as_str()]),
        }
    }

    fn logged_in(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        match reply::take(input, REPLY_LIMIT, "during log-in")? {
            None => read_more(ended, "during log-in").map(Some),
            Some(Reply::Simple(_)) => Ok(self.go(State::Choosing)),
            Some(Reply::Error(text)) if refuses_to_talk(&text) => Err(refused(&text)),
            Some(Reply::Error(text)) => Err(WireError::login_rejected(code(&text), &words(&text))),
            Some(Reply::Other) => Err(WireError::malformed("a reply to AUTH that is neither a word nor an error")),
        }
    }

    fn choose(&mut self) -> Option<Step> {
        match self.options.database.clone() {
            Some(database) => self.send(State::AwaitingDatabase, &["SELECT", &database]),
            None => self.go(State::LoggedIn),
        }
    }

    fn chosen(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        match reply::take(input, REPLY_LIMIT, "during log-in")? {
            None => read_more(ended, "during log-in").map(Some),
            Some(Reply::Error(text)) => Err(WireError::login_rejected(code(&text), &words(&text))),
            Some(_) => Ok(self.go(State::LoggedIn)),
        }
    }

    fn query(&mut self) -> Option<Step> {
        let Some(query) = self.options.query.clone() else { return self.go(State::Queried) };
        let words: Vec<&str> = query.split_whitespace().collect();
        if words.is_empty() { self.go(State::Queried) } else { self.send(State::Querying, &words) }
    }

    fn answer(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        match reply::take(input, ANSWER_LIMIT, "as the answer to the query")? {
            None => read_more(ended, "during the query").map(Some),
            Some(Reply::Error(text)) => Err(WireError::query_failed(code(&text), &words(&text))),
            Some(_) => Ok(self.reach(State::Queried, Milestone::Queried)),
        }
    }
}

impl Conversation for Client {
    fn step(&mut self, input: &mut BytesMut, ended: bool) -> Result<Step, WireError> {
        // Each round without a step takes a reply out of the input or moves the state on, so this ends.
        loop {
            if let Some(step) = self.advance(input, ended)? {
                return Ok(step);
            }
        }
    }

    fn tls_established(&mut self, _server_certificate: &[u8]) {
        self.state = State::Open;
    }
}

const EXPECTED: &str = "Redis's answer to PING";

/// A command as an array of strings with their lengths, so that no word can break out of its place.
fn command(words: &[&str]) -> Vec<u8> {
    let mut command = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        command.extend(format!("${}\r\n", word.len()).into_bytes());
        command.extend(word.as_bytes());
        command.extend(b"\r\n");
    }
    command
}

/// Whether an error is about the server as such: protected mode, loading, no master, busy with a script, full.
fn refuses_to_talk(error: &[u8]) -> bool {
    [&b"DENIED"[..], b"LOADING", b"MASTERDOWN", b"BUSY", b"CLUSTERDOWN", b"ERR max number of clients"]
        .iter()
        .any(|start| error.starts_with(start))
}

fn refused(error: &Bytes) -> WireError {
    WireError::refused(code(error), &words(error))
}

/// The word in capitals that an error begins with.
fn code(error: &[u8]) -> String {
    let word = error.split(|&byte| byte == b' ').next().unwrap_or(error);
    crate::text::tidy(word)
}

/// What follows that word.
fn words(error: &Bytes) -> Bytes {
    match error.iter().position(|&byte| byte == b' ') {
        Some(space) => error.slice(space + 1..),
        None => error.clone(),
    }
}
