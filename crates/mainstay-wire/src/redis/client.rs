use bytes::{Bytes, BytesMut};

use super::reply::{self, Reply};
use crate::conversation::read_more;
use crate::{Conversation, Login, Milestone, Step, TlsStart, WireError};

/// What to do in a conversation with Redis.
#[derive(Debug, Clone)]
pub struct Options {
    /// How TLS comes in. Redis has no upgrade of its own, so [`TlsStart::InProtocol`] is [`TlsStart::Direct`].
    pub tls: TlsStart,
    /// Who to log in as; without it no log-in is tried, for a server without a password answers all the same.
    pub login: Option<Login>,
    /// The number of the database to use.
    pub database: Option<String>,
    /// What to ask: a command and its arguments, parted by white space.
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
    /// It wants a password before it answers anything, and there is none.
    Unwelcome,
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
            State::Unwelcome => return Err(WireError::no_password()),
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
                Ok(self.reach(self.closed_door(&text), Milestone::Ready))
            }
            Some(Reply::Error(text)) => Err(refused(&text)),
            Some(Reply::Simple(text)) => {
                Err(WireError::wrong_protocol(EXPECTED, &[b"+", text.as_ref()].concat()))
            }
            Some(Reply::Other) => {
                Err(WireError::malformed("a reply to PING that is neither a word nor an error"))
            }
        }
    }

    /// Where to go on after an error instead of `PONG`: to the log-in, if there is one; to an end, if nothing is to be asked.
    fn closed_door(&self, error: &[u8]) -> State {
        let asks = self.options.database.is_some() || self.options.query.is_some();
        match self.options.login {
            None if asks && error.starts_with(b"NOAUTH") => State::Unwelcome,
            _ => State::Greeted,
        }
    }

    fn log_in(&mut self) -> Option<Step> {
        let Some(login) = self.options.login.clone() else { return self.choose() };
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
            Some(Reply::Other) => {
                Err(WireError::malformed("a reply to AUTH that is neither a word nor an error"))
            }
        }
    }

    fn choose(&mut self) -> Option<Step> {
        match self.options.database.clone() {
            Some(database) => self.send(State::AwaitingDatabase, &["SELECT", &database]),
            None => self.chose(),
        }
    }

    /// The log-in is over, if there was one.
    fn chose(&mut self) -> Option<Step> {
        self.go(if self.options.login.is_some() { State::LoggedIn } else { State::Idle })
    }

    fn chosen(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        match reply::take(input, REPLY_LIMIT, "during log-in")? {
            None => read_more(ended, "during log-in").map(Some),
            Some(Reply::Error(text)) if self.options.login.is_none() => Err(answered_with(&text)),
            Some(Reply::Error(text)) => Err(WireError::login_rejected(code(&text), &words(&text))),
            Some(_) => Ok(self.chose()),
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
            Some(Reply::Error(text)) => Err(answered_with(&text)),
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
pub(super) fn command(words: &[&str]) -> Vec<u8> {
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

/// What an error means that answers a command of the configuration's.
fn answered_with(error: &Bytes) -> WireError {
    let (code, words) = (code(error), words(error));
    if is_about_question(error) {
        WireError::question_refused(code, &words)
    } else {
        WireError::query_failed(code, &words)
    }
}

/// Whether the command is at fault, and not the server: no such command or right, wrong arguments, a key of another type, a
/// database that is not there, a write to a copy.
fn is_about_question(error: &[u8]) -> bool {
    let starts = [
        &b"NOPERM"[..],
        b"NOAUTH",
        b"WRONGTYPE",
        b"READONLY",
        b"MOVED",
        b"CROSSSLOT",
        b"ERR unknown",
        b"ERR wrong number of arguments",
        b"ERR syntax",
        b"ERR value is not",
        b"ERR DB index",
        b"ERR invalid DB index",
        b"ERR SELECT is not allowed",
    ];
    starts.iter().any(|start| error.starts_with(start))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Password;
    use crate::transcript::check;

    fn client(login: Option<(&str, Option<&str>)>, database: Option<&str>) -> impl Fn() -> Client {
        let login =
            login.map(|(user, password)| Login { user: user.into(), password: password.map(Password::new) });
        let database = database.map(str::to_owned);
        let options = Options { tls: TlsStart::Never, login, database, query: Some(" GET  state ".into()) };
        move || Client::new(options.clone())
    }

    fn curious(query: Option<&str>) -> impl Fn() -> Client {
        let options =
            Options { tls: TlsStart::Never, login: None, database: None, query: query.map(str::to_owned) };
        move || Client::new(options.clone())
    }

    const PING: &str = r"*1\r\n$4\r\nPING\r\n";
    const QUIT: &str = r"*1\r\n$4\r\nQUIT\r\n";

    #[test]
    fn without_credentials_any_answer_of_redis_is_a_greeting() {
        for reply in
            [&b"+PONG\r\n"[..], b"-NOAUTH Authentication required.\r\n", b"-ERR operation not permitted\r\n"]
        {
            let outcome = check(curious(None), &[reply]);
            assert_eq!(
                (outcome.error.as_ref(), outcome.written()),
                (None, vec![PING.to_owned(), QUIT.to_owned()])
            );
            assert_eq!(outcome.milestones(), [Milestone::Ready, Milestone::Settled]);
        }
    }

    #[test]
    fn a_server_without_a_password_is_asked_without_a_log_in() {
        let outcome = check(client(None, Some("3")), &[b"+PONG\r\n", b"+OK\r\n", b"$2\r\nup\r\n"]);
        let (select, get) = (r"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n", r"*2\r\n$3\r\nGET\r\n$5\r\nstate\r\n");
        assert_eq!(outcome.written(), [PING, select, get, QUIT]);
        assert_eq!(outcome.milestones(), [Milestone::Ready, Milestone::Queried, Milestone::Settled]);
        let locked = check(client(None, None), &[b"-NOAUTH Authentication required.\r\n"]);
        assert_eq!(locked.error, Some(WireError::no_password()));
        let no_such = check(client(None, Some("99")), &[b"+PONG\r\n", b"-ERR DB index is out of range\r\n"]);
        assert!(matches!(no_such.error, Some(WireError::QuestionRefused { .. })), "{no_such:?}");
    }

    #[test]
    fn a_command_that_is_wrong_is_told_from_a_server_that_fails() {
        let ours = |reply: &[u8]| match check(curious(Some("GET x")), &[b"+PONG\r\n", reply]).error {
            Some(WireError::QuestionRefused { .. }) => true,
            Some(WireError::QueryFailed { .. }) => false,
            other => panic!("{other:?}"),
        };
        for reply in [&b"-ERR unknown command 'x'\r\n"[..], b"-NOPERM no\r\n", b"-WRONGTYPE no\r\n"] {
            assert!(ours(reply), "{}", reply.escape_ascii());
        }
        for reply in [&b"-OOM no memory\r\n"[..], b"-MISCONF disk\r\n", b"-ERR internal\r\n"] {
            assert!(!ours(reply), "{}", reply.escape_ascii());
        }
    }

    #[test]
    fn users_passwords_databases_and_queries_are_sent_in_order() {
        let replies: [&[u8]; 4] = [b"-NOAUTH no\r\n", b"+OK\r\n", b"+OK\r\n", b"$2\r\nup\r\n"];
        let outcome = check(client(Some(("monitor", Some("se cret"))), Some("3")), &replies);
        assert_eq!(
            outcome.written(),
            [
                PING,
                r"*3\r\n$4\r\nAUTH\r\n$7\r\nmonitor\r\n$7\r\nse cret\r\n",
                r"*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\n",
                r"*2\r\n$3\r\nGET\r\n$5\r\nstate\r\n",
                QUIT,
            ]
        );
        let all = [Milestone::Ready, Milestone::LoggedIn, Milestone::Queried, Milestone::Settled];
        assert_eq!(outcome.milestones(), all);
        let outcome =
            check(client(Some(("", Some("pw"))), None), &[b"-NOAUTH no\r\n", b"+OK\r\n", b"*0\r\n"]);
        assert_eq!(outcome.written()[1], r"*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n");
    }

    #[test]
    fn refusals_are_told_from_rejections() {
        for code in ["DENIED", "LOADING", "MASTERDOWN"] {
            let outcome = check(client(None, None), &[format!("-{code} Redis is not ready\r\n").as_bytes()]);
            let expected = WireError::Refused { code: code.into(), message: "Redis is not ready".into() };
            assert_eq!(outcome.error, Some(expected));
        }
        let login = Some(("monitor", Some("pw")));
        for code in ["WRONGPASS", "NOAUTH", "ERR"] {
            let outcome = check(client(login, None), &[b"+PONG\r\n", format!("-{code} no\r\n").as_bytes()]);
            assert_eq!(
                outcome.error,
                Some(WireError::LoginRejected { code: code.into(), message: "no".into() })
            );
            assert_eq!(outcome.milestones(), [Milestone::Ready]);
        }
        let outcome = check(client(login, None), &[b"+PONG\r\n", b"+OK\r\n", b"-OOM no\r\n"]);
        assert!(matches!(outcome.error, Some(WireError::QueryFailed { .. })), "{outcome:?}");
    }

    #[test]
    fn strangers_are_recognised() {
        let seen = |reply: &[u8]| match check(client(None, None), &[reply]).error {
            Some(WireError::WrongProtocol { seen, .. }) => seen,
            other => panic!("{other:?}"),
        };
        assert_eq!(seen(b"+OK Dovecot ready.\r\n"), "a POP3 greeting");
    }
}
