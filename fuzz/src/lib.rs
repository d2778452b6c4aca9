//! What the targets share: a peer that sends whatever the fuzzer makes up, in pieces of its choice.

use bytes::BytesMut;
use mainstay_wire::{Conversation, Login, Password, Step, TlsStart};

/// The most steps that any conversation may take over one input: a byte in, a message out, and some to spare.
const STEPS_PER_BYTE: usize = 8;

/// Plays the conversation against the bytes until it ends, and panics if it never does.
pub fn converse(mut conversation: impl Conversation, bytes: &[u8]) {
    let mut pieces = bytes.chunks(1 + bytes.first().map_or(0, |&byte| usize::from(byte)));
    let (mut input, mut ended) = (BytesMut::new(), false);
    for _ in 0..64 + STEPS_PER_BYTE * bytes.len() {
        match conversation.step(&mut input, ended) {
            Ok(Step::Read) => match pieces.next() {
                Some(piece) => input.extend_from_slice(piece),
                None => {
                    assert!(!ended, "it reads on after the end");
                    ended = true;
                }
            },
            Ok(Step::StartTls) => conversation.tls_established(bytes),
            Ok(Step::Write(_) | Step::Reached(_)) => {}
            Ok(Step::Finished) | Err(_) => return,
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
