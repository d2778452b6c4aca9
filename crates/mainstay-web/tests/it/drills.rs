//! Drills: who would be told is shown before, they begin by the form and by the API, and none of it is public.

use axum::http::StatusCode;
use jiff::SignedDuration;
use mainstay_engine::Event;
use mainstay_model::{FailureKind, Match, PlannedDrill};
use serde_json::json;

use crate::house::House;
use crate::sample::{landscape, name, now};

async fn house() -> House {
    let mut landscape = landscape();
    landscape.status_page.auto_publish = true;
    landscape.drills = vec![PlannedDrill {
        what: Match { dependency: vec![name("sessions")], ..Match::default() },
        failure: FailureKind::ConnectTimedOut,
        start: "2026-11-23T10:00:00".parse().unwrap(),
        recurrence: "weekly".parse().unwrap(),
        timezone: jiff::tz::TimeZone::get("Europe/Berlin").unwrap(),
        during: None,
        respects_quiet: false,
        lasts: None,
    }];
    House::configured(landscape, now()).await
}

#[tokio::test]
async fn who_would_be_told_is_shown_before_anybody_is() {
    let house = house().await;
    house.get("/drills").await.has("Nothing was ever drilled.").has("See who would be told").has("in 10 h");
    let page = house.get("/drills?dependency=orders-db&failure=certificate-expired").await;
    page.has("A drill of orders-db: certificate-expired")
        .has("The moment you begin it, oncall-mail, ops-discord, bot and Ben by ben-mail are told.")
        .has("After 45 min, step 2 of database-team: Anna by anna-mail.")
        .has("otherwise after 1 h 45 min")
        .has("Begin the drill now");
    assert!(house.state.read().unwrap().incidents().next().is_none(), "to look is not to begin");
    let wrong = house.get("/drills?dependency=orders-dv").await;
    assert_eq!(wrong.status, StatusCode::NOT_FOUND);
    wrong.has("Did you mean orders-db?");
    let slow = house.get("/drills?dependency=orders-db&failure=too-slow").await;
    assert_eq!(slow.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn one_begins_by_the_form_is_marked_everywhere_and_counts_as_nothing_real() {
    let house = house().await;
    let answer = house.post_form("/drills", "dependency=orders-db&failure=certificate-expired").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let incident = answer.headers["location"].to_str().unwrap().to_owned();
    house.get(&incident).await.has("DRILL: orders-db is down: its certificate expired").lacks("/publish\"");
    house.get("/drills").await.has("1 drill goes on.").has("The drill of orders-db goes on");
    let incidents = house.get("/incidents").await;
    incidents.has("No incident is open in earnest; a drill goes on.").lacks("How long it took, by month");
    house.get("/dependencies/orders-db").await.has("Last drill: running");
    let metrics = house.get("/metrics").await;
    metrics.has("mainstay_incidents_open{severity=\"page\"} 0");
    let status = house.get("/api/v1/status").await.json();
    assert_eq!(status["dependencies"]["down"], 0);

    let published = house.post_json(&format!("/api/v1{incident}/publish"), json!({})).await;
    assert_eq!(published.status, StatusCode::CONFLICT);
    published.has("customers see nothing");
    let public = house.store.public_incidents(now() - SignedDuration::from_hours(24)).await.unwrap();
    assert!(public.is_empty(), "{public:?}");
    let again = house.post_form("/drills", "dependency=orders-db").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    again.has("a drill of orders-db goes on");
}

#[tokio::test]
async fn the_api_begins_one_follows_it_and_keeps_what_it_showed() {
    let house = house().await;
    let plan = house.get("/api/v1/drills/plan?dependency=orders-db").await.json();
    assert_eq!(plan["stages"][0]["by"], "route");
    assert_eq!(plan["stages"][1]["told"][0], json!({ "channel": "ben-mail", "person": "ben" }));

    let begun = house.post_json("/api/v1/drills", json!({ "dependency": "orders-db", "lasts": "20m" })).await;
    assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.text);
    let begun = begun.json();
    assert_eq!(
        (&begun["result"], &begun["by"], &begun["failure"]),
        (&json!("running"), &json!("operator"), &json!("certificate-expired"))
    );
    house.deliver(now() + SignedDuration::from_secs(1)).await;
    let id = begun["id"].as_str().unwrap();
    house.post_json(&format!("/api/v1/incidents/{id}/acknowledge"), json!({})).await;
    let minute = now() + SignedDuration::from_mins(2);
    house.happens(vec![(minute, Event::Tick)]).await;
    let one = house.get(&format!("/api/v1/drills/{id}")).await.json();
    assert_eq!((&one["result"], &one["answered_by"]), (&json!("answered"), &json!("operator")), "{one:#}");
    assert!(one["ended_at"].is_string());
    let ben = one["messages"].as_array().unwrap().iter().find(|told| told["person"] == "ben").unwrap();
    assert_eq!(ben["step"], json!({ "escalation": "database-team", "number": 1 }));
    let list = house.get("/api/v1/drills?dependency=orders-db").await.json();
    assert_eq!(list["drills"][0], one);
    assert_eq!(list["next"][0]["dependency"], "sessions");
    assert_eq!(house.get("/api/v1/drills?dependency=sessions").await.json()["drills"], json!([]));
    house.get("/drills").await.has("operator took the drill of orders-db up");
    house.get("/dependencies/orders-db").await.has("Last drill: answered");
    let missing = house.get("/api/v1/drills/nothing").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_drill_and_what_is_in_earnest_stay_apart() {
    let house = House::sample(SignedDuration::from_mins(30)).await;
    let begun = house.post_form("/drills", "dependency=sessions&failure=connect-refused").await;
    let drill = begun.headers["location"].to_str().unwrap().to_owned();
    let earnest = format!("/incidents/{}", house.incident_of("orders-db"));
    house.get(&drill).await.lacks("It is a part of");
    house.get(&earnest).await.lacks("DRILL: ");
    for (one, other) in [(&drill, &earnest), (&earnest, &drill)] {
        let into = other.rsplit('/').next().unwrap();
        let merged = house.post_form(&format!("{one}/merge"), &format!("into={into}")).await;
        assert_eq!(merged.status, StatusCode::CONFLICT, "{}", merged.text);
        merged.has("A drill and what is in earnest cannot be merged.");
    }
}
