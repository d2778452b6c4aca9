use super::key::Key;
use super::key::tests::encrypt;
use super::*;
use crate::Step;
use crate::mysql::greeting::NATIVE;
use crate::relay::Side::{Client, Server};
use crate::transcript::relayed::{Outcome, Said, check_hop};

const PLAIN: Legs = Legs { client_tls: false, server: TlsStart::InProtocol };
const BOTH: Legs = Legs { client_tls: true, ..PLAIN };
const SCRAMBLE: &[u8] = b"abcdefghijklmnopqrst";
/// What a MySQL server offers nowadays.
const OFFERED: u32 = 0xdfff_ffff;
/// What a client of it asks for: protocol 4.1, a method by name, and the rest of the usual.
const WANTED: u32 = 0x013a_a205;

fn greeting(capabilities: u32, plugin: &[u8]) -> Vec<u8> {
    let [low, low2, high, high2] = capabilities.to_le_bytes();
    let middle = [low, low2, 0xff, 2, 0, high, high2, 21];
    let parts = [b"\x0a8.4.0\0\x07\0\0\0abcdefgh\0", &middle[..], &[0; 10], b"ijklmnopqrst\0", plugin, b"\0"];
    packet(0, &parts.concat())
}

fn opening(capabilities: u32) -> Vec<u8> {
    [&capabilities.to_le_bytes()[..], &[0, 0, 0, 1, 45], &[0; 23]].concat()
}

fn response(capabilities: u32, answer: &[u8], plugin: &[u8]) -> Vec<u8> {
    let length = [answer.len() as u8];
    [&opening(capabilities)[..], b"app\0", &length[..], answer, plugin, b"\0"].concat()
}

fn ok(number: u8) -> Vec<u8> {
    packet(number, b"\0\0\0\x02\0\0\0")
}

fn check(legs: Legs, said: &[(Side, Vec<u8>)]) -> Outcome {
    let said = said.iter().map(|(side, bytes)| (*side, &bytes[..])).collect::<Vec<Said<'_>>>();
    check_hop(|| Box::new(RelayHop::new(legs)), &said)
}

fn to_client(bytes: &[u8]) -> String {
    format!("client< {}", bytes.escape_ascii())
}

fn to_server(bytes: &[u8]) -> String {
    format!("server< {}", bytes.escape_ascii())
}

#[test]
fn a_client_in_plaintext_gets_tls_on_the_way_to_the_server() {
    let outcome = check(
        PLAIN,
        &[
            (Server, greeting(OFFERED, NATIVE)),
            (Client, packet(1, &response(WANTED, &[9; 20], NATIVE))),
            (Server, ok(3)),
        ],
    );
    let told = to_client(&greeting(OFFERED & !(1 << 11 | 1 << 26), NATIVE));
    let asked = to_server(&packet(1, &opening(WANTED | 1 << 11)));
    let logged_in = to_server(&packet(2, &response(WANTED | 1 << 11, &[9; 20], NATIVE)));
    let expected = ["Dial", &told, &asked, "ServerTls", &logged_in, &to_client(&ok(2)), "Established"];
    assert_eq!(outcome.done, expected);
}

#[test]
fn a_client_that_asks_for_tls_has_it_on_both_sides_and_numbers_stay() {
    let wanted = WANTED | 1 << 11;
    let outcome = check(
        BOTH,
        &[
            (Server, greeting(OFFERED, NATIVE)),
            (Client, packet(1, &opening(wanted))),
            (Client, packet(2, &response(wanted, &[9; 20], NATIVE))),
            (Server, packet(3, b"\xfeclient_ed25519\0random bytes")),
            (Client, packet(4, b"signature")),
            (Server, ok(5)),
        ],
    );
    let told = to_client(&greeting(OFFERED & !(1 << 26), NATIVE));
    let asked = to_server(&packet(1, &opening(wanted)));
    let logged_in = to_server(&packet(2, &response(wanted, &[9; 20], NATIVE)));
    let switch = to_client(&packet(3, b"\xfeclient_ed25519\0random bytes"));
    let answer = to_server(&packet(4, b"signature"));
    let last = to_client(&ok(5));
    assert_eq!(
        outcome.done,
        ["Dial", &told, "ClientTls", &asked, "ServerTls", &logged_in, &switch, &answer, &last, "Established"]
    );
}

#[test]
fn a_server_that_is_tls_from_the_first_byte_hears_nothing_of_it() {
    let direct = Legs { client_tls: true, server: TlsStart::Direct };
    let offered = OFFERED & !(1 << 11);
    let plain = check(
        direct,
        &[
            (Server, greeting(offered, NATIVE)),
            (Client, packet(1, &response(WANTED, &[9; 20], NATIVE))),
            (Server, ok(2)),
        ],
    );
    assert_eq!(plain.done[..2], ["Dial", "ServerTls"]);
    let expected = [to_server(&packet(1, &response(WANTED, &[9; 20], NATIVE))), to_client(&ok(2))];
    assert_eq!(plain.done[3..5], expected);
    let wanted = WANTED | 1 << 11;
    let secured = check(
        direct,
        &[
            (Server, greeting(offered, NATIVE)),
            (Client, packet(1, &opening(wanted))),
            (Client, packet(2, &response(wanted, &[9; 20], NATIVE))),
            (Server, ok(2)),
        ],
    );
    let expected = [to_server(&packet(1, &response(WANTED, &[9; 20], NATIVE))), to_client(&ok(3))];
    assert_eq!(secured.done[4..6], expected);
}

#[test]
fn log_ins_pass_with_their_numbers_moved() {
    let sha2 = b"caching_sha2_password";
    let outcome = check(
        PLAIN,
        &[
            (Server, greeting(OFFERED, sha2)),
            (Client, packet(1, &response(WANTED, &[9; 32], sha2))),
            (Server, packet(3, &[b"\xfedialog\0", SCRAMBLE].concat())),
            (Client, packet(3, b"first")),
            // Not every server marks such a packet.
            (Server, packet(5, b"\x02Password: ")),
            (Client, packet(5, b"second")),
            // And some go on without an answer.
            (Server, [packet(7, b"\x01\x03"), ok(8)].concat()),
        ],
    );
    let expected = [
        to_client(&packet(2, &[b"\xfedialog\0", SCRAMBLE].concat())),
        to_server(&packet(4, b"first")),
        to_client(&packet(4, b"\x02Password: ")),
        to_server(&packet(6, b"second")),
        to_client(&[packet(6, b"\x01\x03"), ok(7)].concat()),
        "Established".to_owned(),
    ];
    assert_eq!(outcome.done[5..], expected);
}

#[test]
fn a_password_is_taken_under_the_relays_own_key_and_told_over_tls() {
    let key = Key::ours().unwrap();
    let sha2 = b"caching_sha2_password";
    let full = packet(3, b"\x01\x04");
    let outcome = check(
        PLAIN,
        &[
            (Server, greeting(OFFERED, sha2)),
            (Client, packet(1, &response(WANTED, &[9; 32], sha2))),
            (Server, full),
            (Client, packet(3, b"\x02")),
            (Client, packet(5, &encrypt(key.pem(), b"se cret", SCRAMBLE))),
            (Server, ok(5)),
        ],
    );
    let expected = [
        to_client(&[packet(2, b"\x01\x04"), packet(4, &[b"\x01", key.pem().as_bytes()].concat())].concat()),
        to_server(&packet(4, b"se cret\0")),
        to_client(&ok(6)),
        "Established".to_owned(),
    ];
    assert_eq!(outcome.done[5..], expected);
}

#[test]
fn the_key_goes_with_the_random_bytes_that_were_given_last() {
    let key = Key::ours().unwrap();
    let random = b"tsrqponmlkjihgfedcba";
    let outcome = check(
        PLAIN,
        &[
            (Server, greeting(OFFERED, NATIVE)),
            (Client, packet(1, &response(WANTED, &[9; 20], NATIVE))),
            (Server, packet(3, &[b"\xfesha256_password\0", &random[..], b"\0"].concat())),
            (Client, packet(3, b"\x01")),
            (Client, packet(5, &encrypt(key.pem(), b"se cret", random))),
            (Server, ok(5)),
        ],
    );
    assert_eq!(outcome.done[6..8], [to_server(&packet(4, b"se cret\0")), to_client(&ok(6))]);
}

#[test]
fn a_first_answer_that_asks_for_the_key_waits_for_the_password() {
    let key = Key::ours().unwrap();
    let sha256 = b"sha256_password";
    let outcome = check(
        PLAIN,
        &[
            (Server, greeting(OFFERED, sha256)),
            (Client, packet(1, &response(WANTED, b"\x01", sha256))),
            (Client, packet(3, &encrypt(key.pem(), b"se cret", SCRAMBLE))),
            (Server, ok(3)),
        ],
    );
    let expected = [
        "ServerTls".to_owned(),
        to_client(&packet(2, &[b"\x01", key.pem().as_bytes()].concat())),
        to_server(&packet(2, &response(WANTED | 1 << 11, b"se cret\0", sha256))),
        to_client(&ok(4)),
        "Established".to_owned(),
    ];
    assert_eq!(outcome.done[3..], expected);
}

#[test]
fn a_password_in_the_clear_passes_and_one_under_a_strange_key_is_refused_with_a_way_out() {
    let sha2 = b"caching_sha2_password";
    let log_in = |answer: &[u8]| {
        [
            (Server, greeting(OFFERED, sha2)),
            (Client, packet(1, &response(WANTED, &[9; 32], sha2))),
            (Server, packet(3, b"\x01\x04")),
            (Client, packet(3, answer)),
            (Server, ok(5)),
        ]
    };
    let clear = check(PLAIN, &log_in(b"se cret\0"));
    assert_eq!(clear.done[6..8], [to_server(&packet(4, b"se cret\0")), to_client(&ok(4))]);
    let strange = check(PLAIN, &log_in(&[7; 256]));
    let Some(HopError::Unsupported { message }) = &strange.error else { panic!("{strange:?}") };
    assert!(message.contains("get-server-public-key"), "{message}");
    assert_eq!(strange.refusal, error_packet(4, 1105, Some(b"HY000"), "no"));
    let garbled = check(PLAIN, &[&log_in(b"\x02")[..4], &[(Client, packet(5, &[7; 256]))]].concat());
    assert!(matches!(garbled.error, Some(HopError::Unsupported { .. })), "{garbled:?}");
    // Over TLS of its own, and behind a server that is TLS from the first byte, these bytes are the server's business.
    let direct = Legs { server: TlsStart::Direct, ..PLAIN };
    let mut passing = log_in(&[7; 256]);
    passing[2].1 = packet(2, b"\x01\x04");
    passing[4].1 = ok(4);
    assert_eq!(check(direct, &passing).error, None);
}

#[test]
fn what_the_server_says_instead_of_a_greeting_is_passed() {
    let blocked = packet(0, b"\xff\x69\x04Host is blocked");
    let outcome = check(PLAIN, &[(Server, blocked.clone())]);
    assert_eq!(outcome.done, ["Dial", &to_client(&blocked), "Finished"]);
    let refused = check(
        PLAIN,
        &[
            (Server, greeting(OFFERED, NATIVE)),
            (Client, packet(1, &response(WANTED, &[9; 20], NATIVE))),
            (Server, packet(3, b"\xff\x15\x04#28000Access denied")),
        ],
    );
    let denied = to_client(&packet(2, b"\xff\x15\x04#28000Access denied"));
    assert_eq!(refused.done[5..], [&denied, "Finished"]);
    let impatient = check(PLAIN, &[(Server, greeting(OFFERED, NATIVE)), (Server, blocked.clone())]);
    let told = [greeting(OFFERED & !(1 << 11 | 1 << 26), NATIVE), blocked].concat();
    assert_eq!(impatient.done, ["Dial", &to_client(&told), "Finished"]);
}

#[test]
fn what_cannot_be_relayed_is_refused_in_the_form_of_its_moment() {
    let no = |number: u8, sqlstate: Option<&[u8; 5]>| error_packet(number, 1105, sqlstate, "no");
    let without_tls = check(PLAIN, &[(Server, greeting(OFFERED & !(1 << 11), NATIVE))]);
    let refused = WireError::TlsNotOffered { message: "its greeting does not list it".into() };
    assert_eq!(without_tls.error, Some(by_server(refused)));
    assert_eq!((without_tls.done, without_tls.refusal), (vec!["Dial".to_owned()], no(0, None)));
    let stranger = check(PLAIN, &[(Server, b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec())]);
    let strange = WireError::wrong_protocol("a MySQL greeting", b"SSH-2.0-OpenSSH_9.2p1\r\n");
    assert!(matches!(stranger.error, Some(HopError::Broken { side: Server, .. })), "{stranger:?}");
    assert!(strange.to_string().contains("SSH"), "{strange}");
    let greeted = (Server, greeting(OFFERED, NATIVE));
    let silent = check(PLAIN, std::slice::from_ref(&greeted));
    assert_eq!(silent.refusal, no(1, None));
    let asked = check(PLAIN, &[greeted.clone(), (Client, packet(1, &opening(WANTED | 1 << 11)))]);
    let Some(HopError::Unsupported { message }) = &asked.error else { panic!("{asked:?}") };
    assert!(message.contains("certificate"), "{message}");
    assert_eq!(asked.refusal, no(2, None));
    let old = check(PLAIN, &[greeted.clone(), (Client, packet(1, b"\x05\x24\0\0\0app\0"))]);
    assert!(matches!(old.error, Some(HopError::Unsupported { .. })), "{old:?}");
    let login = (Client, packet(1, &response(WANTED, &[9; 20], NATIVE)));
    let left = check(PLAIN, &[greeted.clone(), login]);
    assert_eq!(left.error, Some(by_server(WireError::Closed { while_doing: WHILE_LOGIN })));
    assert_eq!(left.refusal, no(2, Some(b"HY000")));
    let endless = check(PLAIN, &[greeted, (Client, b"\xff\xff\xff\x01".to_vec())]);
    assert_eq!(
        endless.error,
        Some(by_client(WireError::TooLarge { limit: LIMIT, while_doing: WHILE_LOGIN }))
    );
}

#[test]
fn nothing_may_come_in_the_clear_once_tls_is_asked_for() {
    let (mut hop, mut from) = (RelayHop::new(PLAIN), Received::default());
    from.server.extend_from_slice(&greeting(OFFERED, NATIVE));
    from.client.extend_from_slice(&packet(1, &response(WANTED, &[9; 20], NATIVE)));
    for _ in 0..3 {
        hop.step(&mut from).unwrap();
    }
    from.server.extend_from_slice(&ok(2));
    assert_eq!(hop.step(&mut from), Err(by_server(WireError::SurplusBeforeTls { surplus: 11 })));
}

#[test]
fn commands_that_follow_at_once_are_left_to_the_flow() {
    let (mut hop, mut from) = (RelayHop::new(PLAIN), Received::default());
    from.server.extend_from_slice(&greeting(OFFERED, NATIVE));
    let ping = packet(0, b"\x0e");
    from.client.extend_from_slice(&[packet(1, &response(WANTED, &[9; 20], NATIVE)), ping.clone()].concat());
    while hop.step(&mut from) != Ok(HopStep::ReadServer) {}
    from.server.extend_from_slice(&[ok(3), ok(1)].concat());
    assert_eq!(hop.step(&mut from), Ok(HopStep::ToClient(ok(2))));
    assert_eq!(hop.step(&mut from), Ok(HopStep::Established));
    assert_eq!((&from.client[..], &from.server[..]), (&ping[..], &ok(1)[..]));
    let mut flow = Box::new(hop).flow();
    assert!(flow.is_at_rest());
    flow.from_client(&ping);
    assert!(!flow.is_at_rest());
    flow.from_server(&ok(1));
    assert!(flow.is_at_rest());
}

#[test]
fn a_client_that_only_looks_whether_somebody_is_there_does_no_harm() {
    let (mut hop, mut from) = (RelayHop::new(PLAIN), Received::default());
    from.server.extend_from_slice(&greeting(OFFERED, NATIVE));
    while hop.step(&mut from) != Ok(HopStep::ReadEither) {}
    from.client_ended = true;
    let Ok(HopStep::ToServer(request)) = hop.step(&mut from) else { panic!() };
    assert_eq!((request.len(), &request[..4]), (36, &b"\x20\0\0\x01"[..]));
    assert_eq!(hop.step(&mut from), Ok(HopStep::ServerTls));
    let Ok(HopStep::ToServer(visit)) = hop.step(&mut from) else { panic!() };
    assert!(visit.escape_ascii().to_string().contains(r"mainstay-hello\x00"), "{visit:?}");
    assert_eq!(hop.step(&mut from), Ok(HopStep::ReadServer));
    from.server.extend_from_slice(&packet(3, b"\xff\x15\x04#28000Access denied"));
    assert_eq!(hop.step(&mut from), Ok(HopStep::Finished));
}

/// Servers count connections that break off after the handshake, and lock out the relay's host with all applications behind it.
#[test]
fn a_server_that_is_not_admitted_is_left_as_a_visitor() {
    for client_goes in [false, true] {
        let (mut hop, mut from) = (RelayHop::new(PLAIN), Received::default());
        from.server.extend_from_slice(&greeting(OFFERED, NATIVE));
        while hop.step(&mut from) != Ok(HopStep::ReadEither) {}
        match client_goes {
            true => from.client_ended = true,
            false => from.client.extend_from_slice(&packet(1, &response(WANTED, &[9; 20], NATIVE))),
        }
        let mut request = Vec::new();
        loop {
            match hop.step(&mut from).unwrap() {
                HopStep::ToServer(bytes) => request = bytes,
                HopStep::ServerTls => break,
                _ => {}
            }
        }
        let mut farewell = hop.take_leave().unwrap();
        let mut input = BytesMut::new();
        let Ok(Step::Write(visit)) = farewell.step(&mut input, false) else { panic!() };
        assert_eq!(visit[3], 2, "the second packet after the request for TLS");
        let said = visit.escape_ascii().to_string();
        assert!(said.contains(r"mainstay-hello\x00\x00mysql_native_password\x00"), "{said}");
        let asked: [u8; 4] = request[4..8].try_into().unwrap();
        assert_eq!(visit[4..8], asked, "the server reads the log-in by what the request for TLS promised");
        input.extend_from_slice(&packet(3, b"\xff\x15\x04#28000Access denied"));
        assert_eq!(farewell.step(&mut input, false), Ok(Step::Finished));
        assert!(!hop.refusal("expired").is_empty(), "and the client is told");
    }
}

#[test]
fn another_server_is_tried_only_before_the_client_has_heard_of_the_first() {
    let mut hop = RelayHop::new(Legs { client_tls: false, server: TlsStart::Direct });
    let mut from = Received::default();
    for expected in [HopStep::Dial, HopStep::ServerTls] {
        assert_eq!(hop.step(&mut from), Ok(expected));
    }
    assert!(hop.redial());
    for expected in [HopStep::Dial, HopStep::ServerTls] {
        assert_eq!(hop.step(&mut from), Ok(expected));
    }
    from.server.extend_from_slice(&greeting(OFFERED, NATIVE));
    assert!(matches!(hop.step(&mut from), Ok(HopStep::ToClient(_))));
    assert!(!hop.redial());
}

#[test]
fn a_server_that_fails_before_its_greeting_is_left_for_another() {
    for (says, ended) in [(&b"SSH-2.0-OpenSSH_9.2p1\r\n"[..], false), (b"", true)] {
        let (mut hop, mut from) = (RelayHop::new(PLAIN), Received::default());
        while hop.step(&mut from) != Ok(HopStep::ReadServer) {}
        (from.server, from.server_ended) = (says.into(), ended);
        assert!(matches!(hop.step(&mut from), Err(HopError::Broken { side: Server, .. })));
        assert!(hop.redial());
        assert_eq!(hop.step(&mut from), Ok(HopStep::Dial));
    }
}

/// Whatever a connection comes to nothing by, the server is left as it wants to be left as of what it heard.
#[test]
fn a_server_is_left_as_of_what_it_heard() {
    let sha2 = b"caching_sha2_password";
    let greeted = (Server, greeting(OFFERED, sha2));
    let log_in = (Client, packet(1, &response(WANTED, &[9; 32], sha2)));
    let asked = [greeted.clone(), log_in.clone(), (Server, packet(3, b"\x01\x04"))];
    // Its greeting comes only now; it stays unanswered; it is answered with garbage; the request for TLS is made and not sent.
    assert_eq!(left_after(&[], "ReadServer"), ["Read"]);
    let garbage = (Client, b"GET / HTTP/1.1\r\n".to_vec());
    let cases = [
        (vec![greeted.clone()], "ReadEither"),
        (vec![greeted.clone(), garbage], "error"),
        (vec![greeted, log_in], "ToServer"),
    ];
    for (said, until) in cases {
        let left = left_after(&said, until);
        // A request for TLS of the visitor's own.
        assert!(left[0].starts_with(r" \x00\x00\x01"), "{left:?}");
        assert_eq!((left[1].as_str(), left[3].as_str()), ("StartTls", "Read"));
        assert!(left[2].contains("mainstay-hello"), "{left:?}");
    }
    // The log-in is sent and not answered yet; the password is asked for; and it comes in a form that nobody can read.
    assert_eq!(left_after(&asked[..2], "ReadServer"), ["Read"]);
    let without_password = packet(4, b"\0").escape_ascii().to_string();
    assert_eq!(left_after(&asked, "ReadEither"), [without_password.clone(), "Read".to_owned()]);
    let strange = [&asked[..], &[(Client, packet(3, &[7; 256]))]].concat();
    assert_eq!(left_after(&strange, "error"), [without_password, "Read".to_owned()]);
    // A server that has spoken its verdict counts nothing any more.
    let refused = [&asked[..2], &[(Server, packet(3, b"\xff\x15\x04#28000Access denied"))]].concat();
    assert_eq!(left_after(&refused, "Finished"), [""; 0]);
}

/// Plays what was said up to a step of this name, and gives what takes leave then: up to its first wait, TLS being agreed to.
fn left_after(said: &[(Side, Vec<u8>)], until: &str) -> Vec<String> {
    let (mut hop, mut from, mut said) = (RelayHop::new(PLAIN), Received::default(), said.iter());
    loop {
        let step = hop.step(&mut from).map_or("error".to_owned(), |step| format!("{step:?}"));
        let piece = if step.starts_with("Read") { said.next() } else { None };
        match piece {
            Some((Client, bytes)) => from.client.extend_from_slice(bytes),
            Some((Server, bytes)) => from.server.extend_from_slice(bytes),
            None if step.starts_with(until) => break,
            None => assert_ne!(step, "error"),
        }
    }
    let Some(mut farewell) = hop.take_leave() else { return Vec::new() };
    let mut done = Vec::new();
    while done.last().is_none_or(|last| last != "Read") {
        match farewell.step(&mut from.server, false).unwrap() {
            Step::Write(bytes) => done.push(bytes.escape_ascii().to_string()),
            Step::StartTls => {
                done.push("StartTls".to_owned());
                farewell.tls_established(b"");
            }
            Step::Reached(_) => {}
            other => done.push(format!("{other:?}")),
        }
    }
    done
}
