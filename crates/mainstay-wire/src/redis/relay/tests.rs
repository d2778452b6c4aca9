use super::*;
use crate::relay::Side::Client;
use crate::transcript::relayed::{self, Said, check_hop};

fn new(client_tls: bool, server: TlsStart) -> impl Fn() -> Box<dyn Hop> {
    move || Box::new(RelayHop::new(Legs { client_tls, server }))
}

#[test]
fn a_relay_without_a_certificate_calls_at_once() {
    let check = |server, expected: &[&str]| {
        let outcome = check_hop(new(false, server), &[(Client, b"*1\r\n$4\r\nPING\r\n")]);
        assert_eq!(
            (outcome.done, outcome.error),
            (expected.iter().map(|&step| step.to_owned()).collect(), None)
        );
    };
    check(TlsStart::Direct, &["Dial", "ServerTls", "Established"]);
    check(TlsStart::InProtocol, &["Dial", "ServerTls", "Established"]);
    check(TlsStart::Never, &["Dial", "Established"]);
}

#[test]
fn with_a_certificate_the_first_byte_says_whether_tls_is_wanted() {
    let check = |said: &[Said<'_>], expected: &[&str]| {
        let (outcome, _, left) = relayed::hop(new(true, TlsStart::Direct)(), said.iter().copied());
        assert_eq!(
            (outcome.done, outcome.error),
            (expected.iter().map(|&step| step.to_owned()).collect(), None)
        );
        assert_eq!(left.client, said.first().map_or(&b""[..], |said| said.1), "nothing is taken away");
    };
    check(&[(Client, b"\x16\x03\x01")], &["ClientTls", "Dial", "ServerTls", "Established"]);
    check(&[(Client, b"PING\r\n")], &["Dial", "ServerTls", "Established"]);
    check(&[], &["Finished"]);
}

#[test]
fn tls_that_cannot_be_had_is_refused_in_words() {
    let mut hop = RelayHop::new(Legs { client_tls: false, server: TlsStart::Direct });
    let mut from = Received { client: b"\x16\x03\x01"[..].into(), ..Received::default() };
    let error = hop.step(&mut from).unwrap_err().to_string();
    assert!(error.contains("redis://"), "{error}");
    assert_eq!(hop.refusal("no\r\nway"), b"-ERR no  way\r\n");
}

#[test]
fn another_address_is_tried_until_the_connection_is_made() {
    let mut hop = RelayHop::new(Legs { client_tls: false, server: TlsStart::Direct });
    let mut step = || hop.step(&mut Received::default()).unwrap();
    assert_eq!([step(), step()], [HopStep::Dial, HopStep::ServerTls]);
    assert!(hop.redial());
    let mut step = || hop.step(&mut Received::default()).unwrap();
    assert_eq!([step(), step(), step()], [HopStep::Dial, HopStep::ServerTls, HopStep::Established]);
}
