#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay_fuzz::{in_one, pass, relay, said};
use mainstay_wire::TlsStart;
use mainstay_wire::redis::RelayHop;
use mainstay_wire::relay::{Flow, Hop, Legs, Side};

fn flow() -> Box<dyn Flow> {
    let peers = [("a:1".to_owned(), "b:2".to_owned())].into_iter().collect();
    let legs = Legs { client_tls: false, server: TlsStart::Never };
    Box::new(RelayHop::new(legs).with_peers(std::sync::Arc::new(peers))).flow()
}

// The hop against what both sides say, then a flow: in whatever pieces they come, the same goes on.
fuzz_target!(|bytes: &[u8]| {
    let said = said(bytes);
    relay(|legs| Box::new(RelayHop::new(legs)), &said);
    let (client, server) = in_one(&said);
    let whole = pass(&mut *flow(), &[(Side::Client, &client[..]), (Side::Server, &server[..])]);
    assert_eq!(pass(&mut *flow(), &said), whole);
});
