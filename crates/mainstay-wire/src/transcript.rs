//! Plays a conversation against recorded replies, whole, cut and without end.

pub(crate) mod relayed;

use bytes::BytesMut;
use proptest::prop_assert_eq;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::{Conversation, Milestone, Step, WireError};

/// What came of a conversation: every step that does something, then the error, if there was one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) steps: Vec<Step>,
    pub(crate) error: Option<WireError>,
}

impl Outcome {
    pub(crate) fn milestones(&self) -> Vec<Milestone> {
        let reached = |step: &Step| if let Step::Reached(milestone) = step { Some(*milestone) } else { None };
        self.steps.iter().filter_map(reached).collect()
    }

    /// Everything written, each message as text with escapes.
    pub(crate) fn written(&self) -> Vec<String> {
        let written = |step: &Step| match step {
            Step::Write(bytes) => Some(bytes.escape_ascii().to_string()),
            Step::StartTls => Some("<TLS>".to_owned()),
            _ => None,
        };
        self.steps.iter().filter_map(written).collect()
    }
}

/// The most steps of any conversation here: beyond them it would go on for ever.
const MOST_STEPS: usize = 2_000_000;

/// Plays the conversation: each piece is received when there is nothing more to do without it, then the peer closes.
pub(crate) fn play<'a>(
    mut client: impl Conversation,
    certificate: &[u8],
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let mut pieces = pieces.into_iter();
    let (mut input, mut ended, mut steps) = (BytesMut::new(), false, Vec::new());
    for _ in 0..MOST_STEPS {
        match client.step(&mut input, ended) {
            Ok(Step::Read) => match pieces.next() {
                Some(piece) => input.extend_from_slice(piece),
                None => ended = true,
            },
            Ok(Step::Finished) => return Outcome { steps, error: None },
            Ok(Step::StartTls) => {
                steps.push(Step::StartTls);
                client.tls_established(certificate);
            }
            Ok(step) => steps.push(step),
            Err(error) => return Outcome { steps, error: Some(error) },
        }
    }
    panic!("the conversation does not end: {steps:?}");
}

/// Plays the replies as recorded, then in every way that a network may cut them, and expects the same each time.
///
/// Each reply is what the server sends before it waits for the client again.
pub(crate) fn check<C: Conversation>(new: impl Fn() -> C, replies: &[&[u8]]) -> Outcome {
    check_with_certificate(new, b"certificate", replies)
}

pub(crate) fn check_with_certificate<C: Conversation>(
    new: impl Fn() -> C,
    certificate: &[u8],
    replies: &[&[u8]],
) -> Outcome {
    let whole = play(new(), certificate, replies.iter().copied());
    let bytewise = play(new(), certificate, replies.iter().flat_map(|reply| reply.chunks(1)));
    assert_eq!(bytewise, whole, "byte by byte");
    let any_sizes = proptest::collection::vec(1..64_usize, 1..8);
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(&any_sizes, |sizes| {
            let pieces = replies.iter().flat_map(|reply| cut(reply, &sizes)).collect::<Vec<_>>();
            prop_assert_eq!(&play(new(), certificate, pieces), &whole);
            Ok(())
        })
        .unwrap();
    truncations(&new, certificate, replies);
    endless(&new, certificate, replies);
    whole
}

/// Cuts a reply into pieces of these sizes, over and over.
fn cut<'a>(mut reply: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for &size in sizes.iter().cycle() {
        let (piece, rest) = reply.split_at(size.min(reply.len()));
        pieces.push(piece);
        reply = rest;
        if reply.is_empty() {
            break;
        }
    }
    pieces
}

/// A peer that stops anywhere is noticed: the conversation ends with an error, or it had learnt what it came for.
fn truncations<C: Conversation>(new: &impl Fn() -> C, certificate: &[u8], replies: &[&[u8]]) {
    let whole = play(new(), certificate, replies.iter().copied());
    for (index, reply) in replies.iter().enumerate() {
        for length in 0..reply.len() {
            let pieces = replies.iter().take(index).copied().chain([&reply[..length]]);
            let cut = play(new(), certificate, pieces);
            let known = cut.milestones() == whole.milestones();
            // Where the whole ends with an error, having come as far is not enough: the error must not be swallowed.
            let settled = known && (whole.error.is_none() || cut.milestones().contains(&Milestone::Settled));
            assert!(cut.error.is_some() || settled, "cut at {length} of reply {index}: {cut:?}");
        }
    }
}

/// A peer that goes on for ever after any reply is stopped: at a bound, or because nobody listens any more.
fn endless<C: Conversation>(new: &impl Fn() -> C, certificate: &[u8], replies: &[&[u8]]) {
    const MOST: usize = 3 * 1024 * 1024;
    for kept in 0..=replies.len() {
        for filler in [0_u8, b'1', b'+', 0xff, b'\n'] {
            let flood = vec![filler; 16 * 1024];
            let mut sent = 0;
            let floods = std::iter::from_fn(|| {
                sent += flood.len();
                assert!(sent <= MOST, "more than {MOST} bytes of {filler:#x} after reply {kept}");
                Some(&flood[..])
            });
            play(new(), certificate, replies.iter().take(kept).copied().chain(floods));
        }
    }
}
