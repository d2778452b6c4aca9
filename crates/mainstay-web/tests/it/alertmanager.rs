use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use jiff::SignedDuration;
use mainstay_engine::{Event, ExternalAlert, MOST_EXTERNAL};
use mainstay_model::{Diagnosis, ExternalSource, Landscape, Secret, Severity};
use serde_json::{Value, json};

use crate::ask::{Answer, request};
use crate::house::House;
use crate::sample;

const PATH: &str = "/api/v1/alertmanager";

async fn house(token: Option<&str>) -> House {
    let mut landscape: Landscape = sample::landscape();
    landscape.receive.alertmanager_token = token.map(Secret::new);
    House::configured(landscape, sample::now() - SignedDuration::from_mins(10)).await
}

/// An alert as Alertmanager 0.25 sends it.
fn alert(fingerprint: &str, status: &str, labels: Value) -> Value {
    let mut alert = json!({
        "status": status,
        "labels": { "alertname": "HighErrorRate", "job": "orders" },
        "annotations": {
            "summary": "Every fifth order fails",
            "description": "20 % of all orders failed in the last five minutes.",
            "runbook_url": "https://wiki.example.com/orders",
        },
        "startsAt": "2026-03-14T22:29:00.123Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.com/graph?g0.expr=x",
        "fingerprint": fingerprint,
    });
    for (name, value) in labels.as_object().unwrap() {
        alert["labels"][name] = value.clone();
    }
    alert
}

fn webhook(alerts: Vec<Value>) -> Value {
    json!({
        "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "firing", "receiver": "mainstay",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://alertmanager:9093",
        "alerts": alerts,
    })
}

async fn send(house: &House, token: &str, body: String) -> Answer {
    let request = request(Method::POST, PATH).header(header::CONTENT_TYPE, "application/json");
    let request = if token.is_empty() { request } else { request.header(header::AUTHORIZATION, token) };
    house.ask(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn an_alert_opens_an_incident_and_its_end_resolves_it() {
    let house = house(None).await;
    let labels = json!({ "severity": "critical" });
    let answer = house.post_json(PATH, webhook(vec![alert("aaf0", "firing", labels.clone())])).await;
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::OK, json!({ "firing": 1, "resolved": 0, "truncated": 0 }))
    );
    let again = house.post_json(PATH, webhook(vec![alert("aaf0", "firing", labels.clone())])).await;
    assert_eq!(again.status, StatusCode::OK);
    let open = house.get("/api/v1/incidents?state=open").await.json();
    let [incident] = open["incidents"].as_array().unwrap().as_slice() else { panic!("one incident: {open}") };
    assert_eq!(
        (&incident["title"], &incident["severity"]),
        (&json!("Every fifth order fails"), &json!("page"))
    );
    assert_eq!(incident["diagnosis"]["cause"], "20 % of all orders failed in the last five minutes.");
    let actions = incident["diagnosis"]["actions"].to_string();
    assert!(
        actions.contains("https://wiki.example.com/orders") && actions.contains("prometheus.example.com")
    );
    house.get("/").await.has("Another system has alerts that hold.");
    house
        .get(&format!("/incidents/{}", incident["id"].as_str().unwrap()))
        .await
        .has("Every fifth order fails");

    house.post_json(PATH, webhook(vec![alert("aaf0", "resolved", labels)])).await;
    let open = house.get("/api/v1/incidents?state=open").await.json();
    assert_eq!(open["incidents"], json!([]));
}

#[tokio::test]
async fn labels_say_how_urgent_it_is_and_whom_it_concerns() {
    let house = house(None).await;
    for (number, (label, expected)) in [
        ("page", "page"),
        ("Critical", "page"),
        ("error", "high"),
        ("high", "high"),
        ("warning", "warn"),
        ("warn", "warn"),
        ("info", "info"),
        ("none", "info"),
        ("whatever", "high"),
    ]
    .into_iter()
    .enumerate()
    {
        let labels = json!({ "severity": label, "alertname": format!("A{number}"), "dependency": "nobody" });
        let mut one = alert(&format!("f{number}"), "firing", labels);
        one["annotations"] = json!({});
        house.post_json(PATH, webhook(vec![one])).await;
        let open = house.get("/api/v1/incidents?state=open").await.json();
        let newest = &open["incidents"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["title"] == format!("A{number}"))
            .unwrap()
            .clone();
        assert_eq!(newest["severity"], expected, "{label}");
        assert_eq!(newest["dependencies"], json!([]));
    }
    let labels = json!({ "dependency": "orders-db", "severity": "warning" });
    house.post_json(PATH, webhook(vec![alert("ff", "firing", labels)])).await;
    let id = house.incident_of("orders-db").to_string();
    let incident = house.get(&format!("/api/v1/incidents/{id}")).await.json();
    assert_eq!(
        (&incident["dependencies"], incident["providers"].as_array().unwrap().len()),
        (&json!(["orders-db"]), 1)
    );
}

#[tokio::test]
async fn only_who_knows_the_token_may_hand_in_alerts() {
    let house = house(Some("s3cret")).await;
    let body = webhook(vec![alert("aa", "firing", json!({}))]).to_string();
    for token in ["", "Bearer", "Bearer ", "Bearer s3cre", "Bearer s3cret2", "Basic s3cret", "s3cret"] {
        let answer = send(&house, token, body.clone()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{token:?}");
        answer.has("receive.alertmanager_token").lacks("s3cret");
    }
    assert_eq!(send(&house, "Bearer s3cret", body).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_with_a_sentence() {
    let house = house(None).await;
    let with = |key: &str, value: Value| {
        let mut body = webhook(vec![alert("aa", "firing", json!({}))]);
        body[key] = value;
        body.to_string()
    };
    let mut nameless = alert("", "firing", json!({}));
    nameless["labels"] = json!({});
    for (body, status, text) in [
        ("{".to_owned(), 422, "This is no webhook of Alertmanager: EOF"),
        ("[]".to_owned(), 422, "This is no webhook of Alertmanager"),
        (with("version", json!("3")), 422, "Version 3 of Alertmanager's webhook is not known here."),
        (
            with("alerts", json!([nameless])),
            422,
            "An alert has no usable fingerprint: a name cannot be empty.",
        ),
        (
            with("alerts", json!([alert("a/b", "firing", json!({}))])),
            422,
            "An alert has no usable fingerprint",
        ),
        (with("alerts", json!([alert("a", "pending", json!({}))])), 422, "unknown variant `pending`"),
        (with("externalURL", json!("x".repeat(9 << 20))), 413, "This is more than 8 megabytes."),
    ] {
        let answer = send(&house, "", body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(text), "{message}");
    }
    // More than other requests may be.
    let large = with("externalURL", json!("x".repeat(2 << 20)));
    assert_eq!(send(&house, "", large).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_mainstay_told_alertmanager_itself_does_not_come_back() {
    let house = house(None).await;
    let labels = json!({ "alertname": "MainstayIncident", "incident": "018f-x" });
    let alerts = vec![alert("aa", "firing", labels), alert("bb", "firing", json!({}))];
    let answer = house.post_json(PATH, webhook(alerts)).await;
    assert_eq!(answer.json(), json!({ "firing": 1, "resolved": 0, "truncated": 0 }));
    let open = house.get("/api/v1/incidents?state=open").await.json();
    assert_eq!(open["incidents"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn too_many_open_alerts_are_refused_and_their_ends_are_taken() {
    let house = house(None).await;
    let one = |number: usize| ExternalAlert {
        key: format!("k{number}").parse().unwrap(),
        firing: true,
        title: format!("A{}", number / 150),
        severity: Severity::Info,
        since: sample::now(),
        dependency: None,
        provider: None,
        diagnosis: Diagnosis::default(),
    };
    let alerts = (0..MOST_EXTERNAL).map(one).collect();
    let event = Event::External { source: ExternalSource::Alertmanager, alerts };
    house.happens(vec![(sample::now(), event)]).await;
    let refused = house.post_json(PATH, webhook(vec![alert("new", "firing", json!({}))])).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    refused.has("2000 alerts of other systems hold already");
    // What is known is taken all the same: the end of one, and that another still holds.
    let mut alerts = vec![alert("k2", "firing", json!({})), alert("k1", "resolved", json!({}))];
    alerts.extend(["x1", "x2"].map(|new| alert(new, "firing", json!({}))));
    let partly = house.post_json(PATH, webhook(alerts)).await;
    assert_eq!(partly.status, StatusCode::SERVICE_UNAVAILABLE, "for one of the new ones there was no room");
    assert_eq!(house.state.read().unwrap().external_alerts(), MOST_EXTERNAL);
    let ended = house.post_json(PATH, webhook(vec![alert("k3", "resolved", json!({}))])).await;
    assert_eq!(ended.status, StatusCode::OK);
    let taken = house.post_json(PATH, webhook(vec![alert("new", "firing", json!({}))])).await;
    assert_eq!(taken.status, StatusCode::OK);
}

#[tokio::test]
async fn the_largest_outage_is_taken_whole() {
    let house = house(None).await;
    let all: Vec<Value> = (0..700).map(|number| alert(&format!("k{number}"), "firing", json!({}))).collect();
    let answer = house.post_json(PATH, webhook(all)).await;
    assert_eq!(answer.json(), json!({ "firing": 700, "resolved": 0, "truncated": 0 }));
    assert_eq!(house.state.read().unwrap().external_alerts(), 700);
}

#[tokio::test]
async fn texts_of_others_are_shown_as_texts() {
    let house = house(None).await;
    let mut hostile = alert("aa", "firing", json!({ "<b>": "<script>alert(1)</script>" }));
    hostile["annotations"] =
        json!({ "summary": "<script>alert(1)</script>\u{0} \n".repeat(50), "description": "<img src=x>" });
    house.post_json(PATH, webhook(vec![hostile])).await;
    let open = house.get("/api/v1/incidents?state=open").await.json();
    let incident = &open["incidents"][0];
    assert!(incident["title"].as_str().unwrap().chars().count() <= 151);
    let page = house.get(&format!("/incidents/{}", incident["id"].as_str().unwrap())).await;
    page.lacks("<script>alert").lacks("<img src=x>");
}
