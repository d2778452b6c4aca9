use bytes::BytesMut;

pub(super) use super::super::opening::SSL_REQUEST as TLS_REQUEST;
use crate::WireError;
use crate::reader::Reader;
use crate::relay::CancelKey;

/// A message with which an application may open a connection; none of them has a type.
pub(super) enum First {
    /// The beginning of a TLS handshake. It is left in the input.
    Handshake,
    TlsRequest,
    GssapiRequest,
    /// CancelRequest, whole.
    Cancel(CancelKey, Vec<u8>),
    /// StartupMessage, whole. What it asks for is the server's affair.
    Startup(Vec<u8>),
}

pub(super) const GSSAPI_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30];
pub(super) const EXPECTED: &str = "the first message of an application that uses PostgreSQL";

/// What follows the length: the server's own bound (MAX_STARTUP_PACKET_LENGTH).
const LIMIT: usize = 10_000;
const CANCEL_CODE: [u8; 4] = [0x04, 0xd2, 0x16, 0x2e];
/// Process and secret: 4 bytes each, and since version 3.2 of the protocol up to 256 for the secret.
pub(super) const KEY_LENGTH: std::ops::RangeInclusive<usize> = 8..=260;

/// Removes the first message from `input`, once it is complete.
pub(super) fn take(input: &mut BytesMut) -> Result<Option<First>, WireError> {
    // The first byte of a TLS record that opens a handshake (RFC 8446 §5.1). No length begins like that, nor with anything but 0.
    match input.first() {
        Some(0x16) => return Ok(Some(First::Handshake)),
        Some(0) | None => {}
        Some(_) => return Err(WireError::wrong_protocol(EXPECTED, input)),
    }
    let Some(&length) = input.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(length) as usize;
    if length > LIMIT + 4 {
        return Err(WireError::TooLarge { limit: LIMIT, while_doing: "in its first message" });
    }
    if length < 8 {
        return Err(WireError::wrong_protocol(EXPECTED, input));
    }
    if input.len() < length {
        return Ok(None);
    }
    classify(input.split_to(length).to_vec()).map(Some)
}

fn classify(message: Vec<u8>) -> Result<First, WireError> {
    if message == TLS_REQUEST {
        return Ok(First::TlsRequest);
    }
    if message == GSSAPI_REQUEST {
        return Ok(First::GssapiRequest);
    }
    let mut reader = Reader::new(&message);
    reader.take(4);
    match reader.array::<4>() {
        // Every minor version: which of them it knows, the server says itself (NegotiateProtocolVersion).
        Some([0, 3, _, _]) => Ok(First::Startup(message)),
        Some(CANCEL_CODE) if KEY_LENGTH.contains(&reader.rest().len()) => {
            Ok(First::Cancel(CancelKey(reader.rest().to_vec()), message))
        }
        _ => Err(WireError::wrong_protocol(EXPECTED, &message)),
    }
}
