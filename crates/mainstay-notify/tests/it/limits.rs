//! Whatever the texts are, every service's limits hold.

use mainstay_model::*;
use mainstay_notify::*;
use proptest::prelude::*;
use serde_json::Value;

use crate::house::samples;

/// Long, of several bytes each, or made to break what they are put into.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<>&\"'".to_owned()),
        Just("🦀".to_owned()),
        Just("ü".to_owned()),
        Just("\\*_[]()~`|{{}}%".to_owned()),
        Just("\u{0}\u{7}\r\n\t\u{202e}".to_owned()),
        Just("word ".to_owned()),
        "\\PC{0,8}",
    ];
    (proptest::collection::vec(piece, 0..12), prop_oneof![Just(1usize), Just(7), Just(400), Just(3000)])
        .prop_map(|(pieces, times)| pieces.concat().repeat(times).chars().take(40_000).collect())
}

fn kind() -> impl Strategy<Value = MessageKind> {
    proptest::sample::select(MessageKind::ALL)
}

fn delivery() -> impl Strategy<Value = Delivery> {
    let lists = (proptest::collection::vec(text(), 0..6), proptest::collection::vec(text(), 0..6));
    let texts = (text(), text(), proptest::option::of(text()), proptest::option::of(text()));
    (kind(), texts, lists, any::<bool>(), 0usize..5000).prop_map(
        |(kind, (title, cause, change, ack), (evidence, actions), drill, long)| {
            let mut delivery = samples().remove("impending").unwrap();
            let message = &mut delivery.message;
            message.kind = kind;
            message.drill = drill;
            message.incident.title = title;
            message.incident.ack_url =
                ack.or_else(|| Some(format!("https://h.example/{}", "x".repeat(long))));
            message.incident.resolved_at = (kind == MessageKind::Resolved).then_some(message.at);
            (message.cause, message.change) = (cause, change);
            (message.evidence, message.actions) = (evidence, actions);
            delivery
        },
    )
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn within(value: &Value, limit: usize) -> usize {
    let length = units(string(value));
    assert!(length <= limit, "{length} of {limit}: {value}");
    length
}

/// The text that Telegram counts: without tags, entities decoded.
fn parsed(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        let end = rest[start..].find('>').expect("every < begins a tag");
        let tag = &rest[start + 1..start + end];
        assert!(matches!(tag, "b" | "/b" | "/a") || tag.starts_with("a href=\""), "<{tag}>");
        rest = &rest[start + end + 1..];
    }
    text.push_str(rest);
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn discord_takes_it(delivery in delivery()) {
        let card = discord(&delivery.message);
        let embed = &card["embeds"][0];
        let mut together = within(&embed["title"], 256) + within(&embed["description"], 4096);
        let fields = embed["fields"].as_array().unwrap();
        prop_assert!(fields.len() <= 25);
        for field in fields {
            let (name, value) = (within(&field["name"], 256), within(&field["value"], 1024));
            prop_assert!(name > 0 && value > 0);
            together += name + value;
        }
        prop_assert!(together <= 6000);
        within(&discord_news(&delivery.message)["content"], 2000);
    }

    #[test]
    fn slack_takes_it(delivery in delivery()) {
        for body in [slack(&delivery.message), slack_news(&delivery.message)] {
            let blocks = body["blocks"].as_array().unwrap();
            prop_assert!(blocks.len() <= 50);
            let mut together = 0;
            for block in blocks {
                match string(&block["type"]) {
                    "header" => together += within(&block["text"]["text"], 150),
                    "section" => {
                        let text = &block["text"]["text"];
                        prop_assert!(!string(text).is_empty());
                        let whole = string(text).replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
                        prop_assert!(!whole.contains('&'), "an entity is cut in two: {}", text);
                        together += within(text, 3000);
                    }
                    _ => {
                        within(&block["elements"][0]["url"], 3000);
                    }
                }
            }
            prop_assert!(together <= 13_000);
            within(&body["text"], 3000);
        }
    }

    #[test]
    fn a_webhook_takes_it(delivery in delivery(), many in 0usize..300) {
        let mut message = delivery.message;
        let dependency = message.dependencies[0].clone();
        message.dependencies.extend(std::iter::repeat_n(dependency, many));
        let body = webhook(&message);
        prop_assert!(body.to_string().len() < 20_000, "{} bytes", body.to_string().len());
        prop_assert_eq!(&body["data"]["incident"]["id"], &serde_json::json!(message.incident.id));
        prop_assert_eq!(&body["data"]["incident"]["url"], &serde_json::json!(message.incident.url));
    }

    #[test]
    fn teams_takes_it(delivery in delivery()) {
        let card = teams(&delivery.message).to_string();
        prop_assert!(card.len() <= 28 * 1024, "{} bytes", card.len());
    }

    #[test]
    fn telegram_takes_it(delivery in delivery()) {
        for fields in [telegram(&delivery.message), telegram_news(&delivery.message)] {
            let text = parsed(string(&fields["text"]));
            prop_assert!(units(&text) <= 4096 && !text.trim().is_empty());
        }
    }

    #[test]
    fn pagerduty_takes_it(delivery in delivery()) {
        let event = pagerduty(&delivery.message, &Secret::new("k".repeat(32)));
        prop_assert!(event.to_string().len() <= 512 * 1024);
        within(&event["dedup_key"], 255);
        if event["event_action"] == "trigger" {
            within(&event["payload"]["summary"], 1024);
        }
    }

    #[test]
    fn alertmanager_takes_it(delivery in delivery()) {
        for alert in alertmanager(&delivery.message, None).as_array().unwrap() {
            prop_assert!(string(&alert["startsAt"]) <= string(&alert["endsAt"]));
            for text in alert["annotations"].as_object().unwrap().values() {
                prop_assert!(string(text).len() <= 4000);
            }
        }
    }

    #[test]
    fn ntfy_takes_it(delivery in delivery()) {
        let body = ntfy(&delivery.message, "topic");
        prop_assert!(string(&body["message"]).len() <= 4096 && string(&body["title"]).len() <= 250);
    }

    #[test]
    fn twilio_takes_it(delivery in delivery()) {
        prop_assert!(units(&sms(&delivery.message)) <= 480);
        let document = twiml(&delivery.message);
        prop_assert!(units(&document) <= 4000);
        let said = document.replace("<Response>", "").replace("</Response>", "").replace("<Say>", "");
        let said = said.replace("</Say>", "").replace("<Pause length=\"1\"/>", "");
        prop_assert!(!said.contains(['<', '>', '"']), "{said}");
    }

    #[test]
    fn a_program_gets_variables_that_a_system_takes(delivery in delivery()) {
        let (input, variables) = program(&delivery);
        prop_assert!(serde_json::from_str::<Value>(&input).is_ok());
        for (_, value) in variables {
            prop_assert!(value.len() <= 2000 && !value.contains('\0'));
        }
    }
}
