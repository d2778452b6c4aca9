use aws_lc_rs::digest::{Context, SHA512, digest};
use curve25519_dalek::{EdwardsPoint, Scalar};

/// A signature as MariaDB's `client_ed25519` makes it: Ed25519 (RFC 8032 §5.1.6) with the password itself, of any length,
/// in place of the 32 bytes of a private key. That is why no signing library takes it.
pub(super) fn sign(password: &[u8], message: &[u8]) -> Vec<u8> {
    let expanded = digest(&SHA512, password);
    let (secret, prefix) = expanded.as_ref().split_at(32);
    let secret = Scalar::from_bytes_mod_order(clamp(secret));
    let public = EdwardsPoint::mul_base(&secret).compress();

    let nonce = hash(&[prefix, message]);
    let commitment = EdwardsPoint::mul_base(&nonce).compress();
    let challenge = hash(&[commitment.as_bytes(), public.as_bytes(), message]);
    let response = nonce + challenge * secret;
    [commitment.to_bytes(), response.to_bytes()].concat()
}

/// The bits that RFC 8032 §5.1.5 sets and clears in a secret. Reduced modulo the group's order afterwards, which changes
/// neither the public key nor the signature.
fn clamp(secret: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(secret).for_each(|(to, from)| *to = *from);
    if let Some(first) = bytes.first_mut() {
        *first &= 0b1111_1000;
    }
    if let Some(last) = bytes.last_mut() {
        *last = *last & 0b0111_1111 | 0b0100_0000;
    }
    bytes
}

fn hash(parts: &[&[u8]]) -> Scalar {
    let mut context = Context::new(&SHA512);
    parts.iter().for_each(|part| context.update(part));
    let mut wide = [0; 64];
    wide.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    Scalar::from_bytes_mod_order_wide(&wide)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::Ed25519KeyPair;

    #[test]
    fn a_password_of_32_bytes_signs_as_ed25519_does() {
        let seed = b"a password of thirty-two bytes..";
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).unwrap();
        for message in [&b""[..], b"message", &[7; 200]] {
            assert_eq!(sign(seed, message), pair.sign(message).as_ref());
        }
    }
}
