#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay_fuzz::{conveyed, joined, legs, relay, said};
use mainstay_wire::TlsStart;
use mainstay_wire::mysql::RelayHop;
use mainstay_wire::relay::{Flow, Hop, HopStep, Legs, Received, Side};

/// Of a server that offers everything.
const GREETING: &[u8] = b"\x49\0\0\0\x0a8.4.0\0\x07\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0\
mysql_native_password\0";
/// What clients ask for nowadays; also without EOF packets, then compressed, or with descriptions that can be left out.
const CAPABILITIES: [u32; 4] = [0x003a_a205, 0x013a_a205, 0x013a_a225, 0x033a_a205];

// The hop against what both sides say, then sessions that are established: every byte passes. Where the server's side has TLS, the
// relay may have to answer for it.
fuzz_target!(|bytes: &[u8]| {
    for legs in legs() {
        relay(Box::new(RelayHop::new(legs)), bytes);
    }
    let said = said(bytes);
    let passed = (joined(&said, Side::Client), joined(&said, Side::Server));
    for capabilities in CAPABILITIES {
        assert_eq!(conveyed(established(capabilities, TlsStart::Never), &said), passed);
        conveyed(established(capabilities, TlsStart::InProtocol), &said);
    }
});

fn established(capabilities: u32, server: TlsStart) -> Box<dyn Flow> {
    let mut hop = RelayHop::new(Legs { client_tls: false, server });
    let settings = [&capabilities.to_le_bytes()[..], &[0, 0, 0, 1, 45], &[0; 23]].concat();
    let log_in = packet(1, &[&settings, &b"app\0\0mysql_native_password\0"[..]].concat());
    let mut from = Received { client: log_in[..].into(), server: GREETING.into(), ..Received::default() };
    loop {
        match hop.step(&mut from).expect("a log-in") {
            HopStep::ReadServer => from.server.extend_from_slice(&packet(3, b"\0\0\0\x02\0\0\0")),
            HopStep::Established => return Box::new(hop).flow(),
            _ => {}
        }
    }
}

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    [&[payload.len() as u8, 0, 0, number], payload].concat()
}
