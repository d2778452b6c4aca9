//! A message in the form of each channel: pure, the same message always gives the same bytes.

mod alertmanager;
mod discord;
mod limit;
mod mail;
mod ntfy;
mod pagerduty;
mod program;
mod request;
mod slack;
mod teams;
mod telegram;
mod twilio;
mod words;

pub use alertmanager::alertmanager;
pub use discord::{discord, discord_news};
pub use mail::{Mail, mail};
pub use ntfy::ntfy;
pub use pagerduty::pagerduty;
pub use program::program;
pub use request::{Request, TemplateError, check_request, request};
pub use slack::{slack, slack_news};
pub use teams::teams;
pub use telegram::{telegram, telegram_news};
pub use twilio::{sms, twiml};
pub use words::plain_text;

pub(crate) use alertmanager::{Labels, labels};
pub(crate) use pagerduty::{EventAction, event, event_action};

use mainstay_model::Message;

use serde_json::{Value, json};

use limit::{Budget, Unit, cut, link};

/// The body of the webhook contract. Standard Webhooks want it below 20 KB, so long texts are cut, and lists of them: first as far as
/// people read, then further until it fits.
pub fn webhook(message: &Message) -> Value {
    const LARGEST: usize = 20_000;
    let mut body = whole(message);
    // JSON doubles a text at worst, and at the end each of them has 125 bytes: that stays below the limit with both addresses.
    let mut longest = 8_000;
    while body.to_string().len() >= LARGEST && longest > 100 {
        body = whole(&shortened(message, longest));
        longest /= 2;
    }
    body
}

/// All of it, however long.
fn whole(message: &Message) -> Value {
    let mut data = serde_json::to_value(message).unwrap_or_default();
    if let Some(fields) = data.as_object_mut() {
        fields.remove("kind");
        fields.remove("at");
    }
    json!({ "type": message.kind, "timestamp": message.at, "data": data })
}

/// Longer addresses are left out.
const ADDRESS: usize = 2000;

/// The message with no text longer than this, nor a list of texts.
fn shortened(message: &Message, longest: usize) -> Message {
    let mut short = message.clone();
    let text = |text: &str| cut(text, longest, Unit::Bytes);
    let incident = &mut short.incident;
    incident.title = text(&incident.title);
    incident.url = link(Some(&incident.url), ADDRESS).unwrap_or_default().to_owned();
    incident.ack_url = link(incident.ack_url.as_deref(), ADDRESS).map(str::to_owned);
    short.cause = text(&short.cause);
    short.change = short.change.as_deref().map(text);
    if let Some(failure) = &mut short.failure {
        failure.message = text(&failure.message);
    }
    for lines in [&mut short.evidence, &mut short.actions] {
        let mut budget = Budget::new(longest, Unit::Bytes);
        let taken = lines.iter().map(|line| budget.take(line, longest));
        *lines = taken.take_while(|line| !line.is_empty()).collect();
    }
    short.dependencies.truncate(longest / 100);
    for dependency in &mut short.dependencies {
        dependency.target = text(&dependency.target);
    }
    short.components.truncate(longest / 50);
    short
}
