use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mainstay_model::{ChannelKind, Message, MessageKind, Secret};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use super::unsaid::Unsaid;
use crate::courier::{Outgoing, Receipt, Refusal};
use crate::pace::Pacer;

/// More of an answer than this is not read: services answer with a line or a small document.
const LONGEST_ANSWER: usize = 64 * 1024;

/// One attempt over HTTP: the client, the pace of the channel, and what is sent.
pub(crate) struct Line<'a> {
    pub(crate) client: &'a Client,
    pub(crate) pacer: &'a Pacer,
    pub(crate) outgoing: Outgoing<'a>,
    /// The least time between two requests to this channel.
    pub(crate) spacing: Duration,
}

/// What a service answered, whatever it means.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) text: String,
    pub(super) retry_after: Option<Duration>,
    /// How long nothing more is taken, although this was.
    exhausted: Option<Duration>,
    /// What of the answer nobody else is to read.
    unsaid: Unsaid,
}

impl<'a> Line<'a> {
    pub(super) fn message(&self) -> &'a Message {
        &self.outgoing.delivery.message
    }

    /// Whether it changes what is shown and is no message of its own, so that where nothing is shown there is nothing to do.
    pub(super) fn only_edits(&self) -> bool {
        self.message().kind == MessageKind::TakenUp
    }

    /// Asks when it is the channel's turn. An error means that there was no answer, or that it is not yet time to ask.
    pub(super) async fn ask(&self, request: RequestBuilder) -> Result<Answer, Refusal> {
        let channel = &self.outgoing.delivery.channel;
        self.pacer.turn(channel, self.spacing).await?;
        let mut answer = answer(request, self.outgoing.now).await?;
        if let ChannelKind::PagerDuty(service) = &self.outgoing.channel.kind {
            // It stands in the body.
            answer.unsaid.also(&service.routing_key);
        }
        let too_many = answer.status == StatusCode::TOO_MANY_REQUESTS;
        if let Some(wait) = answer.retry_after.filter(|_| too_many).or(answer.exhausted) {
            self.pacer.hold(channel, wait);
        }
        Ok(answer)
    }

    /// The same, where only the status tells whether it was accepted.
    pub(super) async fn post(&self, request: RequestBuilder) -> Result<Answer, Refusal> {
        self.ask(request).await?.accepted()
    }
}

/// Asks. An error means that there was no answer.
pub(super) async fn answer(request: RequestBuilder, now: Timestamp) -> Result<Answer, Refusal> {
    let (client, request) = request.build_split();
    let request = request.map_err(unreached)?;
    let unsaid = Unsaid::of(&request);
    let response = client.execute(request).await.map_err(unreached)?;
    let status = response.status();
    let asked = retry_after(&response, now);
    let exhausted = exhausted(&response);
    let text = bounded_text(response).await;
    let retry_after = asked.or_else(|| retry_after_in_body(&text));
    Ok(Answer { status, text, retry_after, exhausted, unsaid })
}

impl Answer {
    pub(super) fn accepted(self) -> Result<Answer, Refusal> {
        if self.status.is_success() { Ok(self) } else { Err(self.refusal()) }
    }

    /// What the status means when it is not the accepted one.
    pub(super) fn refusal(&self) -> Refusal {
        refused(self.status, self.retry_after, &self.unsaid.hide(&self.text))
    }

    /// The answer as JSON; `null` when it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// Accepted, and the service gives it no name.
pub(super) fn unnamed() -> Receipt {
    Receipt::of(None)
}

pub(super) fn parse(url: &Secret) -> Result<Url, Refusal> {
    // The error of the parser is left out: the address is a secret.
    url.expose()
        .parse()
        .map_err(|_| Refusal::never("the channel's address is not a URL; mend it in the configuration"))
}

/// An address with these segments added to its path, whether it ends with a slash or not.
pub(super) fn below(mut url: Url, segments: &[&str]) -> Url {
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// The address of a service's API: where the configuration says, or where everybody finds it.
pub(super) fn api(configured: Option<&String>, usual: &str, segments: &[&str]) -> Result<Url, Refusal> {
    let base = configured.map_or(usual, String::as_str);
    let url: Url = base
        .parse()
        .map_err(|_| Refusal::never("the channel's api_url is not a URL; mend it in the configuration"))?;
    Ok(below(url, segments))
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

/// Discord says it, with fractions of a second, in the body; Telegram within `parameters`.
fn retry_after_in_body(answer: &str) -> Option<Duration> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let said = ["/retry_after", "/parameters/retry_after"].iter().find_map(|place| answer.pointer(place));
    duration(said?.as_f64()?)
}

/// How long to wait after an answer that used up what is allowed (Discord's documentation, "Rate Limits").
fn exhausted(response: &Response) -> Option<Duration> {
    let number = |name: &str| response.headers().get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let none_left = number("x-ratelimit-remaining")? == 0.0;
    duration(number("x-ratelimit-reset-after")?).filter(|_| none_left)
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

/// The beginning of what a service or a program said, on one line.
pub(super) fn excerpt(answer: &str) -> String {
    let words: Vec<&str> = answer.split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(200).collect()
}
