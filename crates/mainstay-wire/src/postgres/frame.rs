use bytes::{Buf, BytesMut};

use crate::WireError;

/// One message: its type and what follows the length.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) tag: u8,
    pub(super) body: BytesMut,
}

/// Type and length.
const HEADER: usize = 5;

/// The type and the body of the first message in `input`, once it is complete.
///
/// Errors when its length is impossible or beyond `limit`.
pub(super) fn peek<'a>(
    input: &'a BytesMut,
    limit: usize,
    while_doing: &'static str,
) -> Result<Option<(u8, &'a [u8])>, WireError> {
    let Some((&[tag, ref length @ ..], rest)) = input.split_first_chunk::<HEADER>() else { return Ok(None) };
    let body = (u32::from_be_bytes(*length) as usize)
        .checked_sub(4)
        .ok_or(WireError::malformed("a message claims to be shorter than its own length field"))?;
    if body > limit {
        return Err(WireError::TooLarge { limit, while_doing });
    }
    Ok(rest.get(..body).map(|body| (tag, body)))
}

/// Removes the first message from `input`, once it is complete.
pub(super) fn take(
    input: &mut BytesMut,
    limit: usize,
    while_doing: &'static str,
) -> Result<Option<Frame>, WireError> {
    let Some((tag, body)) = peek(input, limit, while_doing)? else { return Ok(None) };
    let length = body.len();
    input.advance(HEADER);
    Ok(Some(Frame { tag, body: input.split_to(length) }))
}

/// A message of a type and a body.
pub(super) fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![tag];
    message.extend(untyped(body));
    message
}

/// A message without a type, as those are that open a connection.
pub(super) fn untyped(body: &[u8]) -> Vec<u8> {
    // Bodies are built here from bounded parts, so the length fits.
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut message = length.to_be_bytes().to_vec();
    message.extend(body);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_whole_or_not_at_all() {
        let mut input = BytesMut::from(&b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05"[..]);
        let first = take(&mut input, 100, "").unwrap().unwrap();
        assert_eq!((first.tag, &first.body[..]), (b'R', &[0, 0, 0, 0][..]));
        assert!(take(&mut input, 100, "").unwrap().is_none());
        assert_eq!(&input[..], b"Z\0\0\0\x05");
    }

    #[test]
    fn impossible_lengths_are_refused() {
        let check = |bytes: &[u8]| peek(&BytesMut::from(bytes), 100, "").map(|_| ()).unwrap_err();
        assert!(matches!(check(b"R\0\0\0\x03"), WireError::Malformed { .. }));
        assert!(matches!(check(b"R\0\0\0\x69"), WireError::TooLarge { limit: 100, .. }));
        assert!(matches!(check(b"R\xff\xff\xff\xff"), WireError::TooLarge { .. }));
    }
}
