//! What an incident's page knows around it: what happened before, what to do, what to write to the provider; and the figures of the year.

use std::sync::Arc;

use axum::http::{StatusCode, header};
use jiff::SignedDuration;
use mainstay_engine::Event;
use mainstay_model::*;

use crate::house::House;
use crate::sample::{self, now};

async fn house() -> House {
    House::sample(SignedDuration::from_mins(40)).await
}

/// Lets an incident of this dependency have happened so many days ago, for an hour, with a note of Anna's.
pub(crate) async fn it_happened_before(
    house: &House,
    dependency: &str,
    days: i64,
    cause: Option<&str>,
) -> IncidentId {
    let at = now() - SignedDuration::from_hours(days * 24);
    let random = &mut Random::seeded(u64::try_from(days).unwrap());
    let over = at + SignedDuration::from_mins(60);
    let like = house.state.read().unwrap().incident(house.incident_of(dependency)).unwrap().as_ref().clone();
    let id = IncidentId::new(at, random);
    let room = Room {
        acknowledged_at: Some(at + SignedDuration::from_mins(4)),
        mitigated_at: Some(at + SignedDuration::from_mins(50)),
        ..Room::default()
    };
    let incident = Incident {
        id,
        opened_at: at + SignedDuration::from_mins(2),
        since: at,
        broke_at: Some(at),
        state: IncidentState::Resolved { at: over, by: None },
        cause_key: cause.map_or(like.cause_key.clone(), str::to_owned),
        room,
        ..like
    };
    let entry = |kind, text: &str, after, random: &mut Random| TimelineEntry {
        id: EntryId::new(at, random),
        at: at + SignedDuration::from_mins(after),
        incident: Some(id),
        dependency: None,
        kind,
        by: Some("anna".into()),
        text: text.into(),
        evidence: vec![],
    };
    let timeline = vec![
        entry(EntryKind::Acknowledged, "anna took it up.", 4, random),
        entry(EntryKind::Note, "Acme renews by hand; call them.", 9, random),
    ];
    let commit = Commit { incidents: vec![Arc::new(incident)], timeline, ..Commit::default() };
    house.store.commit(&commit).await.unwrap();
    id
}

#[tokio::test]
async fn the_last_time_and_what_is_related_are_told() {
    let house = house().await;
    let path = format!("/incidents/{}", house.incident_of("orders-db"));
    house.get(&path).await.lacks("The last time this happened");
    let last = it_happened_before(&house, "orders-db", 30, None).await;
    let older = it_happened_before(&house, "orders-db", 60, None).await;
    let other = it_happened_before(&house, "orders-db", 20, Some("acme-db/refused")).await;
    let too_old = it_happened_before(&house, "orders-db", 120, None).await;
    let page = house.get(&path).await;
    page.has(&format!("The last time this happened: <a href=\"/incidents/{last}\">"));
    page.has("after 1 h; anna took care of it.").has("<li>Acme renews by hand; call them.</li>");
    page.has(&format!("<li><a href=\"/incidents/{other}\">"))
        .has(&format!("<li><a href=\"/incidents/{older}\">"));
    page.lacks(&too_old.to_string());
    let unrelated = format!("/incidents/{}", house.incident_of("payments-api"));
    house.get(&unrelated).await.lacks("The last time").lacks("in the last 90 days");
}

#[tokio::test]
async fn a_ticket_is_plain_text_without_anything_of_ones_own() {
    let house = house().await;
    let path = format!("/incidents/{}/ticket.txt", house.incident_of("orders-db"));
    let ticket = house.get(&path).await;
    assert_eq!(ticket.headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    ticket.has("To: support@acme-db.example").has("Dear team of Acme Databases,");
    ticket.has("eu-west.db.acme.example, port 3306").has("eu-west.db.acme.example, port 3307");
    ticket.has("192.0.2.19:3306: The server's certificate (eu-west.db.acme.example) expired");
    ticket
        .has("0. CN=eu-west.db.acme.example")
        .has("valid from 2026-08-24 22:29:00 UTC to 2026-11-22 22:29:00 UTC");
    ticket
        .lacks("s3cr3t")
        .lacks("monitor")
        .lacks("/orders")
        .lacks("orders-db")
        .lacks("Checkout")
        .lacks("Root X1,O=Example Trust,C=CH\n     issued");
    assert_eq!(house.get(&format!("{path}?provider=acme-db")).await.text, ticket.text);
    let nobody = house.get(&format!("{path}?provider=parcel")).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    nobody.has("This incident concerns no such provider.");
}

#[tokio::test]
async fn a_ticket_keeps_what_was_seen_when_it_works_again() {
    let house = house().await;
    let path = format!("/incidents/{}/ticket.txt", house.incident_of("orders-db"));
    let mut mended = house.state.read().unwrap().dependency("orders-db").unwrap().last.clone().unwrap();
    (mended.verdict, mended.failure, mended.checked_at) = (Verdict::Healthy, None, now());
    mended.findings.clear();
    for address in &mut mended.addresses {
        (address.verdict, address.failure) = (Verdict::Healthy, None);
        for certificate in address.tls.iter_mut().flat_map(|tls| &mut tls.certificates) {
            certificate.subject = "CN=renewed.acme.example".into();
            certificate.sha256 = Fingerprint([42; 32]);
        }
    }
    house.happens(vec![(now(), Event::Checked(Box::new(mended)))]).await;
    let ticket = house.get(&path).await;
    ticket.has("192.0.2.19:3306: The server's certificate (eu-west.db.acme.example) expired");
    ticket.has("0. CN=eu-west.db.acme.example").lacks("CN=renewed.acme.example");
}

#[tokio::test]
async fn runbooks_stand_on_the_page_with_the_values_of_the_incident() {
    let house = house().await;
    let mut landscape = sample::landscape();
    let mut runbook = |key: &str, text: &str| {
        landscape.dependencies.get_mut(key).unwrap().runbook = Some(text.parse().unwrap());
    };
    runbook(
        "orders-db",
        "Call **{{provider.contacts}}** about {{dependency.host}}: {{failure.kind}}. <script>x</script>",
    );
    runbook("reports-db", "https://wiki.example.com/{{dependency.name}}");
    let of_rule = "What {{dependency.name}} is down for stands in the diary.".parse().unwrap();
    let down = BuiltInRule { enabled: true, severity: None, runbook: Some(of_rule) };
    landscape.rules.built_in.insert(Rule::Down, down);
    house.happens(vec![(now(), Event::Configured(Arc::new(landscape)))]).await;
    let page = house.get(&format!("/incidents/{}", house.incident_of("orders-db"))).await;
    page.has(
        "Call <strong>support@acme-db.example</strong> about eu-west.db.acme.example: certificate-expired.",
    );
    page.has("&lt;script&gt;x&lt;/script&gt;");
    page.has("<a href=\"https://wiki.example.com/reports-db\">https://wiki.example.com/reports-db</a>");
    page.has("aria-label=\"Runbook of the rule down\"")
        .has("What orders-db is down for stands in the diary.");
}

#[tokio::test]
async fn how_long_it_took_is_told_by_month() {
    let house = house().await;
    house.get("/incidents").await.has("Nov 2026");
    for days in [31, 33, 35] {
        it_happened_before(&house, "orders-db", days, None).await;
    }
    let page = house.get("/incidents").await;
    page.has("aria-label=\"Time to take up, median: Oct 2026 2 min, worst 2 min\"");
    page.has("<th class=\"nowrap\">Oct 2026</th><td class=\"number\">3</td><td class=\"number\">3</td>");
    page.has("<td class=\"nowrap\">50 min</td><td class=\"nowrap\">1 h</td></tr>");
    let second = house.get(&format!("/incidents?before={}", house.incident_of("orders-db"))).await;
    second.lacks("How long it took, by month");
}
