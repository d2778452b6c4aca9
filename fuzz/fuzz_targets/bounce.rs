#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    if let Some(bounce) = mainstay_notify::bounce(message) {
        assert!(bounce.reason.chars().count() <= 300);
        assert!(!bounce.reason.chars().any(char::is_control));
    }
});
