use mainstay_model::Message;
use serde_json::{Value, json};

use super::limit::{Budget, Unit, bullets, link};
use super::words::{headline, news, sections};

/// Length of a text once its entities are parsed (Bot API, `sendMessage`), counted in units of UTF-16.
const LONGEST: usize = 4096;
/// Longer addresses are left out.
const ADDRESS: usize = 2000;

/// The message for Telegram: the fields of `sendMessage` and `editMessageText` that say it, in its HTML.
pub fn telegram(message: &Message) -> Value {
    let mut text = Text::new();
    text.bold(&headline(message), 500);
    text.line(&message.cause, 1200);
    if let Some(change) = &message.change {
        text.bold("What changed", 100);
        text.line(change, 700);
    }
    for section in sections(message) {
        text.bold(section.heading, 100);
        text.line(&bullets(&section.lines), 1500);
    }
    with_links(text.html, message)
}

/// A short message that answers to the first one about the incident.
pub fn telegram_news(message: &Message) -> Value {
    let mut text = Text::new();
    text.line(&news(message), 1500);
    with_links(text.html, message)
}

/// A text in Telegram's HTML, within the limit. Only the text counts, not the tags; it is cut before it is escaped.
struct Text {
    html: String,
    budget: Budget,
}

impl Text {
    /// Room for the line of links is set aside.
    fn new() -> Text {
        Text { html: String::new(), budget: Budget::new(LONGEST - 100, Unit::Utf16) }
    }

    fn bold(&mut self, text: &str, at_most: usize) {
        if self.budget.reserve(2) {
            let taken = self.budget.take(text, at_most);
            self.html.push_str(&format!("<b>{}</b>\n", escape(&taken)));
        }
    }

    fn line(&mut self, text: &str, at_most: usize) {
        if self.budget.reserve(2) {
            let taken = self.budget.take(text, at_most);
            self.html.push_str(&format!("{}\n\n", escape(&taken)));
        }
    }
}

/// A button only where Telegram takes its address: it refuses the whole message for one that leads to no public name. Such a link
/// stands in the text, where it is only not clickable at worst.
fn with_links(mut html: String, message: &Message) -> Value {
    let open = link(Some(&message.incident.url), ADDRESS).map(|url| ("Open the incident", url));
    let acknowledge = link(message.incident.ack_url.as_deref(), ADDRESS).map(|url| ("Acknowledge", url));
    let (buttons, links): (Vec<_>, Vec<_>) =
        acknowledge.into_iter().chain(open).partition(|(_, url)| is_public(url));
    let links: Vec<String> =
        links.iter().map(|(text, url)| format!("<a href=\"{}\">{text}</a>", escape(url))).collect();
    html.push_str(&links.join(" · "));
    let mut fields = json!({
        "text": html.trim_end(),
        "parse_mode": "HTML",
        "link_preview_options": { "is_disabled": true },
    });
    if !buttons.is_empty() {
        let row: Vec<Value> = buttons.iter().map(|(text, url)| json!({ "text": text, "url": url })).collect();
        fields["reply_markup"] = json!({ "inline_keyboard": [row] });
    }
    fields
}

fn is_public(url: &str) -> bool {
    let host = url::Url::parse(url).ok().and_then(|url| url.domain().map(str::to_owned));
    host.is_some_and(|host| host.contains('.') && !host.ends_with(".localhost") && !host.ends_with(".local"))
}

/// What Telegram's HTML wants escaped, in texts and in addresses.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
