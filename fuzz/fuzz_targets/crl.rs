#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay_tls::{CertificateDer, Crl, crl_urls};

// A list of revoked certificates as an address may give it, and the same bytes as a certificate that names such addresses.
fuzz_target!(|bytes: &[u8]| {
    if let Ok(list) = Crl::read(bytes) {
        assert_eq!(Crl::read(list.der()).expect("what was read can be kept").number(), list.number());
        assert!(list.number().is_none_or(|number| number.len() <= 40), "RFC 5280 has 20 bytes at most");
    }
    for url in crl_urls(&CertificateDer::from(bytes)) {
        assert!(url.to_ascii_lowercase().starts_with("http") && url.bytes().all(|byte| byte.is_ascii_graphic()));
    }
});
