#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay_fuzz::{establish, in_one, pass, relay, said};
use mainstay_wire::TlsStart;
use mainstay_wire::mysql::RelayHop;
use mainstay_wire::relay::{Flow, Legs, Side};

/// A server that offers everything; the pieces after the capabilities are those of HandshakeV10.
const GREETING: &[u8] = b"\x49\0\0\0\x0a8.4.0\0\x07\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0ijklmnopqrst\0\
mysql_native_password\0";
const OK: &[u8] = b"\0\0\0\x02\0\0\0";

fn packet(number: u8, payload: &[u8]) -> Vec<u8> {
    [&[payload.len() as u8, 0, 0, number], payload].concat()
}

/// A session with these capabilities, with a server that has TLS or not.
fn flow(capabilities: u32, server: TlsStart) -> Box<dyn Flow> {
    let settings = [&capabilities.to_le_bytes()[..], &[0, 0, 0, 1, 45], &[0; 23]].concat();
    let response = packet(1, &[&settings, &b"app\0\0mysql_native_password\0"[..]].concat());
    let accepted = packet(if server == TlsStart::Never { 2 } else { 3 }, OK);
    let opening = [(Side::Server, GREETING), (Side::Client, &response), (Side::Server, &accepted)];
    let hop = Box::new(RelayHop::new(Legs { client_tls: false, server }));
    establish(hop, &mut opening.iter()).expect("a log-in").0.flow()
}

// The hop against what both sides say; then sessions with and without compression and EOF packets, in which every byte passes, and
// with a server that has TLS, so that the relay may have to answer for it.
fuzz_target!(|bytes: &[u8]| {
    let said = said(bytes);
    relay(|legs| Box::new(RelayHop::new(legs)), &said);
    for capabilities in [0x003a_a205, 0x013a_a205, 0x013a_a225, 0x033a_a205] {
        assert_eq!(pass(&mut *flow(capabilities, TlsStart::Never), &said), in_one(&said));
        pass(&mut *flow(capabilities, TlsStart::InProtocol), &said);
    }
});
