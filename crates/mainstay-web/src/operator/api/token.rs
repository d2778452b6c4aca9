use std::convert::Infallible;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use mainstay_model::Secret;

use crate::operator::by::Owner;
use crate::operator::trouble::Trouble;

/// What somebody shows who hands something in.
#[derive(Debug)]
pub(super) enum Proof {
    /// They came by the socket of the owner, who can read every token in the configuration anyway.
    Owner,
    /// A bearer token.
    Token(Vec<u8>),
    Nothing,
}

impl<S: Send + Sync> FromRequestParts<S> for Proof {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Proof, Infallible> {
        if parts.extensions.get::<Owner>().is_some() {
            return Ok(Proof::Owner);
        }
        let given = parts.headers.get(header::AUTHORIZATION);
        let token = given.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        Ok(token.map_or(Proof::Nothing, |token| Proof::Token(token.to_vec())))
    }
}

impl Proof {
    /// Whoever knows the token may hand something in; without one in the configuration, whoever reaches the listener. The comparison
    /// takes as long whatever is wrong.
    pub(super) fn authorize(&self, token: Option<&Secret>, advice: &str) -> Result<(), Trouble> {
        match (self, token) {
            (Proof::Owner, _) | (_, None) => Ok(()),
            (Proof::Token(given), Some(token))
                if verify_slices_are_equal(given, token.expose().as_bytes()).is_ok() =>
            {
                Ok(())
            }
            (Proof::Token(_) | Proof::Nothing, Some(_)) => Err(Trouble::new(
                StatusCode::UNAUTHORIZED,
                "The token is missing, or is another one.",
                advice,
            )),
        }
    }
}
