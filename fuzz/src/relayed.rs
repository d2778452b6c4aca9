//! A relay between an application and a server that both say whatever the fuzzer makes up.

use mainstay_wire::TlsStart;
use mainstay_wire::relay::{Flow, Hop, HopStep, Legs, Received, Side};

/// Plays the hop against the bytes, and its flow against the rest of them. Panics if the hop does not end.
pub fn relay(mut hop: Box<dyn Hop>, bytes: &[u8]) {
    let mut pieces = Pieces(bytes);
    let mut from = Received::default();
    for _ in 0..64 + 8 * bytes.len() {
        match hop.step(&mut from) {
            Ok(HopStep::ReadClient | HopStep::ReadServer | HopStep::ReadEither) => {
                hear(&mut from, pieces.next())
            }
            Ok(HopStep::Established) => return pass(hop.flow(), &from, pieces),
            Ok(HopStep::Finished) | Err(_) => return drop(hop.refusal("no")),
            Ok(_) => drop(hop.refusal("no")),
        }
    }
    panic!("the hop does not end");
}

fn hear(from: &mut Received, piece: Option<(Side, &[u8])>) {
    match piece {
        Some((Side::Client, bytes)) => from.client.extend_from_slice(bytes),
        Some((Side::Server, bytes)) => from.server.extend_from_slice(bytes),
        None => {
            assert!(!from.server_ended, "it reads on after the end");
            (from.client_ended, from.server_ended) = (true, true);
        }
    }
}

fn pass<'a>(mut flow: Box<dyn Flow>, from: &'a Received, pieces: impl Iterator<Item = (Side, &'a [u8])>) {
    let before = [(Side::Client, &from.client[..]), (Side::Server, &from.server[..])];
    for (side, bytes) in before.into_iter().chain(pieces) {
        match side {
            Side::Client => drop(flow.from_client(bytes)),
            Side::Server => drop(flow.from_server(bytes)),
        }
        flow.reply_to_client();
        flow.is_at_rest();
    }
    flow.farewell("no");
}

/// Cuts the bytes by one before each piece: whose it is, and how long.
struct Pieces<'a>(&'a [u8]);

impl<'a> Iterator for Pieces<'a> {
    type Item = (Side, &'a [u8]);

    fn next(&mut self) -> Option<(Side, &'a [u8])> {
        let (&first, rest) = self.0.split_first()?;
        let (piece, rest) = rest.split_at(usize::from(first >> 1).min(rest.len()));
        self.0 = rest;
        Some((if first & 1 == 0 { Side::Client } else { Side::Server }, piece))
    }
}

/// What both sides say, by the same cuts.
pub fn said(bytes: &[u8]) -> Vec<(Side, &[u8])> {
    Pieces(bytes).collect()
}

/// All that a side says.
pub fn joined(said: &[(Side, &[u8])], wanted: Side) -> Vec<u8> {
    said.iter().filter(|(side, _)| *side == wanted).flat_map(|(_, piece)| piece.to_vec()).collect()
}

/// What goes on, to the server and to the application.
pub fn conveyed(mut flow: Box<dyn Flow>, said: &[(Side, &[u8])]) -> (Vec<u8>, Vec<u8>) {
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    for (side, piece) in said {
        match side {
            Side::Client => {
                to_server.extend_from_slice(&flow.from_client(piece));
                to_client.extend_from_slice(&flow.reply_to_client());
            }
            Side::Server => to_client.extend_from_slice(&flow.from_server(piece)),
        }
    }
    (to_server, to_client)
}

/// Every way in which a relay takes part in TLS.
pub fn legs() -> impl Iterator<Item = Legs> {
    [TlsStart::InProtocol, TlsStart::Direct, TlsStart::Never]
        .into_iter()
        .flat_map(|server| [false, true].map(|client_tls| Legs { client_tls, server }))
}
