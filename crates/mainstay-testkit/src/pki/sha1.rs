//! Signatures with SHA-1, which the library that makes certificates no longer makes.

use rcgen::{KeyPair, PublicKeyData, SignatureAlgorithm, SigningKey};

use crate::openssl;

/// sha256WithRSAEncryption and sha1WithRSAEncryption, RFC 8017 appendix C.
const SHA256: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11];
const SHA1: [u8; 11] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5];

/// An RSA key that signs with SHA-1 whatever says that it is to be signed with SHA-256.
pub(super) struct Signer<'a>(&'a KeyPair);

impl<'a> Signer<'a> {
    pub(super) fn new(key: &'a KeyPair) -> Signer<'a> {
        Signer(key)
    }
}

/// The certificate with SHA-1 for SHA-256 as the algorithm of its signature, inside and outside of what is signed.
pub(super) fn labelled(der: &[u8]) -> Vec<u8> {
    let mut der = der.to_vec();
    while let Some(at) = der.windows(SHA256.len()).position(|window| window == SHA256) {
        der[at..at + SHA1.len()].copy_from_slice(&SHA1);
    }
    der
}

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl SigningKey for Signer<'_> {
    /// Where `openssl` is missing the signature is of SHA-256 under the name of SHA-1. Clients that refuse SHA-1 do so by its name.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let message = labelled(message);
        match openssl::available() {
            Ok(()) => Ok(openssl::sign_with_sha1(&self.0.serialize_pem(), &message)),
            Err(_) => self.0.sign(&message),
        }
    }
}
