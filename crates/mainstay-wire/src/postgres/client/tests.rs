use super::*;
use crate::Password;
use crate::transcript::{check, check_with_certificate, play};

fn options(tls: TlsStart, login: Option<(&str, Option<&str>)>) -> Options {
    let login =
        login.map(|(user, password)| Login { user: user.into(), password: password.map(Password::new) });
    Options { tls, login, database: Some("orders".into()), query: Some("SELECT 1".into()), nonce: [7; 18] }
}

fn client(tls: TlsStart, login: Option<(&str, Option<&str>)>) -> impl Fn() -> Client {
    move || Client::new(options(tls, login))
}

const SSL: &str = r"\x00\x00\x00\x08\x04\xd2\x16/";
const STARTUP: &str = r"\x00\x00\x00U\x00\x03\x00\x00user\x00monitor\x00database\x00orders\x00application_name\x00mainstay\x00client_encoding\x00UTF8\x00\x00";
const QUERY: &str = r"Q\x00\x00\x00\rSELECT 1\x00";
const TERMINATE: &str = r"X\x00\x00\x00\x04";

const AUTH_OK: &[u8] = b"R\0\0\0\x08\0\0\0\0";
const READY: &[u8] = b"S\0\0\0\x19server_version\x0015.14\0K\0\0\0\x0c\0\0\0\x01\0\0\0\x02Z\0\0\0\x05I";
const ANSWER: &[u8] = b"T\0\0\0\x21\0\x01?column?\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0\
    D\0\0\0\x0b\0\x01\0\0\0\x011C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I";

fn error(code: &str) -> Vec<u8> {
    frame::frame(b'E', format!("SFATAL\0VFATAL\0C{code}\0Mno\0\0").as_bytes())
}

#[test]
fn with_tls_and_no_login_nothing_is_said_after_the_handshake() {
    let outcome = check(client(TlsStart::InProtocol, None), &[b"S"]);
    assert_eq!(outcome.written(), [SSL, "<TLS>"]);
    assert_eq!(outcome.milestones(), [Milestone::Ready]);
    let outcome = check(client(TlsStart::Direct, None), &[]);
    assert_eq!(outcome.written(), ["<TLS>"]);
    assert_eq!(outcome.milestones(), [Milestone::Ready]);
}

#[test]
fn in_the_clear_and_without_login_the_request_for_tls_is_the_question() {
    for reply in [b"S", b"N"] {
        let outcome = check(client(TlsStart::Never, None), &[reply]);
        assert_eq!((outcome.written(), outcome.milestones()), (vec![SSL.to_owned()], vec![Milestone::Ready]));
    }
}

#[test]
fn a_trusting_server_is_asked_at_once() {
    let all = [Milestone::Ready, Milestone::LoggedIn, Milestone::Queried, Milestone::Settled];
    let outcome =
        check(client(TlsStart::InProtocol, Some(("monitor", None))), &[b"S", AUTH_OK, READY, ANSWER]);
    assert_eq!(outcome.written(), [SSL, "<TLS>", STARTUP, QUERY, TERMINATE]);
    assert_eq!(outcome.milestones(), all);
    let together = [AUTH_OK, READY].concat();
    let outcome = check(client(TlsStart::Never, Some(("monitor", None))), &[&together, ANSWER]);
    assert_eq!(outcome.milestones(), all);
}

#[test]
fn passwords_in_the_clear_need_tls() {
    let asked = b"R\0\0\0\x08\0\0\0\x03";
    let login = Some(("monitor", Some("se cret")));
    let outcome = check(client(TlsStart::Direct, login), &[asked, AUTH_OK, READY, ANSWER]);
    assert_eq!(outcome.written(), ["<TLS>", STARTUP, r"p\x00\x00\x00\x0cse cret\x00", QUERY, TERMINATE]);
    let refused = check(client(TlsStart::Never, login), &[asked]);
    assert!(matches!(refused.error, Some(WireError::LoginUnsupported { .. })), "{refused:?}");
    assert_eq!(refused.milestones(), [Milestone::Ready]);
}

#[test]
fn md5_passwords_are_hashed_with_user_and_salt() {
    let outcome = check(
        client(TlsStart::Never, Some(("monitor", Some("se cret")))),
        &[b"R\0\0\0\x0c\0\0\0\x05\x01\x02\x03\x04", AUTH_OK, READY, ANSWER],
    );
    assert_eq!(outcome.written()[1], r"p\x00\x00\x00(md5d22b6a87a7c241b2a4ed18e5c3acaa68\x00");
}

#[test]
fn scram_is_bound_to_the_certificate_where_it_can_be() {
    let certificate =
        b"\x30\x16\x30\x03\x02\x01\x01\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x03\x03\0\x01\x02";
    let both = b"R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
    let only_plain = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";
    let new = client(TlsStart::Direct, Some(("monitor", Some("pencil"))));
    let check = |certificate: &[u8], offer: &[u8], expected: &str| {
        let outcome = check_with_certificate(&new, certificate, &[offer]);
        assert!(outcome.written()[2].contains(expected), "{:?}", outcome.written());
    };
    check(certificate, both, "SCRAM-SHA-256-PLUS\\x00\\x00\\x00\\x005p=tls-server-end-point,,n=,r=");
    check(certificate, only_plain, "SCRAM-SHA-256\\x00\\x00\\x00\\x00 y,,n=,r=");
    check(b"none that can be bound to", both, "SCRAM-SHA-256\\x00\\x00\\x00\\x00 n,,n=,r=");
}

#[test]
fn a_server_must_prove_itself_before_it_says_yes() {
    let offer = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";
    let new = client(TlsStart::Never, Some(("monitor", Some("pencil"))));
    let outcome = check(&new, &[offer, AUTH_OK]);
    assert!(matches!(outcome.error, Some(WireError::ServerNotProven { .. })), "{outcome:?}");
    let challenge =
        format!("r={}x,s=AAAA,i=4096", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, [7; 18]));
    let challenge = frame::frame(b'R', &[&[0, 0, 0, 11], challenge.as_bytes()].concat());
    let outcome = play(new(), b"", [&offer[..], &challenge, AUTH_OK]);
    assert!(matches!(outcome.error, Some(WireError::ServerNotProven { .. })), "{outcome:?}");
    let lie = frame::frame(b'R', &[&[0, 0, 0, 12][..], b"v=AAAA"].concat());
    let outcome = play(new(), b"", [&offer[..], &challenge, &lie]);
    assert!(matches!(outcome.error, Some(WireError::ServerNotProven { .. })), "{outcome:?}");
}

#[test]
fn refusals_are_told_from_rejections() {
    let new = client(TlsStart::Never, Some(("monitor", Some("pw"))));
    let busy = check(&new, &[&error("53300")]);
    assert_eq!(busy.error, Some(WireError::Refused { code: "53300".into(), message: "no".into() }));
    assert_eq!(busy.milestones(), []);
    let rejected = check(&new, &[&error("28000")]);
    assert_eq!(rejected.error, Some(WireError::LoginRejected { code: "28000".into(), message: "no".into() }));
    assert_eq!(rejected.milestones(), [Milestone::Ready]);
    let unknown = check(&new, &[AUTH_OK, &error("3D000")]);
    assert_eq!(unknown.error, Some(WireError::LoginRejected { code: "3D000".into(), message: "no".into() }));
    let ancient = check(&new, &[b"Ecould not fork new process for connection\n\0"]);
    assert!(matches!(ancient.error, Some(WireError::Refused { .. })), "{ancient:?}");
    let no_password =
        check(client(TlsStart::Never, Some(("monitor", None))), &[b"R\0\0\0\x0c\0\0\0\x05abcd"]);
    assert_eq!(no_password.error, Some(WireError::no_password()));
}

#[test]
fn queries_may_fail_or_copy() {
    let new = client(TlsStart::Never, Some(("monitor", None)));
    let failed = check(&new, &[AUTH_OK, READY, &error("42601")]);
    assert_eq!(failed.error, Some(WireError::QuestionRefused { code: "42601".into(), message: "no".into() }));
    let copy = check(&new, &[AUTH_OK, READY, b"G\0\0\0\x07\0\0\0", &error("57014")]);
    assert_eq!(copy.written()[2], r"f\x00\x00\x00\x1fMainstay copies nothing in\x00");
}

#[test]
fn answers_to_the_request_for_tls() {
    let check = |reply: &[u8]| play(client(TlsStart::InProtocol, None)(), b"", [reply]).error.unwrap();
    assert!(matches!(check(b"N"), WireError::TlsNotOffered { .. }));
    assert_eq!(check(b"Sxy"), WireError::SurplusBeforeTls { surplus: 2 });
    let WireError::Refused { message, .. } = check(b"E\0\0\0\x20SFATAL\0C28000\0Mevil\0\0") else { panic!() };
    assert!(!message.contains("evil"));
    let seen = |reply: &[u8]| match check(reply) {
        WireError::WrongProtocol { seen, .. } => seen,
        other => panic!("{other:?}"),
    };
    assert_eq!(seen(b"HTTP/1.1 400 Bad Request\r\n"), "an HTTP answer");
    assert_eq!(seen(b"\x15\x03\x01\0\x02\x02\x46"), "a TLS alert");
    assert_eq!(seen(b"?what"), "\"?what\"");
    assert_eq!(check(b""), WireError::Closed { while_doing: "when it was asked for TLS" });
}

#[test]
fn texts_cannot_break_out_of_their_place() {
    for (user, password) in [("a\0b", "pw"), ("a", "p\0w")] {
        let outcome = play(
            client(TlsStart::Direct, Some((user, Some(password))))(),
            b"",
            [&b"R\0\0\0\x08\0\0\0\x03"[..]],
        );
        assert!(matches!(outcome.error, Some(WireError::LoginRejected { .. })), "{outcome:?}");
    }
}
