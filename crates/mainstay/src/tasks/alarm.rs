use std::sync::{Arc, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{
    ChannelName, Delivery, DeliveryId, DeliveryState, IncidentId, Message, MessageKind, Random, Severity,
};
use mainstay_notify::{Courier, Outgoing};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::clock;
use crate::tasks::record::SharedState;

/// How long the store may refuse before people are told past it. A short lack of room is mended before anybody could look.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often one channel is tried.
const ATTEMPTS: u64 = 5;

/// Tells people that nothing can be written, and so nobody told in the ordinary way, since messages stand in the same store.
pub(crate) struct Alarm {
    pub(crate) trouble: watch::Receiver<Option<String>>,
    pub(crate) state: SharedState,
    pub(crate) courier: Arc<Courier>,
}

impl Alarm {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.watch() => {}
        }
    }

    /// Ends only with the recorder.
    async fn watch(&mut self) {
        loop {
            if self.trouble.wait_for(Option::is_some).await.is_err() {
                return;
            }
            let over = self.trouble.wait_for(Option::is_none);
            if tokio::time::timeout(PATIENCE, over).await.is_ok() {
                continue;
            }
            let said = self.trouble.borrow().clone();
            if let Some(said) = said {
                self.tell_all(&said).await;
            }
            if self.trouble.wait_for(Option::is_none).await.is_err() {
                return;
            }
        }
    }

    async fn tell_all(&self, said: &str) {
        let (landscape, channels) = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            (state.landscape().clone(), state.told_of(Severity::High, clock::now()))
        };
        let mut random = Random::seeded(clock::seed());
        for name in channels {
            let Some(channel) = landscape.channels.get(&name) else { continue };
            let delivery = delivery(name, said, &landscape.operator_url, &mut random);
            let mail = landscape.mail.as_ref();
            self.tell(Outgoing { delivery: &delivery, channel, mail, earlier: None, now: clock::now() })
                .await;
        }
    }

    async fn tell(&self, outgoing: Outgoing<'_>) {
        let channel = &outgoing.delivery.channel;
        for attempt in 1..=ATTEMPTS {
            match self.courier.send(outgoing).await {
                Ok(_) => return info!("{channel} was told that nothing can be written"),
                Err(refusal) => error!("{channel} could not be told that nothing can be written: {refusal}"),
            }
            tokio::time::sleep(Duration::from_secs(attempt)).await;
        }
    }
}

fn delivery(channel: ChannelName, said: &str, operator_url: &str, random: &mut Random) -> Delivery {
    let now = clock::now();
    Delivery {
        id: DeliveryId::new(now, random),
        channel,
        sequence: 1,
        created_at: now,
        message: message(now, said, operator_url, random),
        again_of: None,
        state: DeliveryState::Queued { next_attempt_at: now, attempts: 0, last_error: None },
    }
}

fn message(now: Timestamp, said: &str, operator_url: &str, random: &mut Random) -> Message {
    let id = IncidentId::new(now, random);
    let title = "Mainstay cannot write what it sees, and tells nobody anything else".into();
    let cause = format!("For a minute nothing could be written: {said}.");
    Message {
        evidence: vec![
            "Messages are written in the same transaction as what they tell, so none is sent until writing works again.".into(),
        ],
        actions: vec!["Make room where Mainstay keeps its data, or mend its database; it goes on by itself.".into()],
        ..Message::about_itself(MessageKind::Opened, id, Severity::High, title, cause, operator_url, now)
    }
}
