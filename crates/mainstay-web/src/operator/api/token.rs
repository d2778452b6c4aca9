use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::http::{HeaderMap, StatusCode, header};
use mainstay_model::Secret;

use crate::operator::trouble::Trouble;

/// Whoever knows the token may hand something in; without one in the configuration, whoever reaches the listener. The comparison
/// takes as long whatever is wrong.
pub(super) fn authorize(token: Option<&Secret>, headers: &HeaderMap, advice: &str) -> Result<(), Trouble> {
    let Some(token) = token else { return Ok(()) };
    let given =
        headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    match given {
        Some(given) if verify_slices_are_equal(given, token.expose().as_bytes()).is_ok() => Ok(()),
        _ => Err(Trouble::new(StatusCode::UNAUTHORIZED, "The token is missing, or is another one.", advice)),
    }
}
