use mainstay_model::{Message, MessageKind, Secret, Severity};
use serde_json::{Value, json};

use super::limit::{Budget, Unit, cut, link};
use super::words::headline;

/// `payload.summary` (PagerDuty's documentation, "Send an alert event").
const SUMMARY: usize = 1024;
/// An event may have 512 KB. Nobody reads as much, and JSON at worst doubles this.
const DETAILS: usize = 64 * 1024;
/// Longer addresses are left out.
const ADDRESS: usize = 2000;

/// What an event wants of PagerDuty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventAction {
    Trigger,
    Acknowledge,
    Resolve,
}

/// What a message is to PagerDuty: an update triggers under the same key again, which PagerDuty takes as news of the open alert.
///
/// Whoever hears of it for the first time is told, taken up or not: PagerDuty knows no alert of an unknown key that is only
/// acknowledged.
pub(crate) fn event_action(message: &Message) -> EventAction {
    match (message.kind, message.incident.state.as_str()) {
        (MessageKind::Resolved, _) | (_, "resolved") => EventAction::Resolve,
        (MessageKind::Opened | MessageKind::Escalated, _) => EventAction::Trigger,
        (_, "acknowledged") => EventAction::Acknowledge,
        _ => EventAction::Trigger,
    }
}

/// The body for PagerDuty's Events API v2.
pub fn pagerduty(message: &Message, routing_key: &Secret) -> Value {
    event(message, routing_key, event_action(message))
}

pub(crate) fn event(message: &Message, routing_key: &Secret, action: EventAction) -> Value {
    let mut event = json!({
        "routing_key": routing_key.expose(),
        "event_action": match action {
            EventAction::Trigger => "trigger",
            EventAction::Acknowledge => "acknowledge",
            EventAction::Resolve => "resolve",
        },
        "dedup_key": format!("mainstay-{}", message.incident.id),
    });
    if action == EventAction::Trigger {
        event["payload"] = payload(message);
        event["client"] = "Mainstay".into();
        event["client_url"] = json!(link(Some(&message.incident.url), ADDRESS));
        event["links"] = links(message);
    }
    event
}

fn payload(message: &Message) -> Value {
    let first = message.dependencies.first();
    let source = first.map_or("mainstay", |one| one.target.as_str());
    json!({
        "summary": cut(&headline(message), SUMMARY, Unit::Utf16),
        "source": cut(source, SUMMARY, Unit::Utf16),
        "severity": match (message.kind, message.incident.severity) {
            (MessageKind::Test | MessageKind::Probe, _) | (_, Severity::Info) => "info",
            (_, Severity::Page) => "critical",
            (_, Severity::High) => "error",
            (_, Severity::Warn) => "warning",
        },
        "timestamp": message.incident.since,
        "component": message.components.first(),
        "group": first.and_then(|one| one.provider.as_ref()),
        "class": message.failure.as_ref().map(|failure| failure.kind),
        "custom_details": details(message),
    })
}

fn details(message: &Message) -> Value {
    let mut budget = Budget::new(DETAILS, Unit::Bytes);
    let mut take = |text: &str| budget.take(text, 8 * 1024);
    let cause = take(&message.cause);
    let change = message.change.as_deref().map(&mut take);
    let mut list = |lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| take(line)).filter(|line| !line.is_empty()).collect()
    };
    let (evidence, actions) = (list(&message.evidence), list(&message.actions));
    json!({
        "cause": cause,
        "change": change,
        "evidence": evidence,
        "actions": actions,
        "dependencies": message.dependencies.iter().take(50).map(|one| &one.name).collect::<Vec<_>>(),
        "drill": message.drill,
    })
}

fn links(message: &Message) -> Value {
    let acknowledge = link(message.incident.ack_url.as_deref(), ADDRESS).map(|url| ("Acknowledge", url));
    let open = link(Some(&message.incident.url), ADDRESS).map(|url| ("Open the incident", url));
    acknowledge.into_iter().chain(open).map(|(text, href)| json!({ "href": href, "text": text })).collect()
}
