//! Plays a hop, and then its flow, against what application and server were recorded to say.

use crate::relay::{Flow, Hop, HopError, HopStep, Received, Side};

/// What came of a hop: what it did, in order, each direction's bytes joined as long as nothing else happens; then the error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) done: Vec<String>,
    pub(crate) error: Option<HopError>,
    /// What a refusal would be at this point.
    pub(crate) refusal: Vec<u8>,
}

/// One side says something.
pub(crate) type Said<'a> = (Side, &'a [u8]);

/// The most steps of any hop here: beyond them it would go on for ever.
const MOST_STEPS: usize = 1_000_000;

/// Plays what was said, each piece when the hop waits, then both close. Gives the hop as well, with what it left in the buffers.
pub(crate) fn hop<'a>(
    mut hop: Box<dyn Hop>,
    said: impl IntoIterator<Item = Said<'a>>,
) -> (Outcome, Box<dyn Hop>, Received) {
    let (mut said, mut from, mut done) =
        (said.into_iter(), Received::default(), Vec::<(HopStep, String)>::new());
    for _ in 0..MOST_STEPS {
        let error = match hop.step(&mut from) {
            Ok(HopStep::ReadClient | HopStep::ReadServer | HopStep::ReadEither) => {
                hear(&mut from, said.next());
                continue;
            }
            Ok(step) => {
                let ends = matches!(step, HopStep::Established | HopStep::Finished);
                note(&mut done, step);
                if !ends {
                    continue;
                }
                None
            }
            Err(error) => Some(error),
        };
        let done = done.into_iter().map(|(_, text)| text).collect();
        return (Outcome { done, error, refusal: hop.refusal("no") }, hop, from);
    }
    panic!("the hop does not end: {done:?}");
}

/// Takes a piece in, or the end of both where there is none.
fn hear(from: &mut Received, piece: Option<Said<'_>>) {
    match piece {
        Some((Side::Client, bytes)) => from.client.extend_from_slice(bytes),
        Some((Side::Server, bytes)) => from.server.extend_from_slice(bytes),
        None => {
            assert!(!from.client_ended, "it reads on after the end");
            (from.client_ended, from.server_ended) = (true, true);
        }
    }
}

fn note(done: &mut Vec<(HopStep, String)>, step: HopStep) {
    let text = match &step {
        HopStep::ToClient(bytes) => format!("client< {}", bytes.escape_ascii()),
        HopStep::ToServer(bytes) => format!("server< {}", bytes.escape_ascii()),
        HopStep::DialFor(key) => format!("DialFor {}", key.0.escape_ascii()),
        other => format!("{other:?}"),
    };
    match (done.last_mut(), &step) {
        (Some((HopStep::ToClient(_), before)), HopStep::ToClient(more))
        | (Some((HopStep::ToServer(_), before)), HopStep::ToServer(more)) => {
            before.push_str(&more.escape_ascii().to_string());
        }
        _ => done.push((step, text)),
    }
}

/// Plays what was said, whole and byte by byte, and expects the same; what is said must be in an order in which each has what it
/// answers.
pub(crate) fn check_hop(new: impl Fn() -> Box<dyn Hop>, said: &[Said<'_>]) -> Outcome {
    let (whole, ..) = hop(new(), said.iter().copied());
    let bytewise = said.iter().flat_map(|&(side, bytes)| bytes.chunks(1).map(move |byte| (side, byte)));
    assert_eq!(hop(new(), bytewise).0, whole, "byte by byte");
    for end in 0..said.len() {
        for length in 0..said[end].1.len() {
            let cut = said[..end].iter().copied().chain([(said[end].0, &said[end].1[..length])]);
            let (cut, ..) = hop(new(), cut);
            assert!(!cut.done.contains(&"Established".to_owned()) || whole.done.starts_with(&cut.done));
        }
    }
    whole
}

/// Plays what was said against a flow, whole and byte by byte, and expects it to be at rest after each where that is said, and never
/// with a first byte in or a last one missing. Gives what went to the server and to the application.
pub(crate) fn check_flow(
    new: impl Fn() -> Box<dyn Flow>,
    said: &[(Side, &[u8], bool)],
) -> (Vec<u8>, Vec<u8>) {
    let (mut whole, mut bytewise) = (new(), new());
    let mut passed = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
    for (number, &(side, bytes, rests)) in said.iter().enumerate() {
        let [(server, client), (server_bytewise, client_bytewise)] = &mut passed;
        pass(&mut *whole, side, bytes, (server, client));
        for (at, byte) in bytes.chunks(1).enumerate() {
            pass(&mut *bytewise, side, byte, (server_bytewise, client_bytewise));
            let inside = at + 1 < bytes.len() && (at == 0 || at + 2 == bytes.len());
            assert!(!inside || !bytewise.is_at_rest(), "at byte {at} of {number}");
        }
        assert_eq!(whole.is_at_rest(), rests, "after {number}: {}", bytes.escape_ascii());
        assert_eq!(bytewise.is_at_rest(), rests, "byte by byte after {number}: {}", bytes.escape_ascii());
    }
    let [whole, bytewise] = passed;
    assert_eq!(whole, bytewise);
    whole
}

fn pass(flow: &mut dyn Flow, side: Side, bytes: &[u8], (server, client): (&mut Vec<u8>, &mut Vec<u8>)) {
    match side {
        Side::Client => {
            server.extend_from_slice(&flow.from_client(bytes));
            client.extend_from_slice(&flow.reply_to_client());
        }
        Side::Server => client.extend_from_slice(&flow.from_server(bytes)),
    }
}
