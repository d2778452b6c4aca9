use mainstay_model::Secret;
use reqwest::StatusCode;

use super::http::{Line, parse, unnamed};
use crate::courier::{Receipt, Refusal};
use crate::render;

/// Posts to a Slack incoming webhook, which answers `ok`. It names no message, so each one stands alone; a bot can do better.
pub(crate) async fn send(line: &Line<'_>, url: &Secret) -> Result<Receipt, Refusal> {
    let request = line.client.post(parse(url)?).json(&render::slack(line.message()));
    line.post(request).await.map(|_| unnamed())
}

/// A message without a text, which Slack refuses to post only after it has let the webhook in.
pub(crate) async fn probe(line: &Line<'_>, url: &Secret) -> Result<Receipt, Refusal> {
    let answer = line.ask(line.client.post(parse(url)?).json(&serde_json::json!({ "text": "" }))).await?;
    if answer.status == StatusCode::BAD_REQUEST && answer.text.trim() == "no_text" {
        return Ok(unnamed());
    }
    answer.accepted().map(|_| unnamed())
}
