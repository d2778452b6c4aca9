use std::borrow::Cow;

use super::commands::Commands;
use super::replies::Replies;
use super::stream::Stream;
use super::talk::Talk;
use super::{HANDSHAKE, NO_TLS, Peers, refused};
use crate::relay::Flow;

/// A connection to Redis. Bytes pass as they are, but for what would lead the application past the relay.
///
/// Commands are counted against answers, so that it is known when nothing is under way. Where they no longer follow one by one
/// (subscriptions, `MONITOR`, replication, `CLIENT REPLY`) that is never claimed; and where either side sends what cannot be taken
/// apart, all bytes pass as they are.
pub(super) struct Conveyed {
    peers: Peers,
    speaks: Speaks,
    /// What the relay answers itself.
    owed: Vec<u8>,
    client: Stream,
    commands: Commands,
    server: Stream,
    replies: Replies,
    talk: Talk,
}

/// What the application speaks, by its first byte.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Speaks {
    #[default]
    Unknown,
    Redis,
    /// To a relay that takes none.
    Tls,
}

impl Conveyed {
    pub(super) fn new(peers: Peers) -> Conveyed {
        Conveyed {
            peers,
            speaks: Speaks::default(),
            owed: Vec::new(),
            client: Stream::default(),
            commands: Commands::default(),
            server: Stream::default(),
            replies: Replies::default(),
            talk: Talk::default(),
        }
    }
}

impl Flow for Conveyed {
    fn from_client<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match (self.speaks, bytes.first()) {
            (Speaks::Unknown, Some(&HANDSHAKE)) => {
                // A server waits for the end of that line for ever, and so does the application. An error is no TLS, which ends it.
                self.speaks = Speaks::Tls;
                self.owed = refused::error(NO_TLS);
                return Cow::Borrowed(b"");
            }
            (Speaks::Tls, _) => return Cow::Borrowed(b""),
            (Speaks::Unknown, Some(_)) => self.speaks = Speaks::Redis,
            _ => {}
        }
        self.client.take(bytes, |rest| self.commands.judge(rest, &mut self.talk))
    }

    fn reply_to_client(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.owed)
    }

    fn from_server<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        self.server.take(bytes, |rest| self.replies.judge(rest, &mut self.talk, &self.peers))
    }

    fn is_at_rest(&self) -> bool {
        let is_between = self.client.is_between() && self.server.is_between();
        is_between && self.commands.is_between() && self.replies.is_between() && self.talk.is_over()
    }

    /// Nothing, as at the server's own shutdown. An error that answers no command is worse than an end: clients take it for the
    /// answer to their next command, or break (node-redis).
    fn farewell(&self, _message: &str) -> Vec<u8> {
        Vec::new()
    }

    /// Nothing: Redis takes the end of a connection for a farewell.
    fn goodbye(&self) -> &'static [u8] {
        b""
    }
}

#[cfg(test)]
mod tests;
