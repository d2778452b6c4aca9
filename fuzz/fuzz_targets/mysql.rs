#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay_fuzz::{converse, variants};
use mainstay_wire::mysql::{Client, Options};

fuzz_target!(|bytes: &[u8]| {
    for (tls, login) in variants() {
        let options = Options { tls, login, database: None, query: Some("SELECT 1".into()) };
        converse(|| Client::new(options.clone()), bytes);
    }
});
