use std::borrow::Cow;
use std::num::NonZeroU32;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::{digest, pbkdf2};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::WireError;

/// The most rounds of hashing that a server may ask for. PostgreSQL's default is 4096; this many cost about 0.04 s, in which
/// no other check goes on, and a server that asks for more would be spending our processor.
const MOST_ITERATIONS: u32 = 100_000;

/// How the log-in is bound to the TLS connection (RFC 5802 §6, RFC 5929).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Binding {
    /// `SCRAM-SHA-256-PLUS` with `tls-server-end-point` data.
    EndPoint(Vec<u8>),
    /// We could bind, but the server did not offer to: it will notice when it did and somebody took the offer out.
    NotOffered,
    /// We cannot bind.
    Impossible,
}

impl Binding {
    pub(super) fn mechanism(&self) -> &'static str {
        match self {
            Binding::EndPoint(_) => "SCRAM-SHA-256-PLUS",
            Binding::NotOffered | Binding::Impossible => "SCRAM-SHA-256",
        }
    }

    fn header(&self) -> &'static str {
        match self {
            Binding::EndPoint(_) => "p=tls-server-end-point,,",
            Binding::NotOffered => "y,,",
            Binding::Impossible => "n,,",
        }
    }

    /// The `c=` attribute: header and data.
    fn attribute(&self) -> String {
        let mut bytes = self.header().as_bytes().to_vec();
        if let Binding::EndPoint(data) = self {
            bytes.extend(data);
        }
        BASE64_STANDARD.encode(bytes)
    }
}

/// SCRAM-SHA-256 (RFC 5802, RFC 7677) with its first message sent.
#[derive(Debug)]
pub(super) struct First {
    binding: Binding,
    nonce: String,
}

/// With its proof sent, waiting for the server's.
#[derive(Debug)]
pub(super) struct Final {
    server_signature: hmac::Tag,
}

impl First {
    pub(super) fn new(binding: Binding, nonce: &[u8]) -> First {
        First { binding, nonce: BASE64_STANDARD.encode(nonce) }
    }

    /// The first message. PostgreSQL takes the user from its start-up message and ignores the one here.
    pub(super) fn message(&self) -> String {
        format!("{}{}", self.binding.header(), self.bare())
    }

    fn bare(&self) -> String {
        format!("n=,r={}", self.nonce)
    }

    /// The proof that answers the server's first message.
    pub(super) fn answer(self, password: &str, challenge: &[u8]) -> Result<(Final, String), WireError> {
        let challenge = Challenge::parse(challenge, &self.nonce)?;
        let salted = salted_password(password, &challenge);
        let without_proof = format!("c={},r={}", self.binding.attribute(), challenge.nonce);
        let message = format!("{},{},{without_proof}", self.bare(), challenge.text);

        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let signature = sign(stored_key.as_ref(), message.as_bytes());
        let proof: Vec<u8> = client_key
            .as_ref()
            .iter()
            .zip(signature.as_ref())
            .map(|(key, signature)| key ^ signature)
            .collect();
        let server_key = sign(&salted, b"Server Key");
        let server_signature = sign(server_key.as_ref(), message.as_bytes());
        let answer = format!("{without_proof},p={}", BASE64_STANDARD.encode(proof));
        Ok((Final { server_signature }, answer))
    }
}

impl Final {
    /// Checks the server's proof that it knows the password too.
    pub(super) fn verify(&self, message: &[u8]) -> Result<(), WireError> {
        let text = std::str::from_utf8(message).map_err(|_| broken("its proof is not text"))?;
        if let Some(error) = text.strip_prefix("e=") {
            return Err(WireError::login_rejected("SCRAM", error.as_bytes()));
        }
        let signature = text
            .strip_prefix("v=")
            .and_then(|rest| BASE64_STANDARD.decode(rest.split(',').next()?).ok())
            .ok_or(broken("its proof cannot be read"))?;
        aws_lc_rs::constant_time::verify_slices_are_equal(&signature, self.server_signature.as_ref())
            .map_err(|_| broken("its proof is wrong, so it does not know the password"))
    }
}

/// The server's first message.
struct Challenge<'a> {
    text: &'a str,
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: NonZeroU32,
}

impl<'a> Challenge<'a> {
    fn parse(message: &'a [u8], our_nonce: &str) -> Result<Challenge<'a>, WireError> {
        let text = std::str::from_utf8(message).map_err(|_| broken("its challenge is not text"))?;
        let mut attributes = text.split(',');
        let mut attribute = |name| {
            attributes.next().and_then(|a| a.strip_prefix(name)).ok_or(broken("its challenge cannot be read"))
        };
        let nonce = attribute("r=")?;
        let salt = attribute("s=")?;
        let iterations = attribute("i=")?;
        if !nonce.starts_with(our_nonce) || nonce.len() == our_nonce.len() {
            return Err(broken("its nonce does not continue ours"));
        }
        let salt = BASE64_STANDARD.decode(salt).map_err(|_| broken("its salt cannot be read"))?;
        let iterations =
            iterations.parse::<NonZeroU32>().map_err(|_| broken("its number of rounds cannot be read"))?;
        if iterations.get() > MOST_ITERATIONS {
            let method = format!("SCRAM with {iterations} rounds of hashing");
            return Err(WireError::login_unsupported(method.as_bytes(), "and Mainstay does 100000 at most"));
        }
        Ok(Challenge { text, nonce, salt, iterations })
    }
}

fn salted_password(password: &str, challenge: &Challenge<'_>) -> [u8; 32] {
    // Like libpq: a password that SASLprep (RFC 4013) forbids is used as it is.
    let password = stringprep::saslprep(password).unwrap_or(Cow::Borrowed(password));
    let mut salted = [0; 32];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        challenge.iterations,
        &challenge.salt,
        password.as_bytes(),
        &mut salted,
    );
    salted
}

fn sign(key: &[u8], message: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(HMAC_SHA256, key), message)
}

fn broken(reason: &'static str) -> WireError {
    WireError::ServerNotProven { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 §3 names the user in its first message, which PostgreSQL's clients leave empty; the vectors here were
    /// computed anew with the empty name, by the RFC's own formulas.
    const CHALLENGE: &[u8] =
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn first(binding: Binding) -> First {
        First { binding, nonce: "rOprNGfwEbeRWgbNEkqO".into() }
    }

    #[test]
    fn the_proof_is_that_of_the_rfc() {
        let (last, answer) = first(Binding::Impossible).answer("pencil", CHALLENGE).unwrap();
        assert_eq!(answer, EXPECTED_ANSWER);
        assert_eq!(last.verify(EXPECTED_PROOF.as_bytes()), Ok(()));
        assert_eq!(
            last.verify(b"v=AAAAaaaaAAAAaaaaAAAAaaaaAAAAaaaaAAAAaaaaAAA="),
            Err(broken("its proof is wrong, so it does not know the password"))
        );
        assert!(matches!(last.verify(b"e=invalid-proof"), Err(WireError::LoginRejected { .. })));
        assert!(matches!(last.verify(b"v=%"), Err(WireError::ServerNotProven { .. })));
    }

    #[test]
    fn the_binding_is_part_of_the_proof() {
        let check = |binding: Binding, header: &str| {
            let first = first(binding);
            assert_eq!(first.message(), format!("{header}n=,r=rOprNGfwEbeRWgbNEkqO"));
            first.answer("pencil", CHALLENGE).unwrap().1
        };
        let bound = check(Binding::EndPoint(vec![1, 2, 3]), "p=tls-server-end-point,,");
        assert!(bound.starts_with("c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAQID,r="));
        assert!(check(Binding::NotOffered, "y,,").starts_with("c=eSws,r="));
        assert!(check(Binding::Impossible, "n,,").starts_with("c=biws,r="));
    }

    #[test]
    fn challenges_that_break_the_rules_are_refused() {
        let check = |challenge: &str, expected: &'static str| {
            let error = first(Binding::Impossible).answer("pencil", challenge.as_bytes()).unwrap_err();
            assert_eq!(error, broken(expected));
        };
        check("r=rOprNGfwEbeRWgbNEkqO,s=AAAA,i=4096", "its nonce does not continue ours");
        check("r=other,s=AAAA,i=4096", "its nonce does not continue ours");
        check("r=rOprNGfwEbeRWgbNEkqOx,s=%,i=4096", "its salt cannot be read");
        check("r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=0", "its number of rounds cannot be read");
        let costly = first(Binding::Impossible).answer("pencil", b"r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=100001");
        assert_eq!(
            costly.unwrap_err().to_string(),
            "the server asks for the log-in method SCRAM with 100001 rounds of hashing, and Mainstay does 100000 at most"
        );
        check("r=rOprNGfwEbeRWgbNEkqOx,s=AAAA", "its challenge cannot be read");
        check("", "its challenge cannot be read");
    }

    const EXPECTED_ANSWER: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=qvT2SWdEH5Q06albL+hjSYuUhCG7VndFyzIb7CK4n9k=";
    const EXPECTED_PROOF: &str = "v=3HO6Qt1M4MKJrmlKaoOqLAI0/0TV0HZe7J9H3MBtSOg=";
}
