/// Finds where the messages of one side begin, in whatever pieces they come. Bodies are skipped, not read.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The beginning of a message whose head is not complete.
    head: [u8; HEAD],
    have: usize,
    /// What is still to come of the body of the last message.
    left: usize,
}

/// Where the next message begins cannot be told any more.
#[derive(Debug)]
pub(super) struct Lost;

/// Type, length, and the first byte of the body, which says all about a ReadyForQuery.
const HEAD: usize = 6;
const READY: u8 = b'Z';

impl Frames {
    /// Reads on. Tells of each message, once its head is there, its type; with it the first byte of the body of a ReadyForQuery.
    pub(super) fn read(&mut self, bytes: &[u8], mut tell: impl FnMut(u8, u8)) -> Result<(), Lost> {
        let Some(mut rest) = self.skip(bytes) else { return Ok(()) };
        loop {
            while self.have == 0
                && let Some(&[tag, a, b, c, d, first]) = rest.first_chunk::<HEAD>()
            {
                let length = checked(tag, [a, b, c, d])?;
                tell(tag, first);
                match rest.get(1 + length..) {
                    Some(after) => rest = after,
                    None => {
                        self.left = 1 + length - rest.len();
                        return Ok(());
                    }
                }
            }
            match self.collect(rest, &mut tell)? {
                Some(after) => rest = after,
                None => return Ok(()),
            }
        }
    }

    /// Whether the last message is whole.
    pub(super) fn is_between(&self) -> bool {
        self.have == 0 && self.left == 0
    }

    /// What comes after the body that is under way.
    fn skip<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let rest = bytes.get(self.left..);
        self.left = self.left.saturating_sub(bytes.len());
        rest
    }

    /// Adds to a head that came in pieces, or that is as short as a message can be.
    fn collect<'a>(
        &mut self,
        mut bytes: &'a [u8],
        tell: &mut impl FnMut(u8, u8),
    ) -> Result<Option<&'a [u8]>, Lost> {
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = rest;
            if let Some(place) = self.head.get_mut(self.have) {
                *place = byte;
                self.have += 1;
            }
            let [tag, a, b, c, d, first] = self.head;
            if self.have < HEAD - 1 {
                continue;
            }
            let length = checked(tag, [a, b, c, d])?;
            if tag == READY && self.have < HEAD {
                continue;
            }
            tell(tag, first);
            self.left = 1 + length - self.have;
            self.have = 0;
            return Ok(self.skip(bytes));
        }
        Ok(None)
    }
}

/// The length of a message, which counts itself and not the type. Types are letters and digits.
fn checked(tag: u8, length: [u8; 4]) -> Result<usize, Lost> {
    let length = u32::from_be_bytes(length) as usize;
    let fits = if tag == READY { length == 5 } else { length >= 4 };
    if fits && tag.is_ascii_alphanumeric() { Ok(length) } else { Err(Lost) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is told of these bytes, cut into pieces of a size.
    fn told(bytes: &[u8], size: usize) -> (Vec<u8>, bool) {
        let (mut frames, mut tags) = (Frames::default(), Vec::new());
        for piece in bytes.chunks(size) {
            let tell = |tag, first| tags.extend(if tag == READY { vec![tag, first] } else { vec![tag] });
            if frames.read(piece, tell).is_err() {
                return (tags, false);
            }
        }
        (tags, frames.is_between())
    }

    #[test]
    fn each_message_is_told_of_once_wherever_it_is_cut() {
        let messages = b"1\0\0\0\x04D\0\0\0\x07abcZ\0\0\0\x05Tc\0\0\0\x04";
        for size in 1..=messages.len() {
            assert_eq!(told(messages, size), (b"1DZTc".to_vec(), true), "pieces of {size}");
            for end in 1..messages.len() {
                let between = [5, 13, 19].contains(&end);
                assert_eq!(told(&messages[..end], size).1, between, "pieces of {size} up to {end}");
            }
        }
    }

    #[test]
    fn lengths_and_types_that_cannot_be_are_noticed() {
        for bytes in [&b"D\0\0\0\x03abc"[..], b"Z\0\0\0\x04D", b"Z\0\0\0\x06II", b"\x16\x03\x01\x02\0\x01"] {
            let mut frames = Frames::default();
            assert!(frames.read(bytes, |_, _| ()).is_err(), "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            bytes in proptest::collection::vec(prop_oneof![Just(0_u8), Just(b'D'), Just(b'Z'), 0..12_u8], 0..80),
            size in 1..9_usize,
        ) {
            prop_assert_eq!(told(&bytes, size), told(&bytes, 1));
        }
    }
}
