use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use mainstay_testkit::{Answer, Receiver, wait_for};
use serde_json::Value;

use crate::instance::{PATIENCE, now};

const SECRET: &str = "whsec_ZTJlLWUyZS1lMmUtZTJlLWUyZS1lMmU=";

/// A webhook endpoint that takes everything, notes when it came, and checks each signature.
pub(super) struct Hook {
    receiver: Receiver,
    arrivals: Arc<Mutex<Vec<Timestamp>>>,
}

/// A message that came.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) arrived: Timestamp,
    pub(super) id: String,
    pub(super) body: Value,
}

impl Hook {
    pub(super) async fn start() -> Hook {
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let noted = arrivals.clone();
        let script = move |_: &_| {
            noted.lock().expect("no panic while holding it").push(now());
            Answer::new(204, "")
        };
        Hook { receiver: Receiver::start(script).await, arrivals }
    }

    /// A channel and a route for everything, as lines of a configuration.
    pub(super) fn configuration(&self) -> String {
        format!("{}routes: [{{ to: bot }}]\n", self.channel("bot"))
    }

    /// The section `channels` with this one.
    pub(super) fn channel(&self, name: &str) -> String {
        format!("channels:\n{}", self.channel_line(name))
    }

    /// This one as a line of that section.
    pub(super) fn channel_line(&self, name: &str) -> String {
        format!("  {name}: {{ webhook: \"{}\", secret: {SECRET} }}\n", self.receiver.url("/hook"))
    }

    /// Everything so far, in order of arrival.
    /// What was told of incidents; trials of the channel are left out.
    pub(super) fn told(&self) -> Vec<Told> {
        let received = self.receiver.received();
        let arrivals = self.arrivals.lock().expect("no panic while holding it").clone();
        let told = received.into_iter().zip(arrivals).map(|(request, arrived)| {
            let id = request.header("webhook-id").to_owned();
            let timestamp = request.header("webhook-timestamp").parse().expect("seconds since 1970");
            let signature = mainstay_notify::sign(SECRET, &id, timestamp, &request.body);
            assert_eq!(request.header("webhook-signature"), signature);
            assert_eq!(request.header("content-type"), "application/json");
            Told { arrived, id, body: request.json() }
        });
        told.filter(|one| one.kind() != "channel.probe").collect()
    }

    /// Waits for the first message for which `is_it` holds.
    pub(super) async fn wait(&self, what: &str, is_it: impl Fn(&Told) -> bool) -> Told {
        self.wait_long(what, PATIENCE, is_it).await
    }

    pub(super) async fn wait_long(
        &self,
        what: &str,
        timeout: Duration,
        is_it: impl Fn(&Told) -> bool,
    ) -> Told {
        wait_for(what, timeout, async || self.told().into_iter().find(&is_it)).await
    }
}

impl Told {
    /// The `type` of the webhook contract.
    pub(super) fn kind(&self) -> &str {
        self.body["type"].as_str().expect("a type")
    }

    /// The moment that the message describes.
    pub(super) fn timestamp(&self) -> Timestamp {
        time(&self.body["timestamp"])
    }

    pub(super) fn incident(&self) -> &Value {
        &self.body["data"]["incident"]
    }

    /// Whether it is of this type and about this dependency.
    pub(super) fn says(&self, kind: &str, dependency: &str) -> bool {
        let names = self.body["data"]["dependencies"].as_array().into_iter().flatten();
        self.kind() == kind && names.map(|one| &one["name"]).any(|name| name == dependency)
    }
}

/// A time in a document.
pub(super) fn time(value: &Value) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no time: {value}"))
}
