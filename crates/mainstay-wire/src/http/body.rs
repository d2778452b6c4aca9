use bytes::{Buf, BytesMut};

use crate::WireError;

/// How far a body is read (RFC 9112 §6.3). Its content is dropped as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes are still to come.
    Counted(u64),
    /// In chunks.
    Chunked(Chunk),
    /// Up to the end of the connection.
    UntilEnd,
    /// Read to its end.
    Complete,
}

/// Where in the chunks we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    /// The line with the size is next.
    Size,
    /// So many bytes are still to come, the line end after the chunk included.
    Data(u64),
    /// The fields after the last chunk, up to an empty line.
    Trailers,
}

/// The most in a line between chunks.
const LINE_LIMIT: usize = 8 * 1024;

impl Body {
    /// What is left after dropping what has come, and how many bytes that was.
    ///
    /// Errors when the connection ended within the body, or a chunk's size is none.
    pub(super) fn drop_from(self, input: &mut BytesMut, ended: bool) -> Result<(Body, u64), WireError> {
        let before = input.len();
        let mut body = self;
        loop {
            let (next, moved) = body.advance(input)?;
            body = next;
            if !moved {
                break;
            }
        }
        let body = match body {
            Body::UntilEnd if ended => Body::Complete,
            Body::Counted(_) | Body::Chunked(_) if ended => {
                return Err(WireError::Closed { while_doing: "in the middle of its answer" });
            }
            other => other,
        };
        Ok((body, (before - input.len()) as u64))
    }

    /// One move onwards, if the input suffices for one.
    fn advance(self, input: &mut BytesMut) -> Result<(Body, bool), WireError> {
        match self {
            Body::Complete => Ok((self, false)),
            Body::UntilEnd => {
                input.clear();
                Ok((self, false))
            }
            Body::Counted(0) => Ok((Body::Complete, true)),
            Body::Counted(left) => {
                let skipped = skip(input, left);
                Ok((Body::Counted(left - skipped), skipped > 0))
            }
            Body::Chunked(Chunk::Data(0)) => Ok((Body::Chunked(Chunk::Size), true)),
            Body::Chunked(Chunk::Data(left)) => {
                let skipped = skip(input, left);
                Ok((Body::Chunked(Chunk::Data(left - skipped)), skipped > 0))
            }
            Body::Chunked(Chunk::Size) => match line(input)? {
                None => Ok((self, false)),
                Some(line) => Ok((Body::Chunked(after_size(&line)?), true)),
            },
            Body::Chunked(Chunk::Trailers) => match line(input)? {
                None => Ok((self, false)),
                Some(line) if line.is_empty() => Ok((Body::Complete, true)),
                Some(_) => Ok((self, true)),
            },
        }
    }
}

/// Drops up to `count` bytes and says how many those were.
fn skip(input: &mut BytesMut, count: u64) -> u64 {
    let skipped = usize::try_from(count).unwrap_or(usize::MAX).min(input.len());
    input.advance(skipped);
    skipped as u64
}

/// The size in hexadecimal, up to extensions (RFC 9112 §7.1).
fn after_size(line: &[u8]) -> Result<Chunk, WireError> {
    let size = line.split(|&byte| byte == b';').next().unwrap_or(line).trim_ascii();
    let digits =
        std::str::from_utf8(size).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let size = digits.and_then(|text| u64::from_str_radix(text, 16).ok());
    match size.ok_or(WireError::malformed("a chunk without a size"))? {
        0 => Ok(Chunk::Trailers),
        size => Ok(Chunk::Data(size.saturating_add(2))),
    }
}

/// Removes the first line, if it is complete, and gives it without its end.
fn line(input: &mut BytesMut) -> Result<Option<BytesMut>, WireError> {
    let Some(end) = input.iter().position(|&byte| byte == b'\n') else {
        if input.len() > LINE_LIMIT {
            return Err(WireError::malformed("a line between two chunks of more than 8 KiB"));
        }
        return Ok(None);
    };
    let mut line = input.split_to(end + 1);
    line.truncate(line.trim_ascii_end().len());
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut body: Body, text: &str, piece: usize) -> Result<Body, WireError> {
        let mut input = BytesMut::new();
        for bytes in text.as_bytes().chunks(piece) {
            input.extend_from_slice(bytes);
            body = body.drop_from(&mut input, false)?.0;
        }
        Ok(body.drop_from(&mut input, true)?.0)
    }

    const CHUNKED: Body = Body::Chunked(Chunk::Size);

    #[test]
    fn whole_bodies_are_complete_however_they_come() {
        for piece in 1..8 {
            let check =
                |body: Body, text: &str| assert_eq!(read(body, text, piece), Ok(Body::Complete), "{text:?}");
            check(Body::Counted(0), "");
            check(Body::Counted(5), "hello");
            check(Body::UntilEnd, "anything");
            check(CHUNKED, "0\r\n\r\n");
            check(CHUNKED, "5;name=value\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n");
        }
    }

    #[test]
    fn bodies_cut_short_are_told_from_whole_ones() {
        for piece in 1..8 {
            for (body, text) in [(Body::Counted(6), "hello"), (CHUNKED, "5\r\nhel"), (CHUNKED, "0\r\n")] {
                let cut = Err(WireError::Closed { while_doing: "in the middle of its answer" });
                assert_eq!(read(body, text, piece), cut, "{text:?}");
            }
        }
    }

    #[test]
    fn sizes_that_are_none_are_refused() {
        for text in ["x\r\n", "\r\n", "-1\r\n", "11111111111111111\r\n", "+5\r\n"] {
            assert!(matches!(read(CHUNKED, text, 1), Err(WireError::Malformed { .. })), "{text:?}");
        }
        assert!(matches!(read(CHUNKED, &"1".repeat(9000), 100), Err(WireError::Malformed { .. })));
    }
}
