#[cfg(test)]
mod early;
#[cfg(test)]
mod outage;
mod pace;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Delay, Event, Remedy, State};
use mainstay_model::{
    ChannelName, Delivery, DeliveryId, DeliveryState, Landscape, MessageKind, Random, Severity,
};
use mainstay_notify::{Courier, Outgoing, Receipt, Refusal, next_attempt};
use mainstay_store::{Claimant, Store, StoreError};
use mainstay_web::operator::{Links, Who};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::pace::Pace;
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

/// A message is claimed for so long, and longer while it is on its way: when whoever carries it dies, another does after that.
const LEASE: Duration = Duration::from_secs(120);

/// How often the claims of what is on its way are renewed: two renewals may fail before one is lost.
const RENEW_EVERY: Duration = Duration::from_secs(40);

/// Takes messages out of the outbox to their channels, and reports what became of each.
pub(crate) struct Deliverer {
    /// The channels are those that the engine decided by, so that a new one is never taken for a removed one.
    pub(crate) state: SharedState,
    pub(crate) store: Store,
    pub(crate) courier: Arc<Courier>,
    pub(crate) links: Arc<Links>,
    pub(crate) inbox: Inbox,
    pub(crate) poked: Arc<Notify>,
    pub(crate) outbox: OutboxRead,
    pub(crate) clock: fn() -> Timestamp,
}

/// What one deliverer has on its way.
struct Load {
    claimant: Claimant,
    random: Random,
    channels: HashMap<DeliveryId, ChannelName>,
    attempts: JoinSet<Ended>,
    pace: Pace,
    renew_at: Instant,
}

impl Load {
    fn new(mut random: Random) -> Load {
        Load {
            claimant: Claimant::new(&mut random),
            random,
            channels: HashMap::new(),
            attempts: JoinSet::new(),
            pace: Pace::default(),
            renew_at: Instant::now() + RENEW_EVERY,
        }
    }

    /// Whether a message to this channel can be taken beside these.
    fn has_room(&self, channel: &ChannelName, chosen: &[Delivery]) -> bool {
        let on_their_way = self.channels.values().chain(chosen.iter().map(|one| &one.channel));
        let to_it = on_their_way.filter(|one| *one == channel).count();
        self.channels.len() + chosen.len() < AT_ONCE && to_it < TO_ONE_CHANNEL
    }

    fn ended(&mut self, ended: Ended) {
        if let Some(channel) = self.channels.remove(&ended.id)
            && ended.sent_nothing
        {
            self.pace.give_back(&channel);
        }
    }
}

/// An attempt that is over.
struct Ended {
    id: DeliveryId,
    /// What waited behind it tells it as well, and is tried instead.
    sent_nothing: bool,
}

impl Deliverer {
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut load = Load::new(Random::seeded(clock::seed()));
        loop {
            let wait = self.start_due(&mut load).await;
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.poked.notified() => {}
                () = tokio::time::sleep(wait) => {}
                () = tokio::time::sleep_until(load.renew_at), if !load.channels.is_empty() => {}
                Some(ended) = load.attempts.join_next() => {
                    if let Ok(ended) = ended {
                        load.ended(ended);
                    }
                }
            }
            self.renew(&mut load).await;
        }
        // A message that was handed over is written down as such, or it would be sent again after the restart.
        while load.attempts.join_next().await.is_some() {}
    }

    /// Starts what is due and carried by nobody yet; says how long nothing more will be due.
    async fn start_due(&self, load: &mut Load) -> Duration {
        let now = (self.clock)();
        match self.claim_due(load, now).await {
            Ok(claimed) => {
                for delivery in claimed {
                    load.channels.insert(delivery.id, delivery.channel.clone());
                    let seed = load.random.next_u64();
                    load.attempts.spawn(self.attempt(delivery).run(seed));
                }
                self.until_next(now).await
            }
            Err(error) => {
                warn!("the outbox cannot be read: {}", in_full(&error));
                Duration::from_secs(5)
            }
        }
    }

    async fn claim_due(&self, load: &mut Load, now: Timestamp) -> Result<Vec<Delivery>, StoreError> {
        let due = self.store.due_deliveries(now, LOOK_AT).await?;
        self.outbox.note(now);
        let mut chosen = self.choose(due, load, now);
        if chosen.is_empty() {
            return Ok(chosen);
        }
        let ids: Vec<DeliveryId> = chosen.iter().map(|one| one.id).collect();
        let claimed = self.store.claim(&ids, load.claimant, now, later(now, LEASE)).await?;
        chosen.retain(|one| claimed.contains(&one.id));
        Ok(chosen)
    }

    /// What is fresh first. Of what is late, the incidents that are still open, the most urgent and the newest of them; no more than
    /// the pace allows.
    fn choose(&self, mut due: Vec<Delivery>, load: &mut Load, now: Timestamp) -> Vec<Delivery> {
        load.pace.tidy(now);
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            due.sort_by_cached_key(|one| one.is_late(now).then(|| rank(one, &state)));
        }
        let mut chosen = Vec::new();
        for delivery in due {
            let is_mine = load.channels.contains_key(&delivery.id);
            if !is_mine
                && load.has_room(&delivery.channel, &chosen)
                && (!delivery.is_late(now) || load.pace.take(&delivery.channel, now))
            {
                chosen.push(delivery);
            }
        }
        chosen
    }

    /// When the claims cannot be renewed, they end, and what is on its way may be sent twice, with the same identifier.
    async fn renew(&self, load: &mut Load) {
        if load.channels.is_empty() || Instant::now() < load.renew_at {
            return;
        }
        load.renew_at = Instant::now() + RENEW_EVERY;
        if let Err(error) = self.store.renew_claims(load.claimant, later((self.clock)(), LEASE)).await {
            warn!("the claims on messages cannot be renewed: {}", in_full(&error));
        }
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
            links: self.links.clone(),
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
    links: Arc<Links>,
    inbox: Inbox,
    clock: fn() -> Timestamp,
}

impl Attempt {
    async fn run(self, seed: u64) -> Ended {
        let id = self.delivery.id;
        if self.delivery.is_late((self.clock)()) && self.merge().await {
            return Ended { id, sent_nothing: true };
        }
        let outcome = AssertUnwindSafe(self.send()).catch_unwind().await.unwrap_or_else(|_| Err(fault()));
        if outcome.is_ok() && self.came_back().await {
            return Ended { id, sent_nothing: false };
        }
        let event = self.event(outcome, &mut Random::seeded(seed));
        // Only once it is written may the outbox be looked at again; else the message would be sent twice.
        self.inbox.record(event).await;
        Ended { id, sent_nothing: false }
    }

    /// Whether it came back already: a mail to several goes to one after the other, and the first may be returned before the last was
    /// handed in. That it was accepted is then no news, least of all that the channel works.
    async fn came_back(&self) -> bool {
        let kept = self.store.delivery(self.delivery.id).await;
        matches!(kept, Ok(Some(Delivery { state: DeliveryState::Bounced { .. }, .. })))
    }

    /// Whether more about the same incident waits behind this message, which is late: then only the last of them is told.
    async fn merge(&self) -> bool {
        match self.store.waiting_behind(&self.delivery).await {
            Ok(waiting) if waiting.len() > 1 && waiting[0].id == self.delivery.id => {
                self.inbox.record(Event::DeliveriesLate { waiting }).await
            }
            Ok(_) => false,
            Err(error) => {
                warn!("what waits behind a late message cannot be read: {}", in_full(&error));
                false
            }
        }
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
        let delivery = with_link(self.delivery.clone(), &self.links, &self.landscape.operator_url);
        let (delivery, earlier, now) = (&delivery, earlier.as_deref(), (self.clock)());
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
        let incident = self.delivery.about();
        match outcome {
            Ok(receipt) => self.accepted(receipt),
            Err(Refusal::Later { reason, retry_after }) => {
                self.delayed(now, reason, self.wait(now, retry_after, random), Remedy::Time)
            }
            Err(Refusal::NotLetIn { reason, retry_after }) => {
                self.delayed(now, reason, self.wait(now, Some(retry_after), random), Remedy::Hands)
            }
            Err(Refusal::Never { reason }) => {
                warn!(delivery.id = %id, "{channel} will never take a message: {reason}");
                Event::DeliveryGivenUp { id, channel, incident, reason }
            }
        }
    }

    fn accepted(&self, receipt: Receipt) -> Event {
        let Delivery { id, channel, message, .. } = &self.delivery;
        let (id, channel, incident) = (*id, channel.clone(), self.delivery.about());
        info!(delivery.id = %id, "told by {channel}: {}", message.incident.title);
        let Receipt { id: receipt, refused } = receipt;
        let is_quiet = self.landscape.channels.get(&channel).is_some_and(|one| one.kind.is_quiet_to_try());
        match message.kind {
            MessageKind::Probe if is_quiet => Event::Probed { id, channel },
            MessageKind::TakenUp => Event::Shown { id, receipt },
            _ if refused.is_empty() => Event::Delivered { id, channel, incident, receipt },
            _ => Event::DeliveredInPart { id, channel, incident, receipt, refused },
        }
    }

    /// It waits, or has waited for long enough.
    fn delayed(&self, now: Timestamp, error: String, wait: Option<Duration>, remedy: Remedy) -> Event {
        let (id, channel) = (self.delivery.id, self.delivery.channel.clone());
        let incident = self.delivery.about();
        let Some(wait) = wait else {
            return Event::DeliveryGivenUp { id, channel, incident, reason: error };
        };
        warn!(delivery.id = %id, "{channel} did not take a message and is tried again in {} s: {error}", wait.as_secs());
        let (created_at, next_attempt_at) = (self.delivery.created_at, later(now, wait));
        Event::DeliveryDelayed {
            id,
            channel,
            incident,
            delay: Delay { created_at, next_attempt_at, remedy, error },
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

/// The message with the link by which its reader takes the incident up, where that is wanted. The link is a key, so it is made for
/// the way only and stands in no outbox.
fn with_link(mut delivery: Delivery, links: &Links, operator_url: &str) -> Delivery {
    let message = &mut delivery.message;
    if message.asks_to_be_taken_up() {
        let channel = || Who::Channel(delivery.channel.clone());
        let who = message.person.clone().map_or_else(channel, Who::Person);
        message.incident.ack_url = Some(links.url(operator_url, message.incident.id, &who));
    }
    delivery
}

/// The order of what is late: what is still so, the most urgent, the newest.
fn rank(delivery: &Delivery, state: &State) -> (bool, Reverse<Severity>, Reverse<Timestamp>) {
    let incident = &delivery.message.incident;
    let is_over = !state.incident(incident.id).is_some_and(|one| one.is_open());
    (is_over, Reverse(incident.severity), Reverse(incident.opened_at))
}

/// A panic on the way: the message stays in the outbox, and the others are not held up.
fn fault() -> Refusal {
    let reason = "Mainstay itself failed while it sent the message; its log says more".to_owned();
    Refusal::Later { reason, retry_after: None }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use mainstay_model::{Message, MessageIncident, PersonName, Secret, Severity};

    use super::*;

    fn delivery(kind: MessageKind, state: &str, person: Option<PersonName>) -> Delivery {
        let (at, random) = (Timestamp::UNIX_EPOCH, &mut Random::seeded(5));
        let incident = MessageIncident {
            id: mainstay_model::IncidentId::new(at, random),
            title: "orders-db is down".into(),
            state: state.into(),
            severity: Severity::Page,
            opened_at: at,
            since: at,
            resolved_at: None,
            breaks_at: None,
            url: "https://ops.example.com/incidents/1".into(),
            ack_url: None,
        };
        let message = Message {
            kind,
            at,
            incident,
            dependencies: vec![],
            components: vec![],
            cause: String::new(),
            failure: None,
            evidence: vec![],
            actions: vec![],
            change: None,
            drill: false,
            person,
        };
        Delivery {
            id: DeliveryId::new(at, random),
            channel: "ops-discord".parse().unwrap(),
            sequence: 1,
            created_at: at,
            message,
            again_of: None,
            state: DeliveryState::Queued { next_attempt_at: at, attempts: 0, last_error: None },
        }
    }

    fn link(delivery: Delivery) -> Option<String> {
        let links = Links::new(&Secret::new("a key"));
        with_link(delivery, &links, "https://ops.example.com").message.incident.ack_url
    }

    #[test]
    fn only_what_waits_for_somebody_carries_a_link() {
        for kind in [MessageKind::Opened, MessageKind::Updated, MessageKind::Escalated] {
            assert!(link(delivery(kind, "open", None)).is_some(), "{kind:?}");
        }
        assert!(link(delivery(MessageKind::Opened, "impending", None)).is_some());
        assert_eq!(link(delivery(MessageKind::Updated, "acknowledged", None)), None);
        for kind in [MessageKind::Resolved, MessageKind::Digest, MessageKind::Test] {
            assert_eq!(link(delivery(kind, "open", None)), None, "{kind:?}");
        }
    }

    #[test]
    fn a_person_gets_a_link_of_their_own() {
        let ben = link(delivery(MessageKind::Opened, "open", Some("ben".parse().unwrap())));
        assert_ne!(ben, link(delivery(MessageKind::Opened, "open", None)));
        assert!(ben.is_some_and(|url| url.starts_with("https://ops.example.com/a/")));
    }
}
