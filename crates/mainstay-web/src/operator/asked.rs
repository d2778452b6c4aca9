use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

use super::trouble::Trouble;

/// What the address of a request asks for after its `?`. What cannot be read is refused like everything else is: with a page to
/// people, with JSON to programs.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked<T>, Response> {
        let read = Query::try_from_uri(&parts.uri).map(|Query(asked)| Asked(asked));
        read.map_err(|rejection| {
            let text = rejection.body_text();
            let reason = text.rsplit_once("string: ").map_or(text.as_str(), |(_, reason)| reason);
            let happened =
                format!("What the address asks for cannot be read: {}.", reason.trim_end_matches('.'));
            Trouble::unusable(happened, "Correct what stands after the ? in the address.").answer(&parts.uri)
        })
    }
}
