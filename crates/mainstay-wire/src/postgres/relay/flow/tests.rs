use proptest::prelude::*;

use super::*;
use crate::relay::Side;
use crate::relay::Side::{Client, Server};
use crate::transcript::relayed::check_flow;

/// Messages of these types in a row, with bodies as short as they may be. After `Z`, for ReadyForQuery, comes its state.
fn messages(types: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut types = types.bytes();
    while let Some(tag) = types.next() {
        let body: &[u8] = if tag == b'Z' { &[types.next().unwrap()] } else { b"" };
        bytes.extend(crate::postgres::frame::frame(tag, body));
    }
    bytes
}

/// Plays lines such as `> Q` (from the application) and `< CZI *` (from the server; at rest after it).
fn check(lines: &[&str]) {
    let said: Vec<(Side, Vec<u8>, bool)> = lines
        .iter()
        .map(|line| {
            let mut words = line.split(' ');
            let side = if words.next() == Some(">") { Client } else { Server };
            (side, messages(words.next().unwrap()), words.next() == Some("*"))
        })
        .collect();
    let said: Vec<_> = said.iter().map(|(side, bytes, rests)| (*side, &bytes[..], *rests)).collect();
    let of = |side| said.iter().filter(move |said| said.0 == side).flat_map(|said| said.1.to_vec());
    let (server, client) = check_flow(|| Box::new(Conveyed::new(IDLE)), &said);
    assert_eq!((server, client), (of(Client).collect(), of(Server).collect()));
}

#[test]
fn a_query_is_over_with_readiness_and_a_transaction_with_idleness() {
    check(&["> Q", "< TDDDC", "< ZI *", "> Q", "< CZT", "> Q", "< EZE", "> Q", "< CZI *"]);
    check(&["> QQ", "< CZI", "< CZI *", "> F", "< VZI *", "< NAS *", "> X *"]);
}

#[test]
fn the_extended_protocol_is_over_with_the_answer_to_sync() {
    check(&["> PBDES", "< 12TDCZI *"]);
    check(&["> PBDEH", "< 12TDC", "> H", "> S", "< ZI *", "> H *"]);
    check(&["> PBESPBES", "< 12CZI", "< 12CZI *"]);
    check(&["> PBE", "< E", "> BE", "> S", "< ZI *"]);
    check(&["> C", "> Q", "< 3CZI *"]);
}

#[test]
fn a_copy_is_over_when_both_say_so() {
    check(&["> Q", "< G", "> dd", "> c", "< CZI *"]);
    check(&["> Q", "< G", "> d", "> f", "< EZI *"]);
    check(&["> Q", "< Hddd", "< cC", "< ZI *"]);
    // Two in one query.
    check(&["> Q", "< G", "> dc", "< CG", "> dc", "< CZI *"]);
    // The server breaks off, while data is on the way.
    check(&["> Q", "< G", "> d", "< EZI *", "> d *", "> c *", "> Q", "< CZI *"]);
}

#[test]
fn a_sync_during_a_copy_is_not_answered() {
    // As libpq has it: one Sync together with the COPY, which is read over, and one after the data.
    check(&["> PBDES", "< 12nG", "> d", "> cS", "< CZI *", "> Q", "< CZI *"]);
    check(&["> PBE", "< G", "> S", "> d", "> c", "> S", "< CZI *"]);
    check(&["> PBEH", "< G", "> d", "> c", "< C", "> S", "< ZI *"]);
    // After an error the server heeds the next Sync.
    check(&["> PBDES", "< 12nG", "> d", "< E", "> d", "> S", "< ZI *"]);
    check(&["> PBDES", "< 12nG", "> d", "< E", "> fS", "< ZI *"]);
    // Data sent ahead: nothing is claimed any more where it cannot be told apart.
    check(&["> PBEdcS", "< 12G", "< CZI", "> Q", "< CZI"]);
}

#[test]
fn replication_is_never_at_rest() {
    check(&["> Q", "< W", "< ddd", "> d", "< d"]);
}

#[test]
fn what_has_no_place_ends_all_claims() {
    check(&["< ZI", "> Q", "< CZI"]);
    check(&["> p", "> Q", "< CZI"]);
    let said: &[(Side, &[u8], bool)] =
        &[(Client, b"\x16\x03\x01", false), (Client, b"rest", false), (Server, b"Z\0\0\0\x05I", false)];
    check_flow(|| Box::new(Conveyed::new(IDLE)), said);
    assert!(!Conveyed::unknown().is_at_rest());
}

#[test]
fn farewell_is_the_servers_own() {
    let flow = Conveyed::new(IDLE);
    let expected = "terminating connection due to administrator command (Mainstay closes it)";
    assert_eq!(flow.farewell("Mainstay closes it"), error::fatal("57P01", expected));
    assert_eq!(flow.goodbye(), messages("X"));
}

proptest! {
    #[test]
    fn every_byte_passes(pieces in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..20)), 0..20)) {
        let mut flow = Conveyed::new(IDLE);
        for (from_client, bytes) in &pieces {
            let passed = if *from_client { flow.from_client(bytes) } else { flow.from_server(bytes) };
            prop_assert!(matches!(passed, Cow::Borrowed(passed) if passed == bytes));
            flow.is_at_rest();
        }
    }
}
