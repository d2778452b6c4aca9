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

/// The body of the webhook contract.
pub fn webhook(message: &Message) -> Value {
    let mut data = serde_json::to_value(message).unwrap_or_default();
    if let Some(fields) = data.as_object_mut() {
        fields.remove("kind");
        fields.remove("at");
    }
    json!({ "type": message.kind, "timestamp": message.at, "data": data })
}
