#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay_fuzz::{legs, relay};
use mainstay_wire::mysql::RelayHop;

fuzz_target!(|bytes: &[u8]| {
    for legs in legs() {
        relay(Box::new(RelayHop::new(legs)), bytes);
    }
});
