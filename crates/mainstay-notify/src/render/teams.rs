use mainstay_model::{Message, MessageKind, Severity};
use serde_json::{Value, json};

use super::limit::{Budget, Unit, bullets, link};
use super::words::{headline, sections};

/// Teams takes messages of about 28 KB. JSON doubles a text at worst (quotation marks, line breaks), so this many bytes of text and
/// what holds them together stay below that.
const TEXTS: usize = 11_000;
/// Longer addresses are left out.
const ADDRESS: usize = 1000;

/// The body for a workflow of Microsoft Teams: an Adaptive Card.
///
/// Texts of others stand in `TextRun`s, which know no Markdown, so that nothing in them becomes a link or an emphasis.
pub fn teams(message: &Message) -> Value {
    let mut budget = Budget::new(TEXTS, Unit::Bytes);
    let mut body = vec![block(json!({
        "type": "TextRun",
        "text": budget.take(&headline(message), 600),
        "weight": "Bolder",
        "size": "Large",
        "color": colour(message),
    }))];
    body.push(block(run(&budget.take(&message.cause, 3000))));
    if let Some(change) = &message.change {
        body.push(heading("What changed"));
        body.push(block(run(&budget.take(change, 2000))));
    }
    for section in sections(message) {
        let text = budget.take(&bullets(&section.lines), 3000);
        if !text.is_empty() {
            body.push(heading(section.heading));
            body.push(block(run(&text)));
        }
    }
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": { "width": "Full" },
                "body": body,
                "actions": actions(message),
            },
        }],
    })
}

fn block(run: Value) -> Value {
    json!({ "type": "RichTextBlock", "inlines": [run] })
}

fn run(text: &str) -> Value {
    json!({ "type": "TextRun", "text": text })
}

fn heading(text: &str) -> Value {
    block(json!({ "type": "TextRun", "text": text, "weight": "Bolder" }))
}

fn actions(message: &Message) -> Vec<Value> {
    let acknowledge = link(message.incident.ack_url.as_deref(), ADDRESS).map(|url| ("Acknowledge", url));
    let open = link(Some(&message.incident.url), ADDRESS).map(|url| ("Open the incident", url));
    let action = |(title, url)| json!({ "type": "Action.OpenUrl", "title": title, "url": url });
    acknowledge.into_iter().chain(open).map(action).collect()
}

fn colour(message: &Message) -> &'static str {
    match (message.kind, message.incident.severity) {
        (MessageKind::Resolved | MessageKind::Test | MessageKind::Probe, _) => "Good",
        (_, Severity::Page | Severity::High) => "Attention",
        (_, Severity::Warn) => "Warning",
        (_, Severity::Info) => "Default",
    }
}
