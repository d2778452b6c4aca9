#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay_fuzz::{converse, variants};
use mainstay_wire::http::{Client, Options};

fuzz_target!(|bytes: &[u8]| {
    for (tls, login) in variants() {
        let options = Options {
            tls,
            login,
            host: "example.com".into(),
            port: 443,
            path: "/".into(),
            expected_status: None,
        };
        converse(|| Client::new(options.clone()), bytes);
    }
});
