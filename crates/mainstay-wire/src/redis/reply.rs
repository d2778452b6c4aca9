use bytes::{Bytes, BytesMut};

use crate::WireError;

/// One reply, as far as a check looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// `+`: a simple string.
    Simple(Bytes),
    /// `-`: an error, which begins with a word in capitals.
    Error(Bytes),
    /// Anything else.
    Other,
}

/// The most elements of aggregates within one reply, so that empty elements cannot be asked for without end.
const ELEMENT_LIMIT: usize = 1 << 20;

/// The most in a line.
const LINE_LIMIT: usize = 64 * 1024;

/// Removes the first reply from `input`, once it is complete. Errors when it would be longer than `limit`.
pub(super) fn take(
    input: &mut BytesMut,
    limit: usize,
    while_doing: &'static str,
) -> Result<Option<Reply>, WireError> {
    let Some(length) = whole(input, limit)? else {
        if input.len() > limit {
            return Err(WireError::TooLarge { limit, while_doing });
        }
        return Ok(None);
    };
    if length > limit {
        return Err(WireError::TooLarge { limit, while_doing });
    }
    let reply = input.split_to(length).freeze();
    let line = |reply: &Bytes| reply.slice(1..length.saturating_sub(2).max(1));
    Ok(Some(match reply.first() {
        Some(b'+') => Reply::Simple(line(&reply)),
        Some(b'-') => Reply::Error(line(&reply)),
        _ => Reply::Other,
    }))
}

/// The length of the first reply, nested replies included, once it is complete.
fn whole(input: &[u8], limit: usize) -> Result<Option<usize>, WireError> {
    let mut rest = input;
    let mut missing: usize = 1;
    while missing > 0 {
        let Some(end) = line_end(rest)? else { return Ok(None) };
        let (line, after) = (rest.get(..end).unwrap_or_default(), rest.get(end + 2..).unwrap_or_default());
        let (skipped, nested) = element(line)?;
        missing = missing - 1 + nested;
        if skipped > limit || missing > ELEMENT_LIMIT {
            return Err(WireError::TooLarge { limit, while_doing: "as an answer" });
        }
        match after.get(skipped..) {
            Some(after) => rest = after,
            None => return Ok(None),
        }
    }
    Ok(Some(input.len() - rest.len()))
}

/// Where the first line ends. Long texts come with a length, so that no line is long.
fn line_end(bytes: &[u8]) -> Result<Option<usize>, WireError> {
    let end = bytes.iter().take(LINE_LIMIT).position(|&byte| byte == b'\r');
    match end {
        None if bytes.len() >= LINE_LIMIT => {
            Err(WireError::TooLarge { limit: LINE_LIMIT, while_doing: "in one line" })
        }
        Some(end) if bytes.get(end + 1).is_some_and(|&byte| byte != b'\n') => {
            Err(WireError::malformed("a line that ends in the middle"))
        }
        Some(end) if end + 1 < bytes.len() => Ok(Some(end)),
        _ => Ok(None),
    }
}

/// How many bytes follow the line of an element, and how many elements.
pub(super) fn element(line: &[u8]) -> Result<(usize, usize), WireError> {
    let (kind, text) = line.split_first().ok_or(WireError::malformed("an empty line in place of a reply"))?;
    match kind {
        b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => Ok((0, 0)),
        b'$' | b'=' | b'!' => Ok((length(text)?.map_or(0, |length| length.saturating_add(2)), 0)),
        b'*' | b'~' | b'>' => Ok((0, length(text)?.unwrap_or(0))),
        // A map has two elements an entry; attributes come before the reply that they describe.
        b'%' => Ok((0, length(text)?.unwrap_or(0).saturating_mul(2))),
        b'|' => Ok((0, length(text)?.unwrap_or(0).saturating_mul(2).saturating_add(1))),
        _ => Err(WireError::malformed("a reply of an unknown type")),
    }
}

/// A length; `None` for -1, which stands for nothing.
pub(super) fn length(text: &[u8]) -> Result<Option<usize>, WireError> {
    if text == b"-1" {
        return Ok(None);
    }
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| usize::from(byte - b'0'));
    let number =
        text.iter().try_fold(0_usize, |number, byte| number.checked_mul(10)?.checked_add(digit(byte)?));
    number.filter(|_| !text.is_empty()).map(Some).ok_or(WireError::malformed("a length that is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_taken_whole_or_not_at_all() {
        let check = |text: &str, expected: Reply| {
            for end in 0..text.len() {
                let mut part = BytesMut::from(&text[..end]);
                assert_eq!(take(&mut part, 1000, "").unwrap(), None, "{text:?} up to {end}");
            }
            let mut input = BytesMut::from(format!("{text}rest").as_bytes());
            assert_eq!(take(&mut input, 1000, "").unwrap(), Some(expected), "{text:?}");
            assert_eq!(&input[..], b"rest");
        };
        check("+PONG\r\n", Reply::Simple("PONG".into()));
        check("-NOAUTH Authentication required.\r\n", Reply::Error("NOAUTH Authentication required.".into()));
        check(":1000\r\n", Reply::Other);
        check("$5\r\na\r\nbc\r\n", Reply::Other);
        check("$-1\r\n", Reply::Other);
        check("*0\r\n", Reply::Other);
        check("*2\r\n$3\r\nfoo\r\n*1\r\n:5\r\n", Reply::Other);
        check("%1\r\n+key\r\n$5\r\nvalue\r\n", Reply::Other);
        check("|1\r\n+ttl\r\n:5\r\n+OK\r\n", Reply::Other);
    }

    #[test]
    fn replies_without_sense_or_end_are_refused() {
        let check = |text: &str| take(&mut BytesMut::from(text), 64, "here").unwrap_err();
        for text in ["?\r\n", "\r\n", "$x\r\n", "$-2\r\n", "*\r\n"] {
            assert!(matches!(check(text), WireError::Malformed { .. }), "{text:?}");
        }
        for text in ["$999999\r\n", "*99999999\r\n", "*18446744073709551615\r\n", "%9999999999999999999\r\n"]
        {
            assert!(matches!(check(text), WireError::TooLarge { .. }), "{text:?}");
        }
        assert_eq!(check(&"+".repeat(65)), WireError::TooLarge { limit: 64, while_doing: "here" });
    }
}
