//! What the targets share: a peer that sends whatever the fuzzer makes up, in pieces of its choice.

mod relayed;

use bytes::BytesMut;
use mainstay_wire::{Conversation, Login, Password, Step, TlsStart};

pub use relayed::{conveyed, joined, legs, relay, said};

/// The most steps that any conversation may take over one input: a byte in, a message out, and some to spare.
const STEPS_PER_BYTE: usize = 8;

/// Plays the conversation against the bytes until it ends, and panics if it never does; then once more as if the certificate did
/// not hold, and its farewell.
pub fn converse<C: Conversation>(new: impl Fn() -> C, bytes: &[u8]) {
    play(new(), bytes, |conversation| {
        conversation.tls_established(bytes);
        true
    });
    play(new(), bytes, Conversation::tls_rejected);
}

/// `secured` tells the conversation what came of the handshake, and whether it goes on.
fn play<C: Conversation>(mut conversation: C, bytes: &[u8], secured: impl Fn(&mut C) -> bool) {
    let mut pieces = bytes.chunks(1 + bytes.first().map_or(0, |&byte| usize::from(byte)));
    let (mut input, mut ended, mut failed) = (BytesMut::new(), false, false);
    for _ in 0..64 + STEPS_PER_BYTE * bytes.len() {
        match conversation.step(&mut input, ended) {
            Ok(Step::Read) => match pieces.next() {
                Some(piece) => input.extend_from_slice(piece),
                None => {
                    assert!(!ended, "it reads on after the end");
                    ended = true;
                }
            },
            Ok(Step::StartTls) if secured(&mut conversation) => {}
            Ok(Step::Write(_) | Step::Reached(_)) => {}
            Err(_) if !failed && conversation.failed() => failed = true,
            Ok(Step::StartTls | Step::Finished) | Err(_) => return,
        }
    }
    panic!("the conversation does not end");
}

/// Every way of starting, with and without a log-in.
pub fn variants() -> impl Iterator<Item = (TlsStart, Option<Login>)> {
    let login = || Login { user: "monitor".into(), password: Some(Password::new("se cret")) };
    [TlsStart::InProtocol, TlsStart::Direct, TlsStart::Never]
        .into_iter()
        .flat_map(move |start| [(start, None), (start, Some(login()))])
}
