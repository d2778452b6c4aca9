use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use mainstay_engine::Event;
use mainstay_model::{ChannelName, Delivery, DeliveryId, DeliveryState, Landscape, MessageKind, Random};
use mainstay_notify::{Courier, Outgoing, Receipt, Refusal, next_attempt};
use mainstay_store::Store;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::clock;
use crate::tasks::heartbeat::OutboxRead;
use crate::tasks::record::{Inbox, SharedState, in_full};

/// How many messages are on their way at once.
const AT_ONCE: usize = 64;

/// How many of them to one channel: one that swallows everything must not hold up the others.
const TO_ONE_CHANNEL: usize = 4;

/// How many due messages are looked at, so that those of a swallowing channel do not hide the rest.
const LOOK_AT: u32 = 1024;

/// How soon the outbox is looked at again while something that was due could not be started yet.
const SOON: Duration = Duration::from_secs(1);

/// The outbox is looked at again after this time even when nobody pokes: a lost poke costs a minute, not a message.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Takes messages out of the outbox to their channels, and reports what became of each.
pub(crate) struct Deliverer {
    /// The channels are those that the engine decided by, so that a new one is never taken for a removed one.
    pub(crate) state: SharedState,
    pub(crate) store: Store,
    pub(crate) courier: Arc<Courier>,
    pub(crate) inbox: Inbox,
    pub(crate) poked: Arc<Notify>,
    pub(crate) outbox: OutboxRead,
    pub(crate) clock: fn() -> Timestamp,
}

impl Deliverer {
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut on_their_way: HashMap<DeliveryId, ChannelName> = HashMap::new();
        let mut attempts = JoinSet::new();
        let mut random = Random::seeded(clock::seed());
        loop {
            let wait = self.start_due(&mut on_their_way, &mut attempts, &mut random).await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.poked.notified() => {}
                () = tokio::time::sleep(wait) => {}
                Some(ended) = attempts.join_next() => {
                    if let Ok(id) = ended {
                        on_their_way.remove(&id);
                    }
                }
            }
        }
        // A message that was handed over is written down as such, or it would be sent again after the restart.
        while attempts.join_next().await.is_some() {}
    }

    /// Starts what is due and not yet on its way; says how long nothing more will be due.
    async fn start_due(
        &self,
        on_their_way: &mut HashMap<DeliveryId, ChannelName>,
        attempts: &mut JoinSet<DeliveryId>,
        random: &mut Random,
    ) -> Duration {
        let now = (self.clock)();
        let due = match self.store.due_deliveries(now, LOOK_AT).await {
            Ok(due) => {
                self.outbox.note(now);
                due
            }
            Err(error) => {
                warn!("the outbox cannot be read: {}", in_full(&error));
                return Duration::from_secs(5);
            }
        };
        for delivery in due {
            let to_channel = on_their_way.values().filter(|channel| **channel == delivery.channel).count();
            let room = on_their_way.len() < AT_ONCE && to_channel < TO_ONE_CHANNEL;
            if room && !on_their_way.contains_key(&delivery.id) {
                on_their_way.insert(delivery.id, delivery.channel.clone());
                attempts.spawn(self.attempt(delivery).run(random.next_u64()));
            }
        }
        self.until_next(now).await
    }

    async fn until_next(&self, now: Timestamp) -> Duration {
        match self.store.next_delivery_at().await {
            Ok(Some(at)) if at > now => {
                Duration::try_from(at.duration_since(now)).unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN)
            }
            Ok(Some(_)) => SOON,
            _ => LOOK_AGAIN,
        }
    }

    fn attempt(&self, delivery: Delivery) -> Attempt {
        Attempt {
            delivery,
            landscape: self.state.read().unwrap_or_else(PoisonError::into_inner).landscape().clone(),
            store: self.store.clone(),
            courier: self.courier.clone(),
            inbox: self.inbox.clone(),
            clock: self.clock,
        }
    }
}

struct Attempt {
    delivery: Delivery,
    store: Store,
    landscape: Arc<Landscape>,
    courier: Arc<Courier>,
    inbox: Inbox,
    clock: fn() -> Timestamp,
}

impl Attempt {
    async fn run(self, seed: u64) -> DeliveryId {
        let outcome = AssertUnwindSafe(self.send()).catch_unwind().await.unwrap_or_else(|_| Err(fault()));
        let id = self.delivery.id;
        let event = self.event(outcome, &mut Random::seeded(seed));
        // Only once it is written may the outbox be looked at again; else the message would be sent twice.
        self.inbox.record(event).await;
        id
    }

    async fn send(&self) -> Result<Receipt, Refusal> {
        let name = &self.delivery.channel;
        let Some(channel) = self.landscape.channels.get(name) else {
            return Err(Refusal::Never {
                reason: format!("the channel {name} is no longer in the configuration"),
            });
        };
        let mail = self.landscape.mail.as_ref();
        let earlier = self.earlier().await?;
        let (delivery, earlier, now) = (&self.delivery, earlier.as_deref(), (self.clock)());
        self.courier.send(Outgoing { delivery, channel, mail, earlier, now }).await
    }

    /// What came of the message before this one, which tells the thread or the message to change. It is there: of one channel and
    /// incident a later message waits for the earlier one.
    async fn earlier(&self) -> Result<Option<String>, Refusal> {
        let Delivery { channel, sequence, message, .. } = &self.delivery;
        let found = self.store.latest_receipt(channel, message.incident.id, *sequence).await;
        found.map_err(|error| Refusal::Later {
            reason: format!("the messages before this one cannot be read: {}", in_full(&error)),
            retry_after: None,
        })
    }

    fn event(&self, outcome: Result<Receipt, Refusal>, random: &mut Random) -> Event {
        let now = (self.clock)();
        let (id, channel) = (self.delivery.id, self.delivery.channel.clone());
        let message = &self.delivery.message;
        let about_one = !matches!(message.kind, MessageKind::Digest | MessageKind::Probe | MessageKind::Test);
        let incident = about_one.then_some(message.incident.id);
        match outcome {
            Ok(receipt) => {
                info!(delivery.id = %id, "told by {channel}: {}", self.delivery.message.incident.title);
                Event::Delivered { id, channel, incident, receipt: receipt.id }
            }
            Err(Refusal::Later { reason, retry_after }) => match self.wait(now, retry_after, random) {
                Some(wait) => {
                    warn!(delivery.id = %id, "{channel} did not take a message and is tried again in {} s: {reason}", wait.as_secs());
                    Event::DeliveryDelayed { id, next_attempt_at: later(now, wait), error: reason }
                }
                None => Event::DeliveryGivenUp { id, channel, incident, reason },
            },
            Err(Refusal::Never { reason }) => {
                warn!(delivery.id = %id, "{channel} will never take a message: {reason}");
                Event::DeliveryGivenUp { id, channel, incident, reason }
            }
        }
    }

    fn wait(&self, now: Timestamp, asked: Option<Duration>, random: &mut Random) -> Option<Duration> {
        let attempts = match &self.delivery.state {
            DeliveryState::Queued { attempts, .. } => attempts.saturating_add(1),
            _ => 1,
        };
        let waited = Duration::try_from(now.duration_since(self.delivery.created_at)).unwrap_or_default();
        next_attempt(attempts, waited, asked, random)
    }
}

/// A panic on the way: the message stays in the outbox, and the others are not held up.
fn fault() -> Refusal {
    let reason = "Mainstay itself failed while it sent the message; its log says more".to_owned();
    Refusal::Later { reason, retry_after: None }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok()).unwrap_or(Timestamp::MAX)
}
