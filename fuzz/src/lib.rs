//! What the targets share: a peer that sends whatever the fuzzer makes up, in pieces of its choice.

use bytes::BytesMut;
use mainstay_wire::relay::{Flow, Hop, HopStep, Legs, Received, Side};
use mainstay_wire::{Conversation, Login, Password, Step, TlsStart};

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

/// What the two sides of a relay say: a byte that tells the side and the length, then so many bytes, over and over.
pub fn said(mut bytes: &[u8]) -> Vec<(Side, &[u8])> {
    let mut said = Vec::new();
    while let Some((&head, rest)) = bytes.split_first() {
        let side = if head < 128 { Side::Client } else { Side::Server };
        let (piece, rest) = rest.split_at(rest.len().min(usize::from(head % 128)));
        said.push((side, piece));
        bytes = rest;
    }
    said
}

/// Plays a hop against them, in every way that its legs can be, until it ends, and panics if it never does; then its flow.
pub fn relay(new: impl Fn(Legs) -> Box<dyn Hop>, said: &[(Side, &[u8])]) {
    for server in [TlsStart::InProtocol, TlsStart::Direct, TlsStart::Never] {
        for client_tls in [false, true] {
            let mut said = said.iter();
            if let Some((hop, from)) = establish(new(Legs { client_tls, server }), &mut said) {
                let mut flow = hop.flow();
                flow.from_client(&from.client);
                flow.from_server(&from.server);
                pass(&mut *flow, said.as_slice());
            }
        }
    }
}

/// The hop with what it left, if it comes to a flow.
pub fn establish<'a>(
    mut hop: Box<dyn Hop>,
    said: &mut impl Iterator<Item = &'a (Side, &'a [u8])>,
) -> Option<(Box<dyn Hop>, Received)> {
    let (mut from, mut idle) = (Received::default(), 0);
    // Without hearing anything, a hop takes a step for each message that it holds at most.
    while idle < 1_000 {
        idle += 1;
        match hop.step(&mut from) {
            Ok(HopStep::ReadClient | HopStep::ReadServer | HopStep::ReadEither) => {
                match said.next() {
                    Some((Side::Client, piece)) => from.client.extend_from_slice(piece),
                    Some((Side::Server, piece)) => from.server.extend_from_slice(piece),
                    None => {
                        assert!(!from.client_ended, "it reads on after the end");
                        (from.client_ended, from.server_ended) = (true, true);
                    }
                }
                idle = 0;
            }
            Ok(HopStep::Established) => return Some((hop, from)),
            Ok(HopStep::Finished) => return None,
            Ok(HopStep::ServerTls) if idle % 7 == 6 => drop(hop.redial()),
            Ok(_) => {}
            Err(_) => {
                hop.refusal("no");
                return None;
            }
        }
    }
    panic!("the hop does not end");
}

/// What goes to the server and to the application.
pub fn pass(flow: &mut dyn Flow, said: &[(Side, &[u8])]) -> (Vec<u8>, Vec<u8>) {
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    for (side, piece) in said {
        match side {
            Side::Client => {
                to_server.extend_from_slice(&flow.from_client(piece));
                to_client.extend_from_slice(&flow.reply_to_client());
            }
            Side::Server => to_client.extend_from_slice(&flow.from_server(piece)),
        }
        flow.is_at_rest();
    }
    (to_server, to_client)
}

/// The same bytes of each side in one piece.
pub fn in_one(said: &[(Side, &[u8])]) -> (Vec<u8>, Vec<u8>) {
    let of = |wanted: Side| {
        said.iter().filter(|(side, _)| *side == wanted).flat_map(|(_, piece)| piece.to_vec()).collect()
    };
    (of(Side::Client), of(Side::Server))
}
