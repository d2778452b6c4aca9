use std::time::Duration;

use mainstay_model::Telegram;
use reqwest::{StatusCode, Url};
use serde_json::{Value, json};

use super::http::{Line, api};
use super::post::Post;
use crate::courier::{Receipt, Refusal};
use crate::render;

const API: &str = "https://api.telegram.org";

/// One message a second to a person, and twenty a minute to a group or a channel (Telegram's "Bots FAQ").
pub(crate) fn spacing(chat: &Telegram) -> Duration {
    Duration::from_secs(if chat.chat.starts_with(['-', '@']) { 3 } else { 1 })
}

/// The first message about an incident always shows its state; later ones edit it and answer to it with what changed.
///
/// The edit comes first: it may be repeated without harm when what follows fails.
pub(crate) async fn send(line: &Line<'_>, chat: &Telegram) -> Result<Receipt, Refusal> {
    let first = line.outgoing.earlier.map(Post::root_of).and_then(|root| root.parse::<i64>().ok());
    let post = match first {
        Some(first) if edit(line, chat, first).await? => {
            if line.only_edits() {
                return Ok(Receipt::of(Some(first.to_string())));
            }
            let mut fields = render::telegram_news(line.message());
            fields["reply_parameters"] = json!({ "message_id": first, "allow_sending_without_reply": true });
            Post::under(create(line, chat, fields).await?, &first.to_string())
        }
        _ if line.only_edits() => return Ok(Receipt::of(None)),
        _ => Post::first(create(line, chat, render::telegram(line.message())).await?),
    };
    Ok(Receipt::of((!post.own.is_empty()).then(|| post.to_string())))
}

/// `false` when the first message is gone or too old to be changed.
async fn edit(line: &Line<'_>, chat: &Telegram, first: i64) -> Result<bool, Refusal> {
    let mut fields = render::telegram(line.message());
    fields["chat_id"] = chat.chat.as_str().into();
    fields["message_id"] = first.into();
    let request = line.client.post(method(chat, "editMessageText")?).json(&fields);
    let answer = line.ask(request).await?;
    if answer.status != StatusCode::BAD_REQUEST {
        return answer.accepted().map(|_| true);
    }
    // An attempt before this one has changed it already; anything else is about this one message.
    let said = answer.json()["description"].as_str().unwrap_or_default().to_lowercase();
    Ok(said.contains("message is not modified"))
}

async fn create(line: &Line<'_>, chat: &Telegram, mut fields: Value) -> Result<String, Refusal> {
    fields["chat_id"] = chat.chat.as_str().into();
    let answer = line.post(line.client.post(method(chat, "sendMessage")?).json(&fields)).await?;
    Ok(answer.json().pointer("/result/message_id").map(Value::to_string).unwrap_or_default())
}

/// The token is part of the address, which no reason shows.
fn method(chat: &Telegram, name: &str) -> Result<Url, Refusal> {
    api(chat.api_url.as_ref(), API, &[&format!("bot{}", chat.token.expose()), name])
}

/// Asks for the chat, which tells whether the bot is let in and may see it.
pub(crate) async fn probe(line: &Line<'_>, chat: &Telegram) -> Result<Receipt, Refusal> {
    let request = line.client.post(method(chat, "getChat")?).json(&json!({ "chat_id": chat.chat }));
    line.post(request).await.map(|_| Receipt::of(None))
}
