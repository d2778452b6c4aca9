//! The recipes of `docs/channels.md`: each is loaded as it stands there, filled in with every kind of message, and held against the
//! form that the service documents.

use std::collections::BTreeMap;

use mainstay_model::{ChannelKind, Delivery};
use mainstay_notify::{Request, request, sample_deliveries};
use serde_json::{Value, json};

use super::tests::loads;

const PAGE: &str = include_str!("../../../../docs/channels.md");

/// Every recipe's requests, in the order of the samples: opened, updated, resolved, a trial, impending, a drill, one that lacks
/// whatever can be lacking, and a hostile one.
fn recipes() -> BTreeMap<String, Vec<Request>> {
    let blocks =
        PAGE.split("```yaml\n").skip(1).filter_map(|rest| rest.split_once("\n```").map(|(block, _)| block));
    let recipes = blocks.filter(|block| block.starts_with("channels:"));
    let mut all = BTreeMap::new();
    for block in recipes {
        for (name, channel) in loads(block).landscape.channels {
            let ChannelKind::Http(spec) = channel.kind else { panic!("{name} is a recipe by HTTP") };
            let filled =
                sample_deliveries().iter().map(|delivery| request(&spec, delivery).unwrap()).collect();
            all.insert(name.to_string(), filled);
        }
    }
    all
}

fn recipe(name: &str) -> Vec<Request> {
    recipes().remove(name).unwrap_or_else(|| panic!("no recipe {name}"))
}

fn sample(index: usize) -> Delivery {
    sample_deliveries().remove(index)
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    let found = request.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
    found.map_or("", |(_, value)| value)
}

fn body(request: &Request) -> Value {
    serde_json::from_str(request.body.as_ref().unwrap()).unwrap()
}

fn form(request: &Request) -> BTreeMap<String, String> {
    assert_eq!(header(request, "content-type"), "application/x-www-form-urlencoded");
    let text = request.body.as_ref().unwrap();
    url::form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn characters(value: &Value) -> usize {
    value.as_str().unwrap().chars().count()
}

/// The fields of a document, sorted.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn all_seven_are_there() {
    let names: Vec<String> = recipes().into_keys().collect();
    assert_eq!(names, ["google-chat", "gotify", "matrix", "mattermost", "opsgenie", "pushover", "zulip"]);
}

/// docs.opsgenie.com, "Alert API": create, and close by alias.
#[test]
fn opsgenie_creates_and_closes_one_alert() {
    let requests = recipe("opsgenie");
    let id = sample(0).message.incident.id.to_string();
    for (index, one) in requests.iter().enumerate() {
        assert_eq!(one.method, "POST");
        assert_eq!(header(one, "authorization"), "GenieKey hunter2@:/%");
        assert_eq!(header(one, "content-type"), "application/json");
        if index == 2 {
            assert_eq!(
                one.url,
                format!("https://api.opsgenie.com/v2/alerts/{id}/close?identifierType=alias")
            );
            assert_eq!(keys(&body(one)), ["note", "source"]);
            continue;
        }
        assert_eq!(one.url, "https://api.opsgenie.com/v2/alerts");
        let body = body(one);
        assert_eq!(keys(&body), ["alias", "description", "message", "priority", "source"]);
        assert_eq!(body["alias"], id);
        assert!(characters(&body["message"]) <= 130 && characters(&body["description"]) <= 15_000);
    }
    assert_eq!(body(&requests[0])["priority"], "P1");
    assert_eq!(body(&requests[4])["priority"], "P2");
    assert_eq!(body(&requests[6])["priority"], "P5");
}

/// pushover.net/api, "Pushing Messages" and "Emergency Priority".
#[test]
fn pushover_gets_a_form_within_its_limits() {
    let requests = recipe("pushover");
    for one in &requests {
        assert_eq!(
            (one.method.as_str(), one.url.as_str()),
            ("POST", "https://api.pushover.net/1/messages.json")
        );
        let form = form(one);
        assert!(form["title"].chars().count() <= 250 && form["message"].chars().count() <= 1024);
        assert!(form["url"].len() <= 512 && form["url_title"].len() <= 100);
        assert_eq!(
            form["priority"] == "2",
            form.contains_key("retry") && form.contains_key("expire"),
            "{form:?}"
        );
    }
    let priorities: Vec<String> = requests.iter().map(|one| form(one)["priority"].clone()).collect();
    assert_eq!(priorities, ["2", "2", "0", "2", "1", "2", "0", "2", "2", "2", "2"]);
}

/// gotify.net/docs, "Push messages" and "Message extras".
#[test]
fn gotify_gets_a_message_with_a_priority_and_a_link() {
    let one = recipe("gotify").remove(0);
    assert_eq!(one.url, "https://gotify.example.com/message");
    assert_eq!(header(&one, "x-gotify-key"), "hunter2@:/%");
    let body = body(&one);
    assert_eq!(keys(&body), ["extras", "message", "priority", "title"]);
    assert_eq!(body["priority"], 8);
    assert_eq!(body["extras"]["client::notification"]["click"]["url"], sample(0).message.incident.url);
}

/// Matrix specification, client-server API, `PUT /rooms/{roomId}/send/{eventType}/{txnId}`; an event has 65,536 bytes at most.
#[test]
fn matrix_gets_an_event_with_the_message_as_transaction() {
    for (index, one) in recipe("matrix").iter().enumerate() {
        let id = sample(index).id;
        assert_eq!(one.method, "PUT");
        assert_eq!(
            one.url,
            format!(
                "https://matrix.example.com/_matrix/client/v3/rooms/%21opsroom:example.com/send/m.room.message/{id}"
            )
        );
        assert_eq!(header(one, "authorization"), "Bearer hunter2@:/%");
        let body = body(one);
        assert_eq!((keys(&body), &body["msgtype"]), (vec!["body", "msgtype"], &json!("m.text")));
        assert!(body["body"].as_str().unwrap().len() < 60_000);
    }
}

/// developers.mattermost.com, "Incoming webhooks"; a post has 16,383 characters, in old versions 4,000.
#[test]
fn mattermost_gets_markdown() {
    for one in recipe("mattermost") {
        assert!(one.url.starts_with("https://hooks.example.com/"));
        let body = body(&one);
        assert_eq!(keys(&body), ["text", "username"]);
        assert!(characters(&body["text"]) <= 4_000, "{body}");
    }
}

/// developers.google.com/workspace/chat, "Build a Google Chat app as a webhook" and "Start or reply to a message thread".
#[test]
fn google_chat_gets_one_thread() {
    for one in recipe("google-chat") {
        assert!(one.url.ends_with("&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD"));
        assert_eq!(header(&one, "content-type"), "application/json; charset=UTF-8");
        let body = body(&one);
        assert_eq!(body["thread"]["threadKey"], sample(0).message.incident.id.to_string());
        assert!(characters(&body["text"]) <= 4_096);
    }
}

/// zulip.com/api/send-message: a form, with the bot's address and key as HTTP Basic; topics have 60 characters, contents 10,000.
#[test]
fn zulip_gets_one_topic() {
    let requests = recipe("zulip");
    for one in &requests {
        let url = url::Url::parse(&one.url).unwrap();
        assert_eq!(url.username(), "mainstay-bot%40example.zulipchat.com");
        assert!(url.password().is_some());
        let form = form(one);
        assert_eq!(form.keys().collect::<Vec<_>>(), ["content", "to", "topic", "type"]);
        assert!(form["topic"].chars().count() <= 60 && form["content"].chars().count() <= 10_000);
    }
    assert_eq!(form(&requests[0])["topic"], form(&requests[2])["topic"], "whatever becomes of the title");
}

/// What stands on the page about receiving can be loaded as well.
#[test]
fn the_section_for_receiving_is_right() {
    let block = PAGE.split("# In mainstay.yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(loads(block).landscape.receive.alertmanager_token.is_some());
}
