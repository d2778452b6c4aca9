#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay_fuzz::{conveyed, joined, legs, relay, said};
use mainstay_wire::TlsStart;
use mainstay_wire::postgres::RelayHop;
use mainstay_wire::relay::{Flow, Hop, HopStep, Legs, Received, Side};

// The hop against what both sides say, then a flow that was established: every byte passes.
fuzz_target!(|bytes: &[u8]| {
    for legs in legs() {
        relay(Box::new(RelayHop::new(legs)), bytes);
    }
    let said = said(bytes);
    let passed = (joined(&said, Side::Client), joined(&said, Side::Server));
    assert_eq!(conveyed(established(), &said), passed);
});

fn established() -> Box<dyn Flow> {
    let mut hop = RelayHop::new(Legs { client_tls: false, server: TlsStart::Never });
    let client = b"\0\0\0\x08\0\x03\0\0"[..].into();
    let server = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"[..].into();
    let mut from = Received { client, server, ..Received::default() };
    while hop.step(&mut from) != Ok(HopStep::Established) {}
    Box::new(hop).flow()
}
