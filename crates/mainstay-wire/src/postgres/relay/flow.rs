use std::borrow::Cow;

use super::super::error;
use super::frames::Frames;
use crate::relay::Flow;

/// A connection after its log-in. Every byte passes as it is; only the heads of messages are looked at, to know when nothing is under
/// way: every Query, Sync and FunctionCall is answered by one ReadyForQuery, which says whether a transaction is open.
pub(super) struct Conveyed {
    client: Frames,
    server: Frames,
    talk: Talk,
    /// Something came that has no place here, so nothing more is known.
    lost: bool,
}

/// What is under way between the two.
struct Talk {
    /// How many requests are not answered by a ReadyForQuery.
    outstanding: u64,
    /// The last request.
    last: Request,
    /// The application ended a COPY since.
    copy_ended: bool,
    /// The application sent messages of the extended protocol that take effect or are undone with the next Sync.
    unsynced: bool,
    /// The server takes data of a COPY, and reads over a Sync.
    copying: bool,
    /// The state of the transaction as of the last ReadyForQuery.
    status: u8,
}

#[derive(Clone, Copy, PartialEq)]
enum Request {
    /// Query or FunctionCall.
    Simple,
    Sync,
}

const IDLE: u8 = b'I';

impl Conveyed {
    /// A connection that came to rest in this state of its transaction.
    pub(super) fn new(status: u8) -> Conveyed {
        let talk = Talk {
            outstanding: 0,
            last: Request::Simple,
            copy_ended: false,
            unsynced: false,
            copying: false,
            status,
        };
        Conveyed { client: Frames::default(), server: Frames::default(), talk, lost: false }
    }

    /// A connection of which nothing is known.
    pub(super) fn unknown() -> Conveyed {
        Conveyed { lost: true, ..Conveyed::new(IDLE) }
    }
}

impl Flow for Conveyed {
    fn from_client<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if !self.lost {
            let (talk, mut known) = (&mut self.talk, true);
            let read = self.client.read(bytes, |tag, _| known &= talk.client_sent(tag));
            self.lost = read.is_err() || !known;
        }
        Cow::Borrowed(bytes)
    }

    fn from_server<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        if !self.lost {
            let (talk, mut known) = (&mut self.talk, true);
            let read = self.server.read(bytes, |tag, first| known &= talk.server_sent(tag, first));
            self.lost = read.is_err() || !known;
        }
        Cow::Borrowed(bytes)
    }

    fn is_at_rest(&self) -> bool {
        !self.lost && self.talk.is_over() && self.client.is_between() && self.server.is_between()
    }

    /// As at the server's own shutdown, in words by which drivers that look at words know it.
    fn farewell(&self, message: &str) -> Vec<u8> {
        let words = format!("terminating connection due to administrator command ({message})");
        error::fatal("57P01", &words)
    }

    /// Terminate.
    fn goodbye(&self) -> &'static [u8] {
        b"X\0\0\0\x04"
    }
}

impl Talk {
    fn is_over(&self) -> bool {
        self.outstanding == 0 && !self.unsynced && !self.copying && self.status == IDLE
    }

    /// Takes note of a message of the application's. False where nothing is known from here on.
    fn client_sent(&mut self, tag: u8) -> bool {
        match tag {
            // Data of a COPY; Flush and Terminate, to which nothing is owed.
            b'd' | b'H' | b'X' => {}
            b'Q' | b'F' => self.request(Request::Simple),
            b'S' if self.copying => {}
            b'S' => self.request(Request::Sync),
            b'P' | b'B' | b'E' | b'D' | b'C' => self.unsynced = true,
            b'c' | b'f' => {
                self.copying = false;
                self.copy_ended = true;
            }
            _ => return false,
        }
        true
    }

    fn request(&mut self, request: Request) {
        self.outstanding += 1;
        self.last = request;
        self.copy_ended = false;
        self.unsynced = false;
    }

    /// Takes note of a message of the server's. False where nothing is known from here on.
    fn server_sent(&mut self, tag: u8, first: u8) -> bool {
        match tag {
            b'Z' => {
                self.status = first;
                self.copying = false;
                match self.outstanding.checked_sub(1) {
                    Some(left) => self.outstanding = left,
                    None => return false,
                }
            }
            // An error ends a COPY. Sync is heeded again, and data that is still on the way is dropped.
            b'E' => self.copying = false,
            b'G' | b'W' => return self.copy_begins(),
            _ => {}
        }
        true
    }

    /// The server asks for data of a COPY, and until CopyDone or CopyFail reads over every Sync: also over one that was sent
    /// together with the COPY, as libpq does, so that it will not be answered.
    fn copy_begins(&mut self) -> bool {
        match (self.outstanding, self.last) {
            (0, _) | (1, Request::Simple) => self.copying = !self.copy_ended,
            (1, Request::Sync) if !self.copy_ended => {
                self.outstanding = 0;
                self.unsynced = true;
                self.copying = true;
            }
            // More was sent ahead than can be told apart. No driver does.
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests;
