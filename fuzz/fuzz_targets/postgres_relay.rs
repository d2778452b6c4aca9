#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay_fuzz::{establish, in_one, pass, relay, said};
use mainstay_wire::TlsStart;
use mainstay_wire::postgres::RelayHop;
use mainstay_wire::relay::{Legs, Side};

const STARTUP: &[u8] = b"\0\0\0\x08\0\x03\0\0";
const READY: &[u8] = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";

// The hop against what both sides say, then a flow that was established: every byte passes.
fuzz_target!(|bytes: &[u8]| {
    let said = said(bytes);
    relay(|legs| Box::new(RelayHop::new(legs)), &said);
    let legs = Legs { client_tls: false, server: TlsStart::Never };
    let opening = [(Side::Client, STARTUP), (Side::Server, READY)];
    let (hop, _) = establish(Box::new(RelayHop::new(legs)), &mut opening.iter()).expect("a log-in");
    assert_eq!(pass(&mut *hop.flow(), &said), in_one(&said));
});
