use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use mainstay_model::Secret;

/// The time: the one place of the binary that reads the clock. Everything below gets it as an argument.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A seed for identifiers and jitter, from the system's source of randomness.
pub(crate) fn seed() -> u64 {
    let mut bytes = [0; 8];
    // Without randomness two runs could give the same identifiers, so this is worth ending for.
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's source of randomness works");
    u64::from_ne_bytes(bytes)
}

/// A new key of 32 bytes in base64, from the system's source of randomness.
pub(crate) fn key() -> Secret {
    let mut bytes = [0; 32];
    // A key that can be guessed is worse than no service.
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's source of randomness works");
    Secret::new(BASE64_STANDARD.encode(bytes))
}
