use crate::reader::Reader;

/// What a server says of itself in OK and EOF packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status(u16);

impl Status {
    pub(super) const IN_TRANS: u16 = 0x01;
    pub(super) const AUTOCOMMIT: u16 = 0x02;
    pub(super) const MORE_RESULTS_EXISTS: u16 = 0x08;
    pub(super) const CURSOR_EXISTS: u16 = 0x40;
    pub(super) const LAST_ROW_SENT: u16 = 0x80;

    /// Reads it from the beginning of such a packet. An EOF is five bytes long, shorter than any OK.
    pub(super) fn of(packet: &[u8]) -> Option<Status> {
        let mut reader = Reader::new(packet);
        match (reader.u8()?, packet.len()) {
            (0xfe, 5) => {
                let _warnings = reader.u16_le()?;
            }
            _ => {
                let _affected = reader.length_encoded()?;
                let _inserted = reader.length_encoded()?;
            }
        }
        reader.u16_le().map(Status)
    }

    pub(super) fn has(self, flag: u16) -> bool {
        self.0 & flag != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_packets_have_it() {
        assert_eq!(Status::of(b"\0\0\0\x02\0\0\0"), Some(Status(2)));
        assert_eq!(Status::of(b"\0\xfc\x01\x02\xfd\x01\x02\x03\x03\x20\0\0more"), Some(Status(0x2003)));
        assert_eq!(Status::of(b"\xfe\x01\0\x22\0"), Some(Status(0x22)));
        assert_eq!(Status::of(b"\xfe\0\0\x0a\0\0\0"), Some(Status(10)));
        for short in [&b""[..], b"\0", b"\0\0\0\x02", b"\xfe\0\0\x02", b"\0\xfb\0\x02\0"] {
            assert_eq!(Status::of(short), None, "{short:x?}");
        }
    }
}
