use bytes::BytesMut;

use crate::WireError;

/// Asks for TLS, as a message of its own before any other.
pub(super) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

const EXPECTED_CONSENT: &str = "PostgreSQL's answer to a request for TLS (S or N)";

/// Whether the server agrees to TLS, once its one byte of an answer is there. The byte is left where it is.
///
/// An error's text is never shown: anybody may have sent it (CVE-2024-10977).
pub(super) fn consent(input: &BytesMut) -> Result<Option<bool>, WireError> {
    match input.first() {
        None => Ok(None),
        Some(b'S') => Ok(Some(true)),
        Some(b'N') => Ok(Some(false)),
        Some(b'E') => Err(WireError::refused(
            "before-tls",
            b"it answered the request for TLS with an error, whose text nobody vouches for",
        )),
        Some(_) => Err(WireError::wrong_protocol(EXPECTED_CONSENT, input)),
    }
}

/// What it means when TLS is needed and the answer is no.
pub(super) fn declined() -> WireError {
    WireError::TlsNotOffered { message: "it answered the request for TLS with no".into() }
}
