use bytes::{Buf, BytesMut};

use crate::WireError;

/// A reply of one line or several (RFC 5321 §4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// The three digits.
    pub(super) code: u16,
    /// The text of each line.
    pub(super) lines: Vec<String>,
}

impl Reply {
    /// All of the text in one line.
    pub(super) fn text(&self) -> String {
        self.lines.join(" ")
    }
}

/// The most in one reply, all lines together. RFC 5321 §4.5.3.1.5 allows 512 bytes a line; servers send a dozen.
const LIMIT: usize = 64 * 1024;

/// Removes the first reply from `input`, once it is complete.
pub(super) fn take(input: &mut BytesMut, while_doing: &'static str) -> Result<Option<Reply>, WireError> {
    let mut lines = Vec::new();
    let mut rest: &[u8] = input;
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        rest = after;
        let (code, last, text) = parse(line)?;
        lines.push(text);
        if last {
            let length = input.len() - rest.len();
            input.advance(length);
            return Ok(Some(Reply { code, lines }));
        }
    }
    if input.len() > LIMIT {
        return Err(WireError::TooLarge { limit: LIMIT, while_doing });
    }
    Ok(None)
}

/// Code, whether it is the last line, and text.
fn parse(line: &[u8]) -> Result<(u16, bool, String), WireError> {
    let line = line.trim_ascii_end();
    let (code, rest) = line.split_at_checked(3).ok_or(NOT_A_REPLY)?;
    let code = std::str::from_utf8(code).ok().filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
    let code = code.and_then(|code| code.parse().ok()).ok_or(NOT_A_REPLY)?;
    match rest.split_first() {
        None => Ok((code, true, String::new())),
        Some((b' ', text)) => Ok((code, true, crate::text::tidy(text))),
        Some((b'-', text)) => Ok((code, false, crate::text::tidy(text))),
        Some(_) => Err(NOT_A_REPLY),
    }
}

const NOT_A_REPLY: WireError = WireError::Malformed { reason: "a line that is no reply of a mail server" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_taken_whole_or_not_at_all() {
        let check = |text: &str, code: u16, lines: &[&str]| {
            for end in 0..text.len() {
                assert_eq!(take(&mut BytesMut::from(&text[..end]), ""), Ok(None), "{text:?} up to {end}");
            }
            let mut input = BytesMut::from(format!("{text}250").as_bytes());
            let reply = take(&mut input, "").unwrap().unwrap();
            assert_eq!(
                (reply.code, &reply.lines[..]),
                (code, &lines.iter().map(|l| l.to_string()).collect::<Vec<_>>()[..])
            );
            assert_eq!(&input[..], b"250");
        };
        check("220 mail.example.com ESMTP\r\n", 220, &["mail.example.com ESMTP"]);
        check("250-mail\r\n250-STARTTLS\r\n250 HELP\r\n", 250, &["mail", "STARTTLS", "HELP"]);
        check("221\r\n", 221, &[""]);
        check("250 ok\n", 250, &["ok"]);
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for text in ["hello\r\n", "22\r\n", "2x0 no\r\n", "220_no\r\n", "\r\n", "+20 a\r\n"] {
            assert_eq!(take(&mut BytesMut::from(text), ""), Err(NOT_A_REPLY), "{text:?}");
        }
        let endless = "220-more\r\n".repeat(LIMIT / 10 + 1);
        assert!(matches!(take(&mut BytesMut::from(&endless[..]), ""), Err(WireError::TooLarge { .. })));
    }
}
