use mainstay_model::Secret;
use reqwest::header;

use super::http::{Line, parse, unnamed};
use super::sign;
use crate::courier::{Receipt, Refusal};
use crate::render;

/// Posts to an endpoint that takes Standard Webhooks.
pub(crate) async fn send(line: &Line<'_>, url: &Secret, secret: Option<&Secret>) -> Result<Receipt, Refusal> {
    let body = render::webhook(line.message()).to_string();
    let id = line.outgoing.delivery.id.to_string();
    let timestamp = line.outgoing.now.as_second();
    let mut request = line
        .client
        .post(parse(url)?)
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", &id)
        .header("webhook-timestamp", timestamp);
    if let Some(secret) = secret {
        request = request.header("webhook-signature", sign(secret.expose(), &id, timestamp, &body));
    }
    line.post(request.body(body)).await.map(|_| unnamed())
}
