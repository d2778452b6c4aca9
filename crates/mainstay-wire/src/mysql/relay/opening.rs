//! Until the log-in goes to the server: its greeting, the client's answer, and TLS on both sides.

use super::exchange::Exchange;
use super::leaving::{Farewell, Leaving, Owed};
use super::response::Response;
use super::{LIMIT, RelayHop, State, WHILE_LOGIN, by_server};
use crate::conversation::no_surplus;
use crate::mysql::error::ServerError;
use crate::mysql::greeting::{Greeting, capability, is_expected, with_capabilities};
use crate::mysql::packet::{self, packet};
use crate::relay::{HopError, HopStep, Received};
use crate::{TlsStart, WireError};

/// What the server offered to the client, by way of the relay.
#[derive(Debug)]
pub(super) struct Offer {
    /// What it said, whole.
    packet: Vec<u8>,
    /// What the client was told.
    told: Greeting,
}

impl Arrived {
    /// What takes leave of the server that offered this, when the handshake has ended and the log-in does not follow.
    fn farewell(&self, offer: &Offer) -> Farewell {
        Farewell::new(&self.response, &offer.told.plugin)
    }
}

/// The client's log-in, and how it came.
#[derive(Debug)]
pub(super) struct Arrived {
    response: Response,
    number: u8,
    over_tls: bool,
}

const WHILE_GREETING: &str = "before its greeting";

impl RelayHop {
    pub(super) fn greeting(&mut self, from: &mut Received) -> Result<Option<HopStep>, HopError> {
        is_expected(&from.server).map_err(by_server)?;
        let Some(packet) = packet::take(&mut from.server, LIMIT, WHILE_GREETING).map_err(by_server)? else {
            if from.server_ended {
                return Err(by_server(WireError::Closed { while_doing: WHILE_GREETING }));
            }
            return Ok(self.then(State::AwaitingGreeting, HopStep::ReadServer));
        };
        match packet.payload.split_first() {
            Some((10, body)) => self.greet(packet.sequence, body),
            Some((0xff, body)) => {
                ServerError::parse(body).map_err(by_server)?;
                Ok(self.pass_on(&packet))
            }
            _ => Err(by_server(WireError::malformed("an empty packet instead of a greeting"))),
        }
    }

    fn greet(&mut self, sequence: u8, body: &[u8]) -> Result<Option<HopStep>, HopError> {
        let mut told = Greeting::parse(body).map_err(by_server)?;
        if self.legs.server == TlsStart::InProtocol && !told.offers(capability::SSL) {
            let message = "its greeting does not list it".to_owned();
            return Err(by_server(WireError::TlsNotOffered { message }));
        }
        told.capabilities = self.told(told.capabilities);
        let edited = with_capabilities(body, told.capabilities)
            .ok_or(by_server(WireError::malformed("its greeting ends too early")))?;
        let original = packet(sequence, &[&[10], body].concat());
        self.owed = Owed::Visit(original.clone());
        let passed = packet(sequence, &[&[10], &edited[..]].concat());
        Ok(self.tell(State::Greeted(Offer { packet: original, told }), sequence, passed))
    }

    /// The server's capabilities as the client shall see them. TLS is the relay's own matter on that side. A session that is
    /// compressed with zstd could not be followed, and zlib, which every client that compresses knows, can. All else passes: it
    /// only changes what is said inside packets, or how the flow reads them.
    fn told(&self, capabilities: u32) -> u32 {
        let tls = if self.legs.client_tls { capability::SSL } else { 0 };
        capabilities & !(capability::SSL | capability::ZSTD_COMPRESSION_ALGORITHM) | tls
    }

    /// The client asks for TLS, or logs in without.
    pub(super) fn opening(&mut self, offer: Offer, from: &mut Received) -> Result<Option<HopStep>, HopError> {
        let Some(packet) = self.hear(&mut from.client)? else {
            return self.no_opening(State::Greeted, offer, from);
        };
        let number = packet.sequence;
        let response = Response::parse(packet.payload).ok_or_else(too_old)?;
        match (response.is_request_for_tls(), self.legs.client_tls) {
            (true, true) => Ok(self.then(State::Secured(offer), HopStep::ClientTls)),
            (true, false) => Err(HopError::Unsupported {
                message: "the application asks for TLS, and this relay has no certificate to answer with; take TLS off in \
                          the application (the relay's way to the server has it), or give the relay `tls`"
                    .to_owned(),
            }),
            (false, _) => self.arrived(offer, Arrived { response, number, over_tls: false }),
        }
    }

    pub(super) fn opening_over_tls(
        &mut self,
        offer: Offer,
        from: &mut Received,
    ) -> Result<Option<HopStep>, HopError> {
        let Some(packet) = self.hear(&mut from.client)? else {
            return self.no_opening(State::Secured, offer, from);
        };
        let number = packet.sequence;
        let response = Response::parse(packet.payload).ok_or_else(too_old)?;
        self.arrived(offer, Arrived { response, number, over_tls: true })
    }

    /// The client has not spoken yet: it may leave, and the server may lose patience.
    fn no_opening(
        &mut self,
        state: fn(Offer) -> State,
        offer: Offer,
        from: &mut Received,
    ) -> Result<Option<HopStep>, HopError> {
        if let Some(last) = packet::take(&mut from.server, LIMIT, WHILE_LOGIN).map_err(by_server)? {
            return Ok(self.pass_on(&last));
        }
        if from.server_ended {
            return Err(by_server(WireError::Closed { while_doing: WHILE_LOGIN }));
        }
        if from.client_ended {
            return self.next(State::Leaving(Leaving::new(&offer.packet, self.legs.server)));
        }
        Ok(self.then(state(offer), HopStep::ReadEither))
    }

    fn arrived(&mut self, offer: Offer, mut arrived: Arrived) -> Result<Option<HopStep>, HopError> {
        self.introduced = true;
        let in_protocol = self.legs.server == TlsStart::InProtocol;
        arrived.response.set_tls(in_protocol);
        self.next(match in_protocol {
            true => State::Upgrading(offer, arrived),
            false => State::Introducing(offer, arrived),
        })
    }

    /// Asks for TLS as the client would have: servers take the capabilities from this request and not from the log-in.
    pub(super) fn upgrade(
        &mut self,
        offer: Offer,
        arrived: Arrived,
        from: &mut Received,
    ) -> Result<Option<HopStep>, HopError> {
        no_surplus(&from.server).map_err(by_server)?;
        self.owed_then = Some(Owed::LogIn(arrived.farewell(&offer)));
        let request = HopStep::ToServer(arrived.response.request_for_tls(1));
        Ok(self.then(State::Handshake(offer, arrived), request))
    }

    pub(super) fn introduce(&mut self, offer: &Offer, arrived: Arrived) -> Result<HopStep, HopError> {
        let Arrived { response, number, over_tls } = arrived;
        let in_protocol = self.legs.server == TlsStart::InProtocol;
        let keyed = in_protocol && !over_tls;
        let mut exchange = Exchange::new(keyed, &offer.told.scramble);
        let common = response.common(&offer.told);
        let ours = if in_protocol { 2 } else { 1 };
        let next = exchange.first(response, (number, ours), &offer.told.plugin)?;
        Ok(self.say(exchange, common, next))
    }
}

fn too_old() -> HopError {
    HopError::Unsupported {
        message: "the application's log-in is none that this relay can read, likely that of a client from before MySQL 4.1 \
                  (2004); use a newer client"
            .to_owned(),
    }
}
