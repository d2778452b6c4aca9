//! A change of user within a session is a log-in once more, and a relay may have to answer in it for the server.

use bytes::BytesMut;

use super::frames::{Frames, Unreadable, frame};
use crate::WireError;
use crate::mysql::packet::{self, Packet};
use crate::mysql::relay::exchange::{Exchange, Next};
use crate::mysql::relay::{LIMIT, WHILE_LOGIN, refuse};

/// What both say after the request, until the new user is accepted or refused. It is held back until packets are whole.
#[derive(Debug)]
pub(super) struct Change {
    exchange: Exchange,
    client: Held,
    server: Held,
}

/// What comes of a piece of what one side says.
#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) to_server: Vec<u8>,
    pub(super) to_client: Vec<u8>,
    pub(super) end: Option<End>,
}

#[derive(Debug)]
pub(super) enum End {
    /// With this packet the server accepts or refuses.
    Verdict(BytesMut),
    /// It is not what it should be, or the application cannot be helped. What follows is passed as it is.
    Astray,
}

impl Change {
    pub(super) fn new(exchange: Exchange, compressed: bool) -> Change {
        Change { exchange, client: Held::new(compressed), server: Held::new(compressed) }
    }

    /// What is to be known in the next change.
    pub(super) fn into_exchange(self) -> Exchange {
        self.exchange
    }

    pub(super) fn client(&mut self, bytes: &[u8]) -> Passed {
        let mut passed = Passed::default();
        let mut followed = self.client.receive(bytes).is_ok();
        while followed && passed.end.is_none() && self.exchange.is_open() {
            match self.client.next() {
                Ok(Some(packet)) => self.client_says(packet, &mut passed),
                Ok(None) => return passed,
                Err(_) => followed = false,
            }
        }
        // What is left was said out of turn.
        if followed && self.client.is_empty() { passed } else { self.astray(passed) }
    }

    fn client_says(&mut self, packet: Packet, passed: &mut Passed) {
        let number = packet.sequence;
        match self.exchange.client(packet) {
            Ok(Next::ToServer(packet)) => passed.to_server.extend(self.client.seal(packet)),
            Ok(Next::ToClient(packet)) => passed.to_client.extend(self.client.seal(packet)),
            Err(error) => {
                let refusal = refuse(number.wrapping_add(1), true, &format!("Mainstay: {error}"));
                passed.to_client.extend(self.client.seal(refusal));
                passed.end = Some(End::Astray);
            }
        }
    }

    pub(super) fn server(&mut self, bytes: &[u8]) -> Passed {
        let mut passed = Passed::default();
        let mut followed = self.server.receive(bytes).is_ok();
        while followed && passed.end.is_none() {
            match self.server.next() {
                Ok(Some(packet)) => self.server_says(packet, &mut passed),
                Ok(None) => return passed,
                Err(_) => followed = false,
            }
        }
        // Nothing may follow the verdict, and nothing go past it.
        let alone = self.server.is_empty() && self.client.is_empty();
        if followed && alone { passed } else { self.astray(passed) }
    }

    fn server_says(&mut self, packet: Packet, passed: &mut Passed) {
        let (ours, verdict) = self.exchange.server(&packet);
        passed.to_client.extend(self.server.seal(ours));
        passed.end = verdict.map(|_| End::Verdict(packet.payload));
    }

    /// Lets go of what is held back.
    fn astray(&mut self, mut passed: Passed) -> Passed {
        passed.to_server.extend(self.client.take_all());
        passed.to_client.extend(self.server.take_all());
        passed.end = Some(End::Astray);
        passed
    }
}

/// What one side said and was not passed yet.
#[derive(Debug)]
struct Held {
    packets: BytesMut,
    /// In a compressed session: what opens the frames, and all of them from which packets are left.
    frames: Option<(Frames, BytesMut)>,
}

impl Held {
    fn new(compressed: bool) -> Held {
        Held { packets: BytesMut::new(), frames: compressed.then(|| (Frames::new(), BytesMut::new())) }
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<(), Unreadable> {
        let packets = &mut self.packets;
        match &mut self.frames {
            None => packets.extend_from_slice(bytes),
            Some((frames, whole)) => {
                whole.extend_from_slice(bytes);
                frames.open(bytes, &mut |part| packets.extend_from_slice(part))?;
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Packet>, WireError> {
        let packet = packet::take(&mut self.packets, LIMIT, WHILE_LOGIN)?;
        if let Some((frames, whole)) = &mut self.frames
            && frames.is_at_boundary()
            && self.packets.is_empty()
        {
            whole.clear();
        }
        Ok(packet)
    }

    fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.frames.as_ref().is_none_or(|(frames, _)| frames.is_at_boundary())
    }

    fn take_all(&mut self) -> Vec<u8> {
        let packets = std::mem::take(&mut self.packets);
        self.frames.as_ref().map_or(packets, |(_, whole)| whole.clone()).to_vec()
    }

    /// A packet as it travels in this session.
    fn seal(&self, packet: Vec<u8>) -> Vec<u8> {
        if self.frames.is_some() { frame(&packet) } else { packet }
    }
}
