use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use mainstay_model::{
    Component, IncidentId, IncidentState, PublicStatus, PublicUpdate, Publication, Random, Severity, UpdateId,
};
use serde_json::Value;
use tower::ServiceExt;

use super::*;

fn now() -> Timestamp {
    "2026-11-22T23:00:00Z".parse().unwrap()
}

fn landscape() -> Landscape {
    let component = |title: &str, group: Option<&str>| Component {
        title: title.into(),
        group: group.map(Into::into),
        description: None,
    };
    let mut landscape = Landscape::default();
    landscape.components.insert("checkout".parse().unwrap(), component("Checkout", Some("API")));
    landscape.components.insert("search".parse().unwrap(), component("Search <beta>", Some("API")));
    landscape.components.insert("website".parse().unwrap(), component("Website", None));
    landscape.status_page.title = "Example Status".into();
    landscape.status_page.public_url = "https://status.example.com".into();
    landscape
}

fn outage(resolved: bool) -> Incident {
    let broke: Timestamp = "2026-11-22T22:29:00Z".parse().unwrap();
    let mut random = Random::seeded(5);
    let update = |random: &mut Random, status, body: &str, at: &str| PublicUpdate {
        id: UpdateId::new(broke, random),
        at: at.parse().unwrap(),
        status,
        body: body.into(),
    };
    let updates = vec![
        update(&mut random, PublicStatus::Investigating, "Checkout may fail.", "2026-11-22T22:31:00Z"),
        update(
            &mut random,
            PublicStatus::Identified,
            "A provider's certificate expired.",
            "2026-11-22T22:40:00Z",
        ),
    ];
    let end = "2026-11-22T22:59:00Z".parse().unwrap();
    Incident {
        id: IncidentId::new(broke, &mut random),
        title: "orders-db of internal.host is down".into(),
        severity: Severity::Page,
        state: if resolved { IncidentState::Resolved { at: end, by: None } } else { IncidentState::Open },
        cause_key: "acme/certificate-expired".into(),
        opened_at: broke,
        since: broke,
        breaks_at: None,
        broke_at: Some(broke),
        alerts: Default::default(),
        dependencies: vec!["orders-db".parse().unwrap()],
        providers: vec![],
        components: vec!["checkout".parse().unwrap()],
        impact: mainstay_model::Impact::Critical,
        failure: None,
        diagnosis: Default::default(),
        changes: 0,
        publication: Some(Publication {
            at: "2026-11-22T22:31:00Z".parse().unwrap(),
            by: None,
            title: "Checkout is not available".into(),
            updates,
            eased: false,
            by_hand: false,
        }),
        told: Default::default(),
        widest: None,
        joined_at: None,
        escalations: Default::default(),
        hushed: None,
        room: Default::default(),
        drill: None,
    }
}

fn public(incidents: &[Incident]) -> Public {
    let public = Public::new();
    public.replace(Snapshot::render(
        &landscape(),
        incidents,
        Some("2026-11-01T00:00:00Z".parse().unwrap()),
        now(),
    ));
    public
}

async fn get(public: &Public, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = public.clone().router().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

async fn document(public: &Public, path: &str) -> Value {
    let (status, body) = get(public, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn a_calm_page_says_so() {
    let public = public(&[]);
    let (status, page) = get(&public, "/").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("All services work normally."), "{page}");
    assert!(page.contains("Search &#60;beta&#62;"), "text is escaped: {page}");
    assert_eq!(document(&public, "/api/v2/status.json").await["status"]["indicator"], "none");
}

#[tokio::test]
async fn an_open_incident_is_told_in_the_words_for_customers_only() {
    let incident = outage(false);
    let public = public(std::slice::from_ref(&incident));
    let (_, page) = get(&public, "/").await;
    for expected in [
        "Checkout is not available.",
        "Checkout may fail.",
        "A provider&#39;s certificate expired.",
        "Identified",
    ] {
        assert!(page.contains(expected), "{expected} is missing in {page}");
    }
    let summary = document(&public, "/api/v2/summary.json").await;
    let (_, detail) = get(&public, &format!("/incidents/{}", incident.id)).await;
    for shown in [&page, &detail, &summary.to_string()] {
        assert!(!shown.contains("internal.host"), "what is internal stays inside: {shown}");
        assert!(!shown.contains("orders-db"), "what is internal stays inside: {shown}");
    }
}

#[tokio::test]
async fn the_summary_is_statuspage_v2() {
    let summary = document(&public(&[outage(false)]), "/api/v2/summary.json").await;
    insta::assert_json_snapshot!("summary", summary);
}

#[tokio::test]
async fn a_resolved_incident_is_history() {
    let public = public(&[outage(true)]);
    let summary = document(&public, "/api/v2/summary.json").await;
    assert_eq!(summary["incidents"], serde_json::json!([]));
    assert_eq!(summary["status"]["indicator"], "none");
    let incidents = document(&public, "/api/v2/incidents.json").await;
    assert_eq!(incidents["incidents"][0]["status"], "resolved");
    assert_eq!(incidents["incidents"][0]["resolved_at"], "2026-11-22T22:59:00Z");
    let (_, page) = get(&public, "/").await;
    assert!(page.contains("lasted <time"), "{page}");
    assert!(page.contains("not available for 30 min"), "the bar of the day says so: {page}");
}

#[tokio::test]
async fn answers_that_did_not_change_are_not_sent_again() {
    let router = public(&[]).router();
    let first = router.clone().oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    let tag = first.headers()[header::ETAG].clone();
    assert!(
        first.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("default-src 'none'")
    );
    let again = Request::get("/").header(header::IF_NONE_MATCH, tag).body(Body::empty()).unwrap();
    assert_eq!(router.oneshot(again).await.unwrap().status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn wrong_addresses_and_methods() {
    let public = public(&[]);
    assert_eq!(get(&public, "/nowhere").await.0, StatusCode::NOT_FOUND);
    assert_eq!(get(&public, "/api/v2/nothing.json").await.0, StatusCode::NOT_FOUND);
    let post = Request::post("/").body(Body::empty()).unwrap();
    assert_eq!(public.router().oneshot(post).await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(
        get(&Public::new(), "/").await.0,
        StatusCode::SERVICE_UNAVAILABLE,
        "before the first snapshot"
    );
}
