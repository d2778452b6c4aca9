//! One incident is one message that changes, or one thread.

use std::sync::{Arc, Mutex};

use mainstay_model::{Delivery, MessageKind};
use mainstay_testkit::{Answer, Received, Receiver};
use serde_json::{Value, json};

use crate::house::{courier, kind_at, samples, send, spoken};

/// A chat service as far as messages go: it numbers them, changes them, and answers 404 for those that were deleted.
#[derive(Default)]
struct Chat {
    messages: Vec<Message>,
}

#[derive(Clone)]
struct Message {
    body: Value,
    deleted: bool,
    edits: usize,
}

impl Chat {
    fn create(&mut self, body: Value) -> usize {
        self.messages.push(Message { body, deleted: false, edits: 0 });
        self.messages.len()
    }

    fn edit(&mut self, number: usize, body: Value) -> bool {
        let Some(message) = self.messages.get_mut(number - 1).filter(|message| !message.deleted) else {
            return false;
        };
        message.edits += 1;
        message.body = body;
        true
    }
}

type Service = fn(&mut Chat, &Received) -> Answer;

fn discord(chat: &mut Chat, request: &Received) -> Answer {
    match request.uri.split_once("/messages/") {
        Some((_, number)) if chat.edit(number.parse().unwrap(), request.json()) => Answer::new(200, "{}"),
        Some(_) => Answer::new(404, r#"{"message": "Unknown Message", "code": 10008}"#),
        None => Answer::new(200, &json!({ "id": chat.create(request.json()).to_string() }).to_string()),
    }
}

fn telegram(chat: &mut Chat, request: &Received) -> Answer {
    let body = request.json();
    assert_eq!(body["chat_id"], "42");
    let refused = |text: &str| {
        Answer::new(400, &json!({ "ok": false, "error_code": 400, "description": text }).to_string())
    };
    if !request.uri.ends_with("/editMessageText") {
        let number = chat.create(body);
        return Answer::new(200, &json!({ "ok": true, "result": { "message_id": number } }).to_string());
    }
    let number = usize::try_from(body["message_id"].as_u64().unwrap()).unwrap();
    if chat.messages[number - 1].body["text"] == body["text"] {
        return refused("Bad Request: message is not modified: specified new message content …");
    }
    match chat.edit(number, body) {
        true => Answer::new(200, r#"{"ok": true, "result": {}}"#),
        false => refused("Bad Request: message to edit not found"),
    }
}

fn slack_bot(chat: &mut Chat, request: &Received) -> Answer {
    let body = request.json();
    if request.uri == "/chat.update" {
        assert_eq!(body["channel"], "C0ID", "chat.update knows channels by their identifier only");
        let number = body["ts"].as_str().unwrap().trim_end_matches(".5").parse().unwrap();
        let said = if chat.edit(number, body) {
            json!({ "ok": true })
        } else {
            json!({ "ok": false, "error": "message_not_found" })
        };
        return Answer::new(200, &said.to_string());
    }
    let number = chat.create(body);
    Answer::new(200, &json!({ "ok": true, "channel": "C0ID", "ts": format!("{number}.5") }).to_string())
}

async fn start(service: Service) -> (Receiver, Arc<Mutex<Chat>>) {
    let chat = Arc::new(Mutex::new(Chat::default()));
    let shared = chat.clone();
    (Receiver::start(move |request| service(&mut shared.lock().unwrap(), request)).await, chat)
}

/// Opened, updated, and resolved after somebody deleted the first message.
async fn check(name: &str, service: Service, thread: fn(&Value) -> &Value) {
    let (receiver, chat) = start(service).await;
    let (kind, samples, courier) = (kind_at(&receiver, name), samples(), courier());
    let opened = send(&courier, &kind, &samples["opened"], None).await.unwrap().id.unwrap();
    let updated = send(&courier, &kind, &samples["updated"], Some(&opened)).await.unwrap().id.unwrap();
    let messages = chat.lock().unwrap().messages.clone();
    assert_eq!(messages.len(), 2, "{name}: the card and the news");
    assert_eq!(messages[0].edits, 1, "{name}: the card shows the state");
    assert!(messages[0].body.to_string().contains("reports-db is down too."), "{name}");
    assert!(
        messages[1].body.to_string().len() < messages[0].body.to_string().len(),
        "{name}: news are short"
    );
    assert!(name == "discord" || !thread(&messages[1].body).is_null(), "{name}: {}", messages[1].body);
    assert!(updated.ends_with(&format!(" under {opened}")), "{name}: {updated}");

    chat.lock().unwrap().messages[0].deleted = true;
    let again = send(&courier, &kind, &samples["resolved"], Some(&updated)).await.unwrap().id.unwrap();
    assert!(!again.contains("under"), "{name}: it is a card of its own: {again}");
    let messages = chat.lock().unwrap().messages.clone();
    assert_eq!(messages.len(), 3);
    assert!(messages[2].body.to_string().contains("At a glance"), "{name}: sent anew, whole");
    assert!(thread(&messages[2].body).is_null());
}

/// That somebody took it up changes what is shown and says nothing below it; where nothing is shown nothing is said.
async fn check_taken_up(name: &str, service: Service) {
    let (receiver, chat) = start(service).await;
    let (kind, courier) = (kind_at(&receiver, name), courier());
    let opened = send(&courier, &kind, &samples()["opened"], None).await.unwrap().id.unwrap();
    let taken_up = taken_up();
    let receipt = send(&courier, &kind, &taken_up, Some(&format!("99 under {opened}"))).await.unwrap();
    assert_eq!(receipt.id.as_deref(), Some(opened.as_str()), "{name}");
    let messages = chat.lock().unwrap().messages.clone();
    assert_eq!((messages.len(), messages[0].edits), (1, 1), "{name}");
    let card = messages[0].body.to_string();
    assert!(card.contains("Taken up: ") && !card.contains("/ack/"), "{name}: {card}");
    for earlier in [None, Some("7")] {
        let earlier = earlier.filter(|_| name == "discord");
        assert_eq!(send(&courier, &kind, &taken_up, earlier).await.unwrap().id, None, "{name}");
        assert_eq!(chat.lock().unwrap().messages.len(), 1, "{name}");
    }
}

fn taken_up() -> Delivery {
    let mut delivery = samples().remove("updated").unwrap();
    delivery.message.kind = MessageKind::TakenUp;
    delivery.message.incident.state = "acknowledged".into();
    delivery.message.incident.ack_url = None;
    delivery
}

#[tokio::test]
async fn that_it_was_taken_up_only_changes_what_is_shown() {
    check_taken_up("discord", discord).await;
    check_taken_up("telegram", telegram).await;
    check_taken_up("slack_bot", slack_bot).await;
    let receiver = Receiver::start(|_| Answer::new(204, "")).await;
    send(&courier(), &kind_at(&receiver, "webhook"), &taken_up(), None).await.unwrap();
    assert!(receiver.received().is_empty(), "one that shows nothing is not bothered");
}

/// What PagerDuty is asked for, in the order of the requests.
async fn pagerduty_actions(delivery: &Delivery) -> Vec<Value> {
    let receiver = Receiver::start(|_| Answer::new(202, r#"{"status":"success"}"#)).await;
    send(&courier(), &kind_at(&receiver, "pagerduty"), delivery, None).await.unwrap();
    receiver.received().iter().map(|request| request.json()["event_action"].clone()).collect()
}

#[tokio::test]
async fn pagerduty_hears_that_it_was_taken_up_but_never_only_that() {
    let mut delivery = taken_up();
    assert_eq!(pagerduty_actions(&delivery).await, ["acknowledge"]);
    for kind in [MessageKind::Opened, MessageKind::Escalated] {
        delivery.message.kind = kind;
        assert_eq!(pagerduty_actions(&delivery).await, ["trigger", "acknowledge"]);
    }
}

#[tokio::test]
async fn discord_keeps_one_card_and_tells_what_changed() {
    check("discord", discord, |body| &body["thread"]).await;
}

#[tokio::test]
async fn telegram_keeps_the_first_message_and_answers_to_it() {
    check("telegram", telegram, |body| &body["reply_parameters"]["message_id"]).await;
}

#[tokio::test]
async fn slack_keeps_the_first_message_and_a_thread() {
    check("slack_bot", slack_bot, |body| &body["thread_ts"]).await;
}

#[tokio::test]
async fn an_edit_that_was_made_before_is_not_held_against_the_next_attempt() {
    let (receiver, chat) = start(telegram).await;
    let (kind, samples, courier) = (kind_at(&receiver, "telegram"), samples(), courier());
    let opened = send(&courier, &kind, &samples["opened"], None).await.unwrap().id.unwrap();
    for _ in 0..2 {
        send(&courier, &kind, &samples["updated"], Some(&opened)).await.unwrap();
    }
    assert_eq!(chat.lock().unwrap().messages[0].edits, 1);
    assert_eq!(chat.lock().unwrap().messages.len(), 3, "at least once");
}

#[tokio::test]
async fn what_slack_says_with_a_good_status_is_understood() {
    for (error, expected) in [
        ("channel_not_found", "never: the service answered channel_not_found"),
        ("invalid_auth", "not let in, after 300s: the service answered invalid_auth"),
        ("not_in_channel", "not let in, after 300s: the service answered not_in_channel"),
        ("internal_error", "later: the service answered internal_error"),
        ("msg_too_long", "never: the service answered msg_too_long"),
    ] {
        let body = json!({ "ok": false, "error": error }).to_string();
        let receiver = Receiver::start(move |_| Answer::new(200, &body)).await;
        let refusal = send(&courier(), &kind_at(&receiver, "slack_bot"), &samples()["opened"], None).await;
        assert_eq!(spoken(&refusal.unwrap_err()), expected);
    }
}

#[tokio::test]
async fn what_twilio_says_with_its_codes_is_understood() {
    for (code, expected) in [(21610, "never: "), (21211, "never: "), (21611, "later: "), (30001, "later: ")] {
        let body = json!({ "code": code, "message": "no", "status": 400 }).to_string();
        let receiver = Receiver::start(move |_| Answer::new(400, &body)).await;
        let refusal = send(&courier(), &kind_at(&receiver, "twilio_sms"), &samples()["opened"], None).await;
        let spoken = spoken(&refusal.unwrap_err());
        assert!(spoken.starts_with(expected) && spoken.contains(&code.to_string()), "{spoken}");
    }
}

/// What stands around the body: who asks, where, and how.
#[tokio::test]
async fn each_service_is_asked_in_its_own_way() {
    let answer = r#"{"ok":true,"id":"1","sid":"SM1","dedup_key":"d","channel":"C0ID","ts":"1.5","result":{"message_id":7}}"#;
    let receiver = Receiver::start(move |_| Answer::new(200, answer)).await;
    for (name, uri, authorization, receipt) in [
        ("teams", "/workflows/hunter2", "", None),
        ("telegram", "/bothunter2-token/sendMessage", "", Some("7")),
        ("pagerduty", "/v2/enqueue", "", Some("d")),
        ("ntfy", "/ntfy/", "Bearer hunter2-token", Some("1")),
        (
            "twilio_sms",
            "/2010-04-01/Accounts/AC1/Messages.json",
            "Basic U0sxOmh1bnRlcjItdG9rZW4=",
            Some("SM1"),
        ),
        ("twilio_call", "/2010-04-01/Accounts/AC1/Calls.json", "Basic U0sxOmh1bnRlcjItdG9rZW4=", Some("SM1")),
        ("slack_bot", "/chat.postMessage", "Bearer hunter2-token", Some("C0ID/1.5")),
        ("http", "/own/hunter2", "hunter2-token", None),
    ] {
        let kind = kind_at(&receiver, name);
        let accepted = send(&courier(), &kind, &samples()["opened"], None).await.unwrap();
        let request = receiver.received().pop().unwrap();
        assert_eq!((request.uri.as_str(), request.header("authorization")), (uri, authorization), "{name}");
        assert_eq!(accepted.id.as_deref(), receipt, "{name}");
        let form = name.starts_with("twilio");
        let expected = if form { "application/x-www-form-urlencoded" } else { "application/json" };
        assert_eq!(request.header("content-type"), expected, "{name}");
    }
    let kind = kind_at(&receiver, "alertmanager");
    let receipt = send(&courier(), &kind, &samples()["opened"], None).await.unwrap().id.unwrap();
    assert_eq!(receiver.received().pop().unwrap().uri, "/api/v2/alerts");
    assert!(receipt.contains("\"severity\":\"page\""), "{receipt}");
}

#[tokio::test]
async fn a_trial_leaves_nothing_open_at_pagerduty() {
    let samples = samples();
    assert_eq!(samples["test"].message.kind, MessageKind::Test);
    assert_eq!(pagerduty_actions(&samples["test"]).await, ["trigger", "resolve"]);
}
