use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use mainstay_model::RelayPolicy;
use serde::{Deserialize, Serialize};

/// Envelopes of more bytes than this are refused: a policy has a few hundred bytes for each waiver.
pub const MAX_POLICY_BYTES: usize = 1024 * 1024;

/// A policy with its signature, as it is published: a JWS in flattened JSON serialization (RFC 7515 section 7.2.2), signed with
/// Ed25519 (RFC 8037). The payload is the JSON of a [`RelayPolicy`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "an object with payload, protected and signature")]
pub struct SignedPolicy {
    payload: String,
    protected: String,
    signature: String,
}

/// The key that signs policies. It does not show itself.
pub struct PolicyKey(Ed25519KeyPair);

/// The key by which a policy is recognised. Its text is 32 bytes in base64url without padding, 43 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PolicyPublicKey([u8; 32]);

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no key for policies: one is 43 characters of base64url without padding, which stand for 32 bytes"
)]
pub struct PolicyKeyError;

/// Why a policy is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It has more than [`MAX_POLICY_BYTES`].
    #[error("the policy has {0} bytes, more than the {most} that are read", most = MAX_POLICY_BYTES)]
    TooLarge(usize),
    /// It is no JWS in JSON.
    #[error("what was read is no signed policy ({0}); look at what the address or file really gives")]
    NoEnvelope(String),
    /// Its header is another than that of a policy.
    #[error("it is signed, but not as a policy of Mainstay is: its protected header must be {expected}", expected = HEADER)]
    OtherHeader,
    /// None of the keys made the signature.
    #[error(
        "its signature was made by none of the keys that are trusted here ({0}); compare them with the public key that Mainstay shows"
    )]
    OtherKey(usize),
    /// The signature holds, but what it is for is no policy.
    #[error("it is signed, but what is signed is no policy that this version understands ({0})")]
    NoPolicy(String),
}

/// Signed with the payload. The type keeps what the key may sign elsewhere from being taken for a policy (RFC 8725 section 3.11).
const HEADER: &str = r#"{"alg":"EdDSA","typ":"mainstay-policy+json"}"#;

#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: String,
    /// What has to be understood beyond that (RFC 7515 section 4.1.11): nothing is.
    crit: Option<serde_json::Value>,
}

impl SignedPolicy {
    /// Signs a policy.
    pub fn sign(policy: &RelayPolicy, key: &PolicyKey) -> Result<SignedPolicy, serde_json::Error> {
        let (protected, payload) = (BASE64.encode(HEADER), BASE64.encode(serde_json::to_vec(policy)?));
        let signature = key.0.sign(signing_input(&protected, &payload).as_bytes());
        Ok(SignedPolicy { signature: BASE64.encode(signature), protected, payload })
    }

    /// The policy of an envelope that one of these keys signed. What was signed by another key is not even read.
    pub fn open(bytes: &[u8], keys: &[PolicyPublicKey]) -> Result<RelayPolicy, PolicyError> {
        if bytes.len() > MAX_POLICY_BYTES {
            return Err(PolicyError::TooLarge(bytes.len()));
        }
        let envelope: SignedPolicy =
            serde_json::from_slice(bytes).map_err(|error| PolicyError::NoEnvelope(error.to_string()))?;
        envelope.check_header()?;
        envelope.check_signature(keys)?;
        let payload = decode(&envelope.payload)?;
        serde_json::from_slice(&payload).map_err(|error| PolicyError::NoPolicy(error.to_string()))
    }

    fn check_header(&self) -> Result<(), PolicyError> {
        let header: Header =
            serde_json::from_slice(&decode(&self.protected)?).map_err(|_| PolicyError::OtherHeader)?;
        let fits = header.alg == "EdDSA" && header.typ == "mainstay-policy+json" && header.crit.is_none();
        fits.then_some(()).ok_or(PolicyError::OtherHeader)
    }

    fn check_signature(&self, keys: &[PolicyPublicKey]) -> Result<(), PolicyError> {
        let signature = decode(&self.signature)?;
        let message = signing_input(&self.protected, &self.payload);
        let signed_by = |key: &PolicyPublicKey| {
            UnparsedPublicKey::new(&ED25519, key.0).verify(message.as_bytes(), &signature).is_ok()
        };
        keys.iter().any(signed_by).then_some(()).ok_or(PolicyError::OtherKey(keys.len()))
    }
}

impl PolicyKey {
    /// Reads the private key: 32 bytes that nobody can guess, in base64url without padding.
    pub fn parse(text: &str) -> Result<PolicyKey, PolicyKeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&bytes(text)?);
        pair.map(PolicyKey).map_err(|_| PolicyKeyError)
    }

    /// The key by which its signatures are recognised.
    pub fn public(&self) -> PolicyPublicKey {
        let mut public = [0; 32];
        public.iter_mut().zip(self.0.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        PolicyPublicKey(public)
    }
}

impl fmt::Debug for PolicyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyKey(of {})", self.public())
    }
}

impl std::str::FromStr for PolicyPublicKey {
    type Err = PolicyKeyError;

    fn from_str(text: &str) -> Result<PolicyPublicKey, PolicyKeyError> {
        bytes(text).map(PolicyPublicKey)
    }
}

impl fmt::Display for PolicyPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}

impl fmt::Debug for PolicyPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// RFC 7515 section 5.1.
fn signing_input(protected: &str, payload: &str) -> String {
    format!("{protected}.{payload}")
}

fn decode(text: &str) -> Result<Vec<u8>, PolicyError> {
    BASE64.decode(text).map_err(|error| PolicyError::NoEnvelope(error.to_string()))
}

fn bytes(text: &str) -> Result<[u8; 32], PolicyKeyError> {
    BASE64.decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(PolicyKeyError)
}
