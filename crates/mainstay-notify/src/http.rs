use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mainstay_model::Secret;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header};
use serde_json::Value;

use crate::courier::{Outgoing, Receipt, Refusal};
use crate::sign;

/// More of an answer than this is not read: services answer with a line or a small document.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Posts to a Discord webhook with `wait=true`, so that the answer is the message itself.
pub(crate) async fn discord(
    client: &Client,
    url: &Secret,
    now: Timestamp,
    body: &Value,
) -> Result<Receipt, Refusal> {
    let mut url = parse(url)?;
    url.query_pairs_mut().append_pair("wait", "true");
    let answer = post(client.post(url).json(body), now).await?;
    let message: Option<Value> = serde_json::from_str(&answer).ok();
    Ok(Receipt { id: message.and_then(|message| message["id"].as_str().map(str::to_owned)) })
}

/// Posts to a Slack incoming webhook, which answers `ok`.
pub(crate) async fn slack(
    client: &Client,
    url: &Secret,
    now: Timestamp,
    body: &Value,
) -> Result<Receipt, Refusal> {
    post(client.post(parse(url)?).json(body), now).await.map(|_| Receipt { id: None })
}

/// Posts to an endpoint that takes Standard Webhooks.
pub(crate) async fn webhook(
    client: &Client,
    url: &Secret,
    secret: Option<&Secret>,
    outgoing: Outgoing<'_>,
    body: String,
) -> Result<Receipt, Refusal> {
    let id = outgoing.delivery.id.to_string();
    let timestamp = outgoing.now.as_second();
    let mut request = client
        .post(parse(url)?)
        .header(header::CONTENT_TYPE, "application/json")
        .header("webhook-id", &id)
        .header("webhook-timestamp", timestamp);
    if let Some(secret) = secret {
        request = request.header("webhook-signature", sign(secret.expose(), &id, timestamp, &body));
    }
    post(request.body(body), outgoing.now).await.map(|_| Receipt { id: None })
}

/// Asks with POST, without a body.
pub(crate) async fn beat(
    client: &Client,
    url: &Secret,
    token: Option<&Secret>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let mut request = client.post(parse(url)?).header(header::CONTENT_LENGTH, 0);
    if let Some(token) = token {
        request = request.bearer_auth(token.expose());
    }
    post(request, now).await.map(drop)
}

fn parse(url: &Secret) -> Result<Url, Refusal> {
    // The error of the parser is left out: the address is a secret.
    url.expose()
        .parse()
        .map_err(|_| Refusal::never("the channel's address is not a URL; mend it in the configuration"))
}

async fn post(request: RequestBuilder, now: Timestamp) -> Result<String, Refusal> {
    let response = request.send().await.map_err(unreached)?;
    let status = response.status();
    let asked = retry_after(&response, now);
    let answer = bounded_text(response).await;
    if status.is_success() {
        return Ok(answer);
    }
    Err(refused(status, asked.or_else(|| retry_after_in_body(&answer)), &answer))
}

/// The request was not answered. `without_url` keeps the secret address out of the reason.
fn unreached(error: reqwest::Error) -> Refusal {
    let error = error.without_url();
    let what = if error.is_timeout() {
        "the service did not answer in time"
    } else if error.is_connect() {
        "the service could not be reached"
    } else {
        "the connection to the service broke"
    };
    let mut source: &dyn std::error::Error = &error;
    while let Some(deeper) = source.source() {
        source = deeper;
    }
    Refusal::later(format!("{what}: {source}"))
}

fn refused(status: StatusCode, retry_after: Option<Duration>, answer: &str) -> Refusal {
    let said = excerpt(answer);
    let reason = match said.is_empty() {
        true => format!("the service answered {status}"),
        false => format!("the service answered {status}: {said}"),
    };
    let may_change = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT
                | StatusCode::CONFLICT
                | StatusCode::TOO_EARLY
                | StatusCode::TOO_MANY_REQUESTS
        );
    let not_let_in = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    match may_change {
        _ if not_let_in => Refusal::credentials(reason, retry_after),
        true => Refusal::Later { reason, retry_after },
        false => Refusal::Never { reason },
    }
}

/// Seconds, or a date of HTTP (RFC 9110, section 10.2.3). A date is judged by the service's own clock where the answer
/// tells it, so that a wrong clock on either side does not matter.
fn retry_after(response: &Response, now: Timestamp) -> Option<Duration> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::trim);
    let seconds = |name: &str| duration(header(name)?.parse().ok()?);
    let until = || {
        let at = http_date(header("retry-after")?)?;
        let theirs = header("date").and_then(http_date).unwrap_or(now);
        Some(Duration::try_from(at.duration_since(theirs)).unwrap_or_default())
    };
    seconds("retry-after").or_else(until).or_else(|| seconds("x-ratelimit-reset-after"))
}

/// The three forms of a date that a recipient must understand (RFC 9110, section 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    const FORMS: [&str; 3] =
        ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let read = |form: &&str| jiff::civil::DateTime::strptime(form, text).ok();
    FORMS.iter().find_map(read)?.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp())
}

/// Discord says it, with fractions of a second, in the body.
fn retry_after_in_body(answer: &str) -> Option<Duration> {
    duration(serde_json::from_str::<Value>(answer).ok()?.get("retry_after")?.as_f64()?)
}

fn duration(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

async fn bounded_text(mut response: Response) -> String {
    let mut bytes = Vec::new();
    // An answer that breaks off has still answered: its status counts.
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = LONGEST_ANSWER - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if bytes.len() == LONGEST_ANSWER {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn excerpt(answer: &str) -> String {
    let words: Vec<&str> = answer.split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(200).collect()
}
