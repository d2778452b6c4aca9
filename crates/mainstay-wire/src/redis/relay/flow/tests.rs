use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::redis::client::command;
use crate::relay::Side;
use crate::relay::Side::{Client, Server};
use crate::transcript::relayed::check_flow;

fn flow() -> Conveyed {
    let peers = [("10.0.0.2:6379", "127.0.0.1:16380"), ("redis-2.example.com:6379", "localhost:16380")];
    Conveyed::new(Arc::new(peers.map(|(one, other)| (one.to_owned(), other.to_owned())).into()))
}

/// Plays lines such as `> GET a` (from the application) and `< +OK *` (from the server; at rest after it). Several of a side go in
/// one piece, with ` | ` between them. Gives what went to the server and to the application.
fn played(lines: &[&str]) -> (String, String) {
    let said: Vec<(Side, Vec<u8>, bool)> = lines.iter().map(|line| said(line)).collect();
    let said: Vec<_> = said.iter().map(|(side, bytes, rests)| (*side, &bytes[..], *rests)).collect();
    let (server, client) = check_flow(|| Box::new(flow()), &said);
    (String::from_utf8(server).unwrap(), String::from_utf8(client).unwrap())
}

fn said(line: &str) -> (Side, Vec<u8>, bool) {
    let (line, rests) = line.strip_suffix(" *").map_or((line, false), |line| (line, true));
    match line.split_once(' ').unwrap() {
        (">", commands) => {
            let commands = commands.split(" | ").map(|words| command(&words.split(' ').collect::<Vec<_>>()));
            (Client, commands.flatten().collect(), rests)
        }
        (_, replies) => (Server, (replies.replace(" | ", "\r\n") + "\r\n").into_bytes(), rests),
    }
}

/// The same, of which everything passes as it is.
fn passes(lines: &[&str]) {
    let of = |wanted| {
        let all = lines.iter().map(|line| said(line)).filter(move |(side, ..)| *side == wanted);
        String::from_utf8(all.flat_map(|(_, bytes, _)| bytes).collect()).unwrap()
    };
    assert_eq!(played(lines), (of(Client), of(Server)));
}

#[test]
fn commands_are_over_when_all_are_answered() {
    passes(&["> GET a", "< $5 | hello *", "> SET a b | GET a", "< +OK", "< $-1 *"]);
    passes(&["> LRANGE a 0 -1", "< *2 | $1 | a | *1 | :1 *", "> HGETALL a", "< %1 | +k | $1 | v *"]);
    passes(&["> BLPOP a 0", "> GET a", "< *-1", "< _ *"]);
    passes(&["> GET a | NO", "< -ERR unknown command 'NO' | $0 |  *"]);
    passes(&["> HELLO 3", "< |1 | +a | :1 | %1 | +server | +redis *"]);
    // A quotation of what means something at the beginning of a reply.
    passes(&["> GET a", "< $14 | -MOVED 1 a:1 |  *", "> EVAL x 0", "< *1 | -MOVED 1 a:1 *"]);
}

/// Neither a server nor a TLS client would ever say a word to the other.
#[test]
fn tls_at_a_relay_that_takes_none_is_answered_at_once() {
    let mut flow = flow();
    assert_eq!(*flow.from_client(b"\x16\x03\x01\x02"), *b"", "a handshake is no command");
    let said = String::from_utf8(flow.reply_to_client()).unwrap();
    assert!(said.starts_with("-ERR ") && said.contains("connect to it without TLS"), "{said}");
    assert_eq!(*flow.from_client(b"\x00\x01\x00\n"), *b"");
    assert!(flow.reply_to_client().is_empty(), "once is enough");
    let mut flow = self::flow();
    let command = command(&["SET", "a", "\u{16}\u{3}"]);
    assert_eq!(*flow.from_client(&command), *command);
}

#[test]
fn what_comes_by_itself_answers_nothing() {
    passes(&["> CLIENT TRACKING on", "< +OK *", "< >2 | $10 | invalidate | *1 | $1 | a *", "> GET a"]);
    passes(&["> GET a", "< >2 | +invalidate | *0", "< $1 | a *"]);
}

#[test]
fn transactions_are_over_with_their_end() {
    passes(&["> MULTI", "< +OK", "> INCR a", "< +QUEUED", "> exec", "< *1 | :1 *"]);
    passes(&["> MULTI | INCR a | DISCARD", "< +OK | +QUEUED | +OK *"]);
    passes(&["> WATCH a", "< +OK", "> GET a", "< $1 | 1", "> UNWATCH", "< +OK *"]);
    passes(&["> WATCH a", "< +OK", "> MULTI | EXEC", "< +OK | *-1 *"]);
    passes(&["> MULTI", "< +OK", "> RESET", "< +RESET *"]);
}

#[test]
fn where_answers_do_not_follow_one_by_one_nothing_is_claimed() {
    for restless in
        ["SUBSCRIBE a", "psubscribe a", "SSUBSCRIBE a", "UNSUBSCRIBE", "MONITOR", "CLIENT REPLY OFF", "SYNC"]
    {
        passes(&[&format!("> {restless}"), "< +OK", "> PING", "< +PONG"]);
    }
    passes(&["> CLIENT SETNAME REPLY", "< +OK *"]);
    passes(&["< -ERR max number of clients reached", "> PING", "< +PONG"]);
}

#[test]
fn lines_are_commands_too_and_empty_ones_are_not() {
    let lines: &[(Side, &[u8], bool)] = &[
        (Client, b"PING\r\n", false),
        (Server, b"+PONG\r\n", true),
        (Client, b"\r\n  \n*0\r\n*-1\r\n", true),
        (Client, b"set a b\n", false),
        (Server, b"+OK\r\n", true),
        (Client, b"multi\r\n", false),
        (Server, b"+OK\r\n", false),
    ];
    let (server, client) = check_flow(|| Box::new(flow()), lines);
    assert_eq!(server, b"PING\r\n\r\n  \n*0\r\n*-1\r\nset a b\nmulti\r\n");
    assert_eq!(client, b"+PONG\r\n+OK\r\n+OK\r\n");
    let long = [b"SET a ", &[b'x'; 1000][..], b"\r\n"].concat();
    let (server, _) = check_flow(|| Box::new(flow()), &[(Client, &long, false), (Server, b"+OK\r\n", true)]);
    assert_eq!(server, long);
}

#[test]
fn redirections_lead_to_relays_or_nowhere() {
    let heard = |error: &str| played(&["> GET a", &format!("< {error} *")]).1;
    assert_eq!(heard("-MOVED 3999 10.0.0.2:6379"), "-MOVED 3999 127.0.0.1:16380\r\n");
    assert_eq!(heard("-ASK 3999 redis-2.example.com:6379"), "-ASK 3999 localhost:16380\r\n");
    assert_eq!(heard("-REDIRECT 10.0.0.2:6379"), "-REDIRECT 127.0.0.1:16380\r\n");
    for error in ["-MOVED 3999 10.0.0.3:6379", "-ASK 1 :6379", "-MOVED 1 ", "-REDIRECT [::1]:6379"] {
        let heard = heard(error);
        assert!(heard.starts_with("-ERR Mainstay: this server belongs to a cluster"), "{heard}");
        assert!(heard.contains(error.rsplit(' ').next().unwrap()), "{heard}");
    }
    for error in ["-MOVEDON 1 a:1", "-ERR MOVED 1 a:1", "-M", "-TRYAGAIN Multiple keys"] {
        assert_eq!(heard(error), format!("{error}\r\n"));
    }
}

#[test]
fn what_would_tell_addresses_is_not_asked() {
    let check = |asked: &str, instead: &str| {
        let (server, client) = played(&[
            "> GET a",
            &format!("> {asked} | GET b"),
            "< $-1",
            "< -ERR Unknown node (Mainstay: …)",
            "< $-1 *",
        ]);
        let get = |key: &str| String::from_utf8(command(&["GET", key])).unwrap();
        let inside = server.strip_prefix(&get("a")).unwrap().strip_suffix(&get("b")).unwrap();
        assert!(inside.starts_with(instead) && inside.contains("(Mainstay: "), "{inside}");
        assert_eq!(client, "$-1\r\n-ERR Unknown node (Mainstay: …)\r\n$-1\r\n");
        inside.to_owned()
    };
    for asked in [
        "CLUSTER SLOTS",
        "cluster nodes",
        "CLUSTER SHARDS",
        "Cluster Replicas 0123456789abcdef0123456789abcdef01234567",
    ] {
        check(asked, "*3\r\n$7\r\nCLUSTER\r\n$6\r\nSLAVES\r\n$");
    }
    for asked in
        ["SENTINEL get-master-addr-by-name mymaster", "SENTINEL masters", "sentinel REPLICAS mymaster"]
    {
        let inside = check(asked, "*2\r\n$8\r\nSENTINEL\r\n$");
        assert!(inside.lines().last().unwrap().len() <= 128, "a server quotes no more: {inside}");
    }
    passes(&["> CLUSTER INFO | CLUSTER KEYSLOT SLOTS | CLUSTER", "< $0 |  | :1 | -ERR wrong number *"]);
    passes(&["> SENTINEL PING", "< +PONG *"]);
}

#[test]
fn a_line_that_asks_for_addresses_is_not_passed_either() {
    let long = [b"CLUSTER NODES ", &[b' '; 500][..], b"\r\n"].concat();
    let blank = [&[b' '; 500][..], b"PING\r\n"].concat();
    let said: &[(Side, &[u8], bool)] = &[(Client, b"CLUSTER NODES\r\n", false), (Client, &blank, false)];
    assert!(check_flow(|| Box::new(flow()), said).0.ends_with(&blank), "what follows passes");
    for line in [&b"cluster slots\r\n"[..], b"  CLUSTER\tSHARDS\n", &long] {
        let said: &[(Side, &[u8], bool)] =
            &[(Client, line, false), (Client, b"PING\r\n", false), (Server, b"-ERR no\r\n+PONG\r\n", true)];
        let (server, _) = check_flow(|| Box::new(flow()), said);
        let server = String::from_utf8(server).unwrap();
        assert!(
            server.starts_with("*3\r\n$7\r\nCLUSTER\r\n") && server.ends_with(")\r\nPING\r\n"),
            "{server}"
        );
    }
}

#[test]
fn what_cannot_be_taken_apart_passes_and_is_never_at_rest() {
    let garbage: [&[u8]; 6] = [
        b"*2\r\n$18446744073709551600\r\n",
        b"*1\r\n:1\r\n",
        b"*x\r\n",
        b"*1\r\n$-1\r\n",
        b"*1\nPING\r\n",
        b"*99999999999999999999999\r\n",
    ];
    for bytes in garbage {
        let said: &[(Side, &[u8], bool)] =
            &[(Client, bytes, false), (Client, b"*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n", false)];
        let (server, _) = check_flow(|| Box::new(flow()), said);
        assert_eq!(server, joined(said));
    }
    for bytes in [&b"?\r\n"[..], b"$x\r\n", b"\r\n", b"$5\nhello\r\n"] {
        let said: &[(Side, &[u8], bool)] = &[(Server, bytes, false), (Server, b"-MOVED 1 a:1\r\n", false)];
        let (_, client) = check_flow(|| Box::new(flow()), said);
        assert_eq!(client, joined(said));
    }
}

fn joined(said: &[(Side, &[u8], bool)]) -> Vec<u8> {
    said.iter().flat_map(|(_, bytes, _)| bytes.to_vec()).collect()
}

#[test]
fn nothing_is_copied_where_nothing_changes() {
    let mut flow = flow();
    let commands = command(&["SET", "key", &"x".repeat(100_000)]);
    assert!(matches!(flow.from_client(&commands), Cow::Borrowed(passed) if passed == commands));
    let reply = [b"$100000\r\n", "x".repeat(100_000).as_bytes(), b"\r\n"].concat();
    for piece in reply.chunks(16_000) {
        assert!(matches!(flow.from_server(piece), Cow::Borrowed(passed) if passed == piece));
    }
    assert!(flow.is_at_rest());
}

proptest! {
    /// Whatever comes in whatever pieces passes as if it had come in one, and all of it where it is well-formed and leads nowhere.
    #[test]
    fn pieces_make_no_difference(parts in proptest::collection::vec(part(), 0..12), size in 1..40_usize) {
        let bytes: Vec<u8> = parts.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
        for side in [Client, Server] {
            let pass = |size: usize| {
                let mut flow = flow();
                let pieces = bytes.chunks(size).flat_map(|piece| match side {
                    Client => flow.from_client(piece).into_owned(),
                    Server => flow.from_server(piece).into_owned(),
                });
                pieces.collect::<Vec<u8>>()
            };
            let whole = pass(bytes.len().max(1));
            prop_assert_eq!(&pass(size), &whole);
            if parts.iter().all(|&(_, of)| of == Some(side)) {
                prop_assert_eq!(&whole, &bytes);
            }
        }
    }
}

/// A part, and whose it is when it is well-formed and leads nowhere.
fn part() -> impl Strategy<Value = (Vec<u8>, Option<Side>)> {
    let words = proptest::collection::vec("[a-z*$\r\n-]{0,9}", 1..4);
    let commands = words.prop_map(|words| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        (command(&words), Some(Client))
    });
    let replies = [
        "+OK\r\n",
        "-ERR no\r\n",
        "$7\r\n-MOVED \r\n",
        "*2\r\n$-1\r\n%1\r\n+a\r\n:1\r\n",
        ">1\r\n+x\r\n",
        "-MO\r\n",
    ];
    let redirections =
        ["-MOVED 1 10.0.0.2:6379\r\n", "*2\r\n$7\r\nCLUSTER\r\n$5\r\nSLOTS\r\n", "CLUSTER NODES\r\n"];
    prop_oneof![
        3 => commands,
        3 => proptest::sample::select(replies.to_vec()).prop_map(|reply| (reply.into(), Some(Server))),
        1 => proptest::sample::select(redirections.to_vec()).prop_map(|part| (part.into(), None)),
        1 => proptest::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| (bytes, None)),
    ]
}
