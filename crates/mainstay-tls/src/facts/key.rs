use x509_parser::oid_registry::Oid;
use x509_parser::prelude::*;
use x509_parser::public_key::PublicKey;

/// Kind and size: `RSA 2048`, `EC P-256`, `Ed25519`.
pub(super) fn kind(key: &SubjectPublicKeyInfo<'_>) -> String {
    let oid = key.algorithm.algorithm.to_id_string();
    match oid.as_str() {
        "1.2.840.113549.1.1.1" => sized("RSA", key),
        "1.2.840.113549.1.1.10" => sized("RSA-PSS", key),
        "1.2.840.10045.2.1" => format!("EC {}", curve(key)),
        "1.2.840.10040.4.1" => "DSA".to_owned(),
        "1.3.101.112" => "Ed25519".to_owned(),
        "1.3.101.113" => "Ed448".to_owned(),
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44".to_owned(),
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65".to_owned(),
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87".to_owned(),
        _ => format!("unknown ({oid})"),
    }
}

/// Size of the modulus of an RSA key, in bits.
pub(super) fn rsa_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<usize> {
    match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => Some(rsa.key_size()),
        _ => None,
    }
}

/// Name of a signature's algorithm, else its number.
pub(super) fn signature(algorithm: &AlgorithmIdentifier<'_>) -> String {
    let oid = algorithm.algorithm.to_id_string();
    let known = match oid.as_str() {
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.10040.4.3" => "dsa-with-sha1",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        _ => return oid,
    };
    known.to_owned()
}

fn sized(kind: &str, key: &SubjectPublicKeyInfo<'_>) -> String {
    match rsa_bits(key) {
        Some(bits) => format!("{kind} {bits}"),
        None => kind.to_owned(),
    }
}

fn curve(key: &SubjectPublicKeyInfo<'_>) -> String {
    let named =
        key.algorithm.parameters.as_ref().and_then(|parameters| Oid::try_from(parameters.clone()).ok());
    let oid = named.map(|oid| oid.to_id_string());
    match oid.as_deref() {
        Some("1.2.840.10045.3.1.7") => "P-256".to_owned(),
        Some("1.3.132.0.34") => "P-384".to_owned(),
        Some("1.3.132.0.35") => "P-521".to_owned(),
        Some("1.3.132.0.10") => "secp256k1".to_owned(),
        Some("1.3.36.3.3.2.8.1.1.7") => "brainpoolP256r1".to_owned(),
        Some("1.3.36.3.3.2.8.1.1.11") => "brainpoolP384r1".to_owned(),
        Some("1.3.36.3.3.2.8.1.1.13") => "brainpoolP512r1".to_owned(),
        Some(other) => format!("curve {other}"),
        None => "with explicit parameters".to_owned(),
    }
}
