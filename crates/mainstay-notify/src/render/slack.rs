use mainstay_model::Message;
use serde_json::{Value, json};

use super::limit::{Unit, bullets, cut, link};
use super::words::{headline, news, sections};

/// One section (Slack's documentation, "Section block").
const SECTION: usize = 3000;
/// All blocks together; what Slack takes is not documented, and was seen to end near 13,200 (bolt-js, issue 2509).
const TOGETHER: usize = 12_000;
/// The address of a button.
const ADDRESS: usize = 3000;

/// The body for Slack: blocks, and a plain text for notifications.
pub fn slack(message: &Message) -> Value {
    let headline = headline(message);
    let mut left = TOGETHER;
    let mut blocks = vec![json!({
        "type": "header",
        "text": { "type": "plain_text", "text": cut(&headline, 150, Unit::Utf16) },
    })];
    let mut add = |text: &str| {
        let text = escape(text, SECTION.min(left));
        left -= Unit::Utf16.length(&text);
        (!text.is_empty()).then(|| section(&text))
    };
    blocks.extend(add(&message.cause));
    blocks.extend(message.change.as_ref().and_then(|change| add(&format!("*What changed:* {change}"))));
    let lists = sections(message);
    let lists = lists.iter().filter_map(|one| add(&format!("*{}*\n{}", one.heading, bullets(&one.lines))));
    blocks.extend(lists);
    blocks.extend(open(message));
    blocks.extend(acknowledge(message));
    json!({ "text": escape(&headline, SECTION), "blocks": blocks })
}

/// A short message in the thread of the incident.
pub fn slack_news(message: &Message) -> Value {
    let blocks: Vec<Value> =
        [section(&escape(&news(message), SECTION))].into_iter().chain(acknowledge(message)).collect();
    json!({ "text": escape(&headline(message), SECTION), "blocks": blocks })
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

fn open(message: &Message) -> Option<Value> {
    let url = link(Some(&message.incident.url), SECTION - 100)?;
    Some(section(&format!("<{url}|Open the incident>")))
}

fn acknowledge(message: &Message) -> Option<Value> {
    let url = link(message.incident.ack_url.as_deref(), ADDRESS)?;
    let text = json!({ "type": "plain_text", "text": "Acknowledge" });
    let button = json!({ "type": "button", "action_id": "acknowledge", "text": text, "url": url });
    Some(json!({ "type": "actions", "elements": [button] }))
}

/// Slack gives meaning to these three characters and to no others. The limit holds for what is sent, so an escaped character is
/// counted as long as it becomes, and never cut in two.
fn escape(text: &str, longest: usize) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut room = longest;
    loop {
        let written = escaped(&cut(text, room, Unit::Utf16));
        let surplus = Unit::Utf16.length(&written).saturating_sub(longest);
        if surplus == 0 {
            return written;
        }
        // One character becomes five at most, so this ends after a few rounds.
        room = room.saturating_sub(surplus.div_ceil(5).max(1));
    }
}
