//! Channels and lost messages, on a phone that runs no scripts.

use fantoccini::Locator;

use super::{PHONE, Window};
use crate::sample::now;

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_tried_and_a_lost_message_sent_again_on_a_phone_without_scripts() {
    let Some(window) = Window::open(PHONE, false).await else { return };
    window.house.deliver(now()).await;
    window.go("/messages").await;
    window.press("See the channels").await;
    window.says("#channel-ben-mail", "by a real message").await;
    let press = async |selector: &str| {
        let button = window.client.find(Locator::Css(selector)).await.unwrap();
        tokio::join!(async { button.click().await.unwrap() }, window.house.deliver_the_next());
    };
    press("#quietly-ben-mail").await;
    window.says("#channels .notice", "ben-mail took the quiet trial after 2 s.").await;
    window.says("#channel-ben-mail", "by a quiet trial").await;
    press("#try-bot").await;
    window.says("#channels .notice", "bot did not take the trial yet: 1 try failed").await;
    window.is_sound("the channels after a trial").await;
    window.go("/messages?state=given-up").await;
    window.client.find(Locator::Css(".messages .wide a")).await.unwrap().click().await.unwrap();
    window.says("h1", "bot was not told: the message was given up.").await;
    press("#again").await;
    window.says("h1", "bot was not told yet: 1 try failed").await;
    window.is_sound("the message that was sent again").await;
    window.close().await;
}
