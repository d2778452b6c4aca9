use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Message, MessageKind};
use serde_json::{Value, json};

use super::limit::{Unit, bullets, cut, link};
use super::words::headline;

/// How far ahead a firing alert ends.
///
/// Alertmanager ends an alert without `endsAt` by itself `resolve_timeout` (5 minutes) after it was sent last, and keeps one with
/// `endsAt` until then (`api/v2/api.go`, `postAlertsHandler`). A message goes out once and not every minute, so it says an end of its
/// own, which the message that the incident is over moves to that moment: of two versions of an alert Alertmanager takes the younger
/// one's end when that is in the past (`types.Alert.Merge`). Should that message never arrive, the alert ends here.
const FIRES_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A trial ends by itself, soon.
const TRIAL: SignedDuration = SignedDuration::from_mins(5);

/// One annotation; there is no limit on Alertmanager's side but what mails and chats behind it take.
const ANNOTATION: usize = 4000;

/// The labels of an alert, which are its identity.
pub(crate) type Labels = BTreeMap<String, String>;

/// The body for Alertmanager's `POST /api/v2/alerts`.
///
/// `before` are the labels of the latest message about this incident. When they differ now, because the severity rose, the alert of
/// before is ended in the same request: else it would go on firing beside the new one.
pub fn alertmanager(message: &Message, before: Option<&BTreeMap<String, String>>) -> Value {
    let labels = labels(message);
    let ends_at = match message.kind {
        MessageKind::Resolved => message.incident.resolved_at.unwrap_or(message.at),
        MessageKind::Test | MessageKind::Digest => later(message.at, TRIAL),
        _ => later(message.at, FIRES_FOR),
    };
    let outdated = before.filter(|before| **before != labels).map(|before| {
        json!({ "labels": before, "annotations": {}, "startsAt": starts_at(message), "endsAt": over(message, message.at) })
    });
    let alert = json!({
        "labels": labels,
        "annotations": annotations(message),
        "startsAt": starts_at(message),
        "endsAt": over(message, ends_at),
        "generatorURL": link(Some(&message.incident.url), 2000).unwrap_or_default(),
    });
    outdated.into_iter().chain([alert]).collect()
}

/// What stays the same from the first message to the last, but for the severity, by which people route.
pub(crate) fn labels(message: &Message) -> Labels {
    let first = message.dependencies.first();
    let labels = [
        ("alertname", Some("MainstayIncident".to_owned())),
        ("incident", Some(message.incident.id.to_string())),
        ("severity", Some(message.incident.severity.to_string())),
        ("dependency", first.map(|one| one.name.to_string())),
        ("provider", first.and_then(|one| one.provider.as_ref()).map(|name| name.to_string())),
        ("drill", message.drill.then(|| "true".to_owned())),
    ];
    labels.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn annotations(message: &Message) -> Value {
    let text = |text: &str| cut(text, ANNOTATION, Unit::Bytes);
    let mut annotations = json!({ "summary": text(&headline(message)), "description": text(&message.cause) });
    if !message.actions.is_empty() {
        annotations["actions"] = text(&bullets(&message.actions)).into();
    }
    if let Some(url) = link(message.incident.ack_url.as_deref(), 2000) {
        annotations["acknowledge"] = url.into();
    }
    annotations
}

fn starts_at(message: &Message) -> Timestamp {
    message.incident.since.min(message.at)
}

/// Alertmanager refuses an alert that ends before it starts.
fn over(message: &Message, at: Timestamp) -> Timestamp {
    at.max(starts_at(message))
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
