//! A message that comes back before it is known that it was accepted.

use std::sync::OnceLock;

use mainstay_store::Location;
use mainstay_testkit::{Answer, Received, Receiver};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::*;
use crate::tasks::scene::{Directory, House, Life, report};

/// Tells the recorder, while the service still has the message in hand, that it came back.
fn return_at_once(request: &Received, inbox: &Inbox) {
    let body = request.json();
    let event = Event::DeliveryBounced {
        id: request.header("webhook-id").parse().unwrap(),
        channel: "hook".parse().unwrap(),
        incident: Some(body["data"]["incident"]["id"].as_str().unwrap().parse().unwrap()),
        reason: "550 no such user".into(),
    };
    assert!(block_in_place(|| Handle::current().block_on(inbox.record(event))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_back_meanwhile_was_not_told() {
    let directory = Directory::new("early");
    let inbox: Arc<OnceLock<Inbox>> = Arc::default();
    let to_recorder = inbox.clone();
    let receiver = Receiver::start(move |request: &Received| {
        if request.json()["type"] == "incident.opened" {
            return_at_once(request, to_recorder.get().unwrap());
        }
        Answer::new(204, "")
    })
    .await;
    let location = Location::Sqlite(directory.0.join("mainstay.db"));
    let house = House::new(location, 1, &[("hook", receiver.url("/hook"))], clock::now);
    let (life, deliverer) = Life::begin(&house).await.unwrap();
    inbox.set(life.inbox.clone()).unwrap();
    let mut load = Load::new(Random::seeded(7));
    // Its quiet trial, which it takes.
    super::outage::deliver(&deliverer, &mut load).await;
    life.inbox.record(Event::Checked(Box::new(report("d0", false, clock::now())))).await;
    super::outage::deliver(&deliverer, &mut load).await;

    let counts = life.store.delivery_counts().await.unwrap();
    assert_eq!((counts.bounced, counts.queued), (1, 0), "{counts:?}");
    let hook: ChannelName = "hook".parse().unwrap();
    assert!(life.state.read().unwrap().channel_fails(&hook), "that it came back is the last word");
}
