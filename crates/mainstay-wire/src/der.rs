pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;

/// The content of the first element, which must have this tag, and what follows it (X.690 §8.1, definite lengths).
pub(crate) fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    if first != tag {
        return None;
    }
    let (&short, rest) = rest.split_first()?;
    if short < 0x80 {
        return rest.split_at_checked(usize::from(short));
    }
    // Four bytes of length reach 4 GiB; no certificate is longer.
    let (length, rest) = rest.split_at_checked(usize::from(short & 0x7f)).filter(|(l, _)| l.len() <= 4)?;
    let length = length.iter().fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_lengths_are_read() {
        assert_eq!(element(b"\x30\x02ab\x05", SEQUENCE), Some((&b"ab"[..], &b"\x05"[..])));
        let long = [&b"\x30\x82\x01\x00"[..], &[7; 256]].concat();
        assert_eq!(element(&long, SEQUENCE), Some((&[7; 256][..], &b""[..])));
    }

    #[test]
    fn what_does_not_fit_is_nothing() {
        for bytes in
            [&b""[..], b"\x30", b"\x30\x05ab", b"\x31\0", b"\x30\x85\0\0\0\0\0", b"\x30\x84\xff\xff\xff\xff"]
        {
            assert_eq!(element(bytes, SEQUENCE), None, "{bytes:x?}");
        }
    }
}
