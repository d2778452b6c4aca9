use bytes::BytesMut;

use crate::recognise;
use crate::text::{excerpt, tidy};

/// One protocol's side of a check. The driver owns the socket and the clock; the conversation says what to do next.
pub trait Conversation {
    /// The next step, given everything received and not yet consumed. What is consumed is removed from `input`.
    ///
    /// `ended` says that the peer closed its side, so no more input will come.
    fn step(&mut self, input: &mut BytesMut, ended: bool) -> Result<Step, WireError>;

    /// Tells the conversation that the TLS handshake it asked for is done and verified, with the server's certificate (DER)
    /// for channel binding.
    fn tls_established(&mut self, server_certificate: &[u8]) {
        let _ = server_certificate;
    }

    /// Tells the conversation that the error it gave decides the check. Says whether a farewell is owed all the same: then go on
    /// as after [`Milestone::Settled`].
    fn failed(&mut self) -> bool {
        false
    }

    /// Tells the conversation that the TLS handshake is done and its certificate does not hold, so that nothing may follow
    /// but a farewell without any credentials. Says whether there is one: then go on as after [`Milestone::Settled`].
    fn tls_rejected(&mut self) -> bool {
        false
    }
}

/// What the driver is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send these bytes, then ask again.
    Write(Vec<u8>),
    /// More input is needed.
    Read,
    /// Start the TLS handshake. The conversation has made sure that no byte beyond its own reply was received.
    StartTls,
    /// A phase is over; ask again.
    Reached(Milestone),
    /// The conversation is over; close the connection (with `close_notify` under TLS).
    Finished,
}

/// The end of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Milestone {
    /// The server has greeted.
    Ready,
    /// The credentials were accepted.
    LoggedIn,
    /// The question was answered.
    Queried,
    /// Nothing more will be learnt. What follows is courtesy, such as `QUIT` and its answer, which spares the server a
    /// line in its log: give it a second at most, and let no failure in it count.
    Settled,
}

/// How a conversation fails. Texts of servers are cut to a bounded length and cleared of control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The peer speaks something else.
    #[error("expected {expected}, got {seen}")]
    WrongProtocol {
        /// What a peer of this protocol would send, for people.
        expected: &'static str,
        /// What came instead: the name of a recognised protocol, else an excerpt.
        seen: String,
    },
    /// The peer closed the connection in the middle of something.
    #[error("the server closed the connection {while_doing}")]
    Closed {
        /// `before its greeting`, `during log-in`, …
        while_doing: &'static str,
    },
    /// The server speaks the protocol and declines TLS.
    #[error("the server does not offer TLS: {message}")]
    TlsNotOffered {
        /// The server's words, or ours.
        message: String,
    },
    /// Bytes arrived between the server's consent and the TLS handshake: somebody may be injecting (CVE-2021-23222).
    #[error("the server sent {surplus} bytes in the clear after agreeing to TLS")]
    SurplusBeforeTls {
        /// How many.
        surplus: usize,
    },
    /// The server refuses to talk at all: too many connections, starting up, shutting down, host blocked.
    #[error("the server refuses connections: {message} ({code})")]
    Refused {
        /// SQLSTATE, error number or reply code.
        code: String,
        /// The server's words.
        message: String,
    },
    /// The credentials were refused.
    #[error("{message} ({code})")]
    LoginRejected {
        /// SQLSTATE, error number or reply code.
        code: String,
        /// The server's words.
        message: String,
    },
    /// The server wants a way of logging in that this crate does not speak, or will not (a password in the clear).
    #[error("the server asks for the log-in method {method}, {reason}")]
    LoginUnsupported {
        /// The method's name.
        method: String,
        /// `which Mainstay does not speak`, or why it will not.
        reason: &'static str,
    },
    /// The server could not prove that it knows the password (SCRAM), or broke the rules of the log-in.
    #[error("the server's part of the log-in does not hold: {reason}")]
    ServerNotProven {
        /// What does not hold.
        reason: &'static str,
    },
    /// The question was answered with an error.
    #[error("{message} ({code})")]
    QueryFailed {
        /// SQLSTATE, error number or reply code.
        code: String,
        /// The server's words.
        message: String,
    },
    /// The question itself is at fault: it is no command, names what is not there, or the user has no right to ask it.
    #[error("{message} ({code})")]
    QuestionRefused {
        /// SQLSTATE, error number or reply code.
        code: String,
        /// The server's words.
        message: String,
    },
    /// The answer has another status than expected.
    #[error("the server answered {status}")]
    StatusUnexpected {
        /// The status line or reply.
        status: String,
    },
    /// More bytes than this protocol needs here.
    #[error("the server sends more than {limit} bytes {while_doing}, or something else than this protocol")]
    TooLarge {
        /// The bound.
        limit: usize,
        /// `before its greeting`, `as an answer`, …
        while_doing: &'static str,
    },
    /// The peer speaks the protocol and breaks its rules.
    #[error("the server broke the protocol: {reason}")]
    Malformed {
        /// Which rule.
        reason: &'static str,
    },
}

impl WireError {
    /// The peer sent `bytes` where a peer of this protocol would have sent `expected`.
    pub(crate) fn wrong_protocol(expected: &'static str, bytes: &[u8]) -> WireError {
        let seen = recognise(bytes).map_or_else(|| excerpt(bytes), str::to_owned);
        WireError::WrongProtocol { expected, seen }
    }

    pub(crate) fn refused(code: impl Into<String>, message: &[u8]) -> WireError {
        WireError::Refused { code: code.into(), message: tidy(message) }
    }

    pub(crate) fn login_rejected(code: impl Into<String>, message: &[u8]) -> WireError {
        WireError::LoginRejected { code: code.into(), message: tidy(message) }
    }

    pub(crate) fn query_failed(code: impl Into<String>, message: &[u8]) -> WireError {
        WireError::QueryFailed { code: code.into(), message: tidy(message) }
    }

    pub(crate) fn question_refused(code: impl Into<String>, message: &[u8]) -> WireError {
        WireError::QuestionRefused { code: code.into(), message: tidy(message) }
    }

    pub(crate) fn login_unsupported(method: &[u8], reason: &'static str) -> WireError {
        WireError::LoginUnsupported { method: tidy(method), reason }
    }

    pub(crate) fn malformed(reason: &'static str) -> WireError {
        WireError::Malformed { reason }
    }

    /// The server wants a password and there is none to give.
    pub(crate) fn no_password() -> WireError {
        WireError::login_rejected("no-password", b"the server asks for a password, and none is configured")
    }
}

/// Nothing may have come in the clear after the server agreed to TLS (CVE-2021-23222).
pub(crate) fn no_surplus(input: &BytesMut) -> Result<(), WireError> {
    if input.is_empty() { Ok(()) } else { Err(WireError::SurplusBeforeTls { surplus: input.len() }) }
}

/// A NUL ends a text on the wire, and what follows would be read as something else.
pub(crate) fn no_nul(text: &str, what: &str) -> Result<(), WireError> {
    if text.contains('\0') {
        let message = format!("{what} contains a NUL character, which the protocol does not allow");
        return Err(WireError::login_rejected("nul-character", message.as_bytes()));
    }
    Ok(())
}

/// More input, if there can be any.
pub(crate) fn read_more(ended: bool, while_doing: &'static str) -> Result<Step, WireError> {
    if ended { Err(WireError::Closed { while_doing }) } else { Ok(Step::Read) }
}
