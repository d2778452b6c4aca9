#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay_wire::recognise;

fuzz_target!(|bytes: &[u8]| {
    if let Some(name) = recognise(bytes) {
        assert!(!name.is_empty());
    }
});
