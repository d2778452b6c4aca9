use std::ops::Range;

use bytes::BytesMut;

use crate::mysql::VISITOR;
use crate::mysql::greeting::{Greeting, capability, extended_capabilities};
use crate::mysql::packet::packet;
use crate::reader::Reader;

/// What a client says of itself and its user (HandshakeResponse41).
#[derive(Debug)]
pub(super) struct Response {
    payload: BytesMut,
    pub(super) capabilities: u32,
    pub(super) extended: u32,
}

/// The part that a request for TLS consists of: capabilities, the greatest packet, character set, reserved bytes.
const OPENING: usize = 32;

impl Response {
    /// Reads the beginning. `None` where it is none of this protocol, or of the one from before version 4.1.
    pub(super) fn parse(payload: BytesMut) -> Option<Response> {
        let mut reader = Reader::new(&payload);
        let capabilities = reader.u32_le()?;
        let _settings = reader.take(4 + 1 + 19)?;
        let extended = extended_capabilities(capabilities, reader.u32_le()?);
        let modern = capabilities & capability::PROTOCOL_41 != 0;
        modern.then_some(Response { payload, capabilities, extended })
    }

    /// Whether it asks for TLS and says nothing yet.
    pub(super) fn is_request_for_tls(&self) -> bool {
        self.has(capability::SSL) && self.payload.len() == OPENING
    }

    /// The capabilities that both sides have, the extended ones apart.
    pub(super) fn common(&self, offered: &Greeting) -> (u32, u32) {
        (self.capabilities & offered.capabilities, self.extended & offered.extended)
    }

    /// Says to the server whether there is TLS on its side, whatever there is on the client's, and asks for nothing that it was not
    /// to offer.
    pub(super) fn set_tls(&mut self, tls: bool) {
        self.capabilities &= !(capability::SSL | capability::ZSTD_COMPRESSION_ALGORITHM);
        if tls {
            self.capabilities |= capability::SSL;
        }
        for (byte, ours) in self.payload.iter_mut().zip(self.capabilities.to_le_bytes()) {
            *byte = ours;
        }
    }

    /// A request for TLS with these same settings, as a server must see them.
    pub(super) fn request_for_tls(&self, sequence: u8) -> Vec<u8> {
        packet(sequence, self.payload.get(..OPENING).unwrap_or_default())
    }

    pub(super) fn packet(&self, sequence: u8) -> Vec<u8> {
        packet(sequence, &self.payload)
    }

    /// The same with another answer to the server's random bytes, and the password stands for one.
    pub(super) fn packet_with_answer(&self, sequence: u8, answer: &[u8]) -> Option<Vec<u8>> {
        let (length, old) = self.answer()?;
        let mut payload = self.payload.get(..length.start)?.to_vec();
        // One byte of length, in which both forms of it agree.
        payload.push(u8::try_from(answer.len()).ok().filter(|&length| length < 0xfb)?);
        payload.extend(answer);
        payload.extend(self.payload.get(old.end..)?);
        Some(packet(sequence, &payload))
    }

    /// The visitor's log-in with the same settings: without a password, a database, or anything to say of itself.
    pub(super) fn packet_of_visitor(&self, sequence: u8, method: &[u8]) -> Vec<u8> {
        let mut payload = self.payload.get(..OPENING).unwrap_or_default().to_vec();
        payload.extend(VISITOR.as_bytes());
        // The end of the name, and an answer of no bytes; then the name of no database.
        payload.extend([0, 0]);
        payload.extend(self.has(capability::CONNECT_WITH_DB).then_some(0));
        if self.has(capability::PLUGIN_AUTH) {
            payload.extend(method);
            payload.push(0);
        }
        // No attributes.
        payload.extend(self.has(capability::CONNECT_ATTRS).then_some(0));
        packet(sequence, &payload)
    }

    /// Whether the client asks for a key to encrypt the password with, in the place of an answer. `proposed` is the greeting's
    /// log-in method.
    pub(super) fn asks_for_key(&self, proposed: &[u8]) -> bool {
        let answer = self.answer().and_then(|(_, answer)| self.payload.get(answer));
        answer == Some(&[super::exchange::SHA256_ASKS])
            && self.method().unwrap_or(proposed) == super::exchange::SHA256
    }

    /// Where the length of the answer is, and where the answer.
    fn answer(&self) -> Option<(Range<usize>, Range<usize>)> {
        let mut reader = Reader::new(self.payload.get(OPENING..)?);
        let _user = reader.until_nul()?;
        let at = self.payload.len() - reader.rest().len();
        let length = match self.has(capability::PLUGIN_AUTH_LENENC_CLIENT_DATA) {
            true => usize::try_from(reader.length_encoded()?).ok()?,
            false => usize::from(reader.u8()?),
        };
        let start = self.payload.len() - reader.rest().len();
        reader.take(length)?;
        Some((at..start, start..start + length))
    }

    /// The log-in method by which it answers.
    fn method(&self) -> Option<&[u8]> {
        if !self.has(capability::PLUGIN_AUTH) {
            return None;
        }
        let (_, answer) = self.answer()?;
        let mut reader = Reader::new(self.payload.get(answer.end..)?);
        if self.has(capability::CONNECT_WITH_DB) {
            reader.until_nul()?;
        }
        Some(reader.until_nul().unwrap_or(reader.rest()))
    }

    fn has(&self, capability: u32) -> bool {
        self.capabilities & capability != 0
    }
}
