use std::collections::BTreeMap;

use mainstay_model::*;
use mainstay_notify::*;
use serde_json::{Value, json};

use crate::house::samples;

/// What a service is sent for each kind of message, and for the largest one, in which long texts stand by their lengths.
#[track_caller]
fn check(name: &str, payload: impl Fn(&Delivery) -> Value) {
    let mut samples = samples();
    samples.remove("bare");
    samples.remove("hostile");
    let mut payloads: BTreeMap<&str, Value> =
        samples.iter().map(|(name, delivery)| (*name, payload(delivery))).collect();
    payloads.insert("largest", shortened(payload(&largest())));
    insta::assert_json_snapshot!(name, payloads);
}

fn largest() -> Delivery {
    let mut delivery = samples().remove("updated").unwrap();
    let message = &mut delivery.message;
    message.incident.title = "Ünïcode ".repeat(200);
    message.cause = "The cause is long. ".repeat(2_000);
    message.change = Some("What changed is long. ".repeat(2_000));
    message.evidence = vec!["Evidence 🦀 ".repeat(100); 100];
    message.actions = vec!["Do something. ".repeat(100); 100];
    message.dependencies = (0..200)
        .map(|at| MessageDependency {
            name: format!("db-{at}").parse().unwrap(),
            ..message.dependencies[0].clone()
        })
        .collect();
    delivery
}

fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > 120 => {
            let start: String = text.chars().take(40).collect();
            let (units, bytes) = (text.encode_utf16().count(), text.len());
            json!(format!("{start}… ({units} units of UTF-16, {bytes} bytes)"))
        }
        Value::Array(items) if items.len() > 12 => json!(format!("({} items)", items.len())),
        Value::Array(items) => items.into_iter().map(shortened).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, shortened(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other,
    }
}

#[test]
fn discord_cards_and_news() {
    check("discord", |delivery| {
        json!({
            "card": discord(&delivery.message), "news": discord_news(&delivery.message),
        })
    });
}

#[test]
fn slack_messages_and_news() {
    check("slack", |delivery| {
        json!({
            "message": slack(&delivery.message), "news": slack_news(&delivery.message),
        })
    });
}

#[test]
fn teams_cards() {
    check("teams", |delivery| teams(&delivery.message));
}

#[test]
fn telegram_messages_and_answers() {
    check("telegram", |delivery| {
        json!({
            "message": telegram(&delivery.message), "news": telegram_news(&delivery.message),
        })
    });
}

#[test]
fn pagerduty_events() {
    check("pagerduty", |delivery| pagerduty(&delivery.message, &Secret::new("key")));
}

#[test]
fn alertmanager_alerts() {
    check("alertmanager", |delivery| alertmanager(&delivery.message, None));
}

#[test]
fn ntfy_notifications() {
    check("ntfy", |delivery| ntfy(&delivery.message, "topic"));
}

#[test]
fn text_messages_and_calls() {
    check("twilio", |delivery| json!({ "sms": sms(&delivery.message), "call": twiml(&delivery.message) }));
}

#[test]
fn programs_get_json_and_variables() {
    check("program", |delivery| {
        let (input, variables) = program(delivery);
        let variables: BTreeMap<_, _> = variables.into_iter().collect();
        json!({ "input": serde_json::from_str::<Value>(&input).unwrap(), "variables": variables })
    });
}

#[test]
fn an_acknowledged_incident_is_acknowledged_at_pagerduty() {
    let mut delivery = samples().remove("updated").unwrap();
    delivery.message.incident.state = "acknowledged".into();
    assert_eq!(pagerduty(&delivery.message, &Secret::new("key"))["event_action"], "acknowledge");
}

#[test]
fn an_alert_whose_labels_changed_is_ended_under_the_old_ones() {
    let (before, mut after) = (samples().remove("opened").unwrap(), samples().remove("updated").unwrap());
    let labels = |value: &Value| -> BTreeMap<String, String> {
        serde_json::from_value(value["labels"].clone()).unwrap()
    };
    let before = labels(&alertmanager(&before.message, None)[0]);
    assert_eq!(alertmanager(&after.message, Some(&before)).as_array().unwrap().len(), 1, "the same labels");
    after.message.incident.severity = Severity::High;
    let alerts = alertmanager(&after.message, Some(&before));
    let alerts = alerts.as_array().unwrap();
    assert_eq!(alerts.len(), 2);
    assert_eq!((labels(&alerts[0]), &alerts[0]["endsAt"]), (before, &json!(after.message.at)));
    assert_eq!(labels(&alerts[1])["severity"], "high");
}

#[test]
fn a_link_that_telegram_would_refuse_is_no_button() {
    let mut delivery = samples().remove("opened").unwrap();
    for url in ["http://localhost:8080/x", "http://ops:8080/x", "http://10.0.0.1/x", "http://ops.local/x"] {
        delivery.message.incident.url = url.into();
        delivery.message.incident.ack_url = None;
        let fields = telegram(&delivery.message);
        assert_eq!(fields.get("reply_markup"), None, "{url}");
        assert!(fields["text"].as_str().unwrap().contains(&format!("<a href=\"{url}\">")), "{url}");
    }
}

#[test]
fn every_channel_shows_the_acknowledge_link() {
    let delivery = samples().remove("opened").unwrap();
    let message = &delivery.message;
    let url = message.incident.ack_url.as_ref().unwrap();
    let mail = render_mail(message);
    for (what, payload) in [
        ("discord", discord(message).to_string()),
        ("slack", slack(message).to_string()),
        ("slack thread", slack_news(message).to_string()),
        ("teams", teams(message).to_string()),
        ("telegram", telegram(message).to_string()),
        ("telegram answer", telegram_news(message).to_string()),
        ("pagerduty", pagerduty(message, &Secret::new("key")).to_string()),
        ("alertmanager", alertmanager(message, None).to_string()),
        ("ntfy", ntfy(message, "topic").to_string()),
        ("sms", sms(message)),
        ("mail", mail.text),
        ("mail as HTML", mail.html.replace("&#38;", "&")),
        ("webhook", webhook(message).to_string()),
        ("program", program(&delivery).0),
    ] {
        assert!(payload.contains(url), "{what}: {payload}");
    }
}

#[test]
fn a_text_message_makes_sense_by_its_first_segment() {
    for (name, delivery) in samples() {
        let text = sms(&delivery.message);
        let first: String = text.chars().take(160).collect();
        if name == "opened" {
            assert!(first.starts_with(
                "orders-db is down: its certificate expired. Severity page, since 2026-03-14 22:29:00 UTC."
            ));
        }
        assert!(text.encode_utf16().count() <= 480, "{name}: {text}");
    }
}
