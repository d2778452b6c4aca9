use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use mainstay_web::operator::Readiness;

use crate::ask::request;
use crate::house::House;
use crate::sample;

async fn house() -> House {
    House::configured(sample::landscape(), sample::now()).await
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_refused_everywhere_but_for_signs_of_life() {
    let house = house().await;
    let by = |host: &str, path: &str| {
        Request::builder().uri(path).header(header::HOST, host).body(Body::empty()).unwrap()
    };
    for path in ["/", "/metrics", "/api/v1/status", "/events"] {
        let answer = house.ask(by("rebound.example:8080", path)).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{path}");
        answer.has("server.public_url");
    }
    for host in ["ops.example.com", "localhost:8080", "[::1]:8080", "mainstay:8080"] {
        assert_eq!(house.ask(by(host, "/")).await.status, StatusCode::OK, "{host}");
    }
    assert_eq!(house.ask(by("probe.cluster.local", "/healthz")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn another_site_cannot_act() {
    let house = house().await;
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let foreign = request(Method::POST, "/incidents/x/resolve").header(name, value);
        let answer = house.ask(foreign.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}");
        answer.has("nothing was done");
    }
}

#[tokio::test]
async fn every_answer_carries_the_rules_for_browsers() {
    let house = house().await;
    for path in ["/", "/nothing", "/api/v1/status", "/healthz"] {
        let headers = house.get(path).await.headers;
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(headers[header::X_FRAME_OPTIONS], "DENY");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
    }
}

#[tokio::test]
async fn pages_have_no_script_and_no_style_of_their_own() {
    let house = House::sample(jiff::SignedDuration::from_mins(20)).await;
    for path in [
        "/",
        "/dependencies/orders-db",
        "/certificates",
        "/incidents",
        "/messages",
        "/channels",
        "/quiet",
        "/nothing",
    ] {
        let page = house.get(path).await;
        page.lacks(" style=").lacks("<style").lacks(" onclick=").lacks("javascript:");
        assert_eq!(
            page.text.matches("<script").count(),
            page.text.matches("<script src=\"/static/").count(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn ready_says_what_is_missing() {
    let house = house().await;
    let ready = house.get("/readyz").await;
    assert_eq!((ready.status, ready.text.as_str()), (StatusCode::OK, "ready\n"));
    house.readiness.send_replace(Readiness {
        configured: true,
        scheduled: false,
        store_trouble: Some("/var/x is full".into()),
    });
    let missing = house.get("/readyz").await;
    assert_eq!(missing.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        missing.text,
        "not ready: the first checks are not scheduled\nnot ready: the store cannot be written\n"
    );
    assert_eq!(house.get("/healthz").await.text, "alive\n");
}

#[tokio::test]
async fn a_closed_store_is_told_as_such() {
    let house = house().await;
    house.store.close().await;
    assert_eq!(house.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let page = house.get("/certificates").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    page.has("What was kept cannot be read now.");
    assert_eq!(house.get("/").await.status, StatusCode::OK, "what is in memory is still shown");
}

#[tokio::test]
async fn only_by_the_owners_socket_is_a_name_believed() {
    let mut house = House::sample(jiff::SignedDuration::from_mins(20)).await;
    let path = format!("/api/v1/incidents/{}/notes", house.incident_of("orders-db"));
    let note = |text: &str| {
        let named = request(Method::POST, &path).header("mainstay-by", "ben");
        let named = named.header(header::CONTENT_TYPE, "application/json");
        named.body(Body::from(format!("{{\"text\":\"{text}\"}}"))).unwrap()
    };
    let by = |answer: &crate::ask::Answer, text: &str| {
        let answer = answer.json();
        let entries = answer["timeline"].as_array().unwrap().clone();
        entries.iter().find(|entry| entry["text"] == text).unwrap()["by"].clone()
    };
    assert_eq!(by(&house.ask(note("over the network")).await, "over the network"), "operator");
    house.router = mainstay_web::operator::for_owner(house.router.clone());
    assert_eq!(by(&house.ask(note("by the socket")).await, "by the socket"), "ben");
}
