use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};

use crate::der;

/// The server's certificate as channel binding data `tls-server-end-point` (RFC 5929 §4.1): its hash, by the hash of its
/// own signature, where MD5 and SHA-1 give way to SHA-256.
///
/// `None` where the signature has no hash of its own (Ed25519) or carries it as a parameter (RSASSA-PSS): servers before
/// version 16 cannot bind to those either, and the log-in then goes without binding, as libpq's does.
pub(super) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let hash =
        match signature_algorithm(certificate)? {
            // md5WithRSAEncryption, sha1WithRSAEncryption, sha256WithRSAEncryption, ecdsa-with-SHA1, ecdsa-with-SHA256
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 4 | 5 | 11]
            | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1]
            | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2] => &SHA256,
            // sha384WithRSAEncryption, ecdsa-with-SHA384
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 12]
            | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3] => &SHA384,
            // sha512WithRSAEncryption, ecdsa-with-SHA512
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 13]
            | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4] => &SHA512,
            _ => return None,
        };
    Some(digest::digest(hash, certificate).as_ref().to_vec())
}

/// The object identifier in `Certificate.signatureAlgorithm` (RFC 5280 §4.1).
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let (outer, _) = der::element(certificate, der::SEQUENCE)?;
    let (_to_be_signed, rest) = der::element(outer, der::SEQUENCE)?;
    let (algorithm, _) = der::element(rest, der::SEQUENCE)?;
    der::element(algorithm, der::OBJECT_IDENTIFIER).map(|(identifier, _)| identifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(algorithm: &[u8]) -> Vec<u8> {
        let element = |tag: u8, body: &[u8]| [&[tag, u8::try_from(body.len()).unwrap()], body].concat();
        let algorithm = element(0x30, &[element(6, algorithm), element(5, b"")].concat());
        element(0x30, &[element(0x30, b"\x02\x01\x01"), algorithm, element(3, b"\0\x01")].concat())
    }

    #[test]
    fn the_signature_chooses_the_hash() {
        let check = |algorithm: &[u8], length: Option<usize>| {
            assert_eq!(end_point(&certificate(algorithm)).map(|hash| hash.len()), length, "{algorithm:x?}");
        };
        let rsa = |last| [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last];
        check(&rsa(4), Some(32));
        check(&rsa(5), Some(32));
        check(&rsa(11), Some(32));
        check(&rsa(12), Some(48));
        check(&rsa(13), Some(64));
        check(&rsa(10), None);
        check(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2], Some(32));
        check(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3], Some(48));
        check(&[0x2b, 0x65, 0x70], None);
    }

    #[test]
    fn no_certificate_no_binding() {
        let whole = certificate(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]);
        for length in 0..whole.len() {
            assert_eq!(end_point(&whole[..length]), None);
        }
    }
}
