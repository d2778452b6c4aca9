use mainstay_model::{Message, MessageKind, Severity};
use serde_json::{Value, json};

use super::words::{headline, sections};

/// The body for a Discord webhook: one embed, within Discord's limits, that pings nobody by accident.
pub fn discord(message: &Message) -> Value {
    let mut description = message.cause.clone();
    if let Some(change) = &message.change {
        description.push_str(&format!("\n**What changed:** {change}"));
    }
    let fields: Vec<Value> = sections(message)
        .iter()
        .map(|section| json!({ "name": section.heading, "value": cut(&bullets(&section.lines), 1024) }))
        .collect();
    json!({
        "username": "Mainstay",
        "allowed_mentions": { "parse": [] },
        "embeds": [{
            "title": cut(&headline(message), 256),
            // The limit of one description is 4096, of all texts together 6000.
            "description": cut(&description, 2000),
            "url": message.incident.url,
            "color": colour(message),
            "timestamp": message.at,
            "fields": fields,
        }],
    })
}

/// The body for a Slack incoming webhook: blocks, and a plain text for notifications.
pub fn slack(message: &Message) -> Value {
    let headline = headline(message);
    let mut blocks = vec![
        json!({ "type": "header", "text": { "type": "plain_text", "text": cut(&headline, 150) } }),
        section(&escape(&message.cause)),
    ];
    if let Some(change) = &message.change {
        blocks.push(section(&format!("*What changed:* {}", escape(change))));
    }
    blocks.extend(
        sections(message)
            .iter()
            .map(|one| section(&format!("*{}*\n{}", one.heading, escape(&bullets(&one.lines))))),
    );
    blocks.push(section(&format!("<{}|Open the incident>", message.incident.url)));
    json!({ "text": escape(&headline), "blocks": blocks })
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": cut(text, 3000) } })
}

fn bullets(lines: &[String]) -> String {
    lines.iter().map(|line| format!("• {line}")).collect::<Vec<_>>().join("\n")
}

/// Slack gives meaning to these three characters and to no others.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// At most `longest` characters, with an ellipsis where something is missing.
fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest - 1).collect();
    format!("{}…", kept.trim_end())
}

fn colour(message: &Message) -> u32 {
    match (message.kind, message.incident.severity) {
        (MessageKind::Resolved | MessageKind::Test | MessageKind::Probe, _) => 0x2f_85_5a,
        (_, Severity::Page | Severity::High) => 0xc5_30_30,
        (_, Severity::Warn) => 0xb7_79_1f,
        (_, Severity::Info) => 0x4a_55_68,
    }
}
