use mainstay_model::Secret;
use reqwest::{StatusCode, Url};
use serde_json::Value;

use super::http::{Line, below, parse, unnamed};
use super::post::Post;
use crate::courier::{Receipt, Refusal};
use crate::render;

/// The first message about an incident is a card that always shows its state: later ones edit it, and say in a short message below
/// what changed, because an edit alone makes no sound. A webhook cannot answer to a message.
///
/// The edit comes first: it may be repeated without harm when what follows fails.
pub(crate) async fn send(line: &Line<'_>, url: &Secret) -> Result<Receipt, Refusal> {
    let url = parse(url)?;
    let post = match line.outgoing.earlier.map(Post::root_of) {
        Some(card) if edit(line, &url, card).await? => {
            if line.only_edits() {
                return Ok(Receipt::of(Some(card.to_owned())));
            }
            Post::under(create(line, &url, &render::discord_news(line.message())).await?, card)
        }
        _ if line.only_edits() => return Ok(unnamed()),
        _ => Post::first(create(line, &url, &render::discord(line.message())).await?),
    };
    Ok(Receipt::of((!post.own.is_empty()).then(|| post.to_string())))
}

/// `false` when the card is gone: somebody deleted it, and it is sent anew.
async fn edit(line: &Line<'_>, url: &Url, card: &str) -> Result<bool, Refusal> {
    let url = below(url.clone(), &["messages", card]);
    let answer = line.ask(line.client.patch(url).json(&render::discord(line.message()))).await?;
    match answer.status {
        // A webhook that is gone says the same, and then says it again to the message that is sent instead.
        StatusCode::NOT_FOUND => Ok(false),
        _ => answer.accepted().map(|_| true),
    }
}

/// With `wait=true` the answer is the message itself.
async fn create(line: &Line<'_>, url: &Url, body: &Value) -> Result<String, Refusal> {
    let mut url = url.clone();
    url.query_pairs_mut().append_pair("wait", "true");
    let answer = line.post(line.client.post(url).json(body)).await?;
    Ok(answer.json()["id"].as_str().unwrap_or_default().to_owned())
}

/// Asks for the webhook itself, which posts nothing.
pub(crate) async fn probe(line: &Line<'_>, url: &Secret) -> Result<Receipt, Refusal> {
    line.post(line.client.get(parse(url)?)).await.map(|_| unnamed())
}
