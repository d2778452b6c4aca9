use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// SHA-256 of a certificate's DER or of its public key's; lower-case hexadecimal in text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Reads 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
        }
        Some(Fingerprint(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Fingerprint::parse(&text).ok_or_else(|| de::Error::custom("expected 64 hexadecimal digits"))
    }
}

/// The facts of one certificate, as sent by a server or taken from the trust store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Place in the chain as sent, 0 for the server's own. A trust anchor that was not sent comes after the last one sent.
    pub position: u32,
    /// Whether the server sent it. `false` for a trust anchor taken from our own store.
    pub sent: bool,
    /// Whether verification used it: it is part of the path from the server's certificate to the trust anchor.
    pub in_path: bool,
    /// Subject as a distinguished name, for example `CN=db.example.com,O=Example`.
    pub subject: String,
    /// Issuer as a distinguished name.
    pub issuer: String,
    /// DNS names and IP addresses of the subject alternative name extension.
    pub names: Vec<String>,
    /// Serial number, lower-case hexadecimal without separators.
    pub serial: String,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity, inclusive.
    pub not_after: Timestamp,
    /// SHA-256 of the DER.
    pub sha256: Fingerprint,
    /// SHA-256 of the DER of the public key (SubjectPublicKeyInfo).
    pub spki_sha256: Fingerprint,
    /// Kind and size of the key, for example `RSA 2048` or `EC P-256`.
    pub key: String,
    /// The certificate itself, where it was seen in this process. Not part of any JSON.
    #[serde(skip)]
    pub der: Option<std::sync::Arc<[u8]>>,
}

impl Certificate {
    /// The most telling short name: the subject's common name, else the first alternative name, else the whole subject.
    pub fn short_name(&self) -> &str {
        let common_name = self.subject.split(',').find_map(|part| part.trim().strip_prefix("CN="));
        common_name.or(self.names.first().map(String::as_str)).unwrap_or(&self.subject)
    }
}
