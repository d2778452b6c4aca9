//! A session that passes: nothing is changed in it, and it is known when nothing is under way.

mod change;
mod frames;
mod packets;
mod status;
mod talk;

use std::borrow::Cow;

use self::change::{Change, End, Passed};
use self::frames::{Frames, frame};
use self::packets::Packets;
use self::status::Status;
use self::talk::Talk;
use super::exchange::Exchange;
use crate::mysql::command;
use crate::mysql::error::error_packet;
use crate::mysql::greeting::capability;
use crate::relay::{Flow, Side};

/// A session after its log-in.
#[derive(Debug)]
pub(super) struct Session {
    client: Stream,
    server: Stream,
    talk: Talk,
    compressed: bool,
    /// The log-in, where the relay has a part in a change of user.
    exchange: Option<Exchange>,
    /// The change of user that is under way.
    change: Option<Change>,
    /// What the relay says to the client.
    reply: Vec<u8>,
    /// What goes to the server before anything else does.
    late: Vec<u8>,
}

/// What one side says.
#[derive(Debug)]
struct Stream {
    packets: Packets,
    frames: Option<Frames>,
}

/// `ER_SERVER_SHUTDOWN`, and the state of a link that is cut: connection pools know both, and connect anew.
const SHUTDOWN: (u16, &[u8; 5]) = (1053, b"08S01");

impl Session {
    /// A session with these capabilities, MariaDB's extended ones apart, after a log-in that was accepted by this packet.
    pub(super) fn new((capabilities, extended): (u32, u32), exchange: Exchange, accepted: &[u8]) -> Session {
        let compressed = capabilities & capability::COMPRESS != 0;
        let mut talk = Talk::new(capabilities, extended);
        match Status::of(accepted) {
            Some(status) => talk.note(status),
            None => talk.lose(),
        }
        Session {
            client: Stream::new(compressed),
            server: Stream::new(compressed),
            talk,
            compressed,
            exchange: Some(exchange).filter(Exchange::is_keyed),
            change: None,
            reply: Vec::new(),
            late: Vec::new(),
        }
    }

    fn follow(&mut self, side: Side, bytes: &[u8]) {
        let stream = match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        stream.follow(&mut self.talk, side, bytes);
    }

    /// The client's request for another user was passed: from here on the relay may have to take part.
    fn begin_change(&mut self) {
        if self.talk.is_changing_user() && self.client.is_at_boundary() {
            let exchange = self.exchange.as_ref().map(Exchange::again);
            self.change = exchange.map(|exchange| Change::new(exchange, self.compressed));
        }
    }

    fn end_change(&mut self, end: Option<End>) {
        match end {
            None => return,
            Some(End::Astray) => self.talk.lose(),
            Some(End::Verdict(packet)) => self.talk.user_changed(&packet),
        }
        self.exchange = self.change.take().map(Change::into_exchange);
    }
}

impl Stream {
    fn new(compressed: bool) -> Stream {
        Stream { packets: Packets::default(), frames: compressed.then(Frames::new) }
    }

    fn is_at_boundary(&self) -> bool {
        self.packets.is_at_boundary() && self.frames.as_ref().is_none_or(Frames::is_at_boundary)
    }

    fn follow(&mut self, talk: &mut Talk, side: Side, bytes: &[u8]) {
        let packets = &mut self.packets;
        match &mut self.frames {
            // What is lost is not looked for again.
            _ if talk.is_lost() => {}
            None => follow(packets, talk, side, bytes),
            Some(frames) => {
                if frames.open(bytes, &mut |part| follow(packets, talk, side, part)).is_err() {
                    talk.lose();
                }
            }
        }
    }
}

fn follow(packets: &mut Packets, talk: &mut Talk, side: Side, mut bytes: &[u8]) {
    while !talk.is_lost() {
        if let (Side::Server, Some(number)) = (side, talk.rows())
            && !packets.pass_rows(&mut bytes, number)
        {
            return talk.lose();
        }
        let Some(packet) = packets.next(&mut bytes) else { return };
        match side {
            Side::Client => talk.client(&packet),
            Side::Server => talk.server(&packet),
        }
    }
}

impl Flow for Session {
    fn from_client<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(change) = &mut self.change else {
            self.follow(Side::Client, bytes);
            self.begin_change();
            return match std::mem::take(&mut self.late) {
                late if late.is_empty() => Cow::Borrowed(bytes),
                late => Cow::Owned([&late, bytes].concat()),
            };
        };
        let Passed { to_server, to_client, end } = change.client(bytes);
        self.reply.extend(to_client);
        self.end_change(end);
        Cow::Owned(to_server)
    }

    fn reply_to_client(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.reply)
    }

    fn from_server<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(change) = &mut self.change else {
            self.follow(Side::Server, bytes);
            return Cow::Borrowed(bytes);
        };
        let Passed { to_server, to_client, end } = change.server(bytes);
        self.late = to_server;
        self.end_change(end);
        Cow::Owned(to_client)
    }

    fn is_at_rest(&self) -> bool {
        self.change.is_none()
            && self.talk.is_at_rest()
            && self.client.is_at_boundary()
            && self.server.is_at_boundary()
    }

    /// Without a number of its own to follow, as servers say it to clients that are idle.
    fn farewell(&self, message: &str) -> Vec<u8> {
        let (number, sqlstate) = SHUTDOWN;
        let error = error_packet(0, number, Some(sqlstate), message);
        if self.compressed { frame(&error) } else { error }
    }

    fn goodbye(&self) -> &'static [u8] {
        const QUIT: &[u8] = &[1, 0, 0, 0, command::QUIT];
        const QUIT_COMPRESSED: &[u8] = &[5, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, command::QUIT];
        if self.compressed { QUIT_COMPRESSED } else { QUIT }
    }
}

#[cfg(test)]
mod tests;
