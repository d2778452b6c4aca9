//! The link in a message, from outside.

use axum::http::{Method, StatusCode, header};
use jiff::SignedDuration;
use mainstay_model::{ChannelName, PersonName};
use mainstay_web::operator::Who;

use crate::ask::request;
use crate::house::House;
use crate::sample::name;

async fn house() -> House {
    House::sample(SignedDuration::from_mins(30)).await
}

/// The path of the link that this person got.
fn link_of(house: &House, person: &str) -> String {
    house.links.url("", house.incident_of("orders-db"), &Who::Person(name::<PersonName>(person)))
}

fn is_open(house: &House) -> bool {
    let state = house.state.read().unwrap();
    let incident = state.incident(house.incident_of("orders-db")).unwrap();
    matches!(incident.state, mainstay_model::IncidentState::Open)
}

#[tokio::test]
async fn looking_does_nothing_and_the_button_takes_it_up_in_the_persons_name() {
    let house = house().await;
    let link = link_of(&house, "ben");
    let page = house.get(&link).await;
    page.has("2 dependencies of Acme Databases are down")
        .has("in the name of ben")
        .has("<button class=\"main\">Take it up");
    let head = house.ask(request(Method::HEAD, &link).body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!((page.status, head.status), (StatusCode::OK, StatusCode::OK));
    assert!(is_open(&house), "whoever follows links has not taken it up");
    let taken = house.post_form(&link, "").await;
    assert_eq!(
        (taken.status, taken.headers[header::LOCATION].to_str().unwrap()),
        (StatusCode::SEE_OTHER, link.as_str())
    );
    house.get(&link).await.has("You took it up at 22:41 UTC.").has("Open the incident").lacks("<button");
    let incident = format!("/incidents/{}", house.incident_of("orders-db"));
    house.get(&incident).await.has("Taken up by ben.").has("ben took it up.");
}

#[tokio::test]
async fn whoever_comes_second_reads_who_was_first() {
    let house = house().await;
    house.post_form(&link_of(&house, "ben"), "").await;
    let channel = Who::Channel(name::<ChannelName>("ops-discord"));
    let link = house.links.url("", house.incident_of("orders-db"), &channel);
    house.get(&link).await.has("ben took it up at 22:41 UTC.").lacks("<button");
    assert_eq!(
        house.post_form(&link, "").await.status,
        StatusCode::SEE_OTHER,
        "nothing is wrong with being second"
    );
    house.get(&link).await.has("ben took it up at");
}

#[tokio::test]
async fn a_channels_link_says_by_which_channel_somebody_came() {
    let house = house().await;
    let channel = Who::Channel(name::<ChannelName>("ops-discord"));
    let link = house.links.url("", house.incident_of("orders-db"), &channel);
    house.get(&link).await.has("as someone via ops-discord");
    house.post_form(&link, "").await;
    house.get(&link).await.has("You took it up");
    house
        .get(&format!("/incidents/{}", house.incident_of("orders-db")))
        .await
        .has("Taken up by someone via ops-discord.");
}

#[tokio::test]
async fn what_is_over_is_only_shown() {
    let house = house().await;
    let (id, link) = (house.incident_of("orders-db"), link_of(&house, "ben"));
    house.post_form(&format!("/incidents/{id}/resolve"), "").await;
    house.get(&link).await.has("It is over; nothing is left to take up.").lacks("<button");
    assert_eq!(house.post_form(&link, "").await.status, StatusCode::SEE_OTHER);
    assert!(!house.state.read().unwrap().incident(id).unwrap().is_open());
}

#[tokio::test]
async fn what_goes_on_as_a_part_of_another_leads_there() {
    let house = house().await;
    let (id, into, link) =
        (house.incident_of("orders-db"), house.incident_of("payments-api"), link_of(&house, "ben"));
    house.post_form(&format!("/incidents/{id}/merge"), &format!("into={into}")).await;
    let page = house.get(&link).await;
    page.has("It goes on as a part of another incident.")
        .has(&format!("href=\"/incidents/{into}\""))
        .lacks("<button");
}

#[tokio::test]
async fn a_link_that_is_not_ours_leads_nowhere() {
    let house = house().await;
    let link = link_of(&house, "ben");
    for wrong in ["/a/x", "/a/%F0%9F%92%A5", &link[..link.len() - 1]] {
        let page = house.get(wrong).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{wrong}");
        page.has("This link was not made by this Mainstay, or a part of it is missing.");
        assert_eq!(house.post_form(wrong, "").await.status, StatusCode::NOT_FOUND, "{wrong}");
    }
    assert!(is_open(&house));
}

#[tokio::test]
async fn another_site_cannot_press_the_button() {
    let house = house().await;
    let foreign = request(Method::POST, &link_of(&house, "ben")).header("sec-fetch-site", "cross-site");
    let answer = house.ask(foreign.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(is_open(&house));
}
