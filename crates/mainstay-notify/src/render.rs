//! A message in the form of each channel: pure, the same message always gives the same bytes.

mod chat;
mod mail;
mod words;

pub use chat::{discord, slack};
pub use mail::{Mail, mail};
pub use words::plain_text;

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
