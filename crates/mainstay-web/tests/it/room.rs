//! What people do around an incident, by the forms of its page and by the API.

use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::house::House;
use crate::sample::now;

async fn house() -> House {
    House::sample(SignedDuration::from_hours(1)).await
}

fn path(house: &House) -> String {
    format!("/incidents/{}", house.incident_of("orders-db"))
}

/// What the API says after this was sent to it.
async fn api(house: &House, what: &str, body: Value) -> Value {
    let path = format!("/api/v1{}/{what}", path(house));
    let answer = house.post_json(&path, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    answer.json()
}

/// Why the API does not do this, and its advice.
async fn refused(house: &House, what: &str, body: Value) -> (StatusCode, String, String) {
    let path = format!("/api/v1{}/{what}", path(house));
    let answer = house.post_json(&path, body).await;
    let text = |key: &str| answer.json()["error"][key].as_str().unwrap().to_owned();
    (answer.status, text("message"), text("advice"))
}

#[tokio::test]
async fn the_page_says_who_is_being_told_and_who_is_next() {
    let house = house().await;
    house
        .get(&path(&house))
        .await
        .has("Step 1 of database-team was told at 22:29 UTC; Ben has until 23:14 UTC, then Anna.")
        .has("4 of 5 recipients were reached.")
        .has("Ben <span class=\"faint\">by ben-mail</span>");
}

#[tokio::test]
async fn the_whole_room_by_its_forms() {
    let house = house().await;
    let path = path(&house);
    let send = async |what: &str, form: &str| {
        let answer = house.post_form(&format!("{path}/{what}"), form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{what}: {}", answer.text);
        house.get(&path).await
    };
    send("snooze", "until=1h")
        .await
        .has("operator took it up until 23:41 UTC; then it is told again.")
        .has("Take it up");
    send("assign", "to=anna").await.has("It was handed to anna, who has not taken it up yet.");
    send("severity", "severity=high").await.has("severity high").has("operator made it high, it was page.");
    send("roles", "role=commander&who=Anna+B.").await.has("<dt>commander</dt><dd>Anna B.</dd>");
    send("roles", "role=commander&who=").await.lacks("<dd>Anna B.</dd>");
    send("tasks", "text=Call+Acme").await.has("<span>Call Acme</span>");
    send("tasks/0/done", "")
        .await
        .has("<span class=\"done\">Call Acme</span>")
        .lacks("<button>Done</button>");
    send("notes", "text=Acme+knows.&evidence=https%3A%2F%2Facme.example%2Ft%2F7%0D%0A%0D%0Aa+line")
        .await
        .has("Acme knows.")
        .has("<div class=\"evidence\">https://acme.example/t/7</div>")
        .has(">a line</div>");
    send("remind", "at=20m").await.has("The next update is due in 20 min, at 23:01 UTC.");
    send("remind", "at=none").await.lacks("The next update is due in");
    send("silence", "until=4h&reason=Acme+renews+it.")
        .await
        .has("Nobody is told until 02:41 UTC on 23 Nov: silence, Acme renews it.");
    send("acknowledge", "").await.has("Taken up by operator.").has("<dt>Taken up</dt>");
    send("resolve", "").await.has("<dt>Resolved</dt>").lacks("class=\"acts\"").lacks("id=\"more\"");
}

#[tokio::test]
async fn one_of_two_alerts_goes_on_by_itself_and_comes_back() {
    let house = house().await;
    let before = house.incident_of("orders-db");
    house.post_form(&format!("{}/split", path(&house)), "alert=reports-db%2Fdown").await;
    let after = house.incident_of("reports-db");
    assert_ne!(after, before);
    house.get(&format!("/incidents/{before}")).await.lacks("id=\"alert\"").has("split it off");
    let merged = house.post_form(&format!("/incidents/{after}/merge"), &format!("into={before}")).await;
    assert_eq!(merged.status, StatusCode::SEE_OTHER);
    house
        .get(&format!("/incidents/{after}"))
        .await
        .has(&format!("part of <a href=\"/incidents/{before}\">another incident</a>"));
    assert_eq!(house.incident_of("reports-db"), before);
}

#[tokio::test]
async fn the_whole_room_over_the_api() {
    let house = house().await;
    assert_eq!(
        api(&house, "snooze", json!({ "until": "2026-11-23T09:00:00Z" })).await["snoozed_until"],
        "2026-11-23T09:00:00Z"
    );
    assert_eq!(api(&house, "assign", json!({ "to": "ben" })).await["room"]["assignee"], "ben");
    assert_eq!(api(&house, "severity", json!({ "severity": "warn" })).await["severity"], "warn");
    assert_eq!(
        api(&house, "roles", json!({ "role": "scribe", "who": "Ben" })).await["room"]["roles"],
        json!({ "scribe": "Ben" })
    );
    assert_eq!(api(&house, "roles", json!({ "role": "scribe" })).await["room"]["roles"], json!({}));
    api(&house, "tasks", json!({ "text": "Call Acme" })).await;
    let done = api(&house, "tasks/0/done", json!({})).await;
    assert_eq!(
        done["room"]["tasks"][0],
        json!({ "text": "Call Acme", "by": "operator", "done": [now(), "operator"] })
    );
    let noted =
        api(&house, "notes", json!({ "text": "Acme knows.", "evidence": ["https://acme.example/t/7"] }))
            .await;
    let note =
        noted["timeline"].as_array().unwrap().iter().find(|entry| entry["text"] == "Acme knows.").unwrap();
    assert_eq!(note["evidence"], json!(["https://acme.example/t/7"]));
    assert_eq!(
        api(&house, "remind", json!({ "at": "20m" })).await["room"]["update_due_at"],
        "2026-11-22T23:01:00Z"
    );
    assert_eq!(api(&house, "remind", json!({})).await["room"]["update_due_at"], Value::Null);
    let other = house.incident_of("payments-api").to_string();
    let split = api(&house, "split", json!({ "alert": "reports-db/down" })).await;
    assert_eq!(split["alerts"].as_object().unwrap().keys().collect::<Vec<_>>(), ["orders-db/down"]);
    let acknowledged = api(&house, "acknowledge", json!({})).await;
    assert_eq!(acknowledged["times"]["acknowledged_at"], json!(now()));
    let merged = api(&house, "merge", json!({ "into": other })).await;
    assert_eq!((&merged["state"], &merged["room"]["merged_into"]), (&json!("resolved"), &json!(other)));
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_with_a_sentence() {
    let house = house().await;
    for (what, body, message, advice) in [
        ("snooze", json!({ "until": "soon" }), "\"soon\" is no time.", "Write a length of time"),
        ("snooze", json!({ "until": "30d" }), "That is more than 7 days ahead.", "nearer time"),
        ("assign", json!({ "to": "anne" }), "Nobody is called anne.", "Did you mean anna?"),
        ("assign", json!({ "to": "zoe" }), "Nobody is called zoe.", "It is one of anna, ben, carla, dina."),
        (
            "severity",
            json!({ "severity": "loud" }),
            "The severity is missing or unknown.",
            "It is one of page, high, warn, info.",
        ),
        (
            "roles",
            json!({ "role": "chef" }),
            "The role is missing or unknown.",
            "It is one of commander, communications, scribe.",
        ),
        ("tasks", json!({ "text": "  " }), "The text is empty.", "Go back"),
        (
            "tasks",
            json!({ "text": "x".repeat(501) }),
            "The text has 501 characters; 500 are allowed.",
            "shorten",
        ),
        ("remind", json!({ "at": "2026-11-22T22:00:00Z" }), "That time has passed.", "still to come"),
        (
            "merge",
            json!({ "into": "x" }),
            "There is no other open incident with that identifier.",
            "the address of its page",
        ),
        (
            "split",
            json!({ "alert": "orders-db/slow" }),
            "It has no such alert.",
            "Its alerts are orders-db/down, reports-db/down.",
        ),
    ] {
        let (status, said, advised) = refused(&house, what, body).await;
        assert_eq!((status, said.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, message), "{what}");
        assert!(advised.contains(advice), "{what}: {advised}");
    }
    assert_eq!(refused(&house, "tasks/7/done", json!({})).await.0, StatusCode::NOT_FOUND);
    let into_itself = json!({ "into": house.incident_of("orders-db") });
    assert_eq!(refused(&house, "merge", into_itself).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    api(&house, "acknowledge", json!({})).await;
    let (status, said, _) = refused(&house, "snooze", json!({ "until": "1h" })).await;
    assert_eq!((status, said.as_str()), (StatusCode::CONFLICT, "It is taken up already, by operator."));
}

#[tokio::test]
async fn nothing_is_done_in_a_room_that_is_closed() {
    let house = house().await;
    let path = format!("/api/v1{}", path(&house));
    house.post_json(&format!("{path}/resolve"), json!({})).await;
    for what in ["snooze", "assign", "severity", "roles", "tasks", "tasks/0/done", "remind", "merge", "split"]
    {
        let answer = house.post_json(&format!("{path}/{what}"), json!({})).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{what}");
        answer.has("This incident is over.");
    }
}
