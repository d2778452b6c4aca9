//! Waivers on the pages and over the API: offered where they are possible, refused with a sentence, shown everywhere, ended by a button.

use std::sync::Arc;

use axum::http::StatusCode;
use jiff::SignedDuration;
use mainstay_engine::Event;
use mainstay_model::{Landscape, WaiverTerms};
use serde_json::{Value, json};

use crate::house::House;
use crate::sample::{self, now};

async fn house() -> House {
    House::sample(SignedDuration::from_mins(30)).await
}

async fn configured(change: impl FnOnce(&mut Landscape)) -> House {
    let house = house().await;
    let mut landscape = sample::landscape();
    change(&mut landscape);
    house.happens(vec![(now(), Event::Configured(Arc::new(landscape)))]).await;
    house
}

fn second_person(landscape: &mut Landscape) {
    landscape.waivers = WaiverTerms { second_person: true, ..WaiverTerms::default() };
}

#[tokio::test]
async fn the_incident_offers_it_with_evidence_and_risk_and_every_page_shows_that_it_is_in_force() {
    let house = house().await;
    let incident = format!("/incidents/{}", house.incident_of("orders-db"));
    let page = house.get(&incident).await;
    page.has("orders-db fails only because its certificate expired.")
        .has("The certificate CN=eu-west.db.acme.example expired at 2026-11-22 22:29 UTC, 12 min ago.")
        .has("This very certificate and key passed full verification here before, last at 2026-11-22 22:28 UTC.")
        .has("What Acme Databases says itself is not read here: see https://status.acme-db.example")
        .has("Until it ends, at 2026-11-23 02:41 UTC when it lasts 4h, anybody who holds the old key can pose as orders-db")
        .has("<option value=\"4h\" selected>4h, until 02:41 UTC on 23 Nov</option>")
        .lacks("A waiver is in force");

    let asked = house.post_form("/waivers", "dependency=orders-db&reason=checkout+is+down&lasts=4h").await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.text);
    assert_eq!(asked.headers["location"], incident);
    for page in ["/", "/quiet", "/certificates", "/drills", incident.as_str()] {
        house
            .get(page)
            .await
            .has("A waiver is in force for")
            .has("It ends in <span data-until=\"2026-11-23T02:41:00Z\">4 h</span>, at 02:41 UTC on 23 Nov.")
            .has("Granted by operator: checkout is down. No relay has told of a connection under it yet.");
    }
    house.get(&incident).await.has("The waiver for orders-db can be extended").has(
        "A waiver is in force: the expired certificate of orders-db is accepted until 2026-11-23 02:41 UTC",
    );
    let waiver = house.state.read().unwrap().waivers().next().unwrap().clone();
    house.happens(vec![(now(), Event::WaiverUsed { waiver: waiver.id, count: 1_234, at: now() })]).await;
    house.get("/").await.has("1,234 connections were admitted under it.");
    house.get("/dependencies/orders-db").await.has("It ends at 02:41 UTC on 23 Nov.").has("operator, for 4h");

    let closed = house.post_form(&format!("{incident}/resolve"), "").await;
    assert_eq!(closed.status, StatusCode::CONFLICT);
    closed.has("A waiver is in force for orders-db, and its incident stays open until that is over.");

    let ended = house.post_form(&format!("/waivers/{}/end", waiver.id), "").await;
    assert_eq!(
        (ended.status, &ended.headers["location"]),
        (StatusCode::SEE_OTHER, &incident.parse().unwrap())
    );
    house.get("/").await.lacks("A waiver is in force");
    house
        .get("/dependencies/orders-db")
        .await
        .has("Over since 22:41 UTC: operator ended it. 1,234 connections were admitted under it.");
    house.get(&incident).await.has("operator has the expired certificate of orders-db accepted until");
    let again = house.post_form(&format!("/waivers/{}/end", waiver.id), "").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    again.has("This waiver for orders-db is over, and an ended one stays ended.");
}

#[tokio::test]
async fn where_it_is_not_possible_one_line_says_why() {
    let house = configured(|landscape| {
        landscape.dependencies.get_mut("orders-db").unwrap().waivable = false;
    })
    .await;
    let incident = format!("/incidents/{}", house.incident_of("orders-db"));
    let page = house.get(&incident).await;
    page.has("No waiver: The configuration forbids waivers for orders-db.")
        .has("reports-db fails only because its certificate expired.");
    let half = format!("/incidents/{}", house.incident_of("payments-api"));
    house.get(&half).await.lacks("No waiver");
    let refused = house.post_form("/waivers", "dependency=orders-db&reason=x").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    refused.has("The configuration forbids waivers for orders-db.").has("Back to the incident");
}

#[tokio::test]
async fn a_second_person_decides_on_the_page() {
    let house = configured(second_person).await;
    let incident = format!("/incidents/{}", house.incident_of("orders-db"));
    house.get(&incident).await.has("Somebody else has to agree within an hour.").has("Ask for the waiver");
    house.post_form("/waivers", "dependency=orders-db&reason=checkout+is+down&lasts=1h&name=Ana").await;
    let waiver = house.state.read().unwrap().waivers().next().unwrap().clone();
    house.get("/").await.has("Ana asks for a waiver for").has("until 23:41 UTC.").lacks("is in force");
    house.get(&incident).await.has("Somebody else than Ana has to agree.").has("Do not agree");
    let grant = format!("/waivers/{}/grant", waiver.id);
    let herself = house.post_form(&grant, "name=+ana+").await;
    assert_eq!(herself.status, StatusCode::CONFLICT);
    herself.has("Ana asked for this waiver, so somebody else has to agree.").has("Where it was asked for");
    assert_eq!(house.post_form(&grant, "name=Ben").await.status, StatusCode::SEE_OTHER);
    house.get("/").await.has("Granted by Ben: checkout is down.");
    house.get("/dependencies/orders-db").await.has("Ana, agreed by Ben, for 1h");

    house.post_form("/waivers", "dependency=reports-db&reason=x&name=Ana").await;
    let asked = house.state.read().unwrap().waivers().last().unwrap().id;
    house.post_form(&format!("/waivers/{asked}/refuse"), "name=Ben").await;
    house.get("/dependencies/reports-db").await.has("Ben did not agree. It was never in force.");
}

async fn asked(house: &House, wish: Value) -> (StatusCode, Value) {
    let answer = house.post_json("/api/v1/waivers", wish).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn waivers_over_the_api() {
    let house = house().await;
    let grounds = house.get("/api/v1/waivers/grounds?dependency=orders-db&lasts=2h").await.json();
    assert_eq!((&grounds["possible"], &grounds["until"]), (&json!(true), &json!("2026-11-23T00:41:00Z")));
    assert_eq!(grounds["subject"], "CN=eu-west.db.acme.example");
    assert_eq!(grounds["evidence"].as_array().unwrap().len(), 7, "{grounds:#}");
    let other = house.get("/api/v1/waivers/grounds?dependency=sessions").await.json();
    assert_eq!(
        other["refusal"]["message"],
        "sessions passes full verification, so there is nothing to waive."
    );

    for (wish, status, message) in [
        (json!({ "dependency": "orders-db" }), 422, "The reason is missing."),
        (
            json!({ "dependency": "orders-db", "reason": "x", "lasts": "2d" }),
            422,
            "A waiver lasts 1d at most here.",
        ),
        (
            json!({ "dependency": "orders-db", "reason": "x", "lasts": "soon" }),
            422,
            "The length cannot be read",
        ),
        (json!({ "dependency": "orders", "reason": "x" }), 404, "No dependency is called orders."),
        (json!({ "dependency": "sessions", "reason": "x" }), 409, "sessions passes full verification"),
        (
            json!({ "dependency": "payments-api", "reason": "x" }),
            409,
            "payments-api does not fail because its certificate expired, but because the connection is refused.",
        ),
        (json!({ "dependency": "ingress-certificate", "reason": "x" }), 409, "ingress-certificate is a file"),
    ] {
        let (found, answer) = asked(&house, wish).await;
        let said = answer["error"]["message"].as_str().unwrap();
        assert!(found.as_u16() == status && said.starts_with(message), "{found} {said}");
        assert!(!answer["error"]["advice"].as_str().unwrap().is_empty());
    }
    assert_eq!(house.get("/api/v1/policy").await.json()["waivers"], json!([]));

    let wish =
        json!({ "dependency": "orders-db", "reason": "checkout is down", "lasts": "2h", "name": "ana" });
    let (status, made) = asked(&house, wish).await;
    assert_eq!((status, &made["state"]), (StatusCode::CREATED, &json!("active")), "{made:#}");
    assert_eq!(made["granted"]["by"], "ana");
    let policy = house.get("/api/v1/policy").await.json();
    let rule = &policy["waivers"][0];
    assert_eq!((&rule["id"], &rule["sha256"]), (&made["id"], &grounds["sha256"]));
    assert_eq!((&rule["server_name"], &rule["until"]), (&json!("eu-west.db.acme.example"), &made["ends_at"]));
    let path = format!("/api/v1/waivers/{}", made["id"].as_str().unwrap());
    assert_eq!(house.get(&path).await.json(), made);
    let incident = format!("/api/v1/incidents/{}", made["incident"].as_str().unwrap());
    assert_eq!(house.get(&incident).await.json()["waivers"][0], made);
    let granted = house.post_json(&format!("{path}/grant"), json!({ "name": "ben" })).await;
    assert_eq!(granted.status, StatusCode::CONFLICT);
    granted.has("is in force already");

    let ended = house.delete(&path).await.json();
    assert_eq!((&ended["state"], &ended["end"]["because"]), (&json!("ended"), &json!("withdrawn")));
    assert_eq!(house.get("/api/v1/policy").await.json()["waivers"], json!([]));
    let list = |query: &str| {
        let (house, path) = (&house, format!("/api/v1/waivers{query}"));
        async move { house.get(&path).await.json()["waivers"].as_array().unwrap().len() }
    };
    assert_eq!((list("").await, list("?state=active").await), (1, 0));
    assert_eq!((list("?dependency=orders-db").await, list("?dependency=sessions").await), (1, 0));
    assert_eq!(house.get("/api/v1/waivers?state=open").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(house.delete("/api/v1/waivers/nothing").await.status, StatusCode::NOT_FOUND);
}
