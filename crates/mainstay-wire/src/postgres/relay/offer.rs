use crate::reader::Reader;
use crate::relay::HopError;

/// An authentication request, looked at for an offer to bind the log-in to the server's certificate (RFC 5802 §6).
pub(super) struct Offer<'a> {
    /// The mechanisms of an AuthenticationSASL; none in any other request.
    mechanisms: Vec<&'a [u8]>,
}

const SASL: u32 = 10;
const BINDING: &[u8] = b"SCRAM-SHA-256-PLUS";

impl<'a> Offer<'a> {
    /// Reads the body of a request. One that cannot be read offers nothing and passes as it is: the application judges it.
    pub(super) fn parse(body: &'a [u8]) -> Offer<'a> {
        let mut reader = Reader::new(body);
        let mut mechanisms = Vec::new();
        if reader.u32_be() == Some(SASL) {
            while let Some(name) = reader.until_nul().filter(|name| !name.is_empty()) {
                mechanisms.push(name);
            }
        }
        Offer { mechanisms }
    }

    /// Whether binding is among what is offered.
    pub(super) fn binds(&self) -> bool {
        self.mechanisms.contains(&BINDING)
    }

    /// The body of the request without that; nothing if nothing else is offered.
    pub(super) fn without_binding(&self) -> Option<Vec<u8>> {
        let mut body = SASL.to_be_bytes().to_vec();
        for &name in self.mechanisms.iter().filter(|&&name| name != BINDING) {
            body.extend(name);
            body.push(0);
        }
        let offers_nothing = body.len() == size_of_val(&SASL);
        body.push(0);
        (!offers_nothing).then_some(body)
    }
}

/// Refuses the SASLInitialResponse of an application that binds its log-in, or says that it could have: the server, which offered to
/// bind, would find that neither fits.
pub(super) fn accept(initial_response: &[u8]) -> Result<(), HopError> {
    let mut reader = Reader::new(initial_response);
    let mechanism = reader.until_nul().unwrap_or_default();
    reader.take(4);
    let could_bind = mechanism == b"SCRAM-SHA-256" && matches!(reader.rest().first(), Some(b'y' | b'p'));
    if mechanism != BINDING && !could_bind {
        return Ok(());
    }
    Err(HopError::Unsupported {
        message: "this relay ends TLS itself, so a log-in cannot be bound to the server's certificate through it, and the application \
                  wants that; switch it off in the application: `channel_binding=disable` (libpq), `channelBinding=disable` (Java), \
                  `enableChannelBinding: false` (node), or let it connect without TLS (`sslmode=disable`) where it has TLS now"
            .to_owned(),
    })
}
