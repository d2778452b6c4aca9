use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, StatusCode};
use jiff::SignedDuration;
use mainstay_model::{Heartbeat, Secret, Severity};
use serde_json::{Value, json};

use crate::ask::{Answer, request};
use crate::house::House;
use crate::sample;

async fn house() -> House {
    House::sample(SignedDuration::from_mins(60)).await
}

#[tokio::test]
async fn every_documented_route_answers_as_documented() {
    let house = house().await;
    let document = house.get("/api/v1/openapi.json").await.json();
    let id = house.incident_of("orders-db").to_string();
    let other = house.incident_of("payments-api").to_string();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let address = path
                .replace("{id}", &id)
                .replace("{name}", "orders-db")
                .replace("{task}", "0")
                .replace("{schedule}", "platform");
            let until = if path.contains("on-call") { "2026-11-25T09:00" } else { "1h" };
            let body = json!({
                "status": "monitoring", "body": "Text.", "text": "Text.", "title": "Title", "until": until, "to": "ben",
                "severity": "high", "role": "scribe", "who": "Anna", "at": "20m", "into": other, "alert": "orders-db/down",
                "from": "2026-11-24T09:00", "person": "anna", "dependency": "sessions",
                "reason": "Known.", "what": { "dependency": ["orders-db"] },
            });
            let answer = match method.as_str() {
                "get" => house.get(&address).await,
                "delete" => house.delete(&address).await,
                _ => house.post_json(&address, body).await,
            };
            let documented = &methods[method]["responses"][answer.status.as_str()];
            assert!(
                documented.is_object(),
                "{method} {path}: {} is not documented: {}",
                answer.status,
                answer.text
            );
            if path != "/api/v1/openapi.json" {
                fits(&answer, &documented["content"]["application/json"]["schema"], &document, path);
            }
        }
    }
}

/// Whether an answer has every required field of its schema, and none that the schema does not know.
fn fits(answer: &Answer, schema: &Value, document: &Value, path: &str) {
    let (mut required, mut known) = (vec![], vec![]);
    fields(schema, document, &mut required, &mut known);
    let value = answer.json();
    let given: Vec<&String> = value.as_object().unwrap().keys().collect();
    for name in required {
        assert!(value.get(&name).is_some(), "{path}: no {name}");
    }
    for name in given {
        assert!(known.contains(name), "{path}: {name} is not documented");
    }
}

fn fields(schema: &Value, document: &Value, required: &mut Vec<String>, known: &mut Vec<String>) {
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return fields(document.pointer(target.trim_start_matches('#')).unwrap(), document, required, known);
    }
    for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        fields(part, document, required, known);
    }
    let names = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    required.extend(names.filter_map(Value::as_str).map(str::to_owned));
    known.extend(
        schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|map| map.keys().cloned()),
    );
}

#[tokio::test]
async fn the_status_in_one_answer() {
    let status = house().await.get("/api/v1/status").await.json();
    assert_eq!(status["sentence"], "5 of 12 dependencies need you.");
    let counts = json!({ "all": 12, "healthy": 6, "degraded": 2, "down": 2, "inconclusive": 2 });
    assert_eq!(status["dependencies"], counts);
}

#[tokio::test]
async fn dependencies_with_their_latest_check_and_without_secrets() {
    let house = house().await;
    let list = house.get("/api/v1/dependencies?state=down").await;
    list.lacks("s3cr3t");
    let names: Vec<_> =
        list.json()["dependencies"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["orders-db", "reports-db"]);
    let one = house.get("/api/v1/dependencies/orders-db").await;
    one.lacks("s3cr3t");
    let one = one.json();
    assert_eq!(one["failure"]["kind"], "certificate-expired");
    assert_eq!(one["last"]["addresses"][0]["tls"]["certificates"].as_array().unwrap().len(), 3);
    assert_eq!(one["configuration"]["every"], "1m");
    let missing = house.get("/api/v1/dependencies/nothing").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.json()["error"]["message"], "No dependency is called nothing.");
}

#[tokio::test]
async fn an_incident_is_taken_up_over_the_api() {
    let house = house().await;
    let path = format!("/api/v1/incidents/{}", house.incident_of("orders-db"));
    let answer = house.post_json(&format!("{path}/acknowledge"), json!({})).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(
        (&answer.json()["state"], &answer.json()["acknowledged_by"]),
        (&json!("acknowledged"), &json!("operator"))
    );
    let again = house.post_json(&format!("{path}/acknowledge"), json!({})).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let published = house.post_json(&format!("{path}/publish"), json!({})).await.json();
    assert_eq!(published["publication"]["by"], "operator", "worded by Mainstay when nothing is said");
    assert!(published["timeline"].as_array().unwrap().iter().any(|entry| entry["kind"] == "published"));
}

#[tokio::test]
async fn an_address_that_is_asked_with_the_wrong_method_says_which_are_right() {
    let house = house().await;
    let wrong = house.post_json("/api/v1/status", json!({})).await;
    assert_eq!(
        (wrong.status, wrong.headers["allow"].to_str().unwrap()),
        (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD")
    );
    assert_eq!(wrong.json()["error"]["message"], "This address cannot be asked with POST.");
    let page = house.get(&format!("/incidents/{}/resolve", house.incident_of("orders-db"))).await;
    assert_eq!(page.status, StatusCode::METHOD_NOT_ALLOWED);
    page.has("what can be done stands on the page of an incident");
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_told() {
    let house = house().await;
    let path = format!("/api/v1/incidents/{}/notes", house.incident_of("orders-db"));
    let bare = request(Method::POST, &path).body(Body::from("text=x")).unwrap();
    let answer = house.ask(bare).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.has("application/json");
    let unknown = house.get("/api/v1/incidents?state=purple").await;
    assert_eq!(unknown.json()["error"]["advice"], "It is open or resolved.");
    let twice = house.get("/?q=a&q=b").await;
    assert_eq!(twice.status, StatusCode::UNPROCESSABLE_ENTITY);
    twice.has("<h1 class=\"sentence\">What the address asks for cannot be read: duplicate field `q`.");
    for path in [
        "/api/v1/dependencies?offset=x",
        "/api/v1/certificates?offset=-1",
        "/api/v1/incidents?state=a&state=b",
    ] {
        let answer = house.get(path).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("What the address asks for cannot be read: "), "{path}: {message}");
    }
    let nothing = house.get("/api/v1/nothing").await;
    assert_eq!(
        (nothing.status, &nothing.json()["error"]["message"]),
        (StatusCode::NOT_FOUND, &json!("There is no such page."))
    );
}

#[tokio::test]
async fn a_sign_of_life_is_taken_with_its_token_only() {
    let mut landscape = sample::landscape();
    let beat = |token: Option<&str>| Heartbeat {
        title: "The other Mainstay".into(),
        every: Duration::from_secs(60),
        grace: Duration::from_secs(60),
        severity: Severity::High,
        token: token.map(Secret::new),
    };
    landscape.heartbeats = [("open", beat(None)), ("other", beat(Some("s3cret")))]
        .map(|(name, beat)| (name.parse().unwrap(), beat))
        .into();
    let house = House::configured(landscape, sample::now()).await;
    let last = |name: &str| {
        let state = house.state.read().unwrap();
        state.heartbeats().find(|one| one.name.as_str() == name).unwrap().last_at
    };
    assert_eq!(house.post_json("/api/v1/heartbeats/open", json!({})).await.status, 200);
    assert_eq!(last("open"), Some(sample::now()));
    let refused = house.post_json("/api/v1/heartbeats/other", json!({})).await;
    assert_eq!((refused.status.as_u16(), last("other")), (401, None));
    assert!(refused.text.contains("Authorization: Bearer"), "{}", refused.text);
    let wrong = house.post_json("/api/v1/heartbeats/othr", json!({})).await;
    assert_eq!(wrong.status, 404);
    assert!(wrong.text.contains("Did you mean other?"), "{}", wrong.text);
    let shown = request(Method::POST, "/api/v1/heartbeats/other").header("authorization", "Bearer s3cret");
    let shown = shown.body(Body::empty()).unwrap();
    assert_eq!(house.ask(shown).await.status, 200);
    assert_eq!(last("other"), Some(sample::now()));
}
