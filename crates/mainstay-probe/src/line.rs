use std::io;
use std::time::Duration;

use bytes::BytesMut;
use mainstay_wire::{Conversation, Step, WireError};

use crate::link::Link;

/// How long the courtesies after the last answer may take; `QUIT` and its reply are not worth more.
const COURTESY: Duration = Duration::from_secs(1);
/// The steps that courtesies may take.
const COURTESIES: usize = 16;

/// A conversation and the connection that it is held over.
pub(crate) struct Line {
    pub(crate) link: Link,
    pub(crate) conversation: Box<dyn Conversation + Send>,
    input: BytesMut,
    ended: bool,
    finished: bool,
}

impl Line {
    /// A conversation that waits for its connection.
    pub(crate) fn new(conversation: Box<dyn Conversation + Send>) -> Line {
        Line { link: Link::Gone, conversation, input: BytesMut::new(), ended: false, finished: false }
    }

    /// What the conversation wants next.
    pub(crate) fn step(&mut self) -> Result<Step, WireError> {
        let step = self.conversation.step(&mut self.input, self.ended)?;
        self.finished = step == Step::Finished;
        Ok(step)
    }

    /// Takes in what has come. Once the peer has closed its side, asking for more is an error.
    pub(crate) async fn read(&mut self) -> io::Result<()> {
        if self.ended {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.ended = self.link.read(&mut self.input).await? == 0;
        Ok(())
    }

    /// Whether the peer closed its side, with nothing to read before that.
    pub(crate) fn closed_without_a_word(&self) -> bool {
        self.ended && self.input.is_empty()
    }

    /// Ends the conversation and the connection politely. By now the check is decided, so nothing that happens here counts.
    pub(crate) async fn leave(mut self, settled: bool) {
        if settled && !self.finished {
            let _ = tokio::time::timeout(COURTESY, self.take_leave()).await;
        }
        self.link.close().await;
    }

    async fn take_leave(&mut self) -> Option<()> {
        for _ in 0..COURTESIES {
            match self.step().ok()? {
                Step::Write(bytes) => self.link.write(&bytes).await.ok()?,
                Step::Read => self.read().await.ok()?,
                Step::Reached(_) => {}
                Step::StartTls | Step::Finished => break,
            }
        }
        Some(())
    }
}
