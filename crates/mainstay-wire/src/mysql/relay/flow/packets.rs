/// Finds the packets in what one side says, and keeps of each its beginning alone.
#[derive(Debug, Default)]
pub(super) struct Packets {
    /// What is there of the packet that is being received: its header and the beginning of its payload.
    kept: [u8; HEADER + HEAD],
    filled: usize,
    /// How much of the payload is still to come, beyond what is kept.
    left: usize,
    /// Whether the packet before was of the greatest length, so that this one continues it.
    continues: bool,
}

/// What is known of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packet {
    pub(super) sequence: u8,
    pub(super) length: usize,
    /// Whether it continues the one before.
    pub(super) continues: bool,
    head: [u8; HEAD],
}

impl Packet {
    /// The beginning of the payload, [`HEAD`] bytes at most.
    pub(super) fn head(&self) -> &[u8] {
        self.head.get(..self.length).unwrap_or(&self.head)
    }
}

const HEADER: usize = 4;
/// Enough for every field that is looked at: the last is the status of an OK packet, behind a byte and two numbers of nine.
pub(super) const HEAD: usize = 24;
/// A packet of this length is continued by the next.
pub(super) const GREATEST: usize = 0xff_ffff;

impl Packets {
    /// Whether every packet was received whole.
    pub(super) fn is_at_boundary(&self) -> bool {
        self.filled == 0 && self.left == 0 && !self.continues
    }

    /// The next packet whose beginning is there. What was looked at, and payload that nobody asks for, is removed from `input`.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Option<Packet> {
        self.pass_payload(input);
        if self.left > 0 || !self.fill(HEADER, input) {
            return None;
        }
        let [low, middle, high, sequence, ..] = self.kept;
        let length = u32::from_le_bytes([low, middle, high, 0]) as usize;
        if !self.fill(HEADER + length.min(HEAD), input) {
            return None;
        }
        let [_, _, _, _, head @ ..] = self.kept;
        let packet = Packet { sequence, length, continues: self.continues, head };
        self.filled = 0;
        self.left = length.saturating_sub(HEAD);
        self.continues = length == GREATEST;
        self.pass_payload(input);
        Some(packet)
    }

    /// Passes over rows, which begin with anything but 0xFE and 0xFF, looking at nothing but their headers and that byte. This is
    /// where a relay spends its time. `number` is what the next packet's is expected to be, and counted on; `false` where it was
    /// another.
    pub(super) fn pass_rows(&mut self, input: &mut &[u8], number: &mut u8) -> bool {
        self.pass_payload(input);
        if !self.is_at_boundary() {
            return true;
        }
        while let Some(&[low, middle, high, sequence, first]) = input.first_chunk() {
            let length = u32::from_le_bytes([low, middle, high, 0]) as usize;
            if first >= 0xfe || length == 0 || length == GREATEST {
                return true;
            }
            if sequence != *number {
                return false;
            }
            *number = number.wrapping_add(1);
            self.left = HEADER + length;
            self.pass_payload(input);
        }
        true
    }

    fn pass_payload(&mut self, input: &mut &[u8]) {
        let (_, rest) = input.split_at(self.left.min(input.len()));
        self.left -= input.len() - rest.len();
        *input = rest;
    }

    /// Whether this many bytes are kept, after taking what is missing out of `input`.
    fn fill(&mut self, wanted: usize, input: &mut &[u8]) -> bool {
        let missing = wanted.saturating_sub(self.filled).min(input.len());
        let (taken, rest) = input.split_at(missing);
        if let Some(place) = self.kept.get_mut(self.filled..self.filled + missing) {
            place.copy_from_slice(taken);
        }
        self.filled += missing;
        *input = rest;
        self.filled >= wanted
    }
}
