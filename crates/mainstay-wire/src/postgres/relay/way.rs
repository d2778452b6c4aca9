use bytes::{Buf, BytesMut};

use super::super::opening::{self, SSL_REQUEST};
use crate::conversation::no_surplus;
use crate::relay::HopStep;
use crate::{TlsStart, WireError};

/// The way from a connection to where a server hears the first message of the protocol itself.
pub(super) struct Way {
    tls: TlsStart,
    at: At,
}

enum At {
    Connected,
    /// TLS was asked for.
    AwaitingConsent,
    Open,
}

impl Way {
    pub(super) fn new(tls: TlsStart) -> Way {
        Way { tls, at: At::Connected }
    }

    /// The next step; none when the way is open.
    pub(super) fn step(&mut self, server: &mut BytesMut, ended: bool) -> Result<Option<HopStep>, WireError> {
        match (&self.at, self.tls) {
            (At::Open, _) | (At::Connected, TlsStart::Never) => Ok(None),
            (At::Connected, TlsStart::Direct) => Ok(self.go(At::Open, HopStep::ServerTls)),
            (At::Connected, TlsStart::InProtocol) => {
                Ok(self.go(At::AwaitingConsent, HopStep::ToServer(SSL_REQUEST.to_vec())))
            }
            (At::AwaitingConsent, _) => match opening::consent(server)? {
                None if ended => Err(WireError::Closed { while_doing: "when it was asked for TLS" }),
                None => Ok(Some(HopStep::ReadServer)),
                Some(false) => Err(opening::declined()),
                Some(true) => {
                    server.advance(1);
                    no_surplus(server)?;
                    Ok(self.go(At::Open, HopStep::ServerTls))
                }
            },
        }
    }

    fn go(&mut self, at: At, step: HopStep) -> Option<HopStep> {
        self.at = at;
        Some(step)
    }
}
