//! Whole sessions, cut everywhere.

mod change;
mod random;

use std::borrow::Cow;

use super::*;
use crate::mysql::packet::packet;
use crate::relay::Side::{Client, Server};
use crate::transcript::relayed::check_flow;

const DEPRECATE_EOF: u32 = capability::DEPRECATE_EOF;
const SCRAMBLE: &[u8] = b"abcdefghijklmnopqrst";

/// One side says something, and then the session is at rest or not.
type Said = (Side, Vec<u8>, bool);

fn session(capabilities: u32, keyed: bool) -> Session {
    Session::new((capabilities, 0), Exchange::new(keyed, SCRAMBLE), b"\0\0\0\x02\0\0\0")
}

/// Plays a session, and expects that nothing in it is changed.
fn check_with(new: impl Fn() -> Session, said: &[Said]) {
    let all = |side: Side| -> Vec<u8> {
        said.iter().filter(|said| said.0 == side).flat_map(|said| said.1.clone()).collect()
    };
    let said = said.iter().map(|(side, bytes, rests)| (*side, &bytes[..], *rests)).collect::<Vec<_>>();
    let (server, client) = check_flow(|| Box::new(new()), &said);
    assert_eq!((server, client), (all(Client), all(Server)));
}

fn check(capabilities: u32, said: &[Said]) {
    check_with(|| session(capabilities, false), said);
}

fn asks(command: u8, text: &[u8]) -> Said {
    (Client, packet(0, &[&[command], text].concat()), false)
}

fn query(text: &str) -> Said {
    asks(command::QUERY, text.as_bytes())
}

fn says(rests: bool, packets: &[&[u8]]) -> Said {
    says_from(1, rests, packets)
}

/// Packets of the server's, numbered from this one on.
fn says_from(number: u8, rests: bool, packets: &[&[u8]]) -> Said {
    let numbered = packets.iter().enumerate().map(|(index, payload)| packet(number + index as u8, payload));
    (Server, numbered.collect::<Vec<_>>().concat(), rests)
}

const OK: &[u8] = b"\0\0\0\x02\0\0\0";
const OK_MORE: &[u8] = b"\0\0\0\x0a\0\0\0";
const OK_IN_TRANS: &[u8] = b"\0\x01\0\x03\0\0\0";
const OK_WITHOUT_AUTOCOMMIT: &[u8] = b"\0\0\0\0\0\0\0";
const EOF: &[u8] = b"\xfe\0\0\x02\0";
const EOF_MORE: &[u8] = b"\xfe\0\0\x0a\0";
const EOF_IN_TRANS: &[u8] = b"\xfe\0\0\x03\0";
const EOF_CURSOR: &[u8] = b"\xfe\0\0\x42\0";
const EOF_LAST_ROW: &[u8] = b"\xfe\0\0\x82\0";
/// An OK that ends rows.
const END: &[u8] = b"\xfe\0\0\x02\0\0\0";
const END_MORE: &[u8] = b"\xfe\0\0\x0a\0\0\0";
const END_CURSOR: &[u8] = b"\xfe\0\0\x42\0\0\0";
const ERROR: &[u8] = b"\xff\x28\x04#42000You have an error";
const COLUMN: &[u8] = b"\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0";
const ROW: &[u8] = b"\x04some\x04text";

#[test]
fn statements_without_rows() {
    check(
        0,
        &[
            query("INSERT INTO t VALUES (1)"),
            says(true, &[OK]),
            query("BEGIN"),
            says(false, &[OK_IN_TRANS]),
            query("COMMIT"),
            says(true, &[OK]),
            query("SET @a = 1; SET @b = 2"),
            says(false, &[OK_MORE]),
            says_from(2, true, &[OK]),
            query("CALL nothing()"),
            says(false, &[OK_MORE]),
            says_from(2, false, &[OK_IN_TRANS]),
            query("ROLLBACK"),
            says(true, &[OK]),
        ],
    );
}

#[test]
fn rows_and_several_results() {
    check(
        0,
        &[
            query("SELECT 1"),
            says(false, &[b"\x01"]),
            says_from(2, false, &[COLUMN, EOF, ROW]),
            says_from(5, true, &[ROW, EOF]),
            query("SELECT 1 FOR UPDATE"),
            says(false, &[b"\x02", COLUMN, COLUMN, EOF, EOF_IN_TRANS]),
            query("COMMIT"),
            says(true, &[OK]),
            query("CALL p()"),
            says(false, &[b"\x01", COLUMN, EOF, ROW, EOF_MORE, b"\x01", COLUMN, EOF, EOF_MORE]),
            says_from(10, true, &[OK]),
        ],
    );
    check(
        DEPRECATE_EOF,
        &[
            query("SELECT 1"),
            says(false, &[b"\x01", COLUMN, ROW, b"\xfb"]),
            says_from(5, true, &[END]),
            query("SELECT 1; SELECT 2"),
            says(false, &[b"\x01", COLUMN, END_MORE, b"\x01", COLUMN, ROW]),
            says_from(7, true, &[END]),
        ],
    );
}

#[test]
fn an_error_says_nothing_of_the_transaction() {
    let tame = [
        "SELECT x",
        "insert into t values (1)",
        "\n  UPDATE\nt SET",
        "REPLACE INTO t",
        "DELETE FROM t",
        "SELECT",
    ];
    for text in tame {
        check(0, &[query(text), says(true, &[ERROR])]);
    }
    for text in ["CALL p()", "BEGIN; SELECT x", "/* */ SELECT 1", "SELECTED x"] {
        check(0, &[query(text), says(false, &[ERROR]), query("SELECT 1"), says(true, &[OK])]);
    }
    // What the text does not show: the third statement may be a call.
    let several = [query("SELECT 1; SET @a = 1; CALL p()"), says(false, &[OK_MORE, OK_MORE, ERROR])];
    check(0, &several);
    let open = [query("BEGIN"), says(false, &[OK_IN_TRANS]), query("SELECT x"), says(false, &[ERROR])];
    check(0, &open);
    let statements = [
        query("SET autocommit = 0"),
        says(true, &[OK_WITHOUT_AUTOCOMMIT]),
        query("INSERT INTO t VALUES (1)"),
        says(false, &[ERROR]),
        query("INSERT INTO t VALUES (1)"),
        says(false, &[ERROR]),
        query("ROLLBACK"),
        says(true, &[OK_WITHOUT_AUTOCOMMIT]),
    ];
    check(0, &statements);
    check(0, &[query("SELECT 1"), says(true, &[b"\x01", COLUMN, EOF, ROW, ERROR])]);
    check(0, &[query("SELECT 1"), says(true, &[b"\x02", COLUMN, ERROR])]);
    check(
        capability::QUERY_ATTRIBUTES,
        &[
            query("\0\x01SELECT x"),
            says(true, &[ERROR]),
            query("\x01\x01\0\x01\x08\0\x01a\x05SELECT x"),
            says(false, &[ERROR]),
        ],
    );
}

#[test]
fn a_file_of_the_clients() {
    check(
        0,
        &[
            query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t"),
            says(false, &[b"\xfbx"]),
            (Client, packet(2, b"one\n"), false),
            // It looks like a command and is none.
            (Client, packet(3, b"\x01"), false),
            (Client, packet(4, b""), false),
            says_from(5, true, &[OK]),
            query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t"),
            says(false, &[b"\xfbx"]),
            (Client, packet(2, b""), false),
            says_from(3, false, &[ERROR]),
            query("SELECT 1"),
            says(true, &[OK]),
        ],
    );
}

#[test]
fn prepared_statements() {
    let prepared = b"\0\x07\0\0\0\x02\0\x01\0\0\0\0";
    let bare = b"\0\x08\0\0\0\0\0\0\0\0\0\0";
    let seven = b"\x07\0\0\0\0\x01\0\0\0";
    check(
        0,
        &[
            asks(command::STMT_PREPARE, b"SELECT a, b FROM t WHERE c = ?"),
            says(false, &[prepared, COLUMN, EOF, COLUMN]),
            says_from(5, true, &[COLUMN, EOF]),
            asks(command::STMT_PREPARE, b"COMMIT"),
            says(true, &[bare]),
            asks(command::STMT_EXECUTE, seven),
            says(true, &[b"\x01", COLUMN, EOF, b"\0\0\x01", b"\0\0\x02", EOF]),
            asks(command::STMT_EXECUTE, seven),
            says(false, &[ERROR]),
            asks(command::STMT_RESET, &seven[..4]),
            says(true, &[OK]),
            // Parameters that are sent ahead have no answer, and belong to what is coming.
            asks(command::STMT_SEND_LONG_DATA, b"\x07\0\0\0\0\0data"),
            asks(command::PING, b""),
            says(false, &[OK]),
            asks(command::STMT_EXECUTE, seven),
            says(true, &[OK]),
            asks(command::STMT_SEND_LONG_DATA, b"\x07\0\0\0\0\0data"),
            (Client, packet(0, b"\x19\x07\0\0\0"), true),
            asks(command::STMT_PREPARE, b"SELEC"),
            says(true, &[ERROR]),
        ],
    );
    check(
        DEPRECATE_EOF,
        &[
            asks(command::STMT_PREPARE, b"SELECT a, b FROM t WHERE c = ?"),
            says(false, &[prepared, COLUMN]),
            says_from(3, true, &[COLUMN, COLUMN]),
            asks(command::STMT_BULK_EXECUTE, b"\x07\0\0\0\x80\0"),
            says(true, &[OK]),
        ],
    );
}

#[test]
fn rows_that_are_fetched_are_half_of_a_statement() {
    let seven = b"\x07\0\0\0";
    let fetch = b"\x07\0\0\0\x02\0\0\0";
    check(
        0,
        &[
            asks(command::STMT_EXECUTE, b"\x07\0\0\0\x01\x01\0\0\0"),
            says(false, &[b"\x01", COLUMN, EOF_CURSOR]),
            asks(command::STMT_FETCH, fetch),
            says(false, &[b"\0\0\x01", b"\0\0\x02", EOF_CURSOR]),
            asks(command::STMT_FETCH, fetch),
            says(true, &[EOF_LAST_ROW]),
            asks(command::STMT_EXECUTE, b"\x07\0\0\0\x01\x01\0\0\0"),
            says(false, &[b"\x01", COLUMN, EOF_CURSOR]),
            asks(command::STMT_RESET, seven),
            says(true, &[OK]),
            asks(command::STMT_EXECUTE, b"\x07\0\0\0\x01\x01\0\0\0"),
            says(false, &[b"\x01", COLUMN, EOF_CURSOR]),
            (Client, packet(0, b"\x19\x07\0\0\0"), true),
        ],
    );
    check(
        DEPRECATE_EOF,
        &[
            asks(command::STMT_EXECUTE, b"\x07\0\0\0\x01\x01\0\0\0"),
            says(false, &[b"\x01", COLUMN, END_CURSOR]),
            asks(command::RESET_CONNECTION, b""),
            says(true, &[OK]),
        ],
    );
}

#[test]
fn everything_else_that_is_asked() {
    check(
        0,
        &[
            asks(command::PING, b""),
            says(true, &[OK]),
            asks(command::INIT_DB, b"shop"),
            says(true, &[ERROR]),
            asks(command::FIELD_LIST, b"t\0"),
            says(false, &[COLUMN]),
            says_from(2, true, &[COLUMN, EOF]),
            asks(command::STATISTICS, b""),
            says(true, &[b"Uptime: 17  Threads: 1"]),
            asks(command::SET_OPTION, b"\0\0"),
            says(true, &[EOF]),
            asks(command::PROCESS_INFO, b""),
            says(true, &[b"\x01", COLUMN, EOF, ROW, EOF]),
            asks(command::PROCESS_KILL, b"\x09\0\0\0"),
            says(true, &[OK]),
            asks(command::DEBUG, b""),
            says(true, &[EOF]),
            asks(command::CHANGE_USER, b"app\0\0\0"),
            says(false, &[b"\xfemysql_native_password\0abcdefghijklmnopqrst\0"]),
            // It looks like a command and is none.
            (Client, packet(2, b"\x0e"), false),
            says_from(3, true, &[OK]),
            asks(command::CHANGE_USER, b"app\0\0\0"),
            says(true, &[OK]),
            (Client, packet(0, b"\x01"), true),
        ],
    );
}

#[test]
fn commands_that_are_sent_without_waiting() {
    let all = [
        packet(0, b"\x16SELECT ?"),
        packet(0, b"\x17\xff\xff\xff\xff\0\x01\0\0\0"),
        packet(0, b"\x19\x07\0\0\0"),
        packet(0, b"\x0e"),
        packet(0, b"\x03BEGIN"),
    ];
    check(
        DEPRECATE_EOF,
        &[
            (Client, all.concat(), false),
            says(false, &[b"\0\x07\0\0\0\x01\0\x01\0\0\0\0", COLUMN, COLUMN]),
            says(false, &[b"\x01", COLUMN, b"\0\0\x01", END]),
            says(false, &[OK]),
            query("COMMIT"),
            says(false, &[OK_IN_TRANS]),
            says(true, &[OK]),
        ],
    );
}

#[test]
fn packets_of_the_greatest_length_go_on() {
    let most = vec![b'x'; packets::GREATEST];
    let split = |first: u8, rest: &[u8], number: u8| {
        let mut head = most.clone();
        head[0] = first;
        [packet(number, &head), packet(number + 1, rest)].concat()
    };
    // Cut everywhere these would take minutes.
    let mut session = session(0, false);
    let mut pass = |side: Side, bytes: &[u8], rests: bool| {
        let passed = match side {
            Client => session.from_client(bytes),
            Server => session.from_server(bytes),
        };
        assert!(matches!(passed, Cow::Borrowed(same) if std::ptr::eq(same, bytes)));
        assert_eq!(session.is_at_rest(), rests);
    };
    pass(Client, &split(command::QUERY, b"", 0), false);
    pass(Server, &packet(2, OK), true);
    // A row whose first value is longer than a packet begins as an end does.
    pass(Client, &packet(0, b"\x03SELECT 1"), false);
    let head = [packet(1, b"\x01"), packet(2, COLUMN), packet(3, EOF)].concat();
    let rows = [split(0xfe, b"\xfe\0\0\x02\0", 4), packet(6, ROW)].concat();
    for chunk in [head, rows].concat().chunks(16 * 1024) {
        pass(Server, chunk, false);
    }
    pass(Server, &packet(7, EOF), true);
    pass(Client, &packet(0, &most), false);
}

#[test]
fn progress_is_no_answer() {
    let progress = b"\xff\xff\xff\x01\x01\x02\0\0\0\x04copy";
    check(0, &[query("ALTER TABLE t"), says(false, &[progress, progress]), says_from(3, true, &[OK])]);
}

#[test]
fn descriptions_that_are_left_out() {
    let optional = capability::OPTIONAL_RESULTSET_METADATA;
    let described = b"\0\x07\0\0\0\x01\0\x01\0\0\0\0\x01";
    let not = b"\0\x07\0\0\0\x01\0\x01\0\0\0\0\0";
    check(
        optional,
        &[
            query("SELECT 1"),
            says(true, &[b"\x01\x01", COLUMN, EOF, ROW, EOF]),
            query("SELECT 1"),
            says(true, &[b"\x01\0", EOF, ROW, EOF]),
            asks(command::STMT_PREPARE, b"SELECT ?"),
            says(true, &[described, COLUMN, EOF, COLUMN, EOF]),
            asks(command::STMT_PREPARE, b"SELECT ?"),
            says(true, &[not, EOF, EOF]),
        ],
    );
    let cached = || Session::new((DEPRECATE_EOF, 1 << 4), Exchange::new(false, SCRAMBLE), OK);
    check_with(
        cached,
        &[
            asks(command::STMT_EXECUTE, b"\x07\0\0\0\0\x01\0\0\0"),
            says(true, &[b"\x01\x01", COLUMN, b"\0\0\x01", END]),
            asks(command::STMT_EXECUTE, b"\x07\0\0\0\0\x01\0\0\0"),
            says(true, &[b"\x01\0", b"\0\0\x01", END]),
        ],
    );
}

#[test]
fn what_cannot_be_followed_is_never_at_rest_again() {
    let afterwards = [(Client, packet(0, b"\x0e"), false), says(false, &[OK])];
    let lost = |capabilities: u32, said: &[Said]| check(capabilities, &[said, &afterwards].concat());
    for command in [0x12, 0x13, 0x15, 0x1e, 0x20, 0x21, 0xfe, 0x00, 0x77] {
        lost(0, &[asks(command, b"\x04\0\0\0\0\0\x01\0\0\0"), says(false, &[OK])]);
    }
    // Unasked for, as when the server shuts down.
    lost(0, &[says_from(0, false, &[b"\xff\x1d\x04#08S01Server shutdown in progress"])]);
    // A number that is none of this answer's.
    lost(0, &[query("SELECT 1"), says_from(2, false, &[OK])]);
    lost(0, &[query("SELECT 1"), says(false, &[b"\x01", COLUMN, EOF]), says_from(5, false, &[ROW, EOF])]);
    lost(0, &[(Client, packet(1, b"\x0e"), false)]);
    lost(0, &[(Client, packet(0, b""), false)]);
    // Answers that are none.
    lost(0, &[asks(command::PING, b""), says(false, &[b"\x05hello"])]);
    lost(0, &[asks(command::PING, b""), says(false, &[b"\0"])]);
    lost(0, &[query("SELECT 1"), says(false, &[b"\x01", COLUMN, COLUMN])]);
    lost(0, &[query("SELECT 1"), says(false, &[b"\x01\x01"])]);
    lost(0, &[asks(command::STMT_PREPARE, b"SELECT 1"), says(false, &[b"\0\x07\0"])]);
    // A file is asked for while more was sent already.
    let both = [packet(0, b"\x03LOAD DATA"), packet(0, b"\x0e")].concat();
    lost(0, &[(Client, both, false), says(false, &[b"\xfbx"])]);
    let unreadable = || Session::new((0, 0), Exchange::new(false, SCRAMBLE), b"\0");
    check_with(unreadable, &afterwards);
}

#[test]
fn many_commands_at_once_are_bounded() {
    let mut session = session(0, false);
    let ping = packet(0, b"\x0e");
    session.from_client(&ping.repeat(16 * 1024));
    assert!(!session.talk.is_lost());
    session.from_client(&ping);
    assert!(session.talk.is_lost());
}

#[test]
fn compressed_sessions_are_followed() {
    let compressed = capability::COMPRESS | DEPRECATE_EOF;
    let rows =
        [packet(1, b"\x01"), packet(2, COLUMN), packet(3, &b"x".repeat(40_000)), packet(4, END)].concat();
    let (first, second) = rows.split_at(20_000);
    check(
        compressed,
        &[
            (Client, frame(&packet(0, b"\x03SELECT 1")), false),
            (Server, frames::tests::compressed(first, first.len()), false),
            (Server, frames::tests::compressed(second, second.len()), true),
            (Client, frame(&packet(0, b"\x03BEGIN")), false),
            (Server, frame(&packet(1, OK_IN_TRANS)), false),
        ],
    );
    check(compressed, &[(Client, b"\x02\0\0\0\x09\0\0no".to_vec(), false)]);
}

#[test]
fn good_byes_are_in_the_form_of_the_session() {
    let plain = session(0, false);
    let error = error_packet(0, 1053, Some(b"08S01"), "closed");
    assert_eq!(plain.farewell("closed"), error);
    assert_eq!(plain.goodbye(), packet(0, &[command::QUIT]));
    let compressed = session(capability::COMPRESS, false);
    assert_eq!(compressed.farewell("closed"), frame(&error));
    assert_eq!(compressed.goodbye(), frame(plain.goodbye()));
}
