use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use jiff::SignedDuration;
use mainstay_engine::Event;
use mainstay_model::{Landscape, Random};
use serde_json::json;

use crate::ask::request;
use crate::house::House;
use crate::sample::{self, now};

async fn house() -> House {
    House::sample(SignedDuration::from_hours(1)).await
}

#[tokio::test]
async fn the_overview_begins_with_a_sentence_and_has_every_dependency_worst_first() {
    let house = house().await;
    let page = house.get("/").await;
    assert_eq!(page.status, StatusCode::OK);
    page.has("5 of 12 dependencies need you.")
        .has("<title>■ 5 of 12 dependencies need you · Mainstay</title>");
    let place = |text: &str| page.text.find(&format!("href=\"/dependencies/{text}\"")).unwrap();
    let order = ["orders-db", "payments-api", "mail-out", "geo-lookup", "sessions"].map(place);
    assert!(order.is_sorted(), "{order:?}");
    page.has("in 3 days").has("https://status.acme-db.example");
    page.lacks("s3cr3t");
}

#[tokio::test]
async fn each_verdict_has_its_sentence() {
    let house = house().await;
    for (name, sentence) in [
        ("orders-db", "orders-db is down since 22:29 UTC: its certificate expired."),
        ("payments-api", "payments-api works only in part since 21:5"),
        ("mail-out", "mail-out will break in 3 days, at 02:41 UTC on 26 Nov."),
        ("geo-lookup", "Nothing could be told about geo-lookup since"),
        ("identity", "identity has not been checked yet."),
        ("sessions", "sessions is in order, and has been for"),
    ] {
        let page = house.get(&format!("/dependencies/{name}")).await;
        assert_eq!(page.status, StatusCode::OK, "{name}");
        page.has(sentence).lacks("s3cr3t");
    }
}

#[tokio::test]
async fn a_dependency_shows_why_its_chain_and_how_it_is_watched() {
    let house = house().await;
    let page = house.get("/dependencies/orders-db").await;
    page.has("Everything else about it is in order.").has("Have it renewed.");
    page.has("Not verified").has("expired 12 min ago").has("trusted root, from our own store");
    page.has("How long each phase took").has("12 failed, marked on the lower edge.");
    page.has("mysql://monitor@eu-west.db.acme.example:3306/orders").has("Checkout, Account and log-in");
    let unchecked = house.get("/dependencies/identity").await;
    unchecked.has("The first check is due within 1m.").lacks("How long each phase took");
}

#[tokio::test]
async fn every_picture_has_its_words() {
    let house = house().await;
    for path in ["/", "/dependencies/orders-db", "/certificates"] {
        let page = house.get(path).await;
        for svg in page.text.split("<svg").skip(1) {
            let tag = svg.split('>').next().unwrap();
            assert!(tag.contains("aria-hidden") || tag.contains("aria-label=\""), "{path}: <svg{tag}>");
        }
    }
}

#[tokio::test]
async fn a_misspelt_dependency_is_not_found_and_the_right_one_named() {
    let page = house().await.get("/dependencies/order-db").await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    page.has("No dependency is called order-db.").has("Did you mean orders-db?");
}

#[tokio::test]
async fn certificates_stand_by_their_end_and_can_be_found() {
    let house = house().await;
    let page = house.get("/certificates").await;
    page.has("1 certificate has expired, and another is near its end.").has("in 3 days");
    let place = |text: &str| page.text.find(text).unwrap();
    assert!(place("eu-west.db.acme.example") < place("submission.parcel.example"));
    page.lacks("<span class=\"name\">Example Root X1");
    house.get("/certificates?all=yes").await.has("<span class=\"name\">Example Root X1");
    house.get("/certificates?q=parcel").await.has("mail-out").lacks("href=\"/dependencies/orders-db\"");
    house.get("/certificates?q=nothing-of-that-name").await.has("Nothing matches.");
    house.get("/certificates?page=18446744073709551615").await.has("submission.parcel.example");
}

#[tokio::test]
async fn an_incident_is_taken_up_published_updated_noted_and_closed() {
    let house = house().await;
    let path = format!("/incidents/{}", house.incident_of("orders-db"));
    house.get(&path).await.has("Nobody has taken it up.").has("Take it up").has("may be unavailable");
    let answer = house.post_form(&format!("{path}/acknowledge"), "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.headers[header::LOCATION], path.as_str());
    house.get(&path).await.has("Taken up by operator.").lacks("Take it up");
    house.post_form(&format!("{path}/publish"), "title=Checkout+%3Cfails%3E&body=We+are+on+it.").await;
    house.get(&path).await.has("Checkout &#60;fails&#62;").has("We are on it.").has("Tell customers more");
    house.post_form(&format!("{path}/updates"), "status=monitoring&body=A+new+certificate+is+there.").await;
    house.get(&path).await.has("A new certificate is there.").has("monitoring");
    house.post_form(&format!("{path}/notes"), "text=Called+Acme+at+22%3A40.").await;
    house.get(&path).await.has("Called Acme at 22:40.");
    house.post_form(&format!("{path}/resolve"), "").await;
    house.get(&path).await.has("by hand (operator)").lacks("Close it by hand");
    house.get("/incidents").await.has("2 dependencies of Acme Databases are down");
}

#[tokio::test]
async fn customers_are_told_that_it_is_resolved_when_it_is_and_nothing_else_then() {
    let house = house().await;
    let path = format!("/incidents/{}", house.incident_of("orders-db"));
    house.post_form(&format!("{path}/publish"), "").await;
    house.get(&path).await.has("<option value=\"monitoring\"").lacks("<option value=\"resolved\"");
    let early = house.post_form(&format!("{path}/updates"), "status=resolved&body=All+well.").await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    early.has("This incident is still open").has(&format!("<a href=\"{path}\">Back to the incident</a>"));
    house.post_form(&format!("{path}/resolve"), "").await;
    house.get(&path).await.has("<option value=\"resolved\"").lacks("<option value=\"monitoring\"");
    let late = house
        .post_json(&format!("/api/v1{path}/updates"), json!({ "status": "monitoring", "body": "x" }))
        .await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert_eq!(
        late.json()["error"]["message"],
        "This incident is over, so it cannot stand anywhere else for customers."
    );
    let after =
        house.post_form(&format!("{path}/updates"), "status=resolved&body=It+was+a+long+night.").await;
    assert_eq!(after.status, StatusCode::SEE_OTHER);
    house.get(&path).await.has("It was a long night.");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_a_sentence() {
    let house = house().await;
    let path = format!("/incidents/{}", house.incident_of("orders-db"));
    let update = house.post_form(&format!("{path}/updates"), "status=monitoring&body=x").await;
    assert_eq!(update.status, StatusCode::CONFLICT);
    update.has("Customers do not see this incident.").has("Publish it first.");
    let note = house.post_form(&format!("{path}/notes"), "text=++").await;
    assert_eq!(note.status, StatusCode::UNPROCESSABLE_ENTITY);
    note.has("The text is empty.");
    let long = format!("text={}", "x".repeat(10_001));
    house
        .post_form(&format!("{path}/notes"), &long)
        .await
        .has("The text has 10001 characters; 10000 are allowed.");
    let unknown = house.post_form("/incidents/01a1e15e-f860-71bb-94d8-d101b5b9c34d/resolve", "").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let text = house.post_form(&format!("{path}/publish"), "title=a&body=b").await;
    assert_eq!(text.status, StatusCode::SEE_OTHER);
    house.post_form(&format!("{path}/publish"), "title=a&body=b").await.has("It is public already.");
}

#[tokio::test]
async fn messages_say_who_was_told_and_who_was_not() {
    let house = house().await;
    let page = house.get("/messages").await;
    page.has("given up").has("oncall-mail").has("410 Gone");
    let incident = house.get(&format!("/incidents/{}", house.incident_of("orders-db"))).await;
    incident.has("oncall-mail").has("accepted after 2 s");
}

#[tokio::test]
async fn an_empty_house_says_what_to_do() {
    let house = House::configured(Landscape::default(), now()).await;
    house.get("/").await.has("Nothing is watched yet.").has("mainstay.yaml").has("mainstay discover");
    house.get("/incidents").await.has("No incident is open.").has("No incident has ended yet.");
    house.get("/certificates").await.has("No certificate has been seen yet.");
    house.get("/messages").await.has("Nobody had to be told anything yet.");
}

#[tokio::test]
async fn everything_in_order_is_said() {
    let mut landscape = sample::landscape();
    landscape.dependencies.retain(|name, _| name.as_str() == "sessions" || name.as_str() == "search");
    let house = House::configured(landscape, sample::ago(5)).await;
    house.get("/").await.has("The first checks are on their way.");
    let mut random = Random::seeded(1);
    for minutes in [4, 3, 2] {
        let at = sample::ago(minutes);
        let calm = sample::ACTORS.iter().filter(|actor| ["sessions", "search"].contains(&actor.name));
        let reports = calm.filter_map(|actor| actor.report(at, &mut random));
        let events = reports.map(|report| (at, Event::Checked(Box::new(report)))).collect();
        house.happens(events).await;
    }
    house
        .get("/")
        .await
        .has("Everything is in order.")
        .has("<title>● Everything is in order · Mainstay</title>");
}

#[tokio::test]
async fn ten_thousand_dependencies_make_a_page_that_can_be_read() {
    let mut landscape = sample::landscape();
    let model = landscape.dependencies.values().next().unwrap().clone();
    for number in 0..10_000 {
        let name: mainstay_model::DependencyName = sample::name(&format!("edge-{number:05}"));
        let provider: mainstay_model::ProviderName = sample::name(&format!("edge-provider-{}", number % 400));
        let known = landscape.providers.values().next().unwrap().clone();
        landscape.providers.entry(provider.clone()).or_insert(known);
        let one =
            mainstay_model::Dependency { name: name.clone(), provider: Some(provider), ..model.clone() };
        landscape.dependencies.insert(name, one);
    }
    let house = House::configured(landscape, now()).await;
    let page = house.get("/").await;
    assert!(page.text.len() < 300_000, "{} bytes", page.text.len());
    page.has("25 more dependencies</a>").has("more providers with");
    let found = house.get("/?q=edge-07&page=2").await;
    found.has("1,000 matches").has("Page 2 of 5").has("/?q=edge-07&#38;page=3");
    assert!(found.text.len() < 400_000, "{} bytes", found.text.len());
    house.get("/?q=edge-07&page=18446744073709551615").await.has("Page 5 of 5");
}

#[tokio::test]
async fn pages_tell_when_mainstay_is_cut_off() {
    let house = house().await;
    let lost = |name: &str| (now(), Event::Checked(Box::new(sample::unreachable(name, now()))));
    house.happens(["sessions", "search", "pictures", "payouts", "catalogue-db"].map(lost).into()).await;
    house.happens(vec![(now(), Event::ReferencesChecked { reachable: 0, tried: 3 })]).await;
    assert!(house.state.read().unwrap().offline_since().is_some(), "the engine believes it");
    house.get("/").await.has("Mainstay is cut off since").has("Look at the network of this machine first.");
}

#[tokio::test]
async fn the_frame_names_its_files_by_their_content_and_they_are_kept() {
    let house = house().await;
    let page = house.get("/").await;
    let addresses: Vec<&str> = page.text.split('"').filter(|part| part.starts_with("/static/")).collect();
    assert_eq!(addresses.len(), 5);
    for address in addresses {
        let file = house.get(address).await;
        assert_eq!(file.status, StatusCode::OK, "{address}");
        assert_eq!(file.headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        let again = request(Method::GET, address).header(header::IF_NONE_MATCH, &file.headers[header::ETAG]);
        let answer = house.ask(again.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.text.len()), (StatusCode::NOT_MODIFIED, 0));
    }
    let older = house.get("/static/0000000000000000/live.js").await;
    assert_eq!(older.headers[header::CACHE_CONTROL], "no-cache");
    assert_eq!(house.get("/static/0/nothing.css").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_a_peer_says_is_shown_and_not_run() {
    let mut landscape = sample::landscape();
    landscape.providers.get_mut("acme-db").unwrap().title = "<script>alert(1)</script>".into();
    let house = House::configured(landscape.clone(), sample::ago(1)).await;
    house.happens(vec![(now(), Event::Configured(Arc::new(landscape)))]).await;
    for path in ["/", "/dependencies/orders-db"] {
        house.get(path).await.has("&#60;script&#62;").lacks("<script>");
    }
}

/// What a rehearsal of the sample world finds is kept, as the service does it.
async fn rehearsed(house: &House) -> mainstay_model::Coverage {
    let landscape = sample::landscape();
    let until = now() + SignedDuration::from_hours(28 * 24);
    let rehearsal = mainstay_engine::Rehearsal {
        landscape: &landscape,
        known: None,
        from: now(),
        until,
        resolved: None,
        require_proven: true,
    };
    let coverage = rehearsal.play(&mut |_, _| {});
    house.store.keep_coverage(now() - SignedDuration::from_hours(30), &coverage).await.unwrap();
    house.store.keep_coverage(now() - SignedDuration::from_mins(6), &coverage).await.unwrap();
    coverage
}

#[tokio::test]
async fn coverage_says_its_holes_first_and_shows_every_dependency() {
    let house = House::configured(sample::landscape(), now()).await;
    house.get("/coverage").await.has("Nothing was rehearsed yet").lacks("<table");
    let coverage = rehearsed(&house).await;
    let page = house.get("/coverage").await;
    assert_eq!(page.status, StatusCode::OK);
    page.has(&coverage.sentence()).has("channel-never-proven").has("Proven ").has("Earlier proofs");
    for name in sample::landscape().dependencies.keys() {
        page.has(&format!("<a href=\"/dependencies/{name}\">"));
    }
    page.has("</svg>unproven</span>").has("data-label=\"Its end\"").lacks("s3cr3t");
    let (holes, matrix) = (page.text.find("id=\"holes\"").unwrap(), page.text.find("id=\"matrix\"").unwrap());
    assert!(holes < matrix);
    let api = house.get("/api/v1/coverage").await.json();
    assert_eq!(api["summary"], coverage.sentence());
    assert_eq!(api["sound"], false);
    assert_eq!(api["history"].as_array().unwrap().len(), 2);
    assert_eq!(api["dependencies"].as_array().unwrap().len(), coverage.dependencies.len());
}
