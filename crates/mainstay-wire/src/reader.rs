/// Reads fields off the front of a message. Every method gives `None` where the message is too short.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16_le(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32_le(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u32_be(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A number that says by its first byte how long it is (MySQL's length-encoded integer). `None` for what marks NULL or an error.
    pub(crate) fn length_encoded(&mut self) -> Option<u64> {
        match self.u8()? {
            short @ 0..=0xfa => Some(short.into()),
            0xfc => self.u16_le().map(u64::from),
            0xfd => {
                self.array::<3>().map(|[low, middle, high]| u32::from_le_bytes([low, middle, high, 0]).into())
            }
            0xfe => self.array().map(u64::from_le_bytes),
            _ => None,
        }
    }

    /// Up to the next NUL, which is read over.
    pub(crate) fn until_nul(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|&byte| byte == 0)?;
        let text = self.take(end)?;
        self.take(1)?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_and_stops_at_the_end() {
        let mut reader = Reader::new(b"\x01\x02\x00\x00\x00\x00\x05name\0rest");
        assert_eq!(reader.u8(), Some(1));
        assert_eq!(reader.u16_le(), Some(2));
        assert_eq!(reader.u32_be(), Some(5));
        assert_eq!(reader.until_nul(), Some(&b"name"[..]));
        assert_eq!(reader.until_nul(), None);
        assert_eq!(reader.take(5), None);
        assert_eq!(reader.rest(), b"rest");
    }

    #[test]
    fn numbers_say_how_long_they_are() {
        let mut reader = Reader::new(b"\xfa\xfc\x01\x02\xfd\x01\x02\x03\xfe\x01\0\0\0\0\0\0\x80\xfb");
        assert_eq!(reader.length_encoded(), Some(0xfa));
        assert_eq!(reader.length_encoded(), Some(0x201));
        assert_eq!(reader.length_encoded(), Some(0x3_0201));
        assert_eq!(reader.length_encoded(), Some(0x8000_0000_0000_0001));
        assert_eq!(reader.length_encoded(), None);
    }
}
