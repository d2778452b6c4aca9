//! The list of messages, the page of each, and the button that sends one again.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use jiff::SignedDuration;
use mainstay_engine::Event;
use mainstay_model::{Delivery, DeliveryState};
use mainstay_store::{DeliveryFilter, Standing};

use crate::ask::{Answer, request};
use crate::house::House;
use crate::sample::{self, now};

async fn house() -> House {
    House::sample(SignedDuration::from_hours(1)).await
}

/// The latest message of a channel that stands so.
async fn latest(house: &House, channel: &str, standing: Standing) -> Delivery {
    let filter = DeliveryFilter {
        channel: Some(sample::name(channel)),
        standing: Some(standing),
        ..DeliveryFilter::default()
    };
    house.store.deliveries_where(&filter).await.unwrap().into_iter().next().expect("such a message")
}

async fn page_of(house: &House, delivery: &Delivery) -> Answer {
    house.get(&format!("/messages/{}", delivery.id)).await
}

#[tokio::test]
async fn messages_are_listed_by_what_became_of_them_and_by_channel_and_each_is_opened() {
    let house = house().await;
    let all = house.get("/messages").await;
    all.has("given up").has("delivered").has("oncall-mail").has("Latest messages");
    let lost = latest(&house, "bot", Standing::GivenUp).await;
    all.has(&format!("href=\"/messages/{}\"", lost.id));
    let given_up = house.get("/messages?state=given-up").await;
    given_up.has("Only given up.").has("aria-current=\"true\">").lacks("accepted after");
    let mail = house.get("/messages?channel=oncall-mail&state=delivered").await;
    mail.has("Only delivered by oncall-mail.").lacks("?channel=bot\"");
    house.get("/messages?state=bounced").await.has("There are none.");
    house.get("/messages?state=nothing&before=nobody").await.has("given up");
    let incident = format!("/incidents/{}", house.incident_of("orders-db"));
    let told = latest(&house, "oncall-mail", Standing::Delivered).await;
    house.get(&incident).await.has("href=\"/messages/").has("Every message");
    page_of(&house, &told).await.has("delivered").lacks("<button");
}

#[tokio::test]
async fn a_message_shows_its_whole_life_and_what_it_says() {
    let house = house().await;
    let told = latest(&house, "oncall-mail", Standing::Delivered).await;
    let page = page_of(&house, &told).await;
    page.has("oncall-mail was told after 62 s.").has("Decided and queued").has("Try 1, after 62 s: accepted");
    page.has("It goes out with a link by which its reader takes the incident up.").lacks("/a/");
    page.has("<div class=\"as-sent\">■ ").has("At a glance").has(&format!("{}", told.id)).lacks("s3cr3t");

    let receipt = Event::Delivered {
        id: latest(&house, "ops-discord", Standing::Queued).await.id,
        channel: sample::name("ops-discord"),
        incident: None,
        receipt: Some("1204".into()),
    };
    let waiting = latest(&house, "ops-discord", Standing::Queued).await;
    page_of(&house, &waiting)
        .await
        .has("ops-discord was not told yet: ")
        .has("not accepted</span>")
        .has("Discord answered 503 Service Unavailable.")
        .has("Next try")
        .has(">Try now</button>");
    house.happens(vec![(now(), receipt)]).await;
    page_of(&house, &waiting).await.has("Its service says <span class=\"mono\">1204</span>");

    let came_back = |reason: &str| Event::DeliveryBounced {
        id: told.id,
        channel: told.channel.clone(),
        incident: told.about(),
        reason: reason.into(),
    };
    house.happens(vec![(now(), came_back("550 no <such> mailbox"))]).await;
    let page = page_of(&house, &told).await;
    page.has("oncall-mail was not told: the message was accepted and came back.");
    page.has("550 no &#60;such&#62; mailbox").has("Came back, after").has(">Send again</button>");
    let nothing = house.get("/messages/nothing").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    nothing.has("There is no such message.").has("<a href=\"/messages\">Back to the messages</a>");
}

#[tokio::test]
async fn a_lost_message_is_sent_again_by_a_button_and_both_pages_lead_to_each_other() {
    let house = house().await;
    house.deliver(now()).await;
    let lost = latest(&house, "bot", Standing::GivenUp).await;
    let path = format!("/messages/{}", lost.id);
    page_of(&house, &lost)
        .await
        .has("bot was not told: the message was given up.")
        .has("Given up: it is not tried");
    let retry = format!("{path}/retry");
    let (answer, ()) = tokio::join!(house.post_form(&retry, ""), house.deliver_the_next());
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let there = answer.headers[header::LOCATION].to_str().unwrap();
    assert_ne!(there, path, "it leads to the message that went");
    let again = house.get(there).await;
    again.has("bot was not told yet: 1 try failed").has("the endpoint answered 502 Bad Gateway.");
    again.has(&format!("It repeats <a href=\"{path}\">"));
    let before = page_of(&house, &lost).await;
    before.has(&format!("<a href=\"{there}\">another message</a>, which is waiting.")).lacks("<button");

    let told = latest(&house, "oncall-mail", Standing::Delivered).await;
    let answer = house.post_form(&format!("/messages/{}/retry", told.id), "").await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    answer.has("This message was told already.").has("Back to the message</a>");
}

#[tokio::test]
async fn no_other_site_sends_a_message_again_and_nothing_goes_by_a_channel_that_is_gone() {
    let house = house().await;
    let lost = latest(&house, "bot", Standing::GivenUp).await;
    let retry = format!("/messages/{}/retry", lost.id);
    let foreign = request(Method::POST, &retry).header("origin", "https://evil.example");
    assert_eq!(house.ask(foreign.body(Body::empty()).unwrap()).await.status, StatusCode::FORBIDDEN);
    let mut landscape = sample::landscape();
    landscape.channels.remove("bot");
    landscape.routes[0].to.pop();
    house.happens(vec![(now(), Event::Configured(std::sync::Arc::new(landscape)))]).await;
    page_of(&house, &lost).await.has("The channel bot is no longer in the configuration").lacks("<button");
    assert_eq!(house.post_form(&retry, "").await.status, StatusCode::CONFLICT);
    let answer = house.ask(
        request(Method::POST, &format!("/api/v1/deliveries/{}/retry", lost.id)).body(Body::empty()).unwrap(),
    );
    assert_eq!(answer.await.status, StatusCode::CONFLICT);
    let again = house.store.deliveries(lost.message.incident.id).await.unwrap();
    assert!(again.iter().all(|one| one.again_of.is_none()));
    assert!(matches!(lost.state, DeliveryState::GivenUp { .. }));
}

#[tokio::test]
async fn five_hundred_messages_are_read_page_by_page() {
    let house = House::configured(sample::landscape(), now()).await;
    let action =
        || mainstay_engine::Action::TryChannel { channel: sample::name("oncall-mail"), loudly: false };
    let trial = |_| (now(), Event::Operator { by: "anna".into(), action: action() });
    house.happens((0..500).map(trial).collect()).await;
    let mut page = house.get("/messages?channel=oncall-mail").await;
    let mut seen = Vec::new();
    loop {
        seen.push(page.text.matches("<tr data-key").count());
        assert!(page.text.len() < 200_000, "{} bytes", page.text.len());
        let Some(older) = page.text.split("<a href=\"").find(|rest| rest.contains("\">Older</a>")) else {
            break;
        };
        let address = older.split('"').next().unwrap().replace("&#38;", "&");
        assert!(address.contains("channel=oncall-mail"), "{address}");
        page = house.get(&address).await;
    }
    assert_eq!(seen, [200, 200, 100]);
}
