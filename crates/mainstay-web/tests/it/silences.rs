//! What nobody is told of: the page, its form, and the API.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use mainstay_engine::Event;
use mainstay_model::*;
use serde_json::json;

use crate::house::House;
use crate::sample::{self, name, now};

/// With a maintenance every Sunday night, one that comes once, and a silence that holds.
async fn house() -> House {
    let house = House::sample(SignedDuration::from_mins(30)).await;
    let mut landscape = sample::landscape();
    let of = |key: &str| Match { provider: vec![name(key)], ..Match::default() };
    let weekly = QuietTime::Recurring {
        start: "2026-01-04T02:00:00".parse().unwrap(),
        recurrence: "FREQ=WEEKLY;BYDAY=SU".parse().unwrap(),
        length: Duration::from_secs(2 * 3600),
        timezone: TimeZone::UTC,
    };
    let once =
        |from: &str, until: &str| QuietTime::Once { from: from.parse().ok(), until: until.parse().ok() };
    landscape.quiets = vec![
        Quiet {
            kind: QuietKind::Maintenance,
            reason: "Their patch night".into(),
            what: of("cloudline"),
            when: weekly,
        },
        Quiet {
            kind: QuietKind::Maintenance,
            reason: "They move".into(),
            what: of("parcel"),
            when: once("2026-11-24T10:00:00Z", "2026-11-24T12:00:00Z"),
        },
        Quiet {
            kind: QuietKind::Silence,
            reason: "Known since October".into(),
            what: of("atlas"),
            when: once("2026-11-01T00:00:00Z", "2026-11-30T00:00:00Z"),
        },
        Quiet {
            kind: QuietKind::Silence,
            reason: "Long over".into(),
            what: of("keyring"),
            when: once("2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"),
        },
    ];
    house.happens(vec![(now(), Event::Configured(Arc::new(landscape)))]).await;
    house
}

#[tokio::test]
async fn the_page_says_what_is_quiet_and_what_is_to_come() {
    let page = house().await.get("/quiet").await;
    page.has("1 thing is quiet now. The next time begins in 35 h.");
    page.has("What is of Atlas")
        .has("Known since October")
        .has("until 00:00 UTC on 30 Nov, for another 7 days");
    page.has("What is of Parcel Mail").has("10:00 UTC on 24 Nov, for 2 h");
    page.has("What is of Cloudline")
        .has("02:00 UTC on 29 Nov, for 2 h")
        .has("Again 02:00 UTC on 6 Dec, for 2 h");
    page.lacks("Long over").lacks("End it");
}

#[tokio::test]
async fn something_is_silenced_by_the_form_and_the_silence_ended() {
    let house = house().await;
    let form = "dependency=geo-lookup&provider=&component=&severity=&tags=&until=4h&reason=They+know.";
    assert_eq!(house.post_form("/quiet", form).await.status, StatusCode::SEE_OTHER);
    let page = house.get("/quiet").await;
    page.has("2 things are quiet now.").has("geo-lookup").has("They know.").has("operator, 22:41 UTC");
    let id = house.state.read().unwrap().silences().next().unwrap().id;
    let ended = house.post_form(&format!("/quiet/{id}/end"), "").await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER);
    house.get("/quiet").await.has("1 thing is quiet now.").lacks("They know.");
    let again = house.post_form(&format!("/quiet/{id}/end"), "").await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    again.has("There is no such silence.");
}

#[tokio::test]
async fn a_silence_needs_something_that_exists_a_reason_and_an_end() {
    let house = house().await;
    for (form, said) in [
        ("until=4h&reason=x", "A silence of everything would keep every alarm from everybody."),
        ("dependency=orders&until=4h&reason=x", "No dependency is called orders."),
        ("tags=eu&until=4h&reason=x", "No tag is called eu."),
        ("dependency=orders-db&until=4h&reason=+", "A silence needs a reason."),
        ("dependency=orders-db&until=&reason=x", "&#34;&#34; is no time."),
        ("dependency=orders-db&until=1000d&reason=x", "That is more than 90 days ahead."),
        ("dependency=a+b&until=4h&reason=x", "That is no name"),
        ("severity=loud&until=4h&reason=x", "The severity is missing or unknown."),
    ] {
        let refused = house.post_form("/quiet", form).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        refused.has(said).has("Back to what is quiet");
    }
    assert_eq!(house.state.read().unwrap().silences().count(), 0);
}

#[tokio::test]
async fn silences_over_the_api() {
    let house = house().await;
    let list = house.get("/api/v1/silences").await.json();
    assert_eq!(list["silences"], json!([]));
    let weekly = &list["configured"][0];
    assert_eq!((&weekly["holds"], &weekly["next"]), (&json!(false), &json!("2026-11-29T02:00:00Z")));
    assert_eq!(list["configured"][2]["until"], "2026-11-30T00:00:00Z");
    let wish = json!({ "what": { "dependency": ["geo-lookup"], "severity": ["warn"] }, "until": "4h", "reason": "They know." });
    let made = house.post_json("/api/v1/silences", wish).await;
    let silence = made.json()["silences"][0].clone();
    assert_eq!((&silence["by"], &silence["until"]), (&json!("operator"), &json!("2026-11-23T02:41:00Z")));
    assert_eq!(silence["what"]["severity"], json!(["warn"]));
    let path = format!("/api/v1/silences/{}", silence["id"].as_str().unwrap());
    assert_eq!(house.delete(&path).await.json()["silences"], json!([]));
    assert_eq!(house.delete(&path).await.status, StatusCode::NOT_FOUND);
    let everything = house.post_json("/api/v1/silences", json!({ "until": "4h", "reason": "x" })).await;
    assert_eq!(everything.status, StatusCode::UNPROCESSABLE_ENTITY);
}
