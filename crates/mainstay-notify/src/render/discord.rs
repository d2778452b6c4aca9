use mainstay_model::{Message, MessageKind, Severity};
use serde_json::{Value, json};

use super::limit::{Budget, Unit, bullets, cut, link};
use super::words::{Section, headline, news, sections};

/// All texts of all embeds together (Discord's documentation, "Embed Limits").
const TOGETHER: usize = 6000;

/// The card for a Discord webhook: one embed with the whole state, that pings nobody by accident.
pub fn discord(message: &Message) -> Value {
    let mut budget = Budget::new(TOGETHER, Unit::Utf16);
    let title = budget.take(&headline(message), 256);
    let description = description(message, &mut budget);
    let fields: Vec<Value> =
        sections(message).iter().filter_map(|section| field(section, &mut budget)).collect();
    json!({
        "username": "Mainstay",
        "allowed_mentions": { "parse": [] },
        "embeds": [{
            "title": title,
            "description": description,
            "url": link(Some(&message.incident.url), 2048),
            "color": colour(message),
            "timestamp": message.at,
            "fields": fields,
        }],
    })
}

fn field(section: &Section, budget: &mut Budget) -> Option<Value> {
    if !budget.reserve(section.heading.len()) {
        return None;
    }
    let value = budget.take(&escape(&bullets(&section.lines)), 1024);
    (!value.is_empty()).then(|| json!({ "name": section.heading, "value": value }))
}

/// A short message below the card, so that people hear of what changed.
pub fn discord_news(message: &Message) -> Value {
    json!({
        "username": "Mainstay",
        "allowed_mentions": { "parse": [] },
        "content": cut(&escape(&news(message)), 2000, Unit::Utf16),
    })
}

/// The limit of one description is 4096; people read no more than half of that.
fn description(message: &Message, budget: &mut Budget) -> String {
    let acknowledge = link(message.incident.ack_url.as_deref(), 1000)
        .map(|url| format!("\n[Acknowledge]({})", url.replace(')', "%29")))
        .filter(|line| budget.reserve(Unit::Utf16.length(line)));
    let mut text = escape(&message.cause);
    if let Some(change) = &message.change {
        text.push_str(&format!("\n**What changed:** {}", escape(change)));
    }
    format!("{}{}", budget.take(&text, 2000), acknowledge.unwrap_or_default())
}

/// What would make emphasis, code, spoilers or links of other people's texts. An underscore is left, because it would break addresses.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '*' | '~' | '`' | '|' | '[') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn colour(message: &Message) -> u32 {
    match (message.kind, message.incident.severity) {
        (MessageKind::Resolved | MessageKind::Test | MessageKind::Probe, _) => 0x2f_85_5a,
        (_, Severity::Page | Severity::High) => 0xc5_30_30,
        (_, Severity::Warn) => 0xb7_79_1f,
        (_, Severity::Info) => 0x4a_55_68,
    }
}
