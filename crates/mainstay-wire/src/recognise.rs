/// Names the protocol that a peer speaks, judged by the first bytes that it sent.
///
/// `None` when they fit no protocol known here, or are too few to tell.
pub fn recognise(bytes: &[u8]) -> Option<&'static str> {
    tls(bytes).or_else(|| text(bytes)).or_else(|| mysql(bytes)).or_else(|| postgres(bytes))
}

/// A TLS record: type, major version 3 (RFC 8446 §5.1).
fn tls(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x15, 0x03, 0..=4, ..] => Some("a TLS alert"),
        [0x16, 0x03, 0..=4, ..] => Some("a TLS handshake"),
        _ => None,
    }
}

fn text(bytes: &[u8]) -> Option<&'static str> {
    const GREETINGS: [(&[u8], &str); 14] = [
        (b"HTTP/", "an HTTP answer"),
        (b"<!DOCTYPE", "a web page"),
        (b"<html", "a web page"),
        (b"SSH-", "an SSH greeting"),
        (b"* OK", "an IMAP greeting"),
        (b"+OK", "a POP3 greeting"),
        (b"RFB ", "a VNC greeting"),
        (b"AMQP", "an AMQP greeting"),
        (b"INFO {", "a NATS greeting"),
        (b"<?xml", "an XML stream"),
        (b"<stream:", "an XMPP stream"),
        (b"+PONG", "a Redis reply"),
        (b"-NOAUTH", "a Redis reply"),
        (b"-ERR", "a Redis error"),
    ];
    let known = GREETINGS.iter().find(|(start, _)| bytes.starts_with(start)).map(|&(_, name)| name);
    known.or_else(|| numbered(bytes))
}

/// Mail and file transfer greet alike, with a number (RFC 5321 §4.2, RFC 959 §4.2); file servers say so in words.
fn numbered(bytes: &[u8]) -> Option<&'static str> {
    let [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..] = bytes else { return None };
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or(bytes);
    let line = line.get(..512).unwrap_or(line).to_ascii_uppercase();
    let says = |word: &[u8]| line.windows(word.len()).any(|window| window == word);
    if says(b"FTP") && !says(b"SMTP") {
        Some("an FTP greeting")
    } else {
        Some("a mail server's greeting (SMTP)")
    }
}

/// Three bytes of length, sequence number 0, then protocol 10 or an error.
fn mysql(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [_, _, 0, 0, 0x0a, b'0'..=b'9', ..] => Some("a MySQL greeting"),
        [_, _, 0, 0, 0xff, _, 0x04, ..] => Some("a MySQL error"),
        [_, 0, 0, 0, 0x0b, ..] => Some("a greeting of MySQL's X protocol"),
        _ => None,
    }
}

/// An ErrorResponse: `E`, four bytes of length, severity first; or the form from before 2003, `E` and text.
fn postgres(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'E', 0, 0, _, _, b'S', ..] => Some("a PostgreSQL error"),
        [b'E', b'F', b'A', b'T', b'A', b'L', ..] => Some("a PostgreSQL error"),
        [b'R', 0, 0, 0, _, 0, 0, 0, ..] => Some("a PostgreSQL log-in request"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_known_by_their_first_bytes() {
        let check = |bytes: &[u8], expected: Option<&str>| {
            assert_eq!(recognise(bytes), expected, "{}", bytes.escape_ascii());
        };
        check(b"HTTP/1.1 400 Bad Request\r\n", Some("an HTTP answer"));
        check(b"\x15\x03\x01\x00\x02\x02\x46", Some("a TLS alert"));
        check(b"\x16\x03\x03\x00\x7a\x02", Some("a TLS handshake"));
        check(b"SSH-2.0-OpenSSH_9.2p1\r\n", Some("an SSH greeting"));
        check(b"220 mail.example.com ESMTP Postfix\r\n", Some("a mail server's greeting (SMTP)"));
        check(b"554 no\r\n", Some("a mail server's greeting (SMTP)"));
        check(b"220 ProFTPD Server ready.\r\n", Some("an FTP greeting"));
        check(b"\x4a\x00\x00\x00\x0a8.0.36\0", Some("a MySQL greeting"));
        check(b"\x45\x00\x00\x00\xff\x6a\x04Host", Some("a MySQL error"));
        check(b"\x05\x00\x00\x00\x0b\x08\x05\x1a\x00", Some("a greeting of MySQL's X protocol"));
        check(b"E\0\0\0\x8fSFATAL\0", Some("a PostgreSQL error"));
        check(b"R\0\0\0\x08\0\0\0\0", Some("a PostgreSQL log-in request"));
        check(b"-ERR unknown command 'GET'\r\n", Some("a Redis error"));
        check(b"+OK Dovecot ready.\r\n", Some("a POP3 greeting"));
        check(b"", None);
        check(b"\x15", None);
        check(b"22", None);
        check(b"hello", None);
    }
}
