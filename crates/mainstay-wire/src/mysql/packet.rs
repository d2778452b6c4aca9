use bytes::{Buf, BytesMut};

use crate::WireError;

/// One packet: its sequence number and payload.
#[derive(Debug)]
pub(super) struct Packet {
    pub(super) sequence: u8,
    pub(super) payload: BytesMut,
}

/// Three bytes of length, one of sequence number.
const HEADER: usize = 4;

/// Removes the first packet from `input`, once it is complete. Errors when it is longer than `limit`.
pub(super) fn take(
    input: &mut BytesMut,
    limit: usize,
    while_doing: &'static str,
) -> Result<Option<Packet>, WireError> {
    let Some(&[low, middle, high, sequence]) = input.first_chunk::<HEADER>() else { return Ok(None) };
    let length = u32::from_le_bytes([low, middle, high, 0]) as usize;
    if length > limit {
        return Err(WireError::TooLarge { limit, while_doing });
    }
    if input.len() < HEADER + length {
        return Ok(None);
    }
    input.advance(HEADER);
    Ok(Some(Packet { sequence, payload: input.split_to(length) }))
}

/// A packet of a sequence number and a payload, which is built here and far below the 16 MiB that one packet holds.
pub(super) fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let [low, middle, high, _] = (payload.len() as u32).to_le_bytes();
    let mut packet = vec![low, middle, high, sequence];
    packet.extend(payload);
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_taken_whole_or_not_at_all() {
        let mut input = BytesMut::from(&[packet(3, b"abc"), packet(4, b"de")].concat()[..8]);
        let first = take(&mut input, 10, "").unwrap().unwrap();
        assert_eq!((first.sequence, &first.payload[..]), (3, &b"abc"[..]));
        assert!(take(&mut input, 10, "").unwrap().is_none());
        let long = take(&mut BytesMut::from(&b"\x0b\0\0\0"[..]), 10, "here").unwrap_err();
        assert_eq!(long, WireError::TooLarge { limit: 10, while_doing: "here" });
    }
}
