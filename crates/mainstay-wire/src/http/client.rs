use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Buf, BytesMut};

use super::body::{Body, Chunk};
use crate::conversation::read_more;
use crate::text::tidy;
use crate::{Conversation, Login, Milestone, Password, Step, TlsStart, WireError};

/// What to do in a conversation with a web server.
#[derive(Debug, Clone)]
pub struct Options {
    /// How TLS comes in. HTTP has no upgrade that is in use, so [`TlsStart::InProtocol`] is [`TlsStart::Direct`].
    pub tls: TlsStart,
    /// Who to log in as (Basic, RFC 7617).
    pub login: Option<Login>,
    /// Host as in the URL; an IPv6 address without brackets.
    pub host: String,
    /// Port, named in the `Host` field when it is not the usual one.
    pub port: u16,
    /// Path and query, beginning with `/`.
    pub path: String,
    /// The status to expect; without it, any from 200 to 399.
    pub expected_status: Option<u16>,
}

/// A client of web servers.
#[derive(Debug)]
pub struct Client {
    options: Options,
    state: State,
}

#[derive(Debug)]
enum State {
    Begin,
    Handshake,
    Open,
    /// The request is sent; so many bytes of interim answers (1xx) were read over.
    AwaitingHead(usize),
    /// The answer has begun.
    Greeted(Head),
    /// The credentials were taken.
    Admitted(Head),
    /// The body comes; so many bytes of it were dropped.
    Reading(Body, u64),
    Answered,
    Over,
}

/// What a check needs of the lines before the body.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Head {
    status: u16,
    reason: String,
    body: Body,
}

/// The most before the body. Web servers themselves take 8 to 32 KiB of such lines.
const HEAD_LIMIT: usize = 64 * 1024;
/// The most fields before the body.
const FIELD_LIMIT: usize = 256;
/// After so much of a body the check has seen enough, and leaves the rest.
const BODY_LIMIT: u64 = 1024 * 1024;

const EXPECTED: &str = "an HTTP answer";
const WHILE: &str = "before its answer";

impl Client {
    /// A conversation that has not begun.
    pub fn new(options: Options) -> Client {
        Client { options, state: State::Begin }
    }

    /// Advances by one part of the answer. `None` when there is nothing for the driver to do about it.
    fn advance(&mut self, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begin => Ok(self.begin()),
            State::Handshake => Ok(Some(self.then(State::Handshake, Step::StartTls))),
            State::Open => {
                let request = self.request();
                Ok(Some(self.then(State::AwaitingHead(0), Step::Write(request))))
            }
            State::AwaitingHead(skipped) => self.head(skipped, input, ended),
            State::Greeted(head) => self.admit(head),
            State::Admitted(head) => self.judge(head).map(|()| None),
            State::Reading(body, dropped) => self.read(body, dropped, input, ended),
            State::Answered => Ok(Some(self.then(State::Over, Step::Reached(Milestone::Queried)))),
            State::Over => Ok(Some(Step::Finished)),
        }
    }

    fn then(&mut self, next: State, step: Step) -> Step {
        self.state = next;
        step
    }

    fn begin(&mut self) -> Option<Step> {
        self.state = match self.options.tls {
            TlsStart::Never => State::Open,
            TlsStart::InProtocol | TlsStart::Direct => State::Handshake,
        };
        None
    }

    fn request(&self) -> Vec<u8> {
        let Options { login, path, .. } = &self.options;
        let path = if path.starts_with('/') { encoded(path) } else { format!("/{}", encoded(path)) };
        let mut request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nUser-Agent: mainstay/{}\r\nAccept: */*\r\nConnection: close\r\n",
            self.authority(),
            env!("CARGO_PKG_VERSION"),
        );
        if let Some(login) = login {
            let password = login.password.as_ref().map(Password::as_str).unwrap_or_default();
            let proof = BASE64_STANDARD.encode(format!("{}:{password}", login.user));
            request.push_str(&format!("Authorization: Basic {proof}\r\n"));
        }
        request.push_str("\r\n");
        request.into_bytes()
    }

    /// Host, and port where it is not the scheme's.
    fn authority(&self) -> String {
        let host = encoded(&self.options.host);
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let usual = if self.options.tls == TlsStart::Never { 80 } else { 443 };
        if self.options.port == usual { host } else { format!("{host}:{}", self.options.port) }
    }

    fn head(&mut self, skipped: usize, input: &mut BytesMut, ended: bool) -> Result<Option<Step>, WireError> {
        if !could_be_http(input) {
            return Err(WireError::wrong_protocol(EXPECTED, input));
        }
        let Some((head, length)) = parse(input)? else {
            if skipped + input.len() > HEAD_LIMIT {
                return Err(WireError::TooLarge { limit: HEAD_LIMIT, while_doing: WHILE });
            }
            return Ok(Some(self.then(State::AwaitingHead(skipped), read_more(ended, WHILE)?)));
        };
        input.advance(length);
        if (100..200).contains(&head.status) {
            // Interim answers, such as 103 Early Hints, come before the real one; within the same bound.
            if skipped + length > HEAD_LIMIT {
                return Err(WireError::TooLarge { limit: HEAD_LIMIT, while_doing: WHILE });
            }
            self.state = State::AwaitingHead(skipped + length);
            return Ok(None);
        }
        Ok(Some(self.then(State::Greeted(head), Step::Reached(Milestone::Ready))))
    }

    /// 401 and 403 refuse the credentials, unless that is the status to expect.
    fn admit(&mut self, head: Head) -> Result<Option<Step>, WireError> {
        let expected = self.options.expected_status == Some(head.status);
        if self.options.login.is_none() {
            self.state = State::Admitted(head);
            return Ok(None);
        }
        if [401, 403].contains(&head.status) && !expected {
            return Err(WireError::login_rejected(head.status.to_string(), head.reason.as_bytes()));
        }
        Ok(Some(self.then(State::Admitted(head), Step::Reached(Milestone::LoggedIn))))
    }

    fn judge(&mut self, head: Head) -> Result<(), WireError> {
        let fine = match self.options.expected_status {
            Some(expected) => head.status == expected,
            None => (200..400).contains(&head.status),
        };
        if !fine {
            let status = format!("{} {}", head.status, head.reason).trim_end().to_owned();
            return Err(WireError::StatusUnexpected { status });
        }
        self.state = State::Reading(head.body, 0);
        Ok(())
    }

    fn read(
        &mut self,
        body: Body,
        dropped: u64,
        input: &mut BytesMut,
        ended: bool,
    ) -> Result<Option<Step>, WireError> {
        let (body, more) = body.drop_from(input, ended)?;
        let dropped = dropped + more;
        if body == Body::Complete || dropped >= BODY_LIMIT {
            self.state = State::Answered;
            return Ok(None);
        }
        Ok(Some(self.then(State::Reading(body, dropped), Step::Read)))
    }
}

impl Conversation for Client {
    fn step(&mut self, input: &mut BytesMut, ended: bool) -> Result<Step, WireError> {
        // Each round without a step takes something out of the input or moves the state on, so this ends.
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

fn could_be_http(input: &[u8]) -> bool {
    input.iter().zip(b"HTTP/").all(|(seen, expected)| seen == expected)
}

/// The head and its length, once it is complete.
fn parse(input: &[u8]) -> Result<Option<(Head, usize)>, WireError> {
    // Looked for first, since parsing anew at every byte of a slow answer would cost the square of its length.
    if !input.split_inclusive(|&byte| byte == b'\n').any(|line| line == b"\n" || line == b"\r\n") {
        return Ok(None);
    }
    let mut fields = [httparse::EMPTY_HEADER; FIELD_LIMIT];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = httparse::ParserConfig::default()
        .allow_obsolete_multiline_headers_in_responses(true)
        .parse_response(&mut response, input)
        .map_err(|_| WireError::malformed("the lines before its answer are no HTTP"))?;
    let httparse::Status::Complete(length) = parsed else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    let reason = tidy(response.reason.unwrap_or_default().as_bytes());
    Ok(Some((Head { status, reason, body: body(status, response.headers) }, length)))
}

/// How the body's end will be known (RFC 9112 §6.3).
fn body(status: u16, fields: &[httparse::Header<'_>]) -> Body {
    let field = |name: &str| {
        let found = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        found.and_then(|field| std::str::from_utf8(field.value).ok())
    };
    if matches!(status, 204 | 304) {
        return Body::Complete;
    }
    if field("transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked")) {
        return Body::Chunked(Chunk::Size);
    }
    field("content-length")
        .and_then(|length| length.trim().parse().ok())
        .map_or(Body::UntilEnd, Body::Counted)
}

/// What would end the line or the word in a request, percent-encoded.
fn encoded(text: &str) -> String {
    let unfit = |c: char| c.is_ascii_control() || c.is_whitespace();
    text.chars().map(|c| if unfit(c) { percent(c) } else { c.to_string() }).collect()
}

fn percent(c: char) -> String {
    c.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::{check, play};

    fn options() -> Options {
        let host = "example.com".into();
        Options {
            tls: TlsStart::Direct,
            login: None,
            host,
            port: 443,
            path: "/".into(),
            expected_status: None,
        }
    }

    fn answered(options: &Options, answer: &[u8]) -> crate::transcript::Outcome {
        check(|| Client::new(options.clone()), &[answer])
    }

    #[test]
    fn one_request_and_its_whole_answer() {
        for answer in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"[..],
            b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        ] {
            let outcome = answered(&options(), answer);
            let request = concat!(
                r"GET / HTTP/1.1\r\nHost: example.com\r\nUser-Agent: mainstay/",
                env!("CARGO_PKG_VERSION"),
                r"\r\nAccept: */*\r\nConnection: close\r\n\r\n"
            );
            assert_eq!(outcome.written(), ["<TLS>", request]);
            assert_eq!((outcome.milestones(), outcome.error), (vec![Milestone::Ready, Milestone::Queried], None));
        }
    }

    #[test]
    fn the_host_field_names_unusual_ports_and_brackets_addresses() {
        let check = |tls, host: &str, port, expected: &str| {
            let client = Client::new(Options { tls, host: host.into(), port, ..options() });
            assert_eq!(client.authority(), expected);
        };
        check(TlsStart::Direct, "example.com", 443, "example.com");
        check(TlsStart::Direct, "example.com", 80, "example.com:80");
        check(TlsStart::Never, "example.com", 80, "example.com");
        check(TlsStart::Never, "::1", 8080, "[::1]:8080");
    }

    #[test]
    fn statuses_are_judged() {
        let judged = |expected_status, status: u16| {
            let answer = format!("HTTP/1.1 {status} Some Reason\r\nContent-Length: 0\r\n\r\n");
            answered(&Options { expected_status, ..options() }, answer.as_bytes()).error
        };
        let unexpected =
            |status| Some(WireError::StatusUnexpected { status: format!("{status} Some Reason") });
        assert_eq!(judged(None, 301), None);
        assert_eq!(judged(None, 404), unexpected(404));
        assert_eq!(judged(None, 503), unexpected(503));
        assert_eq!(judged(Some(401), 401), None);
        assert_eq!(judged(Some(200), 301), unexpected(301));
    }

    #[test]
    fn credentials_are_told_and_may_be_rejected() {
        let login = Some(Login { user: "me".into(), password: Some(Password::new("se cret")) });
        let options = Options { login, ..options() };
        let outcome = answered(&options, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert!(outcome.written()[1].contains("Authorization: Basic bWU6c2UgY3JldA=="));
        let all = [Milestone::Ready, Milestone::LoggedIn, Milestone::Queried];
        assert_eq!(outcome.milestones(), all);
        let outcome = answered(&options, b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
        let rejected = WireError::LoginRejected { code: "401".into(), message: "Unauthorized".into() };
        assert_eq!(outcome.error, Some(rejected));
    }

    #[test]
    fn long_answers_are_left_in_the_middle_and_long_heads_refused() {
        let new = || Client::new(options());
        let long =
            [&b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"[..], &vec![b'a'; 2 << 20]].concat();
        assert_eq!(play(new(), b"", [&long[..]]).error, None);
        let head = [&b"HTTP/1.1 200 OK\r\nX: "[..], &vec![b'a'; HEAD_LIMIT]].concat();
        assert!(matches!(play(new(), b"", [&head[..]]).error, Some(WireError::TooLarge { .. })));
        let hints = b"HTTP/1.1 103 Early Hints\r\n\r\n".repeat(HEAD_LIMIT / 28 + 1);
        assert!(matches!(play(new(), b"", [&hints[..]]).error, Some(WireError::TooLarge { .. })));
    }

    #[test]
    fn strangers_are_recognised_and_requests_cannot_be_split() {
        let ssh = play(Client::new(options()), b"", [&b"SSH-2.0-x\r\n"[..]]).error;
        assert!(matches!(ssh, Some(WireError::WrongProtocol { seen, .. }) if seen == "an SSH greeting"));
        assert_eq!(encoded("/a b\r\nX: y"), "/a%20b%0D%0AX:%20y");
    }
}
