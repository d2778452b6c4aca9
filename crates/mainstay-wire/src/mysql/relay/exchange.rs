//! The questions and answers of a log-in, which pass, but for one: the password itself.
//!
//! A server asks for it where it does not remember the user (`caching_sha2_password`, "full authentication") or never does
//! (`sha256_password`). Over TLS it then reads a password. A client that speaks plaintext asks for an RSA key instead, to send the
//! password encrypted. Between the two, the relay hands out a key of its own and decrypts.

use bytes::Bytes;

use super::key::{Key, Unreadable};
use super::response::Response;
use crate::WireError;
use crate::mysql::packet::{Packet, packet};
use crate::reader::Reader;
use crate::relay::{HopError, Side};

/// How far a log-in, or a change of user, has come.
#[derive(Debug)]
pub(super) struct Exchange {
    /// Whether clients may ask for a key that the server would not give.
    keyed: bool,
    /// The random bytes that the server gave last.
    scramble: Bytes,
    /// By how much the server's packet numbers are ahead of the client's, modulo 256.
    ahead: u8,
    turn: Turn,
    /// What waits for the password.
    response: Option<Response>,
}

/// Who may speak, and what it may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Server,
    /// The client's, if it is: after some packets the server goes on.
    Either,
    /// As before; with this byte a client asks for a key.
    Asked(u8),
    /// The client has the key, and its password is next.
    Password,
}

/// Where the packet of a client goes, or what comes of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    ToServer(Vec<u8>),
    ToClient(Vec<u8>),
}

/// How a log-in ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Refused,
}

pub(super) const SHA256: &[u8] = b"sha256_password";
/// By what a client of `sha256_password` asks for the key.
pub(super) const SHA256_ASKS: u8 = 1;
/// By what one of `caching_sha2_password` does.
const CACHING_SHA2_ASKS: u8 = 2;
/// "Full authentication": the server does not remember the password.
const CACHING_SHA2_FULL: &[u8] = &[1, 4];
/// Random bytes of both methods, without the NUL after them.
const SCRAMBLE: usize = 20;
/// The shortest that RSA encrypts to with keys in use; passwords in the clear end with a NUL, and hardly are that long.
const ENCRYPTED: usize = 128;

impl Exchange {
    /// A log-in that begins with these random bytes.
    pub(super) fn new(keyed: bool, scramble: &[u8]) -> Exchange {
        let scramble = Bytes::copy_from_slice(scramble);
        Exchange { keyed, scramble, ahead: 0, turn: Turn::Server, response: None }
    }

    /// A change of user, after a log-in: the random bytes stay until there are others.
    pub(super) fn again(&self) -> Exchange {
        Exchange { scramble: self.scramble.clone(), ahead: 0, turn: Turn::Server, response: None, ..*self }
    }

    /// Whether the relay may have to answer for the server.
    pub(super) fn is_keyed(&self) -> bool {
        self.keyed
    }

    /// Whether the client may speak.
    pub(super) fn is_open(&self) -> bool {
        self.turn != Turn::Server
    }

    /// The client's first message, which had one number and shall have another.
    pub(super) fn first(
        &mut self,
        response: Response,
        (number, ours): (u8, u8),
        proposed: &[u8],
    ) -> Result<Next, HopError> {
        self.ahead = ours.wrapping_sub(number);
        if self.keyed && response.asks_for_key(proposed) {
            self.response = Some(response);
            return self.hand_out_key(number);
        }
        Ok(Next::ToServer(response.packet(ours)))
    }

    /// What becomes of a packet of the client's.
    pub(super) fn client(&mut self, from: Packet) -> Result<Next, HopError> {
        let turn = std::mem::replace(&mut self.turn, Turn::Server);
        match (turn, &from.payload[..]) {
            (Turn::Asked(question), [byte]) if *byte == question => self.hand_out_key(from.sequence),
            (Turn::Asked(_), payload) if payload.len() >= ENCRYPTED && !payload.ends_with(b"\0") => {
                Err(unreadable(Unreadable::OtherKey))
            }
            (Turn::Password, encrypted) => self.password(from.sequence, encrypted),
            (_, payload) => Ok(Next::ToServer(packet(from.sequence.wrapping_add(self.ahead), payload))),
        }
    }

    /// What goes on to the client of a packet of the server's, and whether that ends it.
    pub(super) fn server(&mut self, from: &Packet) -> (Vec<u8>, Option<Verdict>) {
        let passed = packet(from.sequence.wrapping_sub(self.ahead), &from.payload);
        let verdict = match from.payload.split_first() {
            Some((0x00, _)) => Some(Verdict::Accepted),
            Some((0xff, _)) => Some(Verdict::Refused),
            _ => None,
        };
        self.turn = match from.payload.split_first() {
            _ if &from.payload[..] == CACHING_SHA2_FULL => self.asked(CACHING_SHA2_ASKS),
            // Another method, or a further one (AuthSwitchRequest, AuthNextFactor).
            Some((0xfe | 0x02, body)) => self.switch(body),
            _ => Turn::Either,
        };
        (passed, verdict)
    }

    fn asked(&self, question: u8) -> Turn {
        if self.keyed { Turn::Asked(question) } else { Turn::Either }
    }

    fn switch(&mut self, body: &[u8]) -> Turn {
        let mut reader = Reader::new(body);
        let Some(method) = reader.until_nul() else { return Turn::Either };
        let scramble = reader.rest();
        self.scramble = Bytes::copy_from_slice(scramble.get(..SCRAMBLE).unwrap_or(scramble));
        if method == SHA256 { self.asked(SHA256_ASKS) } else { Turn::Either }
    }

    /// Answers in the server's place. The server will see one packet where the client sends two and receives one.
    fn hand_out_key(&mut self, number: u8) -> Result<Next, HopError> {
        let key = Key::ours().ok_or_else(|| HopError::Unsupported {
            message: "the relay could not make an RSA key for the application's password; see whether this machine has \
                      random numbers, or let the application use the relay's Unix socket or TLS"
                .to_owned(),
        })?;
        self.ahead = self.ahead.wrapping_sub(2);
        self.turn = Turn::Password;
        Ok(Next::ToClient(packet(number.wrapping_add(1), &[&[1], key.pem().as_bytes()].concat())))
    }

    fn password(&mut self, number: u8, encrypted: &[u8]) -> Result<Next, HopError> {
        let number = number.wrapping_add(self.ahead);
        let key = Key::ours().ok_or_else(|| unreadable(Unreadable::OtherKey))?;
        let password = key.password(encrypted, &self.scramble).map_err(unreadable)?;
        match self.response.take() {
            None => Ok(Next::ToServer(packet(number, &password))),
            Some(response) => {
                response.packet_with_answer(number, &password).map(Next::ToServer).ok_or_else(|| {
                    let error = WireError::malformed("its password does not fit into its log-in");
                    HopError::Broken { side: Side::Client, error }
                })
            }
        }
    }
}

fn unreadable(why: Unreadable) -> HopError {
    let message = match why {
        Unreadable::OtherKey => {
            "the application encrypted its password with another key than this relay's, likely the server's from a \
                  file (`server-public-key-path`, `serverRSAPublicKeyFile`); let it ask for the key instead \
                  (`get-server-public-key`, `allowPublicKeyRetrieval=true`), or use the relay's Unix socket or TLS"
        }
        Unreadable::OtherRandomBytes => {
            "the application mixed its password with other random bytes than the server gave it last, as some drivers do after a \
             change of the log-in method; use a newer driver, or the relay's Unix socket or TLS, where the password is sent as it is"
        }
    };
    HopError::Unsupported { message: message.to_owned() }
}
