mod commands;
mod flow;
mod refused;
mod replies;
mod stream;
mod talk;

use std::collections::HashMap;
use std::sync::Arc;

use self::flow::Conveyed;
use crate::TlsStart;
use crate::relay::{Flow, Hop, HopError, HopStep, Legs, Received};

/// A connection to Redis through a relay. There is nothing to negotiate: it is TLS from the first byte, or it is not.
#[derive(Debug, Clone)]
pub struct RelayHop {
    legs: Legs,
    peers: Peers,
    done: Done,
}

/// The servers of a cluster that have relays of their own: what the cluster calls them, as `host:port`, and where applications reach
/// the relay, in the same form.
pub type Peers = Arc<HashMap<String, String>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Nothing,
    /// It is known whether the application speaks TLS.
    Heard,
    Dialled,
    Encrypted,
}

/// The first byte of a TLS record that opens a handshake (RFC 8446 §5.1). No command begins with it.
const HANDSHAKE: u8 = 0x16;

const NO_TLS: &str = "the application speaks TLS, and this relay has no certificate; connect to it without TLS (redis://), or \
                      give the relay a certificate (`tls`)";

impl RelayHop {
    /// A hop in front of a server that stands alone. Should it belong to a cluster all the same, whatever would lead applications past
    /// the relay is refused.
    pub fn new(legs: Legs) -> RelayHop {
        RelayHop { legs, peers: Peers::default(), done: Done::Nothing }
    }

    /// The same in front of a server of a cluster, of which these have relays.
    pub fn with_peers(self, peers: Peers) -> RelayHop {
        RelayHop { peers, ..self }
    }

    /// With a certificate, the application's first byte says whether it wants TLS; until then nobody is called.
    fn hear(&mut self, from: &Received) -> Result<HopStep, HopError> {
        let first = from.client.first();
        match first {
            None if from.client_ended => return Ok(HopStep::Finished),
            None if self.legs.client_tls => return Ok(HopStep::ReadClient),
            Some(&HANDSHAKE) if !self.legs.client_tls => {
                return Err(HopError::Unsupported { message: NO_TLS.to_owned() });
            }
            _ => self.done = Done::Heard,
        }
        if first == Some(&HANDSHAKE) { Ok(HopStep::ClientTls) } else { Ok(self.dial()) }
    }

    fn dial(&mut self) -> HopStep {
        self.done = Done::Dialled;
        HopStep::Dial
    }
}

impl Hop for RelayHop {
    fn step(&mut self, from: &mut Received) -> Result<HopStep, HopError> {
        match self.done {
            Done::Nothing => self.hear(from),
            Done::Heard => Ok(self.dial()),
            Done::Dialled if self.legs.server != TlsStart::Never => {
                self.done = Done::Encrypted;
                Ok(HopStep::ServerTls)
            }
            Done::Dialled | Done::Encrypted => Ok(HopStep::Established),
        }
    }

    /// No word of the application's has gone to a server yet.
    fn redial(&mut self) -> bool {
        self.done = Done::Heard;
        true
    }

    /// Like a server that has no room, which says so before it is asked anything.
    fn refusal(&self, message: &str) -> Vec<u8> {
        refused::error(message)
    }

    fn flow(self: Box<Self>) -> Box<dyn Flow> {
        Box::new(Conveyed::new(self.peers))
    }
}

#[cfg(test)]
mod tests;
