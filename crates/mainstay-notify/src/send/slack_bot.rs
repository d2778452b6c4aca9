use mainstay_model::SlackBot;
use serde_json::Value;

use super::http::{Answer, Line, api};
use super::post::Post;
use crate::courier::{Receipt, Refusal};
use crate::render;

const API: &str = "https://slack.com/api";

/// The first message about an incident always shows its state; later ones edit it and say what changed in its thread.
///
/// The edit comes first: it may be repeated without harm when what follows fails.
pub(crate) async fn send(line: &Line<'_>, bot: &SlackBot) -> Result<Receipt, Refusal> {
    let root = line.outgoing.earlier.map(Post::root_of).and_then(|root| root.split_once('/'));
    let post = match root {
        Some((channel, ts)) if edit(line, bot, channel, ts).await? => {
            if line.only_edits() {
                return Ok(Receipt::of(Some(format!("{channel}/{ts}"))));
            }
            let mut body = render::slack_news(line.message());
            body["thread_ts"] = ts.into();
            Post::under(create(line, bot, channel, body).await?, &format!("{channel}/{ts}"))
        }
        _ if line.only_edits() => return Ok(Receipt::of(None)),
        _ => Post::first(create(line, bot, &bot.channel, render::slack(line.message())).await?),
    };
    Ok(Receipt::of(Some(post.to_string())))
}

/// `false` when the first message cannot be changed any more: it was deleted, or the workspace allows it no longer.
async fn edit(line: &Line<'_>, bot: &SlackBot, channel: &str, ts: &str) -> Result<bool, Refusal> {
    let mut body = render::slack(line.message());
    body["channel"] = channel.into();
    body["ts"] = ts.into();
    match call(line, bot, "chat.update", &body).await? {
        Said::Yes(_) => Ok(true),
        Said::No(error) if is_about_the_message(&error) => Ok(false),
        Said::No(error) => Err(refusal(&error)),
    }
}

/// The message as `channel/timestamp`, which is how Slack names it.
async fn create(line: &Line<'_>, bot: &SlackBot, channel: &str, mut body: Value) -> Result<String, Refusal> {
    body["channel"] = channel.into();
    match call(line, bot, "chat.postMessage", &body).await? {
        Said::Yes(answer) => {
            let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
            Ok(format!("{}/{}", text("channel"), text("ts")))
        }
        Said::No(error) => Err(refusal(&error)),
    }
}

/// What Slack said: the status is 200 either way.
enum Said {
    Yes(Value),
    No(String),
}

async fn call(line: &Line<'_>, bot: &SlackBot, method: &str, body: &Value) -> Result<Said, Refusal> {
    let url = api(bot.api_url.as_ref(), API, &[method])?;
    let request = line.client.post(url).bearer_auth(bot.token.expose()).json(body);
    let answer: Answer = line.post(request).await?;
    let said = answer.json();
    match (said["ok"].as_bool(), said["error"].as_str()) {
        (Some(true), _) => Ok(Said::Yes(said)),
        (Some(false), error) => Ok(Said::No(error.unwrap_or("no reason given").to_owned())),
        // Whether it was posted is not known, and twice is better than never.
        (None, _) => {
            Err(Refusal::later("the service answered 200 OK without saying whether it took the message"))
        }
    }
}

fn is_about_the_message(error: &str) -> bool {
    matches!(error, "message_not_found" | "cant_update_message" | "edit_window_closed" | "thread_not_found")
}

/// Slack's documentation, "chat.postMessage", errors.
fn refusal(error: &str) -> Refusal {
    let reason = format!("the service answered {error}");
    match error {
        "ratelimited"
        | "rate_limited"
        | "message_limit_exceeded"
        | "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org"
        | "accesslimited" => Refusal::later(reason),
        "invalid_auth"
        | "not_authed"
        | "account_inactive"
        | "token_expired"
        | "token_revoked"
        | "access_denied"
        | "missing_scope"
        | "no_permission"
        | "ekm_access_denied"
        | "not_allowed_token_type"
        | "org_login_required"
        | "not_in_channel" => Refusal::credentials(reason, None),
        _ => Refusal::never(reason),
    }
}

/// Asks who the token belongs to, which posts nothing.
pub(crate) async fn probe(line: &Line<'_>, bot: &SlackBot) -> Result<Receipt, Refusal> {
    match call(line, bot, "auth.test", &Value::Object(Default::default())).await? {
        Said::Yes(_) => Ok(Receipt::of(None)),
        Said::No(error) => Err(refusal(&error)),
    }
}
