use flate2::{Decompress, FlushDecompress};

/// Opens the frames of a compressed session: three bytes of length, a number, three bytes of the length before compression, which
/// is 0 where the content is not compressed.
#[derive(Debug)]
pub(super) struct Frames {
    header: [u8; HEADER],
    filled: usize,
    /// How much of the frame's content is still to come.
    left: usize,
    /// How much more it must come to; `None` where it is not compressed.
    promised: Option<usize>,
    inflater: Decompress,
    output: Box<[u8; OUTPUT]>,
}

/// A frame cannot be opened.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

const HEADER: usize = 7;
/// What is looked at at once.
const OUTPUT: usize = 16 * 1024;

impl Frames {
    pub(super) fn new() -> Frames {
        let output = Box::new([0; OUTPUT]);
        Frames {
            header: [0; HEADER],
            filled: 0,
            left: 0,
            promised: None,
            inflater: Decompress::new(true),
            output,
        }
    }

    /// Whether every frame was received whole.
    pub(super) fn is_at_boundary(&self) -> bool {
        self.filled == 0 && self.left == 0
    }

    /// Hands out what is in the frames, piece by piece. A frame never comes to more than it promises, which is below 16 MiB.
    pub(super) fn open(&mut self, mut input: &[u8], to: &mut impl FnMut(&[u8])) -> Result<(), Unreadable> {
        while !input.is_empty() {
            if self.left == 0 {
                self.begin(&mut input);
                continue;
            }
            let (content, rest) = input.split_at(self.left.min(input.len()));
            input = rest;
            self.left -= content.len();
            match self.promised {
                None => to(content),
                Some(promised) => self.inflate(content, promised, to)?,
            }
        }
        Ok(())
    }

    /// Takes what there is of a header, and what it says once it is whole.
    fn begin(&mut self, input: &mut &[u8]) {
        let (taken, rest) = input.split_at((HEADER - self.filled).min(input.len()));
        *input = rest;
        for (place, byte) in self.header.iter_mut().skip(self.filled).zip(taken) {
            *place = *byte;
        }
        self.filled += taken.len();
        if self.filled == HEADER {
            let [low, middle, high, _number, before @ ..] = self.header;
            let [first, second, third] = before;
            self.filled = 0;
            self.left = u32::from_le_bytes([low, middle, high, 0]) as usize;
            self.promised =
                Some(u32::from_le_bytes([first, second, third, 0]) as usize).filter(|&size| size > 0);
            self.inflater.reset(true);
        }
    }

    fn inflate(
        &mut self,
        mut content: &[u8],
        mut promised: usize,
        to: &mut impl FnMut(&[u8]),
    ) -> Result<(), Unreadable> {
        loop {
            let (read, written) = (self.inflater.total_in(), self.inflater.total_out());
            let output = &mut self.output[..];
            self.inflater.decompress(content, output, FlushDecompress::None).map_err(|_| Unreadable)?;
            let read = (self.inflater.total_in() - read) as usize;
            let written = (self.inflater.total_out() - written) as usize;
            promised = promised.checked_sub(written).ok_or(Unreadable)?;
            to(self.output.get(..written).unwrap_or_default());
            content = content.get(read..).unwrap_or_default();
            // Room that was left over says that nothing more is held back.
            if content.is_empty() && written < OUTPUT {
                break;
            }
            if read == 0 && written == 0 {
                return Err(Unreadable);
            }
        }
        self.promised = Some(promised);
        if self.left == 0 && promised > 0 { Err(Unreadable) } else { Ok(()) }
    }
}

/// A frame around one packet, not compressed, with the packet's number.
pub(super) fn frame(packet: &[u8]) -> Vec<u8> {
    let [low, middle, high, _] = (packet.len() as u32).to_le_bytes();
    let number = packet.get(3).copied().unwrap_or_default();
    [&[low, middle, high, number, 0, 0, 0], packet].concat()
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    pub(in crate::mysql::relay::flow) fn compressed(content: &[u8], promised: usize) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        let inside = encoder.finish().unwrap();
        let length = (inside.len() as u32).to_le_bytes();
        let before = (promised as u32).to_le_bytes();
        [&length[..3], &[0], &before[..3], &inside].concat()
    }

    fn opened(input: &[u8], pieces: usize) -> Result<Vec<u8>, Unreadable> {
        let (mut frames, mut content) = (Frames::new(), Vec::new());
        for piece in input.chunks(pieces) {
            frames.open(piece, &mut |part| content.extend_from_slice(part))?;
        }
        assert!(frames.is_at_boundary());
        Ok(content)
    }

    #[test]
    fn frames_are_opened_however_they_are_cut() {
        let long = b"a row like any other; ".repeat(5000);
        let input = [compressed(&long, long.len()), frame(b"\x01\0\0\0\x0e"), compressed(b"end", 3)].concat();
        let expected = [&long[..], b"\x01\0\0\0\x0e", b"end"].concat();
        for pieces in [1, 2, 7, 1000, input.len()] {
            assert_eq!(opened(&input, pieces).unwrap(), expected, "in pieces of {pieces}");
        }
    }

    #[test]
    fn a_frame_that_is_not_what_it_promises_is_unreadable() {
        let long = vec![0; 100_000];
        for (content, promised) in [(&b"four"[..], 3), (b"four", 5), (&long[..], 99_999), (b"", 1)] {
            assert_eq!(opened(&compressed(content, promised), 1000), Err(Unreadable), "{promised}");
        }
        assert_eq!(opened(b"\x02\0\0\0\x09\0\0no", 100), Err(Unreadable));
        let trailing = [&compressed(b"four", 4)[..], b"x"].concat();
        let mut longer = trailing.clone();
        longer[0] += 1;
        assert_eq!(opened(&longer, 100), Err(Unreadable));
    }
}
