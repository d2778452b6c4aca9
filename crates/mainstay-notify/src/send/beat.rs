use jiff::Timestamp;
use mainstay_model::Secret;
use reqwest::{Client, header};

use super::http;
use crate::courier::Refusal;

/// Asks with POST, without a body.
pub(crate) async fn send(
    client: &Client,
    url: &Secret,
    token: Option<&Secret>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let mut request = client.post(http::parse(url)?).header(header::CONTENT_LENGTH, 0);
    if let Some(token) = token {
        request = request.bearer_auth(token.expose());
    }
    http::answer(request, now).await?.accepted().map(drop)
}
