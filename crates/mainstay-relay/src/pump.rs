use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use mainstay_wire::relay::Flow;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::leg::Leg;
use crate::line::Line;
use crate::meter::Meter;

/// Read at once. Four TLS records: more would only fill the other side's socket at a stroke.
const CHUNK: usize = 64 * 1024;
/// So often one direction goes on before others get their turn.
const ROUNDS: usize = 16;

thread_local! {
    /// Bytes pass through here and stay nowhere unless the other side cannot take them, so that a connection at rest holds no buffer.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into_boxed_slice());
}

/// An established connection.
pub(crate) struct Pump {
    pub(crate) leg: Leg,
    pub(crate) line: Line,
    pub(crate) flow: Box<dyn Flow>,
    up: Way,
    down: Way,
    moves: u64,
    /// Whether it is to end at the next moment of rest.
    pub(crate) ending: bool,
}

/// Why an established connection is no longer copied.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Both sides have ended, or the one that the other cannot do without.
    Over,
    /// It was to end, and nothing is under way.
    AtRest,
    /// One side broke.
    Broken,
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    /// Taken from one side and not taken by the other yet.
    pending: Vec<u8>,
    /// How much of it was taken meanwhile.
    taken: usize,
    /// Something was written and not flushed.
    unflushed: bool,
    state: State,
    /// Bytes since the last time that they were counted.
    passed: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    /// One side has ended, and the other is to hear it.
    Ended,
    Shut,
}

impl Pump {
    pub(crate) fn new(leg: Leg, line: Line, flow: Box<dyn Flow>) -> Pump {
        Pump { leg, line, flow, up: Way::default(), down: Way::default(), moves: 0, ending: false }
    }

    /// Takes over what was received while the connection was made.
    pub(crate) fn begin(&mut self, from_client: &[u8], from_server: &[u8]) {
        self.up.pending.extend_from_slice(&self.flow.from_client(from_client));
        self.down.pending.extend_from_slice(&self.flow.reply_to_client());
        self.down.pending.extend_from_slice(&self.flow.from_server(from_server));
    }

    /// Copies both ways until something ends.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, meter: &Meter) -> Poll<Outcome> {
        let Pump { leg, line, flow, up, down, .. } = self;
        let upwards = up.poll(cx, Pin::new(leg), Pin::new(line), |bytes| flow.from_client(bytes));
        down.pending.extend_from_slice(&flow.reply_to_client());
        let downwards = down.poll(cx, Pin::new(line), Pin::new(leg), |bytes| flow.from_server(bytes));
        let (sent, received) = (std::mem::take(&mut up.passed), std::mem::take(&mut down.passed));
        if sent + received > 0 {
            meter.passed(sent, received);
            self.moves += 1;
        }
        if self.ending && self.is_at_rest() {
            return Poll::Ready(Outcome::AtRest);
        }
        match (upwards, downwards) {
            (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => Poll::Ready(Outcome::Broken),
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => Poll::Ready(Outcome::Over),
            // A server that ended answers nothing more, so what its application still sends is for nobody.
            (_, Poll::Ready(Ok(()))) => Poll::Ready(Outcome::Over),
            _ => Poll::Pending,
        }
    }

    /// Grows whenever something was passed.
    pub(crate) fn moves(&self) -> u64 {
        self.moves
    }

    /// Whether nothing is under way in either direction.
    fn is_at_rest(&self) -> bool {
        self.up.is_empty() && self.down.is_empty() && self.flow.is_at_rest()
    }
}

impl Way {
    fn is_empty(&self) -> bool {
        self.pending.is_empty() && !self.unflushed
    }

    /// Ready once the reading side has ended and the writing side was told so.
    fn poll<R: AsyncRead, W: AsyncWrite>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
        mut look: impl for<'b> FnMut(&'b [u8]) -> Cow<'b, [u8]>,
    ) -> Poll<io::Result<()>> {
        for _ in 0..ROUNDS {
            ready!(self.write_pending(cx, writer.as_mut()))?;
            match self.state {
                State::Open => {}
                State::Ended => {
                    // That the other side has gone already is no fault of this one.
                    let _ = ready!(writer.as_mut().poll_shutdown(cx));
                    self.state = State::Shut;
                    return Poll::Ready(Ok(()));
                }
                State::Shut => return Poll::Ready(Ok(())),
            }
            let moved = SCRATCH.with_borrow_mut(|scratch| {
                let mut buffer = ReadBuf::new(scratch);
                match reader.as_mut().poll_read(cx, &mut buffer) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
                let bytes = buffer.filled();
                if bytes.is_empty() {
                    self.state = State::Ended;
                    return Poll::Ready(Ok(()));
                }
                self.passed += bytes.len() as u64;
                self.write(cx, writer.as_mut(), &look(bytes))
            });
            match moved {
                Poll::Ready(Ok(())) => {}
                // TLS without its proper end: bytes may be missing, and the other side must not take this for an end.
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    ready!(self.flush(cx, writer))?;
                    return Poll::Pending;
                }
            }
        }
        // There may be more; the others of this thread come first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what the other side takes and keeps the rest.
    fn write<W: AsyncWrite>(
        &mut self,
        cx: &mut Context<'_>,
        mut writer: Pin<&mut W>,
        mut bytes: &[u8],
    ) -> Poll<io::Result<()>> {
        while !bytes.is_empty() {
            match writer.as_mut().poll_write(cx, bytes) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(taken)) => {
                    self.unflushed = true;
                    bytes = bytes.get(taken..).unwrap_or_default();
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.pending.extend_from_slice(bytes);
                    return Poll::Ready(Ok(()));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    fn write_pending<W: AsyncWrite>(
        &mut self,
        cx: &mut Context<'_>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<()>> {
        while let Some(bytes) = self.pending.get(self.taken..).filter(|bytes| !bytes.is_empty()) {
            match ready!(writer.as_mut().poll_write(cx, bytes))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                taken => self.taken += taken,
            }
            self.unflushed = true;
        }
        if self.taken > 0 {
            // Its memory goes too: most connections never need it again.
            self.pending = Vec::new();
            self.taken = 0;
        }
        Poll::Ready(Ok(()))
    }

    fn flush<W: AsyncWrite>(&mut self, cx: &mut Context<'_>, writer: Pin<&mut W>) -> Poll<io::Result<()>> {
        if self.unflushed {
            ready!(writer.poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}
