#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay_fuzz::{converse, variants};
use mainstay_wire::redis::{Client, Options};

fuzz_target!(|bytes: &[u8]| {
    for (tls, login) in variants() {
        let options = Options { tls, login, database: Some("1".into()), query: Some("GET state".into()) };
        converse(|| Client::new(options.clone()), bytes);
    }
});
