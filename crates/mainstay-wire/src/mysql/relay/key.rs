use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rsa::{KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The relay's own RSA key, with which an application that speaks plaintext to it encrypts its password.
///
/// It stands in for the server's: that one is for connections without TLS, and the server's side of a relay has TLS. It lives as
/// long as the process, and is made at the first use if it was not made before.
pub(super) struct Key {
    private: OaepPrivateDecryptingKey,
    pem: String,
}

static OURS: OnceLock<Option<Key>> = OnceLock::new();

/// Makes the key that applications encrypt their passwords for, unless there is one; `true` if it was made now.
///
/// That takes from a tenth of a second to some seconds of arithmetic, so it is nothing for a thread that serves connections: a relay
/// calls this before it listens.
pub fn make_key() -> bool {
    let mut is_new = false;
    OURS.get_or_init(|| {
        is_new = true;
        Key::generate().ok()
    });
    is_new
}

impl Key {
    /// `None` where none could be made.
    pub(super) fn ours() -> Option<&'static Key> {
        make_key();
        OURS.get()?.as_ref()
    }

    fn generate() -> Result<Key, Unspecified> {
        let private = PrivateDecryptingKey::generate(KeySize::Rsa2048)?;
        let public: PublicKeyX509Der<'_> = private.public_key().as_der()?;
        let pem = pem(public.as_ref());
        Ok(Key { private: OaepPrivateDecryptingKey::new(private)?, pem })
    }

    /// The public half, as servers give theirs.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// The password and its NUL, out of what a client made of them: mixed with the server's random bytes, then encrypted.
    pub(super) fn password(
        &self,
        encrypted: &[u8],
        scramble: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Unreadable> {
        let mut output = Zeroizing::new(vec![0; self.private.min_output_size()]);
        let mixed = self.private.decrypt(&OAEP_SHA1_MGF1SHA1, encrypted, &mut output, None);
        let mixed = mixed.map_err(|_| Unreadable::OtherKey)?;
        let password = mixed.iter().zip(scramble.iter().cycle()).map(|(byte, random)| byte ^ random);
        let password = Zeroizing::new(password.collect::<Vec<_>>());
        // The NUL is the proof that the right random bytes were taken away.
        password.ends_with(b"\0").then_some(password).ok_or(Unreadable::OtherRandomBytes)
    }
}

/// Why what a client encrypted gives no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// It is encrypted for another key.
    OtherKey,
    /// It was mixed with other random bytes than the server gave last.
    OtherRandomBytes,
}

/// A public key as text (RFC 7468 section 13).
fn pem(der: &[u8]) -> String {
    let mut pem = "-----BEGIN PUBLIC KEY-----\n".to_owned();
    for (index, character) in STANDARD.encode(der).chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END PUBLIC KEY-----\n");
    pem
}

#[cfg(test)]
pub(super) mod tests {
    use aws_lc_rs::rsa::{OaepPublicEncryptingKey, PublicEncryptingKey};

    use super::*;

    const SCRAMBLE: &[u8] = b"abcdefghijklmnopqrst";

    /// What a client makes of its password when it was given this key.
    pub(in crate::mysql::relay) fn encrypt(pem: &str, password: &[u8], scramble: &[u8]) -> Vec<u8> {
        let body = pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
        let public = PublicEncryptingKey::from_der(&STANDARD.decode(body).unwrap()).unwrap();
        let public = OaepPublicEncryptingKey::new(public).unwrap();
        let terminated = [password, b"\0"].concat();
        let mixed: Vec<u8> = terminated.iter().zip(scramble.iter().cycle()).map(|(l, r)| l ^ r).collect();
        let mut encrypted = vec![0; public.ciphertext_size()];
        public.encrypt(&OAEP_SHA1_MGF1SHA1, &mixed, &mut encrypted, None).unwrap().to_vec()
    }

    #[test]
    fn what_a_client_encrypts_is_read() {
        let key = Key::ours().unwrap();
        for password in [&b"se cret"[..], b"", &[b'x'; 200]] {
            let encrypted = encrypt(key.pem(), password, SCRAMBLE);
            assert_eq!(**key.password(&encrypted, SCRAMBLE).unwrap(), [password, b"\0"].concat());
        }
    }

    #[test]
    fn what_was_encrypted_with_another_key_or_for_other_random_bytes_is_not() {
        let (key, other) = (Key::ours().unwrap(), Key::generate().unwrap());
        let encrypted = encrypt(other.pem(), b"se cret", SCRAMBLE);
        let why = |encrypted: &[u8], scramble: &[u8]| key.password(encrypted, scramble).unwrap_err();
        assert_eq!(why(&encrypted, SCRAMBLE), Unreadable::OtherKey);
        let encrypted = encrypt(key.pem(), b"se cret", SCRAMBLE);
        assert_eq!(why(&encrypted, b"tsrqponmlkjihgfedcba"), Unreadable::OtherRandomBytes);
        assert_eq!(why(&encrypted[1..], SCRAMBLE), Unreadable::OtherKey);
        assert_eq!(why(&encrypted, b""), Unreadable::OtherRandomBytes);
    }

    #[test]
    fn the_key_is_text_in_lines_of_64() {
        let pem = Key::ours().unwrap().pem();
        assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\nMIIB"), "{pem}");
        assert!(pem.ends_with("\n-----END PUBLIC KEY-----\n"), "{pem}");
        assert!(pem.lines().all(|line| line.len() <= 64));
    }
}
