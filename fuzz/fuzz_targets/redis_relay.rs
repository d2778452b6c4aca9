#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use mainstay_fuzz::{conveyed, joined, legs, relay, said};
use mainstay_wire::TlsStart;
use mainstay_wire::redis::RelayHop;
use mainstay_wire::relay::{Flow, Hop, Legs, Side};

// The hop against what both sides say, then a flow: in whatever pieces they come, the same goes on.
fuzz_target!(|bytes: &[u8]| {
    for legs in legs() {
        relay(Box::new(RelayHop::new(legs)), bytes);
    }
    let said = said(bytes);
    let (client, server) = (joined(&said, Side::Client), joined(&said, Side::Server));
    // TLS is answered by the relay itself, which has no place among the words of a server that would speak first.
    if client.first() == Some(&0x16) {
        return;
    }
    let whole = [(Side::Client, &client[..]), (Side::Server, &server[..])];
    assert_eq!(conveyed(flow(), &said), conveyed(flow(), &whole));
});

fn flow() -> Box<dyn Flow> {
    let peers = [("a:1".to_owned(), "b:2".to_owned())].into();
    let hop = RelayHop::new(Legs { client_tls: false, server: TlsStart::Never });
    Box::new(hop.with_peers(Arc::new(peers))).flow()
}
