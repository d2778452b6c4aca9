//! A TCP connection and nothing more.

use bytes::BytesMut;

use crate::{Conversation, Step, WireError};

/// A TCP connection and nothing more: no banner is waited for, since many servers speak second.
#[derive(Debug, Default)]
pub struct Client;

impl Client {
    /// A conversation that has not begun.
    pub fn new() -> Client {
        Client
    }
}

impl Conversation for Client {
    fn step(&mut self, _input: &mut BytesMut, _ended: bool) -> Result<Step, WireError> {
        Ok(Step::Finished)
    }
}
