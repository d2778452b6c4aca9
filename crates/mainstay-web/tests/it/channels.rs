//! The page of channels: which can be relied on, and the buttons that try them.

use axum::body::Body;
use axum::http::{Method, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Action, Event};
use mainstay_model::{ChannelName, Landscape};

use crate::ask::{Answer, request};
use crate::house::House;
use crate::sample::{self, name, now};

/// A trial that somebody asks for at that time.
fn trial(channel: &str, at: Timestamp) -> (Timestamp, Event) {
    let action = Action::TryChannel { channel: name::<ChannelName>(channel), loudly: true };
    (at, Event::Operator { by: "anna".into(), action })
}

/// Channels in every condition: mail that was proven too long ago and lately, one that fails, one that takes nothing now, one untried.
async fn every_condition() -> House {
    let long_ago = now() - SignedDuration::from_hours(34 * 24);
    let house = House::configured(sample::landscape(), long_ago - SignedDuration::from_hours(48)).await;
    house.happens(vec![trial("oncall-mail", long_ago)]).await;
    house.deliver(long_ago).await;
    house
        .happens(["bot", "ops-discord", "anna-mail"].map(|channel| trial(channel, sample::ago(9))).into())
        .await;
    for minutes in [9, 7, 5, 3] {
        house.deliver(sample::ago(minutes)).await;
    }
    house
}

/// The row of one channel.
#[track_caller]
fn row<'a>(page: &'a Answer, channel: &str) -> &'a str {
    let begin = page.text.find(&format!("<tr id=\"channel-{channel}\"")).expect("a row of the channel");
    page.text[begin..].split("</tr>").next().unwrap()
}

#[track_caller]
fn has(row: &str, texts: &[&str]) {
    for text in texts {
        assert!(row.contains(text), "no {text:?} in\n{row}");
    }
}

#[tokio::test]
async fn the_page_says_of_each_channel_whether_it_works_how_that_is_known_and_who_relies_on_it() {
    let house = every_condition().await;
    let page = house.get("/channels").await;
    page.has(
        "<h1 class=\"sentence\">1 of 5 channels is proven to work; bot fails, ops-discord does not take what waits, \
         oncall-mail was not shown to work lately and ben-mail was never tried.</h1>",
    );
    page.lacks("s3cr3t").lacks("https://discord.example").has("<title>■ Channels · Mainstay</title>");
    let place = |channel: &str| page.text.find(&format!("id=\"channel-{channel}\"")).unwrap();
    let order = ["bot", "ops-discord", "ben-mail", "oncall-mail", "anna-mail"].map(place);
    assert!(order.is_sorted(), "the worst first: {order:?}");

    let bot = row(&page, "bot");
    has(
        bot,
        &[
            "</svg>fails</span>",
            "Since 22:38 UTC: the endpoint answered 410 Gone",
            "The incident</a>",
            "never",
        ],
    );
    has(bot, &["signed webhook", "route 1 (severity page or high)", ">Send a trial</button>"]);
    assert!(!bot.contains("Try quietly"), "a webhook knows no quiet trial");
    has(
        row(&page, "ops-discord"),
        &["</svg>held up</span>", "2 messages wait, the oldest for 9 min: Discord answered 503"],
    );
    has(row(&page, "oncall-mail"), &["not proven lately", "For 33 days nothing has shown that it works."]);
    has(
        row(&page, "oncall-mail"),
        &["by a trial</a>", "Try quietly", "data-utc=\"2026-10-19 22:41:02 UTC\""],
    );
    has(
        row(&page, "ben-mail"),
        &[
            "never proven",
            "Configured as it is since 22:41 UTC on 17 Oct; it was never tried.",
            "step 1 of database-team for Ben",
        ],
    );
    has(row(&page, "anna-mail"), &["</svg>works</span>", "8 min ago", "by a trial</a>", "href=\"/messages/"]);

    let list = house.get("/api/v1/channels").await.json();
    let state = |channel: &str| {
        let all = list["channels"].as_array().unwrap();
        all.iter().find(|one| one["name"] == channel).unwrap()["state"].as_str().unwrap().to_owned()
    };
    let states = ["bot", "ops-discord", "oncall-mail", "ben-mail", "anna-mail"].map(state);
    assert_eq!(states, ["fails", "held-up", "lapsed", "unproven", "works"], "the API says the same");
}

#[tokio::test]
async fn what_is_the_matter_with_channels_is_told_where_people_look() {
    let house = every_condition().await;
    let doubts = "1 of 5 channels is proven to work; bot fails, oncall-mail was not shown to work lately and ben-mail and \
                  ops-discord were never shown to work.";
    for path in ["/", "/messages"] {
        house.get(path).await.has(doubts).has("href=\"/channels\"");
    }
    let failing = house.state.read().unwrap().incidents().find(|one| one.title.contains("bot")).unwrap().id;
    house.get(&format!("/incidents/{failing}")).await.has("<a href=\"/channels#channel-bot\">bot</a>");
    let nobody = House::configured(Landscape::default(), now()).await;
    nobody.get("/channels").await.has("There is no channel, so nobody can be told of anything.");
}

/// Presses a button while the channels are played, and says where it led.
async fn press(house: &House, channel: &str, form: &str) -> Answer {
    let path = format!("/channels/{channel}/trial");
    let (answer, ()) = tokio::join!(house.post_form(&path, form), house.deliver_the_next());
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    house.get(answer.headers[header::LOCATION].to_str().unwrap()).await
}

#[tokio::test]
async fn a_trial_is_sent_by_a_button_and_the_page_says_what_came_of_it() {
    let house = House::configured(sample::landscape(), sample::ago(5)).await;
    house.get("/channels").await.lacks("role=\"status\"><p>");
    let page = press(&house, "oncall-mail", "").await;
    page.has("oncall-mail took the trial after 2 s.").has("See the trial");
    has(row(&page, "oncall-mail"), &["</svg>works</span>", "by a trial</a>"]);
    let page = press(&house, "oncall-mail", "quiet=true").await;
    page.has("oncall-mail took the quiet trial after 2 s.");
    has(row(&page, "oncall-mail"), &["by a quiet trial</a>"]);
    let trial = page.text.split("href=\"").find(|rest| rest.contains("\">See the trial")).unwrap();
    let trial = house.get(trial.split('"').next().unwrap()).await;
    trial.has("Nothing: a quiet trial asks the service").lacks("as-sent");
    let page = press(&house, "ops-discord", "").await;
    page.has("ops-discord did not take the trial yet: 1 try failed, the next one is in 4 min.");
    page.has("Discord answered 503 Service Unavailable.");
}

#[tokio::test]
async fn a_page_waits_for_what_a_service_says_but_not_for_one_that_swallows() {
    let house = House::configured(sample::landscape(), now()).await;
    let answer = house.post_form("/channels/ops-discord/trial", "").await;
    let page = house.get(answer.headers[header::LOCATION].to_str().unwrap()).await;
    page.has("The trial is on its way to ops-discord.");
    has(row(&page, "ops-discord"), &["never proven", "it was never tried."]);
}

#[tokio::test]
async fn what_is_no_channel_cannot_be_tried_and_no_other_site_tries_one() {
    let house = House::configured(sample::landscape(), now()).await;
    let answer = house.post_form("/channels/ops-dicsord/trial", "").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    answer.has("Did you mean ops-discord?").has("<a href=\"/channels\">Back to the channels</a>");
    for (header, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let foreign = request(Method::POST, "/channels/ops-discord/trial").header(header, value);
        assert_eq!(house.ask(foreign.body(Body::empty()).unwrap()).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(house.store.delivery_counts().await.unwrap().queued, 0, "nothing went out");
}
