#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use mainstay_tls::{PolicyKey, SignedPolicy};

static KEY: LazyLock<PolicyKey> =
    LazyLock::new(|| PolicyKey::parse("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").expect("a key"));

// A policy as a file or an address may give it. What was not signed is never taken; what was comes out as it went in.
fuzz_target!(|bytes: &[u8]| {
    assert!(SignedPolicy::open(bytes, &[KEY.public()]).is_err());
    if let Ok(policy) = serde_json::from_slice(bytes) {
        let signed = SignedPolicy::sign(&policy, &KEY).expect("a policy can be written");
        let envelope = serde_json::to_vec(&signed).expect("an envelope can be written");
        assert_eq!(SignedPolicy::open(&envelope, &[KEY.public()]), Ok(policy));
    }
});
