use super::*;
use crate::TlsStart;
use crate::postgres::frame;
use crate::relay::Side::{Client, Server};
use crate::transcript::relayed::{self, Outcome, Said, check_hop};

const SSL: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const GSS: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30";
const STARTUP: &[u8] = b"\0\0\0\x23\0\x03\0\0user\0app\0replication\0true\0\0";
const OFFER: &[u8] = b"R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0";
const OFFER_WITHOUT: &[u8] = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";
const CHALLENGE: &[u8] = b"R\0\0\0\x0c\0\0\0\x0br=xy";
const PROOF: &[u8] = b"p\0\0\0\x08c=bi";
const LOGGED_IN: &[u8] = b"R\0\0\0\x0a\0\0\0\x0cv=R\0\0\0\x08\0\0\0\0S\0\0\0\x19server_version\x0018.14\0\
    K\0\0\0\x0c\0\0\x01\x02key!Z\0\0\0\x05I";

fn new(client_tls: bool, server: TlsStart) -> impl Fn() -> Box<dyn Hop> {
    move || Box::new(RelayHop::new(Legs { client_tls, server }))
}

/// The answer to an offer, with this mechanism and header.
fn choice(mechanism: &str, header: &str) -> Vec<u8> {
    let data = format!("{header}n=,r=x");
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    frame::frame(b'p', &[mechanism.as_bytes(), b"\0", &length[..], data.as_bytes()].concat())
}

/// What is expected: the words for a step, or what goes to a side.
fn expect(outcome: &Outcome, expected: &[(&str, &[u8])]) {
    let line = |&(word, bytes): &(&str, &[u8])| {
        if bytes.is_empty() { word.to_owned() } else { format!("{word} {}", bytes.escape_ascii()) }
    };
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.done, expected.iter().map(line).collect::<Vec<_>>());
}

fn unsupported(outcome: &Outcome) -> &str {
    match &outcome.error {
        Some(HopError::Unsupported { message }) => message,
        other => panic!("{other:?}"),
    }
}

fn broken(outcome: &Outcome) -> (Side, &WireError) {
    match &outcome.error {
        Some(HopError::Broken { side, error }) => (*side, error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_plaintext_application_logs_in_to_a_server_with_tls() {
    let choice = choice("SCRAM-SHA-256", "n,,");
    let said: &[Said<'_>] = &[
        (Client, SSL),
        (Client, STARTUP),
        (Server, b"S"),
        (Server, OFFER),
        (Client, &choice),
        (Server, CHALLENGE),
        (Client, PROOF),
        (Server, LOGGED_IN),
    ];
    let outcome = check_hop(new(false, TlsStart::InProtocol), said);
    expect(
        &outcome,
        &[
            ("client<", b"N"),
            ("Dial", b""),
            ("server<", SSL),
            ("ServerTls", b""),
            ("server<", STARTUP),
            ("client<", OFFER_WITHOUT),
            ("server<", &choice),
            ("client<", CHALLENGE),
            ("server<", PROOF),
            ("client<", LOGGED_IN),
            ("Established", b""),
        ],
    );
}

#[test]
fn what_comes_together_is_parted_and_the_rest_left_for_the_flow() {
    let together = [LOGGED_IN, b"A\0\0\0\x05x"].concat();
    let query = b"Q\0\0\0\x05\0";
    let client = [STARTUP, query].concat();
    let said: &[Said<'_>] = &[(Client, &client), (Server, &together)];
    let (outcome, hop, left) = relayed::hop(new(false, TlsStart::Never)(), said.iter().copied());
    let expected: &[(&str, &[u8])] =
        &[("Dial", b""), ("server<", STARTUP), ("client<", LOGGED_IN), ("Established", b"")];
    expect(&outcome, expected);
    assert_eq!((&left.client[..], &left.server[..]), (&query[..], &b"A\0\0\0\x05x"[..]));
    assert_eq!(hop.cancel_key(), Some(&CancelKey(b"\0\0\x01\x02key!".to_vec())));
    let mut flow = hop.flow();
    assert!(flow.is_at_rest());
    flow.from_client(&left.client);
    assert!(!flow.is_at_rest());
}

#[test]
fn an_application_with_tls_is_told_what_cannot_be_bound() {
    let check = |mechanism: &str, header: &str, offer: &[u8]| {
        let choice = choice(mechanism, header);
        let said: &[Said<'_>] =
            &[(Client, SSL), (Client, STARTUP), (Server, offer), (Client, &choice), (Server, LOGGED_IN)];
        let outcome = check_hop(new(true, TlsStart::Never), said);
        // The offer passes whole, so that the application says what it wants.
        let passed = format!("client< {}", offer.escape_ascii());
        assert_eq!(outcome.done[..3], ["client< S", "ClientTls", "Dial"]);
        assert_eq!(outcome.done[4], passed);
        outcome
    };
    for outcome in
        [check("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", OFFER), check("SCRAM-SHA-256", "y,,", OFFER)]
    {
        let message = unsupported(&outcome);
        assert!(
            message.contains("channel_binding=disable") && message.contains("sslmode=disable"),
            "{message}"
        );
        assert_eq!(outcome.done.len(), 5, "the server hears nothing of it");
        assert_eq!(outcome.refusal, error::fatal("08004", "no"));
    }
    assert_eq!(check("SCRAM-SHA-256", "n,,", OFFER).done.last().unwrap(), "Established");
    // A server that offers no binding has nothing to say against one who could have.
    assert_eq!(check("SCRAM-SHA-256", "y,,", OFFER_WITHOUT).done.last().unwrap(), "Established");
}

#[test]
fn a_server_that_only_binds_is_named_as_the_trouble() {
    let offer = b"R\0\0\0\x1c\0\0\0\x0aSCRAM-SHA-256-PLUS\0\0";
    let outcome = check_hop(new(false, TlsStart::Never), &[(Client, STARTUP), (Server, offer)]);
    assert!(unsupported(&outcome).contains("let it take SCRAM-SHA-256"));
}

#[test]
fn the_opening_may_ask_for_either_encryption_once() {
    let check = |client_tls: bool, asked: &[&'static [u8]], expected: &[&str]| {
        let said: Vec<Said<'_>> = asked.iter().chain([&STARTUP]).map(|&message| (Client, message)).collect();
        let outcome = check_hop(new(client_tls, TlsStart::Never), &said);
        let dial = outcome.done.iter().position(|step| step == "Dial").unwrap();
        assert_eq!(outcome.done[..dial], *expected);
    };
    check(true, &[], &[]);
    check(true, &[SSL], &["client< S", "ClientTls"]);
    check(true, &[GSS], &["client< N"]);
    check(true, &[GSS, SSL], &["client< NS", "ClientTls"]);
    check(false, &[SSL, GSS], &["client< NN"]);
    for twice in [[SSL, SSL], [GSS, GSS]] {
        let outcome = check_hop(new(false, TlsStart::Never), &twice.map(|message| (Client, message)));
        assert!(matches!(broken(&outcome), (Client, WireError::WrongProtocol { .. })), "{outcome:?}");
    }
    let outcome = check_hop(new(true, TlsStart::Never), &[(Client, SSL), (Client, SSL)]);
    assert!(matches!(broken(&outcome), (Client, WireError::WrongProtocol { .. })), "inside TLS: {outcome:?}");
}

#[test]
fn tls_from_the_first_byte_needs_a_certificate() {
    let hello = b"\x16\x03\x01\x02\x00";
    let (outcome, _, left) = relayed::hop(new(true, TlsStart::Never)(), [(Client, &hello[..])]);
    assert_eq!((outcome.done[0].as_str(), &left.client[..]), ("ClientTls", &hello[..]));
    let outcome = check_hop(new(false, TlsStart::Never), &[(Client, hello)]);
    assert!(unsupported(&outcome).contains("sslnegotiation=postgres"));
    assert_eq!(outcome.refusal, b"");
}

#[test]
fn nothing_may_come_in_the_clear_once_tls_was_agreed() {
    let surplus = |bytes: &[u8]| [bytes, b"x"].concat();
    let (outcome, ..) = relayed::hop(new(true, TlsStart::Never)(), [(Client, &surplus(SSL)[..])]);
    assert_eq!(broken(&outcome), (Client, &WireError::SurplusBeforeTls { surplus: 1 }));
    assert_eq!(outcome.refusal, b"");
    let said = [(Client, STARTUP), (Server, &surplus(b"S")[..])];
    let (outcome, ..) = relayed::hop(new(true, TlsStart::InProtocol)(), said);
    assert_eq!(broken(&outcome), (Server, &WireError::SurplusBeforeTls { surplus: 1 }));
    assert_eq!(outcome.refusal, error::fatal("08006", "no"));
}

#[test]
fn another_address_is_tried_as_long_as_none_was_told_who_logs_in() {
    let mut hop = new(false, TlsStart::Direct)();
    let mut from = Received { client: STARTUP.into(), ..Received::default() };
    let mut steps = |hop: &mut dyn Hop, count| -> Vec<HopStep> {
        (0..count).map(|_| hop.step(&mut from).unwrap()).collect()
    };
    assert!(!hop.redial());
    assert_eq!(steps(&mut *hop, 2), [HopStep::Dial, HopStep::ServerTls]);
    assert!(hop.redial());
    let again = [HopStep::Dial, HopStep::ServerTls, HopStep::ToServer(STARTUP.to_vec())];
    assert_eq!(steps(&mut *hop, 3), again);
    assert!(!hop.redial());
}

/// A proxy whose server is dead accepts and then declines, says something else or closes.
#[test]
fn a_server_that_fails_before_the_log_in_is_left_for_another() {
    for (answer, ended) in [(&b"N"[..], false), (b"HTTP", false), (b"", true)] {
        let (mut hop, mut from) = (new(false, TlsStart::InProtocol)(), Received::default());
        from.client.extend_from_slice(STARTUP);
        while hop.step(&mut from) != Ok(HopStep::ReadServer) {}
        (from.server, from.server_ended) = (answer.into(), ended);
        assert!(matches!(hop.step(&mut from), Err(HopError::Broken { side: Server, .. })));
        assert!(hop.redial());
        (from.server, from.server_ended) = (BytesMut::new(), false);
        assert_eq!(hop.step(&mut from), Ok(HopStep::Dial));
        from.server.extend_from_slice(b"S");
        while hop.step(&mut from) != Ok(HopStep::ServerTls) {}
        assert_eq!(hop.step(&mut from), Ok(HopStep::ToServer(STARTUP.to_vec())), "the log-in is not lost");
    }
}

#[test]
fn a_server_without_tls_is_never_told_who_logs_in() {
    for (answer, expected) in
        [(&b"N"[..], "does not offer TLS"), (b"E", "refuses"), (b"H", "expected PostgreSQL's")]
    {
        let outcome = check_hop(new(false, TlsStart::InProtocol), &[(Client, STARTUP), (Server, answer)]);
        let (side, error) = broken(&outcome);
        assert!(side == Server && error.to_string().contains(expected), "{error}");
        expect(&Outcome { error: None, ..outcome }, &[("Dial", b""), ("server<", SSL)]);
    }
}

#[test]
fn a_request_to_cancel_goes_where_the_connection_of_its_key_is() {
    for key in [&b"\0\0\x01\x02key!"[..], &[7; 36]] {
        let length = u8::try_from(8 + key.len()).unwrap();
        let request = [&[0, 0, 0, length, 0x04, 0xd2, 0x16, 0x2e][..], key].concat();
        let said: &[Said<'_>] = &[(Client, SSL), (Client, &request), (Server, b"S")];
        let outcome = check_hop(new(true, TlsStart::InProtocol), said);
        let expected: &[(&str, &[u8])] = &[
            ("client<", b"S"),
            ("ClientTls", b""),
            ("DialFor", key),
            ("server<", SSL),
            ("ServerTls", b""),
            ("server<", &request),
            ("Finished", b""),
        ];
        expect(&outcome, expected);
        // As libpq sends it, whatever the connection was that it is about; here to a server with TLS from the first byte.
        let outcome = check_hop(new(true, TlsStart::Direct), &[(Client, &request)]);
        expect(&outcome, &[("DialFor", key), ("ServerTls", b""), ("server<", &request), ("Finished", b"")]);
        assert_eq!(outcome.refusal, b"");
    }
}

#[test]
fn the_servers_refusal_ends_the_hop() {
    for refusal in [error::fatal("28P01", "no"), b"Ecould not fork new process\n\0".to_vec()] {
        let outcome = check_hop(new(false, TlsStart::Never), &[(Client, STARTUP), (Server, &refusal)]);
        let expected: &[(&str, &[u8])] =
            &[("Dial", b""), ("server<", STARTUP), ("client<", &refusal), ("Finished", b"")];
        expect(&outcome, expected);
    }
    let password = b"R\0\0\0\x08\0\0\0\x03";
    let outcome = check_hop(new(false, TlsStart::Never), &[(Client, STARTUP), (Server, password)]);
    assert_eq!(outcome.done.last().unwrap(), "Finished", "an application without a password goes away");
}

#[test]
fn strangers_and_floods_are_refused() {
    let (long, huge) = ([b"\0\0\x27\x15\0\x03\0\0", &[b'x'; 100][..]].concat(), b"\0\xff\xff\xff\0\x03\0\0");
    for (first, expected) in [
        (&b"GET / HTTP/1.1\r\n"[..], "expected the first message of an application that uses PostgreSQL"),
        (&b"\0\0\0\x08\0\x02\0\0"[..], "expected the first message"),
        (&b"\0\0\0\x07\0\x03\0"[..], "expected the first message"),
        (&b"\0\0\0\x0b\x04\xd2\x16\x2exyz"[..], "expected the first message"),
        (&long[..], "more than 10000 bytes"),
        (&huge[..], "more than 10000 bytes"),
    ] {
        let (outcome, ..) = relayed::hop(new(true, TlsStart::Never)(), [(Client, first)]);
        let (side, error) = broken(&outcome);
        assert!(side == Client && error.to_string().contains(expected), "{error}");
        assert_eq!(outcome.refusal, b"");
    }
    for answer in [&b"HTTP/1.1 400"[..], b"R\0\x01\0\x04", b"R\0\0\0\x03", b"N\0\0\0\x04Z\0\0\0\x04"] {
        let (outcome, ..) =
            relayed::hop(new(false, TlsStart::Never)(), [(Client, STARTUP), (Server, answer)]);
        assert_eq!(broken(&outcome).0, Server);
        assert_eq!(outcome.refusal, error::fatal("08006", "no"));
    }
    let (outcome, ..) = relayed::hop(
        new(false, TlsStart::Never)(),
        [(Client, STARTUP), (Server, CHALLENGE), (Client, &b"p\0\x01\0\x04"[..])],
    );
    assert!(matches!(broken(&outcome), (Client, WireError::TooLarge { .. })), "{outcome:?}");
}

#[test]
fn a_look_whether_the_port_is_open_is_no_failure() {
    let outcome = check_hop(new(true, TlsStart::InProtocol), &[]);
    expect(&outcome, &[("Finished", b"")]);
}

proptest::proptest! {
    /// Whatever is sent in whatever order and pieces, a hop ends, and nobody hears who logs in before TLS.
    #[test]
    fn hops_end(
        pieces in proptest::collection::vec((proptest::bool::ANY, piece()), 0..24),
        client_tls in proptest::bool::ANY,
    ) {
        let said = pieces.iter().map(|(client, bytes)| (if *client { Client } else { Server }, &bytes[..]));
        for server in [TlsStart::InProtocol, TlsStart::Direct, TlsStart::Never] {
            let (outcome, hop, _) = relayed::hop(new(client_tls, server)(), said.clone());
            let place = |wanted: &str| outcome.done.iter().position(|step| step.starts_with(wanted));
            if let Some(told) = place(&format!("server< {}", STARTUP.escape_ascii())) {
                let secured = place("ServerTls").is_some_and(|secured| secured < told);
                assert!(secured || server == TlsStart::Never, "{outcome:?}");
            }
            drop(hop.flow());
        }
    }
}

fn piece() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;
    let known: [&[u8]; 8] = [SSL, GSS, STARTUP, OFFER, CHALLENGE, PROOF, LOGGED_IN, b"S"];
    prop_oneof![
        3 => proptest::sample::select(known.map(<[u8]>::to_vec).to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..12),
    ]
}
