use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use jiff::SignedDuration;
use mainstay_model::Secret;
use serde_json::{Value, json};

use crate::ask::{Answer, request};
use crate::house::House;
use crate::sample;

async fn messages(house: &House, asked: &str) -> Vec<Value> {
    let list = house.get(&format!("/api/v1/deliveries{asked}")).await.json();
    list["deliveries"].as_array().unwrap_or_else(|| panic!("{list}")).clone()
}

async fn post(house: &House, path: &str) -> Answer {
    house.ask(request(Method::POST, path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn messages_are_listed_by_what_became_of_them_and_each_shows_its_tries() {
    let house = House::sample(SignedDuration::from_hours(1)).await;
    let all = messages(&house, "").await;
    assert!(all.len() > 3, "{all:#?}");
    for one in messages(&house, "?state=delivered").await {
        assert_eq!(one["state"]["is"], "delivered");
        let whole = house.get(&format!("/api/v1/deliveries/{}", one["id"].as_str().unwrap())).await.json();
        let tries = whole["attempts"].as_array().unwrap();
        assert_eq!(tries.last().unwrap()["is"], "accepted", "{whole:#}");
        assert_eq!(whole["message"], one["message"]);
    }
    let first = messages(&house, "?limit=1").await;
    let before = format!("?before={}", first[0]["id"].as_str().unwrap());
    assert_eq!(messages(&house, &before).await, all[1..]);
    let answer = house.get("/api/v1/deliveries?state=lost").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.has("queued, delivered, given-up, merged or bounced");
    assert_eq!(house.get("/api/v1/deliveries/nothing").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_waits_is_tried_now_and_what_was_lost_goes_again() {
    let house = House::sample(SignedDuration::from_hours(1)).await;
    let lost = messages(&house, "?state=given-up").await;
    let lost = lost.first().expect("the sample has some");
    let id = lost["id"].as_str().unwrap();
    assert_eq!(post(&house, &format!("/api/v1/deliveries/{id}/retry")).await.status, StatusCode::OK);
    let queued = messages(&house, "?state=queued").await;
    let again = queued.iter().find(|one| one["again_of"] == *id).expect("another message stands for it");
    assert_ne!(again["id"], lost["id"]);
    assert_eq!(again["message"]["incident"]["id"], lost["message"]["incident"]["id"]);
    let twice = post(&house, &format!("/api/v1/deliveries/{id}/retry")).await;
    assert_eq!(twice.status, StatusCode::CONFLICT, "the one that went is not lost");
    twice.has(&format!("/messages/{}", again["id"].as_str().unwrap()));
    let path = format!("/api/v1/deliveries/{}/retry", again["id"].as_str().unwrap());
    assert_eq!(post(&house, &path).await.status, StatusCode::OK);
    let told = &messages(&house, "?state=delivered").await[0]["id"];
    let answer = post(&house, &format!("/api/v1/deliveries/{}/retry", told.as_str().unwrap())).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn channels_say_whether_they_work_and_never_where_they_are() {
    let house = House::sample(SignedDuration::from_hours(1)).await;
    let answer = house.get("/api/v1/channels").await;
    answer.lacks("discord.com").lacks("https://");
    let name = answer.json()["channels"][0]["name"].as_str().unwrap().to_owned();
    for (asked, kind) in [("", "channel.test"), ("?quiet=true", "channel.probe")] {
        let path = format!("/api/v1/channels/{name}/trial{asked}");
        assert_eq!(post(&house, &path).await.status, StatusCode::ACCEPTED);
        let newest = &messages(&house, &format!("?channel={name}")).await;
        assert!(newest.iter().any(|one| one["message"]["kind"] == kind && one["state"]["is"] == "queued"));
    }
    assert_eq!(post(&house, "/api/v1/channels/nobody/trial").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_bounce_is_taken_from_whoever_shows_the_token() {
    let house = House::sample(SignedDuration::from_hours(1)).await;
    let told = messages(&house, "?state=delivered").await[0].clone();
    let id = told["id"].as_str().unwrap();
    let hand_in = async |message: String| {
        house.ask(request(Method::POST, "/api/v1/bounces").body(Body::from(message)).unwrap()).await
    };
    assert_eq!(hand_in("hello".into()).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let unknown = hand_in("lost 0197f0a1-2b3c-7d4e-8f50-112233445566".into()).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY, "it will not be known later either");
    let state = async || house.get(&format!("/api/v1/deliveries/{id}")).await.json();
    let answer = hand_in(format!("late {id}")).await;
    assert_eq!(answer.json(), json!({ "delivery": id, "lost": false, "reason": "550 no such mailbox" }));
    assert_eq!(state().await["state"]["is"], "delivered", "it may still arrive");
    for _ in 0..2 {
        assert_eq!(hand_in(format!("lost {id}")).await.status, StatusCode::OK);
    }
    let after = state().await;
    assert_eq!(after["state"]["is"], "bounced");
    let bounces = after["attempts"].as_array().unwrap().iter().filter(|one| one["is"] == "bounced").count();
    assert_eq!(bounces, 1, "once is enough");

    let mut landscape = sample::landscape();
    landscape.receive.bounce_token = Some(Secret::new("s3cret"));
    let mut house = House::configured(landscape, sample::now()).await;
    let shown = |token: &'static str| {
        request(Method::POST, "/api/v1/bounces")
            .header(header::AUTHORIZATION, token)
            .body(Body::from("x"))
            .unwrap()
    };
    assert_eq!(house.ask(shown("Bearer another")).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.ask(shown("Bearer s3cret")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    house.router = mainstay_web::operator::for_owner(house.router.clone());
    assert_eq!(house.ask(shown("none")).await.status, StatusCode::UNPROCESSABLE_ENTITY, "by the socket");
}
