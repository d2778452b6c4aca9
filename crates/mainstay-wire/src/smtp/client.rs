use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::BytesMut;

use super::reply::{self, Reply};
use crate::conversation::{no_surplus, read_more};
use crate::{Conversation, Login, Milestone, Password, Step, TlsStart, WireError};

/// What to do in a conversation with a mail server.
#[derive(Debug, Clone)]
pub struct Options {
    /// How TLS comes in.
    pub tls: TlsStart,
    /// Who to log in as; without it the conversation ends after the greeting.
    pub login: Option<Login>,
    /// The name to greet with (EHLO): this machine's own.
    pub name: String,
}

/// A client of mail servers.
#[derive(Debug)]
pub struct Client {
    options: Options,
    encrypted: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Begin,
    Handshake,
    /// The server greets first.
    AwaitingGreeting,
    /// `EHLO` is next.
    Introducing,
    /// `EHLO` is sent.
    AwaitingExtensions,
    /// `HELO` is sent, to a server that does not know `EHLO`.
    AwaitingWelcome,
    /// The certificate does not hold: whatever the server greets with, good-bye comes next.
    TurningAway,
    /// `STARTTLS` is sent.
    AwaitingConsent,
    /// The server has greeted, with these log-in methods.
    Greeted(Vec<Method>),
    /// The password is sent whole.
    AwaitingVerdict,
    /// `AUTH LOGIN` is sent: the server asks for the user.
    AwaitingUserPrompt,
    /// The user is sent: the server asks for the password.
    AwaitingPasswordPrompt,
    /// Logged in; `NOOP` is next.
    Idle,
    /// `NOOP` is sent.
    Querying,
    Queried,
    Leaving,
    /// `QUIT` is sent.
    AwaitingFarewell,
    Over,
}

/// The ways of sending a password that are spoken here (RFC 4616, and `LOGIN`, which no RFC defines).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Plain,
    Login,
}

const EXPECTED: &str = "a mail server's greeting (220)";
const WHILE_GREETING: &str = "before its greeting";
const WHILE_LOGIN: &str = "during log-in";

impl Client {
    /// A conversation that has not begun.
    pub fn new(options: Options) -> Client {
        Client { options, encrypted: false, state: State::Begin }
    }

    /// Advances by one reply. `None` when there is nothing for the driver to do about it.
    fn advance(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        match &self.state {
            State::Begin => Ok(self.begin()),
            State::Handshake => Ok(Some(Step::StartTls)),
            State::AwaitingGreeting => self.greeting(input, ended),
            State::Introducing => Ok(Some(self.introduce())),
            State::AwaitingExtensions => self.extensions(input, ended),
            State::AwaitingWelcome => self.welcome(input, ended),
            State::TurningAway => self.turn_away(input, ended),
            State::AwaitingConsent => self.consent(input, ended),
            State::Greeted(methods) => self.log_in(&methods.clone()).map(Some),
            State::AwaitingVerdict => self.verdict(input, ended),
            State::AwaitingUserPrompt => self.user_prompt(input, ended),
            State::AwaitingPasswordPrompt => self.password_prompt(input, ended),
            State::Idle => Ok(Some(self.send(State::Querying, "NOOP"))),
            State::Querying => self.answer(input, ended),
            State::Queried => Ok(Some(self.reach(State::Leaving, Milestone::Settled))),
            State::Leaving => Ok(Some(self.send(State::AwaitingFarewell, "QUIT"))),
            State::AwaitingFarewell => self.farewell(input, ended),
            State::Over => Ok(Some(Step::Finished)),
        }
    }

    fn reach(&mut self, next: State, milestone: Milestone) -> Step {
        self.state = next;
        Step::Reached(milestone)
    }

    fn send(&mut self, next: State, line: &str) -> Step {
        self.state = next;
        Step::Write(format!("{line}\r\n").into_bytes())
    }

    fn begin(&mut self) -> Option<Step> {
        self.state = match self.options.tls {
            TlsStart::Direct => State::Handshake,
            TlsStart::InProtocol | TlsStart::Never => State::AwaitingGreeting,
        };
        None
    }

    fn greeting(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        if !could_be_reply(input) {
            return Err(WireError::wrong_protocol(EXPECTED, input));
        }
        let Some(reply) = reply::take(input, WHILE_GREETING)? else {
            return read_more(ended, WHILE_GREETING).map(Some);
        };
        match reply.code {
            220 => {
                self.state = State::Introducing;
                Ok(None)
            }
            400..=599 => Err(refused(&reply)),
            _ => Err(WireError::malformed("it greets with a reply that is no greeting")),
        }
    }

    fn introduce(&mut self) -> Step {
        let line = format!("EHLO {}", domain(&self.options.name));
        self.send(State::AwaitingExtensions, &line)
    }

    fn extensions(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        let Some(reply) = reply::take(input, WHILE_GREETING)? else {
            return read_more(ended, WHILE_GREETING).map(Some);
        };
        match reply.code {
            250 => {}
            // RFC 5321 section 3.2: a server from before 1995 may know nothing but HELO.
            500 | 502 => {
                let line = format!("HELO {}", domain(&self.options.name));
                return Ok(Some(self.send(State::AwaitingWelcome, &line)));
            }
            _ => return Err(refused(&reply)),
        }
        if self.options.tls == TlsStart::InProtocol && !self.encrypted {
            return self.ask_for_tls(&reply).map(Some);
        }
        Ok(Some(self.reach(State::Greeted(methods(&reply)), Milestone::Ready)))
    }

    /// A server without extensions has neither TLS nor log-ins to offer.
    fn welcome(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        let Some(reply) = reply::take(input, WHILE_GREETING)? else {
            return read_more(ended, WHILE_GREETING).map(Some);
        };
        if reply.code != 250 {
            return Err(refused(&reply));
        }
        if self.options.tls == TlsStart::InProtocol && !self.encrypted {
            let message = "it does not know EHLO, and so has no extensions".into();
            return Err(WireError::TlsNotOffered { message });
        }
        Ok(Some(self.reach(State::Greeted(Vec::new()), Milestone::Ready)))
    }

    /// A server that is spoken to before it has greeted takes the other side for a spammer.
    fn turn_away(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        if ended || !matches!(reply::take(input, WHILE_GREETING), Ok(None)) {
            self.state = State::Leaving;
            return Ok(None);
        }
        Ok(Some(Step::Read))
    }

    fn ask_for_tls(&mut self, reply: &Reply) -> Result<Step, WireError> {
        if !reply.lines.iter().skip(1).any(|line| line.eq_ignore_ascii_case("STARTTLS")) {
            let message = "its extensions do not list STARTTLS".into();
            return Err(WireError::TlsNotOffered { message });
        }
        Ok(self.send(State::AwaitingConsent, "STARTTLS"))
    }

    fn consent(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        let Some(reply) = reply::take(input, "when it was asked for TLS")? else {
            return read_more(ended, "when it was asked for TLS").map(Some);
        };
        if reply.code != 220 {
            return Err(WireError::TlsNotOffered { message: format!("{} {}", reply.code, reply.text()) });
        }
        no_surplus(input)?;
        self.state = State::Handshake;
        Ok(None)
    }

    fn log_in(&mut self, methods: &[Method]) -> Result<Step, WireError> {
        let Some(login) = self.options.login.clone() else {
            return Ok(self.reach(State::Leaving, Milestone::Settled));
        };
        if !self.encrypted {
            return Err(WireError::login_unsupported(
                b"AUTH without TLS",
                "and Mainstay sends a password over TLS only",
            ));
        }
        let password = login.password.as_ref().map(Password::as_str).unwrap_or_default();
        if methods.contains(&Method::Plain) {
            let proof = BASE64_STANDARD.encode(format!("\0{}\0{password}", login.user));
            return Ok(self.send(State::AwaitingVerdict, &format!("AUTH PLAIN {proof}")));
        }
        if methods.contains(&Method::Login) {
            return Ok(self.send(State::AwaitingUserPrompt, "AUTH LOGIN"));
        }
        Err(WireError::login_rejected(
            "no-auth",
            b"the server offers no log-in with a password (PLAIN or LOGIN) here",
        ))
    }

    fn user_prompt(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        let Some(reply) = reply::take(input, WHILE_LOGIN)? else {
            return read_more(ended, WHILE_LOGIN).map(Some);
        };
        prompted(&reply)?;
        let user = self.options.login.as_ref().map(|login| BASE64_STANDARD.encode(&login.user));
        Ok(Some(self.send(State::AwaitingPasswordPrompt, &user.unwrap_or_default())))
    }

    fn password_prompt(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        let Some(reply) = reply::take(input, WHILE_LOGIN)? else {
            return read_more(ended, WHILE_LOGIN).map(Some);
        };
        prompted(&reply)?;
        let password =
            self.options.login.as_ref().map(|login| BASE64_STANDARD.encode(login.password_bytes()));
        Ok(Some(self.send(State::AwaitingVerdict, &password.unwrap_or_default())))
    }

    fn verdict(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        let Some(reply) = reply::take(input, WHILE_LOGIN)? else {
            return read_more(ended, WHILE_LOGIN).map(Some);
        };
        match reply.code {
            235 => Ok(Some(self.reach(State::Idle, Milestone::LoggedIn))),
            _ => Err(denied(&reply)),
        }
    }

    fn answer(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        let Some(reply) = reply::take(input, "as the answer to NOOP")? else {
            return read_more(ended, "during the query").map(Some);
        };
        match reply.code {
            250 => Ok(Some(self.reach(State::Queried, Milestone::Queried))),
            code => Err(WireError::query_failed(code.to_string(), reply.text().as_bytes())),
        }
    }

    /// The answer to `QUIT` is waited for, so that the server does not note a lost connection; what it says is all one.
    fn farewell(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        if ended || !matches!(reply::take(input, "as a farewell"), Ok(None)) {
            self.state = State::Over;
            return Ok(None);
        }
        Ok(Some(Step::Read))
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

    /// A server that was greeted and answered is left with `QUIT`, whatever it answered.
    fn failed(&mut self) -> bool {
        let greeted = !matches!(self.state, State::Begin | State::Handshake | State::AwaitingGreeting);
        self.state = State::Leaving;
        greeted
    }

    fn tls_rejected(&mut self) -> bool {
        self.state = match self.options.tls {
            TlsStart::InProtocol => State::Leaving,
            TlsStart::Direct | TlsStart::Never => State::TurningAway,
        };
        true
    }

    fn tls_established(&mut self, _server_certificate: &[u8]) {
        self.encrypted = true;
        self.state = match self.options.tls {
            TlsStart::InProtocol => State::Introducing,
            TlsStart::Direct | TlsStart::Never => State::AwaitingGreeting,
        };
    }
}

/// Three digits, then a space, a hyphen or the end of the line: as far as the bytes go.
fn could_be_reply(input: &[u8]) -> bool {
    input.iter().take(3).all(u8::is_ascii_digit) && input.get(3).is_none_or(|byte| b" -\r\n".contains(byte))
}

/// The log-in methods that a reply to `EHLO` lists; some servers write `AUTH=` for the sake of old clients.
fn methods(reply: &Reply) -> Vec<Method> {
    let mut methods = Vec::new();
    for line in reply.lines.iter().skip(1) {
        let line = line.to_ascii_uppercase();
        let Some(names) = line.strip_prefix("AUTH").filter(|names| names.starts_with([' ', '='])) else {
            continue;
        };
        methods.extend(names.split([' ', '=']).filter_map(|name| match name {
            "PLAIN" => Some(Method::Plain),
            "LOGIN" => Some(Method::Login),
            _ => None,
        }));
    }
    methods
}

/// A name fit for `EHLO`: what cannot stand there would end the line or be taken for something else.
fn domain(name: &str) -> &str {
    let fit = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-[]:_".contains(&byte));
    if fit { name } else { "localhost" }
}

fn prompted(reply: &Reply) -> Result<(), WireError> {
    if reply.code == 334 { Ok(()) } else { Err(denied(reply)) }
}

/// 4yz says "not now", the others that the credentials are wrong or not wanted.
fn denied(reply: &Reply) -> WireError {
    match reply.code {
        400..=499 => refused(reply),
        code => WireError::login_rejected(code.to_string(), reply.text().as_bytes()),
    }
}

fn refused(reply: &Reply) -> WireError {
    WireError::refused(reply.code.to_string(), reply.text().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{check, play};

    fn client(tls: TlsStart, login: Option<(&str, &str)>) -> impl Fn() -> Client {
        let login = login
            .map(|(user, password)| Login { user: user.into(), password: Some(Password::new(password)) });
        let options = Options { tls, login, name: "ops.example.com".into() };
        move || Client::new(options.clone())
    }

    const GREETING: &[u8] = b"220-mail.example.com ESMTP\r\n220 be nice\r\n";
    const EXTENSIONS: &[u8] = b"250-mail.example.com\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250 HELP\r\n";
    const GO: &[u8] = b"220 2.0.0 Ready to start TLS\r\n";
    const BYE: &[u8] = b"221 2.0.0 Bye\r\n";
    const EHLO: &str = r"EHLO ops.example.com\r\n";

    #[test]
    fn tls_is_asked_for_and_the_greeting_repeated() {
        let outcome = check(client(TlsStart::InProtocol, None), &[GREETING, EXTENSIONS, GO, EXTENSIONS, BYE]);
        assert_eq!(outcome.written(), [EHLO, r"STARTTLS\r\n", "<TLS>", EHLO, r"QUIT\r\n"]);
        assert_eq!((outcome.milestones(), outcome.error), (vec![Milestone::Ready, Milestone::Settled], None));
        let direct = check(client(TlsStart::Direct, None), &[GREETING, EXTENSIONS, BYE]);
        assert_eq!(direct.written(), ["<TLS>", EHLO, r"QUIT\r\n"]);
    }

    #[test]
    fn passwords_are_sent_over_tls_by_a_method_in_common() {
        let all = [Milestone::Ready, Milestone::LoggedIn, Milestone::Queried, Milestone::Settled];
        let new = client(TlsStart::Direct, Some(("me", "se cret")));
        let ok = b"235 2.7.0 ok\r\n";
        let outcome = check(&new, &[GREETING, EXTENSIONS, ok, b"250 ok\r\n", BYE]);
        assert_eq!(outcome.written()[2..4], [r"AUTH PLAIN AG1lAHNlIGNyZXQ=\r\n", r"NOOP\r\n"]);
        assert_eq!(outcome.milestones(), all);
        let prompts: [&[u8]; 2] = [b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n"];
        let only_login = b"250-mail\r\n250 AUTH=LOGIN\r\n";
        let outcome = check(&new, &[GREETING, only_login, prompts[0], prompts[1], ok, b"250 ok\r\n", BYE]);
        assert_eq!(outcome.written()[2..5], [r"AUTH LOGIN\r\n", r"bWU=\r\n", r"c2UgY3JldA==\r\n"]);
        assert_eq!(outcome.milestones(), all);
        let none = check(&new, &[GREETING, b"250 mail\r\n"]);
        assert!(matches!(none.error, Some(WireError::LoginRejected { .. })), "{none:?}");
        let clear = check(client(TlsStart::Never, Some(("me", "pw"))), &[GREETING, EXTENSIONS]);
        assert!(matches!(clear.error, Some(WireError::LoginUnsupported { .. })), "{clear:?}");
    }

    #[test]
    fn refusals_are_told_from_rejections() {
        let new = client(TlsStart::Direct, Some(("me", "pw")));
        let check = |replies: &[&[u8]]| check(&new, replies).error.unwrap();
        let busy = WireError::Refused { code: "421".into(), message: "too busy".into() };
        assert_eq!(check(&[b"421 too busy\r\n"]), busy);
        assert!(matches!(check(&[b"554 no\r\n"]), WireError::Refused { .. }));
        assert!(matches!(check(&[GREETING, b"502 what?\r\n", b"502 what?\r\n"]), WireError::Refused { .. }));
        assert!(matches!(check(&[GREETING, b"550 no\r\n"]), WireError::Refused { .. }));
        let rejected = WireError::LoginRejected { code: "535".into(), message: "5.7.8 no".into() };
        assert_eq!(check(&[GREETING, EXTENSIONS, b"535 5.7.8 no\r\n"]), rejected);
        assert!(matches!(check(&[GREETING, EXTENSIONS, b"454 later\r\n"]), WireError::Refused { .. }));
        let down = [GREETING, EXTENSIONS, b"235 ok\r\n", b"421 going down\r\n"];
        assert!(matches!(check(&down), WireError::QueryFailed { .. }));
    }

    #[test]
    fn tls_refused_or_tampered_with() {
        let new = client(TlsStart::InProtocol, None);
        let none = check(&new, &[GREETING, b"250-mail\r\n250 HELP\r\n"]);
        assert!(matches!(none.error, Some(WireError::TlsNotOffered { .. })), "{none:?}");
        let later = check(&new, &[GREETING, EXTENSIONS, b"454 TLS not available\r\n"]);
        assert_eq!(later.error, Some(WireError::TlsNotOffered { message: "454 TLS not available".into() }));
        let injected = [GO, b"250 injected\r\n"].concat();
        let injected = play(new(), b"", [GREETING, EXTENSIONS, &injected]);
        assert_eq!(injected.error, Some(WireError::SurplusBeforeTls { surplus: 14 }));
    }

    #[test]
    fn a_server_that_knows_only_helo() {
        let (unknown, hello) = (b"502 what?\r\n", b"250 mail\r\n");
        let outcome = check(client(TlsStart::Never, None), &[GREETING, unknown, hello, BYE]);
        assert_eq!(outcome.written(), [EHLO, r"HELO ops.example.com\r\n", r"QUIT\r\n"]);
        assert_eq!((outcome.milestones(), outcome.error), (vec![Milestone::Ready, Milestone::Settled], None));
        let tls = check(client(TlsStart::InProtocol, None), &[GREETING, unknown, hello]);
        assert!(matches!(tls.error, Some(WireError::TlsNotOffered { .. })), "{tls:?}");
    }

    #[test]
    fn decided_failures_are_left_politely() {
        let quits = |client: &mut Client, greeting: &[u8]| {
            let mut input = BytesMut::from(greeting);
            assert_eq!(client.step(&mut input, false), Ok(Step::Write(b"QUIT\r\n".to_vec())));
        };
        for tls in [TlsStart::InProtocol, TlsStart::Direct] {
            let mut client = client(tls, Some(("me", "pw")))();
            assert!(client.tls_rejected());
            quits(&mut client, if tls == TlsStart::Direct { GREETING } else { b"" });
        }
        let mut client = client(TlsStart::InProtocol, None)();
        assert!(!client.failed(), "nobody greeted yet");
        let mut client = self::client(TlsStart::InProtocol, None)();
        let mut input = BytesMut::new();
        for reply in [GREETING, b"250 mail\r\n"] {
            while let Ok(Step::Write(_) | Step::Reached(_)) = client.step(&mut input, false) {}
            input.extend_from_slice(reply);
        }
        assert!(
            matches!(client.step(&mut input, false), Err(WireError::TlsNotOffered { .. })) && client.failed()
        );
        quits(&mut client, b"");
    }

    #[test]
    fn strangers_are_recognised_and_names_made_fit() {
        let ssh = play(client(TlsStart::Never, None)(), b"", [&b"SSH-2.0-x\r\n"[..]]).error;
        assert!(matches!(ssh, Some(WireError::WrongProtocol { seen, .. }) if seen == "an SSH greeting"));
        assert_eq!(domain("a b\r\nQUIT"), "localhost");
        assert_eq!(domain("[127.0.0.1]"), "[127.0.0.1]");
    }
}
