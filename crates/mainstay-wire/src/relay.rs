//! What a relay says between an application and a server: one side of it plaintext or TLS of its own, the other TLS that it verified.
//!
//! A connection begins as a [`Hop`], which makes the way to the server and takes part in the log-in, and goes on as a [`Flow`], which
//! passes bytes and keeps count of where a transaction ends.

use std::borrow::Cow;
use std::fmt;

use bytes::BytesMut;

use crate::{Conversation, WireError};

/// The beginning of one connection through a relay. The driver owns the sockets and the clock; the hop says what to do next.
///
/// Whatever is left in the buffers when the hop answers [`HopStep::Established`] is the first that its [`Flow`] is given.
pub trait Hop: Send {
    /// The next step, given everything received from both and not yet consumed. What is consumed is removed.
    fn step(&mut self, from: &mut Received) -> Result<HopStep, HopError>;

    /// Tells the hop that the server it reached is not to be had, also by an error of the hop's own, and that there is another. Whether it
    /// can begin anew with that one: then its next step is [`HopStep::Dial`]. It cannot once the application has heard of the first.
    fn redial(&mut self) -> bool {
        false
    }

    /// Whether the server waits for the application to begin its log-in, and counts it as one that broke off when that takes long.
    fn is_awaited(&self) -> bool {
        false
    }

    /// Tells the hop that this comes to nothing: that the handshake with the server has ended and its certificate is not admitted, or
    /// whatever else there is. Gives what takes leave of the server, with nothing of the application's, where it counts connections
    /// that break off. What it said and was not consumed yet is the first input of that. A step of which the next was not asked for
    /// counts as one that was not taken.
    fn take_leave(&mut self) -> Option<Box<dyn Conversation + Send>> {
        None
    }

    /// What tells the client that this comes to nothing, in its protocol and as of this point; empty where the protocol has no words
    /// for it. The connection is closed afterwards.
    fn refusal(&self, message: &str) -> Vec<u8>;

    /// By what a later connection can ask that this one's statement be cancelled, once [`HopStep::Established`] was answered.
    fn cancel_key(&self) -> Option<&CancelKey> {
        None
    }

    /// What follows, once [`HopStep::Established`] was answered.
    fn flow(self: Box<Self>) -> Box<dyn Flow>;
}

/// What came from each side and was not consumed yet.
#[derive(Debug, Default)]
pub struct Received {
    /// From the application.
    pub client: BytesMut,
    /// From the server.
    pub server: BytesMut,
    /// Whether the application closed its side.
    pub client_ended: bool,
    /// Whether the server did.
    pub server_ended: bool,
}

/// What the driver of a hop is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HopStep {
    /// Send these bytes to the application, then ask again.
    ToClient(Vec<u8>),
    /// Send these bytes to the server, then ask again.
    ToServer(Vec<u8>),
    /// Wait for more from the application.
    ReadClient,
    /// Wait for more from the server.
    ReadServer,
    /// Wait for more from either.
    ReadEither,
    /// Connect to the server, then ask again.
    Dial,
    /// Connect to the address at which the connection of this key is, then ask again; where there is none, close.
    DialFor(CancelKey),
    /// Take up the application's TLS handshake. What is left of its bytes is the beginning of that.
    ClientTls,
    /// Start the TLS handshake with the server, and go on only when its certificate is admitted. No byte beyond its consent was
    /// received.
    ServerTls,
    /// The log-in is over: go on with the flow.
    Established,
    /// Nothing more is to be done: close both.
    Finished,
}

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The application.
    Client,
    /// The server.
    Server,
}

/// How a hop fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HopError {
    /// One side broke the protocol, closed too early or sent too much.
    #[error("{error}")]
    Broken {
        /// Which one.
        side: Side,
        /// How. In texts of [`WireError`] the peer is "the server"; with [`Side::Client`] it is the application.
        error: WireError,
    },
    /// The application asks for something that cannot work through a relay. Says what to do instead.
    #[error("{message}")]
    Unsupported {
        /// For whoever runs the application.
        message: String,
    },
}

/// By what a PostgreSQL connection can be told to cancel what another one does: process and secret. Never printed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CancelKey(pub(crate) Vec<u8>);

impl fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CancelKey")
    }
}

/// What tells where a relay takes part in TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Legs {
    /// Whether the relay has a certificate to offer to applications.
    pub client_tls: bool,
    /// How the server's side comes to be encrypted.
    pub server: crate::TlsStart,
}

/// An established connection: bytes pass, and it is known when nothing is under way.
#[expect(clippy::wrong_self_convention, reason = "these are not conversions: they say where bytes come from")]
pub trait Flow: Send {
    /// What goes on to the server in the place of this; borrowed where it is the same.
    fn from_client<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]>;

    /// What the application is owed in answer to what it just said, where the relay answers itself; to be asked for and sent after
    /// each [`Flow::from_client`].
    fn reply_to_client(&mut self) -> Vec<u8> {
        Vec::new()
    }

    /// What goes on to the application in the place of this; borrowed where it is the same.
    fn from_server<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]>;

    /// Whether the connection can be closed here with nothing left half done: no statement is running, no transaction is open, and
    /// no message was passed in part.
    fn is_at_rest(&self) -> bool;

    /// What tells an application at rest that its connection is closed, as its server would say it before it shuts down.
    fn farewell(&self, message: &str) -> Vec<u8>;

    /// What takes leave of the server; empty where the protocol knows no such thing.
    fn goodbye(&self) -> &'static [u8];
}

/// A flow of which nothing is known: it is never at rest.
#[derive(Debug, Clone, Copy, Default)]
pub struct Opaque;

impl Flow for Opaque {
    fn from_client<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(bytes)
    }

    fn from_server<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(bytes)
    }

    fn is_at_rest(&self) -> bool {
        false
    }

    fn farewell(&self, _message: &str) -> Vec<u8> {
        Vec::new()
    }

    fn goodbye(&self) -> &'static [u8] {
        b""
    }
}

/// The hop of a protocol that is TLS from the first byte and nothing that a relay knows.
#[derive(Debug, Clone)]
pub struct Plain {
    legs: Legs,
    done: Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Nothing,
    ClientTls,
    Dialled,
    Encrypted,
}

impl Plain {
    /// A hop that dials at once. Where applications speak TLS to the relay, they do so from the first byte.
    pub fn new(legs: Legs) -> Plain {
        Plain { legs, done: Done::Nothing }
    }
}

impl Hop for Plain {
    fn step(&mut self, from: &mut Received) -> Result<HopStep, HopError> {
        match self.done {
            // The first byte of a TLS record that opens a handshake (RFC 8446 section 5.1).
            Done::Nothing if self.legs.client_tls => match from.client.first() {
                None if from.client_ended => Ok(HopStep::Finished),
                None => Ok(HopStep::ReadClient),
                Some(0x16) => {
                    self.done = Done::ClientTls;
                    Ok(HopStep::ClientTls)
                }
                Some(_) => Err(HopError::Unsupported {
                    message: "this relay has a certificate, so it takes TLS from the first byte, and the application speaks plaintext; \
                              use TLS, or a relay without `tls`"
                        .to_owned(),
                }),
            },
            Done::Nothing | Done::ClientTls => {
                self.done = Done::Dialled;
                Ok(HopStep::Dial)
            }
            Done::Dialled if self.legs.server == crate::TlsStart::Never => Ok(HopStep::Established),
            Done::Dialled => {
                self.done = Done::Encrypted;
                Ok(HopStep::ServerTls)
            }
            Done::Encrypted => Ok(HopStep::Established),
        }
    }

    fn redial(&mut self) -> bool {
        self.done = Done::ClientTls;
        true
    }

    fn refusal(&self, _message: &str) -> Vec<u8> {
        Vec::new()
    }

    fn flow(self: Box<Self>) -> Box<dyn Flow> {
        Box::new(Opaque)
    }
}
