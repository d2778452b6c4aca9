use bytes::BytesMut;

use super::super::error;
use super::super::frame::{self, Frame};
use super::first::KEY_LENGTH;
use super::flow::Conveyed;
use super::offer::{self, Offer};
use crate::WireError;
use crate::relay::{CancelKey, HopError, HopStep, Received, Side};

/// The log-in, from the StartupMessage to the first ReadyForQuery. Messages pass whole.
///
/// The server knows that its own leg is TLS and offers `SCRAM-SHA-256-PLUS`, which binds the log-in to its certificate. That cannot
/// hold through a relay that ends TLS: what the application would bind to is the relay's certificate, or nothing.
///
/// - From an application in plaintext the offer is kept: libpq would take it for an attack ("server offered SCRAM-SHA-256-PLUS
///   authentication over a non-SSL connection"). It then says that it cannot bind (`n`), which the server accepts.
/// - To an application in TLS the offer passes, so that its answer tells what it wants. `n`, as with `channel_binding=disable`, is
///   accepted by the server. A binding (`p`) would fail there, and so would `y`, "I could, you did not offer", which the application's
///   proof covers, so that no relay can mend it. Both are refused here with the remedy, before the server sees and logs a failure.
pub(super) struct LogIn {
    /// Whether the application's leg is encrypted.
    encrypted: bool,
    turn: Turn,
    key: Option<CancelKey>,
}

/// How far the log-in is.
enum Turn {
    /// The server was asked and said nothing yet.
    Unanswered,
    /// Both speak.
    UnderWay,
    /// The server offered to bind the log-in, and the application has not chosen yet.
    Choosing,
    /// The server is ready for a query, in this state of its transaction.
    Ready(u8),
    /// The server refused.
    Refused,
}

/// The most in one message: the server's own bound (PG_MAX_AUTH_TOKEN_LENGTH) for the application's, and twice libpq's for the
/// server's.
const LIMIT: usize = 65_535;
const EXPECTED_GREETING: &str = "PostgreSQL's request for a log-in";
const WHILE: &str = "during log-in";

impl LogIn {
    pub(super) fn new(encrypted: bool) -> LogIn {
        LogIn { encrypted, turn: Turn::Unanswered, key: None }
    }

    pub(super) fn cancel_key(&self) -> Option<&CancelKey> {
        self.key.as_ref()
    }

    pub(super) fn flow(&self) -> Conveyed {
        match self.turn {
            Turn::Ready(status) => Conveyed::new(status),
            _ => Conveyed::unknown(),
        }
    }

    pub(super) fn step(&mut self, from: &mut Received) -> Result<HopStep, HopError> {
        match self.turn {
            Turn::Ready(_) => return Ok(HopStep::Established),
            Turn::Refused => return Ok(HopStep::Finished),
            Turn::Unanswered | Turn::UnderWay | Turn::Choosing => {}
        }
        let to_client = self.hear_server(&mut from.server, from.server_ended)?;
        if !to_client.is_empty() {
            return Ok(HopStep::ToClient(to_client));
        }
        let to_server = self.hear_client(&mut from.client)?;
        if !to_server.is_empty() {
            return Ok(HopStep::ToServer(to_server));
        }
        self.wait(from)
    }

    /// What goes to the application of what the server sent: its messages up to one that ends the log-in.
    fn hear_server(&mut self, input: &mut BytesMut, ended: bool) -> Result<Vec<u8>, HopError> {
        let broke = |error| HopError::Broken { side: Side::Server, error };
        if matches!(self.turn, Turn::Unanswered) {
            if input.first().is_some_and(|tag| !b"REvN".contains(tag)) {
                return Err(broke(WireError::wrong_protocol(EXPECTED_GREETING, input)));
            }
            if error::is_ancient(input) {
                return self.ancient_error(input, ended).map_err(broke);
            }
        }
        let mut passed = Vec::new();
        while let Some(message) = frame::take(input, LIMIT, WHILE).map_err(broke)? {
            self.note(&message).map_err(broke)?;
            match message {
                Frame { tag: b'R', body } => passed.extend(self.request(&body)?),
                Frame { tag, body } => passed.extend(frame::frame(tag, &body)),
            }
            if matches!(self.turn, Turn::Ready(_) | Turn::Refused) {
                break;
            }
        }
        Ok(passed)
    }

    /// Takes note of what a message of the server's means.
    fn note(&mut self, message: &Frame) -> Result<(), WireError> {
        match message.tag {
            b'Z' => {
                let status = message.body.first();
                self.turn = Turn::Ready(*status.ok_or(WireError::malformed("readiness without a state"))?);
            }
            b'E' => self.turn = Turn::Refused,
            b'K' if KEY_LENGTH.contains(&message.body.len()) => {
                self.key = Some(CancelKey(message.body.to_vec()));
            }
            _ => {}
        }
        Ok(())
    }

    /// An authentication request, as it goes to the application.
    fn request(&mut self, body: &[u8]) -> Result<Vec<u8>, HopError> {
        let offer = Offer::parse(body);
        self.turn = if offer.binds() { Turn::Choosing } else { Turn::UnderWay };
        if self.encrypted || !offer.binds() {
            return Ok(frame::frame(b'R', body));
        }
        let without = offer.without_binding().ok_or_else(|| HopError::Unsupported {
            message: "the server takes only log-ins that are bound to its certificate, and through a relay none can be; \
                      let it take SCRAM-SHA-256 as well"
                .to_owned(),
        })?;
        Ok(frame::frame(b'R', &without))
    }

    /// What goes to the server of what the application sent: its answers. Anything else it says ahead of time, and it stays in the
    /// input for the flow.
    fn hear_client(&mut self, input: &mut BytesMut) -> Result<Vec<u8>, HopError> {
        let broke = |error| HopError::Broken { side: Side::Client, error };
        let mut passed = Vec::new();
        while !self.is_held(input) {
            let Some(Frame { tag, body }) = frame::take(input, LIMIT, WHILE).map_err(broke)? else { break };
            if matches!(self.turn, Turn::Choosing) {
                offer::accept(&body)?;
                self.turn = Turn::UnderWay;
            }
            passed.extend(frame::frame(tag, &body));
        }
        Ok(passed)
    }

    /// Whether what the application sent waits: for the server's first word, or for the end of the log-in.
    fn is_held(&self, client: &BytesMut) -> bool {
        match client.first() {
            None => false,
            Some(_) if matches!(self.turn, Turn::Unanswered) => true,
            Some(&tag) => tag != b'p',
        }
    }

    fn wait(&self, from: &Received) -> Result<HopStep, HopError> {
        let held = self.is_held(&from.client);
        // An application that has no password, or takes its leave (`X`), goes away and may come back.
        if from.client_ended && (!held || from.client.first() == Some(&b'X')) {
            return Ok(HopStep::Finished);
        }
        if from.server_ended {
            return Err(HopError::Broken {
                side: Side::Server,
                error: WireError::Closed { while_doing: WHILE },
            });
        }
        // What is held is bounded by not reading more.
        Ok(if held { HopStep::ReadServer } else { HopStep::ReadEither })
    }

    /// Passes the error of a server that cannot start a process: it ends with a NUL or with the connection.
    fn ancient_error(&mut self, input: &mut BytesMut, ended: bool) -> Result<Vec<u8>, WireError> {
        if input.contains(&0) || ended {
            self.turn = Turn::Refused;
            return Ok(input.split().to_vec());
        }
        if input.len() > LIMIT {
            return Err(WireError::TooLarge { limit: LIMIT, while_doing: WHILE });
        }
        Ok(Vec::new())
    }
}
