use aws_lc_rs::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

use super::ed25519;
use crate::WireError;

/// A log-in method ("authentication plugin").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// `mysql_native_password`.
    Native,
    /// `caching_sha2_password`, MySQL's default since 8.0.
    CachingSha2,
    /// `sha256_password`.
    Sha256,
    /// `mysql_clear_password`, for accounts in a directory.
    Clear,
    /// `client_ed25519`, MariaDB's.
    Ed25519,
}

impl Method {
    /// Finds a method by its name on the wire.
    pub(super) fn named(name: &[u8]) -> Option<Method> {
        match name {
            b"mysql_native_password" => Some(Method::Native),
            b"caching_sha2_password" => Some(Method::CachingSha2),
            b"sha256_password" => Some(Method::Sha256),
            b"mysql_clear_password" => Some(Method::Clear),
            b"client_ed25519" => Some(Method::Ed25519),
            _ => None,
        }
    }

    /// The method of the first answer, where the server proposes this one. The others need random bytes of their own or
    /// the password itself, and a server that wants those says so next.
    pub(super) fn first(proposed: &[u8]) -> Method {
        match Method::named(proposed) {
            Some(Method::CachingSha2) => Method::CachingSha2,
            _ => Method::Native,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Method::Native => "mysql_native_password",
            Method::CachingSha2 => "caching_sha2_password",
            Method::Sha256 => "sha256_password",
            Method::Clear => "mysql_clear_password",
            Method::Ed25519 => "client_ed25519",
        }
    }

    /// The first answer to the server's random bytes. Without a password it is empty, whatever the method.
    ///
    /// Errors where the password itself would have to travel unencrypted.
    pub(super) fn answer(
        self,
        password: &[u8],
        scramble: &[u8],
        encrypted: bool,
    ) -> Result<Vec<u8>, WireError> {
        if password.is_empty() && self != Method::Ed25519 {
            return Ok(self.nothing());
        }
        match self {
            Method::Native => Ok(native(password, scramble)),
            Method::CachingSha2 => Ok(caching_sha2(password, scramble)),
            Method::Ed25519 => Ok(ed25519::sign(password, scramble)),
            Method::Sha256 | Method::Clear => self.password_itself(password, encrypted),
        }
    }

    /// The password and a NUL, over TLS.
    ///
    /// The server's RSA key, with which MySQL's own client encrypts a password when there is no TLS, is not asked for:
    /// nobody vouches for that key, so whoever sits in between could put in another and read the password.
    pub(super) fn password_itself(self, password: &[u8], encrypted: bool) -> Result<Vec<u8>, WireError> {
        if encrypted {
            return Ok([password, b"\0"].concat());
        }
        Err(WireError::login_unsupported(
            self.name().as_bytes(),
            "for which the password itself must be sent, and Mainstay does so over TLS only",
        ))
    }

    /// The answer of somebody without a password.
    fn nothing(self) -> Vec<u8> {
        match self {
            Method::Native | Method::CachingSha2 | Method::Ed25519 => Vec::new(),
            Method::Sha256 | Method::Clear => vec![0],
        }
    }
}

/// `SHA1(password) ^ SHA1(scramble + SHA1(SHA1(password)))`.
fn native(password: &[u8], scramble: &[u8]) -> Vec<u8> {
    let once = digest(&SHA1_FOR_LEGACY_USE_ONLY, password);
    let twice = digest(&SHA1_FOR_LEGACY_USE_ONLY, once.as_ref());
    xor(once.as_ref(), &hash(&SHA1_FOR_LEGACY_USE_ONLY, scramble, twice.as_ref()))
}

/// `SHA256(password) ^ SHA256(SHA256(SHA256(password)) + scramble)`.
fn caching_sha2(password: &[u8], scramble: &[u8]) -> Vec<u8> {
    let once = digest(&SHA256, password);
    let twice = digest(&SHA256, once.as_ref());
    xor(once.as_ref(), &hash(&SHA256, twice.as_ref(), scramble))
}

fn hash(algorithm: &'static Algorithm, first: &[u8], second: &[u8]) -> Vec<u8> {
    let mut context = Context::new(algorithm);
    context.update(first);
    context.update(second);
    context.finish().as_ref().to_vec()
}

fn xor(left: &[u8], right: &[u8]) -> Vec<u8> {
    left.iter().zip(right).map(|(left, right)| left ^ right).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRAMBLE: &[u8] = b"abcdefghijklmnopqrst";

    #[test]
    fn a_server_that_keeps_the_double_hash_accepts_the_native_answer() {
        let answer = Method::Native.answer(b"se cret", SCRAMBLE, false).unwrap();
        let stored =
            digest(&SHA1_FOR_LEGACY_USE_ONLY, digest(&SHA1_FOR_LEGACY_USE_ONLY, b"se cret").as_ref());
        let once = xor(&answer, &hash(&SHA1_FOR_LEGACY_USE_ONLY, SCRAMBLE, stored.as_ref()));
        assert_eq!(digest(&SHA1_FOR_LEGACY_USE_ONLY, &once).as_ref(), stored.as_ref());
    }

    #[test]
    fn a_server_that_keeps_the_double_hash_accepts_the_sha2_answer() {
        let answer = Method::CachingSha2.answer(b"se cret", SCRAMBLE, false).unwrap();
        let stored = digest(&SHA256, digest(&SHA256, b"se cret").as_ref());
        let once = xor(&answer, &hash(&SHA256, stored.as_ref(), SCRAMBLE));
        assert_eq!(digest(&SHA256, &once).as_ref(), stored.as_ref());
    }

    #[test]
    fn passwords_travel_over_tls_only() {
        for method in [Method::Sha256, Method::Clear] {
            assert_eq!(method.answer(b"pw", SCRAMBLE, true).unwrap(), b"pw\0");
            let refused = method.answer(b"pw", SCRAMBLE, false).unwrap_err();
            assert!(matches!(refused, WireError::LoginUnsupported { .. }), "{refused:?}");
        }
    }

    #[test]
    fn methods_are_found_by_their_names() {
        for method in [Method::Native, Method::CachingSha2, Method::Sha256, Method::Clear, Method::Ed25519] {
            assert_eq!(Method::named(method.name().as_bytes()), Some(method));
        }
        assert_eq!(Method::named(b"dialog"), None);
    }
}
