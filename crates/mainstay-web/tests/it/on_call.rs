//! Who is on call: the page, the form, the API and the calendars.

use axum::http::StatusCode;
use icalendar::{Calendar, CalendarDateTime, Component as _, DatePerhapsTime, Event};
use jiff::{SignedDuration, Timestamp};
use mainstay_model::{EntryKind, Landscape, Person};
use mainstay_store::TimelineFilter;
use serde_json::json;

use crate::house::House;
use crate::sample::{layer, name, now, schedule};

/// Anna and Ben in turns, and nobody after the first Friday in December.
async fn with_a_gap() -> House {
    let mut landscape = people();
    let mut platform = schedule("Platform", "Europe/Berlin", vec![]);
    for (person, from, until) in [
        ("anna", "2026-11-01T00:00:00Z", "2026-11-23T08:00:00Z"),
        ("ben", "2026-11-23T08:00:00Z", "2026-12-04T08:00:00Z"),
        ("anna", "2026-12-05T20:00:00Z", "2027-12-04T08:00:00Z"),
    ] {
        platform.overrides.push(mainstay_model::Override {
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
            person: name(person),
            instead_of: None,
            by: None,
            reason: None,
        });
    }
    landscape.schedules.insert(name("platform"), platform);
    House::configured(landscape, now()).await
}

fn people() -> Landscape {
    let mut landscape = Landscape { operator_url: "https://ops.example.com".into(), ..Landscape::default() };
    for (key, title) in [("anna", "Anna"), ("ben", "Ben, of the night; \\ and day")] {
        let person = Person { title: title.into(), channels: vec![], timezone: None };
        landscape.people.insert(name(key), person);
    }
    landscape
}

async fn sample() -> House {
    House::sample(SignedDuration::from_mins(1)).await
}

#[tokio::test]
async fn the_page_begins_with_who_is_on_call_and_says_who_is_next() {
    let house = sample().await;
    let page = house.get("/on-call").await;
    assert_eq!(page.status, StatusCode::OK);
    page.has("Anna and Carla are on call.")
        .has("<title>● On call · Mainstay</title>")
        .has("Anna is on call for Platform until Mon 23 Nov 09:00. Then Ben until Mon 30 Nov 09:00.")
        .has("Carla is on call for Databases until Mon 23 Nov 09:00. Then Dina until Mon 23 Nov 17:00.")
        .has("For Carla it is Sun 14:41 now.")
        .has("Times in America/New_York.")
        .has("Dina stands in for Carla from Sat 5 Dec 09:00 to Mon 7 Dec 09:00.")
        .has("From the configuration: on holiday.")
        .has("aria-label=\"On call for Platform in four weeks: Anna until Mon 23 Nov 09:00, then Ben until")
        .lacks("Nobody is on call");
}

#[tokio::test]
async fn a_gap_is_said_in_words_with_its_times_and_its_length() {
    let house = with_a_gap().await;
    let page = house.get("/on-call").await;
    page.has("Anna is on call. Platform will have a time without anybody.")
        .has("<title>✳ On call · Mainstay</title>")
        .has("gap ahead")
        .has("Nobody is on call from Fri 4 Dec 09:00 to Sat 5 Dec 21:00, for 36 h.");
}

#[tokio::test]
async fn without_a_schedule_it_says_how_to_make_one() {
    let house = House::configured(Landscape::default(), now()).await;
    house.get("/on-call").await.has("No on-call schedule is configured.").has("rotation: weekly");
}

#[tokio::test]
async fn nobody_on_call_now_comes_first() {
    let mut landscape = people();
    let later = schedule("Platform", "Europe/Berlin", vec![layer(&["anna"], "weekly", "2026-11-23T09:00")]);
    landscape.schedules.insert(name("platform"), later);
    let house = House::configured(landscape, now()).await;
    house
        .get("/on-call")
        .await
        .has("<h1 class=\"sentence\" id=\"now\" data-live>Nobody is on call for Platform.</h1>")
        .has("Nobody is on call until Mon 23 Nov 09:00, for another 9 h 19 min.");
    house.get("/incidents").await.has("platform has nobody on call");
}

#[tokio::test]
async fn somebody_stands_in_by_the_form_and_it_is_taken_back() {
    let house = with_a_gap().await;
    let form =
        "person=anna&instead_of=&from=2026-12-04T09%3A00&until=2026-12-05T21%3A00&reason=swapped+%3Cb%3E";
    let answer = house.post_form("/on-call/platform/overrides", form).await;
    assert_eq!(
        (answer.status, &answer.headers["location"]),
        (StatusCode::SEE_OTHER, &"/on-call#platform".parse().unwrap())
    );
    let page = house.get("/on-call").await;
    page.has("Anna is on call for Platform until Mon 23 Nov 09:00. Then Ben")
        .has("Anna stands in from Fri 4 Dec 09:00 to Sat 5 Dec 21:00.")
        .has("Made by operator: swapped &#60;b&#62;.")
        .lacks("Nobody is on call");
    let kept = house.store.restore(now()).await.unwrap().overrides;
    assert_eq!(kept.len(), 1, "it is kept");
    let history = house.store.timeline(&TimelineFilter::default()).await.unwrap();
    let line = history.iter().find(|entry| entry.kind == EntryKind::OnCall).unwrap();
    assert_eq!(
        line.text,
        "Anna stands in on call for Platform from 2026-12-04 08:00 UTC to 2026-12-05 20:00 UTC: swapped <b>."
    );
    let path = format!("/on-call/platform/overrides/{}/remove", kept[0].id);
    assert_eq!(house.post_form(&path, "").await.status, StatusCode::SEE_OTHER);
    house.get("/on-call").await.has("Nobody is on call from Fri 4 Dec 09:00");
    assert_eq!(house.post_form(&path, "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_a_sentence() {
    let house = with_a_gap().await;
    for (form, status, words) in [
        ("person=anna&from=x&until=2026-12-05T21:00", 422, "The beginning is no time."),
        ("person=anna&from=2026-12-05T21:00&until=2026-12-04T21:00", 422, "It ends before it begins"),
        ("person=ana&from=2026-12-04T21:00&until=2026-12-05T21:00", 422, "Did you mean anna?"),
        ("from=2026-12-04T21:00&until=2026-12-05T21:00", 422, "Nobody was named."),
        ("person=anna&from=2026-11-01T00:00&until=2026-11-02T00:00", 422, "It is over already"),
        ("person=anna&instead_of=anna&from=2026-12-04T21:00&until=2026-12-05T21:00", 422, "Anna"),
    ] {
        let answer = house.post_form("/on-call/platform/overrides", form).await;
        assert_eq!(answer.status.as_u16(), status, "{form}");
        let words = if words == "Anna" { "Anna cannot stand in for anna" } else { words };
        answer.has(words).has("Back to who is on call");
    }
    let answer = house.post_form("/on-call/other/overrides", "person=anna").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(house.store.restore(now()).await.unwrap().overrides, []);
}

#[tokio::test]
async fn the_api_says_the_same_and_takes_the_same() {
    let house = with_a_gap().await;
    let list = house.get("/api/v1/on-call").await.json();
    let platform = &list["schedules"][0];
    assert_eq!(platform["now"], json!({ "person": "anna", "title": "Anna", "by": "override" }));
    assert_eq!(platform["until"], "2026-11-23T08:00:00Z");
    assert_eq!(platform["next"]["person"], "ben");
    let gap = platform["shifts"].as_array().unwrap().iter().find(|shift| shift["on_call"].is_null()).unwrap();
    assert_eq!(
        gap,
        &json!({ "from": "2026-12-04T08:00:00Z", "until": "2026-12-05T20:00:00Z", "on_call": null })
    );
    let week = house.get("/api/v1/on-call?days=7").await.json();
    assert_eq!(week["schedules"][0]["shifts"].as_array().unwrap().len(), 2);
    assert_eq!(house.get("/api/v1/on-call?days=0").await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let body = json!({ "person": "anna", "from": "2026-12-04T09:00", "until": "2026-12-05T20:00:00Z" });
    let made = house.post_json("/api/v1/on-call/platform/overrides", body).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let made = made.json();
    assert_eq!((&made["from"], &made["by"]), (&json!("2026-12-04T08:00:00Z"), &json!("operator")));
    let list = house.get("/api/v1/on-call").await.json();
    assert!(
        list["schedules"][0]["shifts"].as_array().unwrap().iter().all(|shift| !shift["on_call"].is_null())
    );
    let path = format!("/api/v1/on-call/platform/overrides/{}", made["id"].as_str().unwrap());
    assert_eq!(house.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(house.delete(&path).await.status, StatusCode::NOT_FOUND);
}

/// The events of a calendar, as another program reads them: identity, beginning, end, summary.
#[track_caller]
fn parsed(text: &str) -> Vec<(String, Timestamp, Timestamp, String)> {
    let calendar: Calendar = text.parse().unwrap();
    let moment = |at: Option<DatePerhapsTime>| match at {
        Some(DatePerhapsTime::DateTime(CalendarDateTime::Utc(at))) => {
            Timestamp::from_second(at.timestamp()).unwrap()
        }
        other => panic!("no moment in UTC: {other:?}"),
    };
    let event = |event: &Event| {
        assert!(event.property_value("DTSTAMP").is_some());
        let (begin, end) = (moment(event.get_start()), moment(event.get_end()));
        (event.get_uid().unwrap().to_owned(), begin, end, event.get_summary().unwrap().to_owned())
    };
    calendar.components.iter().filter_map(|one| one.as_event()).map(event).collect()
}

#[tokio::test]
async fn the_calendar_of_a_schedule_is_read_by_another_program_as_it_was_meant() {
    let house = with_a_gap().await;
    let answer = house.get("/on-call/platform.ics").await;
    assert_eq!(answer.headers["content-type"], "text/calendar; charset=utf-8");
    let events = parsed(&answer.text);
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let summaries: Vec<&str> = events.iter().map(|(.., summary)| summary.as_str()).collect();
    assert_eq!(
        summaries,
        [
            "Nobody on call for Platform",
            "Anna on call for Platform",
            "Ben, of the night; \\ and day on call for Platform",
            "Nobody on call for Platform",
            "Anna on call for Platform",
        ]
    );
    assert_eq!((events[2].1, events[2].2), (at("2026-11-23T08:00:00Z"), at("2026-12-04T08:00:00Z")));
    let mut identities: Vec<&String> = events.iter().map(|(uid, ..)| uid).collect();
    identities.sort();
    identities.dedup();
    assert_eq!(identities.len(), events.len());
    assert_eq!(
        parsed(&house.get("/on-call/platform.ics").await.text)[2].0,
        events[2].0,
        "the identity stays"
    );
}

#[tokio::test]
async fn the_calendar_of_a_person_has_the_shifts_of_every_schedule() {
    let house = sample().await;
    let events = parsed(&house.get("/on-call/people/dina.ics").await.text);
    let of = |title: &str| events.iter().filter(|(.., summary)| summary.ends_with(title)).count();
    assert_eq!(of("Dina on call for Platform"), 1, "the holiday");
    assert!(of("Dina on call for Databases") > 80, "office hours of six months");
    assert_eq!(of("Platform") + of("Databases"), events.len());
    for path in
        ["/on-call/other.ics", "/on-call/platform", "/on-call/people/other.ics", "/on-call/people/dina"]
    {
        assert_eq!(house.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
