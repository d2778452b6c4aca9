//! A relay between an application and a server of MySQL or MariaDB.
//!
//! The server greets first, and what it offers decides what the application asks for: so its greeting is passed on, and the
//! application's answer awaited, before anything else is said to the server. With a server that begins in plaintext the relay then
//! asks for TLS in the application's name, and passes its log-in. Where only one side has TLS, that request is one packet more on
//! that side, and packet numbers differ until the log-in is over.

mod exchange;
mod flow;
mod key;
mod leaving;
mod opening;
mod response;

use bytes::BytesMut;

use self::exchange::{Exchange, Next, Verdict};
use self::flow::Session;
pub use self::key::make_key;
use self::leaving::{Leaving, Owed};
use self::opening::{Arrived, Offer};
use super::error::error_packet;
use super::packet::{self, Packet, packet};
use crate::conversation::no_surplus;
use crate::relay::{Flow, Hop, HopError, HopStep, Legs, Opaque, Received, Side};
use crate::{Conversation, TlsStart, WireError};

/// The beginning of a relayed connection to MySQL or MariaDB.
///
/// Where an application leaves before it logs in, as one does that only looks whether the port is open, or is refused, the relay logs
/// in as [`VISITOR`](super::VISITOR) and leaves then. Servers count connections that break off before the log-in, and after a hundred
/// in a row they block the host, which is the relay's, with all applications behind it.
#[derive(Debug)]
pub struct RelayHop {
    legs: Legs,
    state: State,
    /// The number of the next packet to the client.
    number: u8,
    /// Whether the client has told its capabilities, so that errors can have a SQLSTATE.
    introduced: bool,
    owed: Owed,
    /// What the server is owed once it has heard what the last step says.
    owed_then: Option<Owed>,
}

#[derive(Debug)]
enum State {
    Begin,
    Dialled,
    AwaitingGreeting,
    /// The server's greeting is passed on.
    Greeted(Offer),
    /// The client asked for TLS and has it.
    Secured(Offer),
    /// The client's log-in is here; the server is asked for TLS next.
    Upgrading(Offer, Arrived),
    /// It was asked, and the handshake is next.
    Handshake(Offer, Arrived),
    /// The server's side is as it shall be; the log-in is next.
    Introducing(Offer, Arrived),
    LoggingIn(Exchange, Capabilities),
    LoggedIn(Box<Session>),
    Leaving(Leaving),
    Over,
}

/// What both sides can, and what of MariaDB's extended capabilities.
type Capabilities = (u32, u32);

/// The most in one packet of a log-in. Attributes of the connection are the longest in it, and MySQL keeps 64 KiB of them.
const LIMIT: usize = 128 * 1024;

const WHILE_LOGIN: &str = "during log-in";

/// `ER_UNKNOWN_ERROR`, for what has no number of its own. Clients do nothing about it but show it: 1045 would send people after a
/// password, 1040, 1129, 1203 and 1226 after the load, and numbers from 2000 on are for what a client finds out itself.
const REFUSED: u16 = 1105;

impl RelayHop {
    /// A hop that dials at once, since the server speaks first.
    pub fn new(legs: Legs) -> RelayHop {
        RelayHop {
            legs,
            state: State::Begin,
            number: 0,
            introduced: false,
            owed: Owed::Nothing,
            owed_then: None,
        }
    }

    /// `None` when the next state is to be looked at.
    fn advance(&mut self, from: &mut Received) -> Result<Option<HopStep>, HopError> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Begin => Ok(self.then(State::Dialled, HopStep::Dial)),
            State::Dialled if self.legs.server == TlsStart::Direct => {
                Ok(self.then(State::AwaitingGreeting, HopStep::ServerTls))
            }
            State::Dialled => {
                self.owed = Owed::Visit(Vec::new());
                self.next(State::AwaitingGreeting)
            }
            State::AwaitingGreeting => self.greeting(from),
            State::Greeted(offer) => self.opening(offer, from),
            State::Secured(offer) => self.opening_over_tls(offer, from),
            State::Upgrading(offer, arrived) => self.upgrade(offer, arrived, from),
            State::Handshake(offer, arrived) => {
                if let Err(error) = no_surplus(&from.server) {
                    // Leave would have to be taken over TLS.
                    self.owed = Owed::Nothing;
                    return Err(by_server(error));
                }
                Ok(self.then(State::Introducing(offer, arrived), HopStep::ServerTls))
            }
            State::Introducing(offer, arrived) => self.introduce(&offer, arrived).map(Some),
            State::LoggingIn(exchange, common) => self.log_in(exchange, common, from),
            State::LoggedIn(session) => Ok(self.then(State::LoggedIn(session), HopStep::Established)),
            State::Leaving(leaving) => Ok(Some(self.leave(leaving, from))),
            State::Over => Ok(Some(HopStep::Finished)),
        }
    }

    fn then(&mut self, next: State, step: HopStep) -> Option<HopStep> {
        self.state = next;
        Some(step)
    }

    fn next(&mut self, next: State) -> Result<Option<HopStep>, HopError> {
        self.state = next;
        Ok(None)
    }

    fn leave(&mut self, mut leaving: Leaving, from: &mut Received) -> HopStep {
        let step = leaving.step(from);
        self.state = State::Leaving(leaving);
        step
    }

    /// Sends a packet with this number to the client.
    fn tell(&mut self, next: State, number: u8, packet: Vec<u8>) -> Option<HopStep> {
        self.number = number.wrapping_add(1);
        self.then(next, HopStep::ToClient(packet))
    }

    /// Takes a packet of the client's, and notes its number.
    fn hear(&mut self, input: &mut BytesMut) -> Result<Option<Packet>, HopError> {
        let packet = packet::take(input, LIMIT, WHILE_LOGIN).map_err(by_client)?;
        if let Some(packet) = &packet {
            self.number = packet.sequence.wrapping_add(1);
        }
        Ok(packet)
    }

    /// Passes on what the server says before it closes.
    fn pass_on(&mut self, from: &Packet) -> Option<HopStep> {
        self.owed = Owed::Nothing;
        self.tell(State::Over, from.sequence, packet(from.sequence, &from.payload))
    }

    fn say(&mut self, exchange: Exchange, common: Capabilities, next: Next) -> HopStep {
        self.state = State::LoggingIn(exchange, common);
        match next {
            Next::ToServer(packet) => {
                self.owed_then = Some(Owed::Patience);
                HopStep::ToServer(packet)
            }
            Next::ToClient(packet) => {
                self.number = self.number.wrapping_add(1);
                HopStep::ToClient(packet)
            }
        }
    }

    fn log_in(
        &mut self,
        mut exchange: Exchange,
        common: Capabilities,
        from: &mut Received,
    ) -> Result<Option<HopStep>, HopError> {
        if let Some(packet) = packet::take(&mut from.server, LIMIT, WHILE_LOGIN).map_err(by_server)? {
            return Ok(self.answer(exchange, common, &packet));
        }
        if from.server_ended {
            return Err(by_server(WireError::Closed { while_doing: WHILE_LOGIN }));
        }
        if !exchange.is_open() {
            return Ok(self.then(State::LoggingIn(exchange, common), HopStep::ReadServer));
        }
        match self.hear(&mut from.client)? {
            Some(packet) => {
                let next = exchange.client(packet)?;
                Ok(Some(self.say(exchange, common, next)))
            }
            None if from.client_ended => Err(by_client(WireError::Closed { while_doing: WHILE_LOGIN })),
            None => Ok(self.then(State::LoggingIn(exchange, common), HopStep::ReadEither)),
        }
    }

    /// A packet of the server's goes to the client.
    fn answer(&mut self, mut exchange: Exchange, common: Capabilities, packet: &Packet) -> Option<HopStep> {
        let (passed, verdict) = exchange.server(packet);
        let number = passed.get(3).copied().unwrap_or_default();
        self.owed = match verdict {
            None => Owed::Answer(super::packet::packet(packet.sequence, &packet.payload)),
            Some(_) => Owed::Nothing,
        };
        let next = match verdict {
            None => State::LoggingIn(exchange, common),
            Some(Verdict::Refused) => State::Over,
            Some(Verdict::Accepted) => {
                State::LoggedIn(Box::new(Session::new(common, exchange, &packet.payload)))
            }
        };
        self.tell(next, number, passed)
    }
}

impl Hop for RelayHop {
    fn step(&mut self, from: &mut Received) -> Result<HopStep, HopError> {
        if let Some(owed) = self.owed_then.take() {
            self.owed = owed;
        }
        // Each round without a step moves the state on, so this ends.
        loop {
            if let Some(step) = self.advance(from)? {
                return Ok(step);
            }
        }
    }

    fn is_awaited(&self) -> bool {
        self.legs.server == TlsStart::InProtocol
            && matches!(self.state, State::Greeted(_) | State::Secured(_))
    }

    fn take_leave(&mut self) -> Option<Box<dyn Conversation + Send>> {
        let owed = std::mem::replace(&mut self.owed, Owed::Nothing);
        match std::mem::replace(&mut self.state, State::Over) {
            _ if self.legs.server != TlsStart::InProtocol => None,
            State::Leaving(leaving) => leaving.rejected().map(|client| Box::new(client) as Box<_>),
            _ => owed.conversation(),
        }
    }

    fn refusal(&self, message: &str) -> Vec<u8> {
        refuse(self.number, self.introduced, message)
    }

    /// Only a server of which the client has heard nothing can be left for another: the client answers to its random bytes.
    fn redial(&mut self) -> bool {
        // After an error, or after leave was taken, it is over.
        let unheard = self.number == 0 && matches!(self.state, State::AwaitingGreeting | State::Over);
        if unheard {
            (self.state, self.owed) = (State::Begin, Owed::Nothing);
        }
        unheard
    }

    fn flow(self: Box<Self>) -> Box<dyn Flow> {
        match self.state {
            State::LoggedIn(session) => session,
            _ => Box::new(Opaque),
        }
    }
}

/// An error of the relay's own.
fn refuse(number: u8, introduced: bool, message: &str) -> Vec<u8> {
    error_packet(number, REFUSED, introduced.then_some(b"HY000"), message)
}

fn by_server(error: WireError) -> HopError {
    HopError::Broken { side: Side::Server, error }
}

fn by_client(error: WireError) -> HopError {
    HopError::Broken { side: Side::Client, error }
}

#[cfg(test)]
mod tests;
