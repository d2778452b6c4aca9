mod first;
mod flow;
mod frames;
mod login;
mod offer;
mod way;

use bytes::BytesMut;

use self::first::First;
use self::login::LogIn;
use self::way::Way;
use super::error;
use crate::WireError;
use crate::conversation::no_surplus;
use crate::relay::{CancelKey, Flow, Hop, HopError, HopStep, Legs, Opaque, Received, Side};

/// A connection to PostgreSQL through a relay, up to its first ReadyForQuery.
///
/// The application's start-up message and every message of the log-in pass as they are, with one exception: where the application
/// came in plaintext, the server's offer to bind the log-in to its certificate is taken out. So every method works
/// that does not look at TLS: SCRAM-SHA-256, MD5, a password in the clear, GSSAPI and SSPI log-ins, OAuth, none. A password in the
/// clear travels between application and relay as that leg is: a Unix socket, a loopback address or the relay's own TLS; to the
/// server it goes in TLS. A log-in by client certificate cannot pass: the server sees the relay's, if it has one.
pub struct RelayHop {
    legs: Legs,
    stage: Stage,
    /// What the application asked for before it said who it is.
    asked: Asked,
    /// Whether the application's leg is encrypted.
    encrypted: bool,
    /// The SQLSTATE of a refusal. Without it nothing that is said can be read, for the application has not told yet that it speaks
    /// this protocol, or may not trust what comes before TLS (CVE-2024-10977).
    refuses_with: Option<&'static str>,
}

/// Each of the two may be asked for once.
#[derive(Default)]
struct Asked {
    tls: bool,
    gssapi: bool,
}

enum Stage {
    /// The application's first messages.
    Opening,
    /// `S` went to the application, or it spoke TLS without asking.
    Agreed,
    /// It is known what the application wants; nobody was called yet.
    Calling(Errand),
    /// Up to where the server is to hear of it.
    Reaching(Errand, Way),
    LoggingIn(LogIn),
    /// The CancelRequest is sent. The server says nothing and closes when it is done.
    Cancelling,
    Over,
}

/// What the application wants of the server, with the message that says so.
enum Errand {
    LogIn(Vec<u8>),
    Cancel(CancelKey, Vec<u8>),
}

/// 08006, connection_failure: what drivers and pools (pgjdbc, Npgsql, HikariCP) count as a connection that may succeed when tried again.
const FAILED: &str = "08006";
/// 08004, sqlserver_rejected_establishment_of_sqlconnection: trying again is of no use, the application has to ask otherwise.
const REJECTED: &str = "08004";

impl RelayHop {
    /// A hop that has heard nothing yet.
    pub fn new(legs: Legs) -> RelayHop {
        RelayHop {
            legs,
            stage: Stage::Opening,
            asked: Asked::default(),
            encrypted: false,
            refuses_with: None,
        }
    }

    /// Where the conversation goes from this stage, and what the driver is to do, if anything.
    fn advance(&mut self, stage: Stage, from: &mut Received) -> Result<(Stage, Option<HopStep>), HopError> {
        match stage {
            Stage::Opening => self.open(from),
            Stage::Agreed => {
                self.encrypted = true;
                Ok((Stage::Opening, Some(HopStep::ClientTls)))
            }
            // An application that is gone already is none to call for. To cancel, it need not wait.
            Stage::Calling(Errand::LogIn(_)) if from.client_ended && from.client.is_empty() => {
                Ok((Stage::Over, None))
            }
            Stage::Calling(errand) => {
                let step = errand.call();
                Ok((Stage::Reaching(errand, Way::new(self.legs.server)), Some(step)))
            }
            Stage::Reaching(errand, mut way) => match way.step(&mut from.server, from.server_ended) {
                Ok(Some(step)) => Ok((Stage::Reaching(errand, way), Some(step))),
                Ok(None) => Ok(self.arrive(errand)),
                Err(error) => {
                    // There may be another server to go to.
                    self.stage = Stage::Reaching(errand, way);
                    Err(HopError::Broken { side: Side::Server, error })
                }
            },
            Stage::LoggingIn(mut login) => {
                let step = login.step(from);
                if matches!(step, Err(HopError::Unsupported { .. })) {
                    self.refuses_with = Some(REJECTED);
                }
                step.map(|step| (Stage::LoggingIn(login), Some(step)))
            }
            Stage::Cancelling if from.server_ended => Ok((Stage::Over, None)),
            Stage::Cancelling => {
                from.server.clear();
                Ok((Stage::Cancelling, Some(HopStep::ReadServer)))
            }
            Stage::Over => Ok((Stage::Over, Some(HopStep::Finished))),
        }
    }

    fn open(&mut self, from: &mut Received) -> Result<(Stage, Option<HopStep>), HopError> {
        let client_broke = |error| HopError::Broken { side: Side::Client, error };
        match first::take(&mut from.client).map_err(client_broke)? {
            None if !from.client_ended => Ok((Stage::Opening, Some(HopStep::ReadClient))),
            // A look whether the port is open.
            None if from.client.is_empty() => Ok((Stage::Over, None)),
            None => Err(client_broke(WireError::Closed { while_doing: "in its first message" })),
            Some(First::Handshake) => self.direct_tls(&from.client),
            Some(First::TlsRequest) => self.tls_request(&from.client),
            Some(First::GssapiRequest) => self.gssapi_request(),
            Some(First::Cancel(key, request)) => Ok((Stage::Calling(Errand::Cancel(key, request)), None)),
            Some(First::Startup(message)) => {
                self.refuses_with = Some(FAILED);
                Ok((Stage::Calling(Errand::LogIn(message)), None))
            }
        }
    }

    /// TLS without asking (`sslnegotiation=direct`) comes before anything else, or not at all.
    fn direct_tls(&mut self, input: &BytesMut) -> Result<(Stage, Option<HopStep>), HopError> {
        if self.asked.tls || self.asked.gssapi || self.encrypted {
            return Err(out_of_place(input));
        }
        if !self.legs.client_tls {
            let message = "the application speaks TLS from the first byte (sslnegotiation=direct), and this relay has no certificate; \
                           connect to it with sslnegotiation=postgres and sslmode=disable, or give the relay a certificate (`tls`)";
            return Err(HopError::Unsupported { message: message.to_owned() });
        }
        Ok((Stage::Agreed, None))
    }

    /// `S` with a certificate, else `N`; an application that needs TLS goes away then.
    fn tls_request(&mut self, rest: &BytesMut) -> Result<(Stage, Option<HopStep>), HopError> {
        if self.asked.tls || self.encrypted {
            return Err(out_of_place(&first::TLS_REQUEST[..]));
        }
        self.asked.tls = true;
        if !self.legs.client_tls {
            return Ok((Stage::Opening, Some(HopStep::ToClient(b"N".to_vec()))));
        }
        no_surplus(rest).map_err(|error| HopError::Broken { side: Side::Client, error })?;
        Ok((Stage::Agreed, Some(HopStep::ToClient(b"S".to_vec()))))
    }

    /// Encryption by GSSAPI cannot be had; the application goes on in the same connection, with a request for TLS or without.
    fn gssapi_request(&mut self) -> Result<(Stage, Option<HopStep>), HopError> {
        if self.asked.gssapi || self.encrypted {
            return Err(out_of_place(&first::GSSAPI_REQUEST[..]));
        }
        self.asked.gssapi = true;
        Ok((Stage::Opening, Some(HopStep::ToClient(b"N".to_vec()))))
    }

    fn arrive(&mut self, errand: Errand) -> (Stage, Option<HopStep>) {
        match errand {
            Errand::LogIn(message) => {
                (Stage::LoggingIn(LogIn::new(self.encrypted)), Some(HopStep::ToServer(message)))
            }
            Errand::Cancel(_, request) => (Stage::Cancelling, Some(HopStep::ToServer(request))),
        }
    }
}

impl Hop for RelayHop {
    fn step(&mut self, from: &mut Received) -> Result<HopStep, HopError> {
        // Each round without a step takes a message out of the input or moves the stage on, so this ends.
        loop {
            let stage = std::mem::replace(&mut self.stage, Stage::Over);
            let (next, step) = self.advance(stage, from)?;
            self.stage = next;
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    fn redial(&mut self) -> bool {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Reaching(errand @ Errand::LogIn(_), _) => {
                self.stage = Stage::Calling(errand);
                true
            }
            // What is to be cancelled runs at one address only.
            other => {
                self.stage = other;
                false
            }
        }
    }

    fn refusal(&self, message: &str) -> Vec<u8> {
        self.refuses_with.map_or_else(Vec::new, |code| error::fatal(code, message))
    }

    fn cancel_key(&self) -> Option<&CancelKey> {
        match &self.stage {
            Stage::LoggingIn(login) => login.cancel_key(),
            _ => None,
        }
    }

    fn flow(self: Box<Self>) -> Box<dyn Flow> {
        match self.stage {
            Stage::LoggingIn(login) => Box::new(login.flow()),
            _ => Box::new(Opaque),
        }
    }
}

impl Errand {
    fn call(&self) -> HopStep {
        match self {
            Errand::LogIn(_) => HopStep::Dial,
            Errand::Cancel(key, _) => HopStep::DialFor(key.clone()),
        }
    }
}

/// A request that was made already, or that has no place in TLS.
fn out_of_place(bytes: &[u8]) -> HopError {
    HopError::Broken { side: Side::Client, error: WireError::wrong_protocol(first::EXPECTED, bytes) }
}

#[cfg(test)]
mod tests;
