use mainstay_model::{Message, MessageKind, Severity};
use serde_json::{Value, json};

use super::limit::{Budget, Unit, bullets, cut, link};
use super::words::{headline, sections};

/// A message longer than this becomes an attachment, or is refused (ntfy's documentation, "Limitations").
const LONGEST: usize = 4096;
/// A title, of which a kilobyte is taken since version 2.28.
const TITLE: usize = 250;

/// The body for ntfy, published as JSON to the server's root.
///
/// The incident is its `sequence_id`: clients since version 2.16 show one notification that changes, older servers ignore it.
pub fn ntfy(message: &Message, topic: &str) -> Value {
    let acknowledge = link(message.incident.ack_url.as_deref(), 2000);
    let actions: Vec<Value> = acknowledge
        .iter()
        .map(|url| json!({ "action": "view", "label": "Acknowledge", "url": url, "clear": true }))
        .collect();
    let mut body = json!({
        "topic": topic,
        "title": cut(&headline(message), TITLE, Unit::Bytes),
        "message": text(message),
        "priority": priority(message),
        "tags": tags(message),
        "actions": actions,
        "sequence_id": message.incident.id,
    });
    if let Some(url) = link(Some(&message.incident.url), 2000) {
        body["click"] = url.into();
    }
    body
}

fn text(message: &Message) -> String {
    let mut budget = Budget::new(LONGEST, Unit::Bytes);
    let mut text = budget.take(&message.cause, 1500);
    let change = message.change.iter().map(|change| ("What changed", change.clone()));
    let lists = sections(message).into_iter().map(|one| (one.heading, bullets(&one.lines)));
    for (heading, lines) in change.chain(lists) {
        if !budget.reserve(heading.len() + 3) {
            break;
        }
        let taken = budget.take(&lines, 1500);
        text.push_str(&format!("\n\n{heading}\n{taken}"));
    }
    text
}

/// From 1, which makes no sound, to 5, which goes through "do not disturb" where the phone is set up so.
fn priority(message: &Message) -> u8 {
    match (message.kind, message.incident.severity) {
        (MessageKind::Probe, _) => 1,
        (MessageKind::Resolved | MessageKind::Test, _) => 3,
        (_, Severity::Page) => 5,
        (_, Severity::High) => 4,
        (_, Severity::Warn) => 3,
        (_, Severity::Info) => 2,
    }
}

/// ntfy shows the names of emoji as such.
fn tags(message: &Message) -> Vec<&'static str> {
    let sign = match (message.kind, message.incident.severity) {
        (MessageKind::Resolved | MessageKind::Test | MessageKind::Probe, _) => "white_check_mark",
        (_, Severity::Page | Severity::High) => "rotating_light",
        (_, Severity::Warn) => "warning",
        (_, Severity::Info) => "information_source",
    };
    std::iter::once(sign).chain(message.drill.then_some("drill")).collect()
}
