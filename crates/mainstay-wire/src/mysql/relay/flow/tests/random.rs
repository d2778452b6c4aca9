//! Sessions of anything at all.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Bytes that are now and then packets, and now and then packets that make sense.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let payloads = prop::sample::select(vec![
        OK,
        OK_MORE,
        OK_IN_TRANS,
        EOF,
        EOF_CURSOR,
        END,
        ERROR,
        COLUMN,
        ROW,
        b"\x01",
        b"\xfbx",
        b"\x01\x04",
        b"\x03SELECT 1",
        b"\x0e",
        b"\x11a\0",
        b"\x17\x07\0\0\0",
        b"\x1c\x07\0\0\0",
        b"\x16x",
        b"\x02",
        b"",
    ]);
    let sensible = (0..6_u8, payloads).prop_map(|(number, payload)| packet(number, payload));
    let framed = sensible.clone().prop_map(|packet| frame(&packet));
    prop_oneof![6 => sensible, 2 => framed, 1 => vec(any::<u8>(), 0..40)]
}

fn capabilities() -> impl Strategy<Value = u32> {
    let flags = [DEPRECATE_EOF, capability::COMPRESS, capability::OPTIONAL_RESULTSET_METADATA];
    prop::sample::subsequence(flags.to_vec(), 0..=3).prop_map(|flags| flags.iter().sum())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is said passes as it is, in the bytes that it came in; and however it is cut, it comes to the same.
    #[test]
    fn everything_passes(
        capabilities in capabilities(),
        said in vec((any::<bool>(), bytes()), 0..30),
        size in 1..9_usize,
    ) {
        let (mut whole, mut cut) = (session(capabilities, false), session(capabilities, false));
        for (from_client, bytes) in &said {
            for (session, size) in [(&mut whole, bytes.len().max(1)), (&mut cut, size)] {
                for piece in bytes.chunks(size) {
                    let passed = match from_client {
                        true => session.from_client(piece),
                        false => session.from_server(piece),
                    };
                    prop_assert!(matches!(passed, Cow::Borrowed(same) if std::ptr::eq(same, piece)));
                    prop_assert!(session.reply_to_client().is_empty());
                }
            }
            prop_assert_eq!(whole.is_at_rest(), cut.is_at_rest());
        }
    }

    /// Where the relay may take part, nothing that is said makes it fall over.
    #[test]
    fn nothing_goes_wrong(
        capabilities in capabilities(),
        said in vec((any::<bool>(), bytes()), 0..30),
    ) {
        let mut session = session(capabilities, true);
        for (from_client, bytes) in &said {
            match from_client {
                true => session.from_client(bytes),
                false => session.from_server(bytes),
            };
            session.reply_to_client();
        }
    }
}
