use super::*;
use crate::Password;
use crate::transcript::{check, play};

fn options(tls: TlsStart, login: Option<(&str, Option<&str>)>) -> Options {
    let login =
        login.map(|(user, password)| Login { user: user.into(), password: password.map(Password::new) });
    Options { tls, login, database: Some("orders".into()), query: Some("SELECT 1".into()) }
}

fn client(tls: TlsStart, login: Option<(&str, Option<&str>)>) -> impl Fn() -> Client {
    move || Client::new(options(tls, login))
}

const MONITOR: Option<(&str, Option<&str>)> = Some(("monitor", Some("se cret")));
const CLEAR: TlsStart = TlsStart::Never;
const ALL: [Milestone; 4] = [Milestone::Ready, Milestone::LoggedIn, Milestone::Queried, Milestone::Settled];

/// A greeting that offers TLS and proposes this method.
fn greeting(plugin: &str) -> Vec<u8> {
    let body = [
        &b"\x0a8.0.36\0\x07\0\0\0abcdefgh\0\xff\xff\x2d\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0"
            [..],
        plugin.as_bytes(),
        b"\0",
    ];
    packet(0, &body.concat())
}

fn error(sequence: u8, number: u16) -> Vec<u8> {
    packet(sequence, &[&[0xff], &number.to_le_bytes()[..], b"#28000no"].concat())
}

fn answer() -> Vec<u8> {
    let column = b"\x03def\0\0\0\x011\0\x0c\x3f\0\x01\0\0\0\x08\x81\0\0\0\0";
    let eof = b"\xfe\0\0\x02\0";
    [packet(1, b"\x01"), packet(2, column), packet(3, eof), packet(4, b"\x011"), packet(5, eof)].concat()
}

const OK: &[u8] = b"\0\0\0\x02\0\0\0";
const QUIT: &str = r"\x01\x00\x00\x00\x01";
const QUERY: &str = r"\t\x00\x00\x00\x03SELECT 1";

#[test]
fn a_log_in_with_the_proposed_method() {
    let greeting = greeting("mysql_native_password");
    let outcome = check(client(CLEAR, MONITOR), &[&greeting, &packet(2, OK), &answer()]);
    let written = outcome.written();
    // 32 bytes of opening, user, 20 bytes of proof with their length, database, method.
    let head = r"Z\x00\x00\x01\t\xa2\x08\x00\x00\x00\x00\x01-\x00";
    assert!(written[0].starts_with(head), "{}", written[0]);
    assert!(written[0].ends_with(r"orders\x00mysql_native_password\x00"), "{}", written[0]);
    assert_eq!(written[1..], [QUERY, QUIT]);
    assert_eq!(outcome.milestones(), ALL);
}

#[test]
fn tls_comes_between_greeting_and_log_in() {
    let greeting = greeting("mysql_native_password");
    let outcome = check(client(TlsStart::InProtocol, MONITOR), &[&greeting, &packet(3, OK), &answer()]);
    let request = format!(r" \x00\x00\x01\t\xaa\x08\x00\x00\x00\x00\x01-{}", r"\x00".repeat(23));
    assert_eq!(outcome.written()[..2], [request.as_str(), "<TLS>"]);
    assert!(outcome.written()[2].starts_with(r"Z\x00\x00\x02\t\xaa"), "{:?}", outcome.written());
    assert_eq!(outcome.milestones(), ALL);
    let direct = check(client(TlsStart::Direct, MONITOR), &[&greeting, &packet(2, OK), &answer()]);
    assert_eq!(direct.written()[0], "<TLS>");
    assert_eq!(direct.milestones(), ALL);
}

#[test]
fn a_server_may_switch_the_method() {
    let greeting = greeting("caching_sha2_password");
    let switch =
        |plugin: &str, scramble: &[u8]| packet(2, &[b"\xfe", plugin.as_bytes(), b"\0", scramble].concat());
    let to = |plugin: &str, scramble: &[u8], tls| {
        let replies = [greeting.clone(), switch(plugin, scramble), packet(4, OK), answer()];
        check(client(tls, MONITOR), &replies.each_ref().map(Vec::as_slice))
    };
    let native = to("mysql_native_password", b"abcdefghijklmnopqrst\0", CLEAR);
    assert!(native.written()[1].starts_with(r"\x14\x00\x00\x03"), "{native:?}");
    assert_eq!(native.milestones(), ALL);
    let ed25519 = to("client_ed25519", &[9; 32], CLEAR);
    assert!(ed25519.written()[1].starts_with(r"@\x00\x00\x03"), "{ed25519:?}");
    let clear = to("mysql_clear_password", b"", TlsStart::Direct);
    assert_eq!(clear.written()[2], r"\x08\x00\x00\x03se cret\x00");
    let sha256 = to("sha256_password", b"abcdefghijklmnopqrst\0", TlsStart::Direct);
    assert_eq!(sha256.written()[2], r"\x08\x00\x00\x03se cret\x00");
    for (plugin, tls) in
        [("mysql_clear_password", CLEAR), ("sha256_password", CLEAR), ("dialog", TlsStart::Direct)]
    {
        let refused = to(plugin, b"", tls).error;
        assert!(matches!(refused, Some(WireError::LoginUnsupported { .. })), "{plugin}: {refused:?}");
    }
    let old = check(client(CLEAR, MONITOR), &[&greeting, &packet(2, b"\xfe")]);
    assert!(matches!(old.error, Some(WireError::LoginUnsupported { .. })), "{old:?}");
}

#[test]
fn caching_sha2_asks_for_the_password_only_when_it_has_forgotten_it() {
    let greeting = greeting("caching_sha2_password");
    let fast = [packet(2, b"\x01\x03"), packet(3, OK)].concat();
    assert_eq!(check(client(CLEAR, MONITOR), &[&greeting, &fast, &answer()]).milestones(), ALL);
    let full = packet(2, b"\x01\x04");
    let outcome = check(client(TlsStart::Direct, MONITOR), &[&greeting, &full, &packet(4, OK), &answer()]);
    assert_eq!(outcome.written()[2], r"\x08\x00\x00\x03se cret\x00");
    assert_eq!(outcome.milestones(), ALL);
    let refused = check(client(CLEAR, MONITOR), &[&greeting, &full]).error;
    assert!(matches!(refused, Some(WireError::LoginUnsupported { .. })), "{refused:?}");
}

#[test]
fn without_credentials_a_visitor_comes_and_goes() {
    let greeting = greeting("caching_sha2_password");
    let switch = packet(2, b"\xfemysql_native_password\0abcdefghijklmnopqrst\0");
    let turned_away = check(client(CLEAR, None), &[&greeting, &switch, &error(4, 1045)]);
    assert_eq!(turned_away.error, None);
    assert_eq!(turned_away.milestones(), [Milestone::Ready, Milestone::Settled]);
    let visit = &turned_away.written()[0];
    assert!(visit.ends_with(r"mainstay-hello\x00\x00caching_sha2_password\x00"), "{visit}");
    assert_eq!(turned_away.written()[1], r"\x00\x00\x00\x03");
    let switch = packet(2, &[&b"\xfeclient_ed25519\0"[..], &[9; 32]].concat());
    let disguised = check(client(CLEAR, None), &[&greeting, &switch, &error(4, 1045)]);
    assert!(disguised.written()[1].starts_with(r"@\x00\x00\x03"), "{disguised:?}");
    let let_in = check(client(CLEAR, None), &[&greeting, &packet(2, OK)]);
    assert_eq!(let_in.written()[1], QUIT);
}

#[test]
fn a_server_whose_certificate_does_not_hold_is_left_as_a_visitor() {
    let mut client = client(TlsStart::InProtocol, MONITOR)();
    let mut input = BytesMut::from(&greeting("mysql_native_password")[..]);
    assert!(matches!(client.step(&mut input, false), Ok(Step::Write(_))));
    assert_eq!(client.step(&mut input, false), Ok(Step::StartTls));
    assert!(client.tls_rejected());
    let Ok(Step::Write(farewell)) = client.step(&mut input, false) else { panic!() };
    let farewell = farewell.escape_ascii().to_string();
    assert!(farewell.ends_with(r"mainstay-hello\x00\x00mysql_native_password\x00"), "{farewell}");
    assert!(!farewell.contains("monitor") && !farewell.contains("orders"), "{farewell}");
    input.extend_from_slice(&error(3, 1045));
    assert_eq!(client.step(&mut input, false), Ok(Step::Finished));
}

#[test]
fn refusals_are_told_from_rejections() {
    let full = check(client(CLEAR, MONITOR), &[&error(0, 1040)]);
    assert_eq!(full.error, Some(WireError::Refused { code: "1040".into(), message: "no".into() }));
    assert_eq!(full.milestones(), []);
    let foreign = check(client(CLEAR, MONITOR), &[&error(0, 1130)]);
    assert!(matches!(foreign.error, Some(WireError::Refused { .. })), "{foreign:?}");
    let greeting = greeting("mysql_native_password");
    for number in [1044, 1045, 1049, 1698] {
        let rejected = check(client(CLEAR, MONITOR), &[&greeting, &error(2, number)]);
        assert_eq!(
            rejected.error,
            Some(WireError::LoginRejected { code: number.to_string(), message: "no".into() })
        );
        assert_eq!(rejected.milestones(), [Milestone::Ready]);
    }
    let failed = check(client(CLEAR, MONITOR), &[&greeting, &packet(2, OK), &error(1, 1064)]);
    assert!(matches!(failed.error, Some(WireError::QuestionRefused { .. })), "{failed:?}");
}

#[test]
fn a_server_gets_no_file_and_no_silence_about_tls() {
    let greeting = greeting("mysql_native_password");
    let infile = check(client(CLEAR, MONITOR), &[&greeting, &packet(2, OK), &packet(1, b"\xfb/etc/passwd")]);
    assert!(matches!(infile.error, Some(WireError::Malformed { .. })), "{infile:?}");
    let surplus = play(client(TlsStart::InProtocol, None)(), b"", [&[&greeting[..], b"x"].concat()[..]]);
    assert_eq!(surplus.error, Some(WireError::SurplusBeforeTls { surplus: 1 }));
    let mut without_tls = greeting;
    // Header, version, server's version, thread, half of the scramble, filler, low byte of the capabilities.
    without_tls[4 + 1 + 7 + 4 + 8 + 1 + 1] &= !0x08;
    let plain = check(client(TlsStart::InProtocol, None), &[&without_tls]);
    assert!(matches!(plain.error, Some(WireError::TlsNotOffered { .. })), "{plain:?}");
}

#[test]
fn strangers_are_recognised() {
    let check = |bytes: &[u8], expected: &str| match play(client(CLEAR, None)(), b"", [bytes]).error {
        Some(WireError::WrongProtocol { seen, .. }) => assert_eq!(seen, expected),
        other => panic!("{other:?}"),
    };
    check(b"SSH-2.0-OpenSSH_9.2p1\r\n", "an SSH greeting");
    check(b"220 mail ESMTP\r\n", "a mail server's greeting (SMTP)");
    check(b"\x05\0\0\0\x0b\x08\x05\x1a\0", "a greeting of MySQL's X protocol");
    check(b"\x05\0\0\0\x63", "\"\\x05\\x00\\x00\\x00c\"");
}
