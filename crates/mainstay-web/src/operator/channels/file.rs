use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use mainstay_model::{Attempt, AttemptResult, ChannelName, ChannelRecord, DeliveryId, MessageKind};
use mainstay_store::{Queue, Store, StoreError};

use super::condition::{Condition, record};
use crate::operator::context::Context;
use crate::operator::known::Known;

/// So many channels are read at once.
const AT_ONCE: usize = 4;

/// Everything that is known of one channel.
#[derive(Debug)]
pub(in crate::operator) struct File {
    pub(in crate::operator) name: ChannelName,
    pub(in crate::operator) condition: Condition,
    pub(in crate::operator) record: Option<ChannelRecord>,
    pub(in crate::operator) proof: Option<Proof>,
    pub(in crate::operator) queue: Option<Queue>,
    pub(in crate::operator) last_accepted: Option<(DeliveryId, Attempt)>,
    pub(in crate::operator) last_failure: Option<(DeliveryId, Attempt)>,
}

/// What showed last that a channel works.
#[derive(Debug, Clone, Copy)]
pub(in crate::operator) struct Proof {
    pub(in crate::operator) at: Timestamp,
    /// The message that it took, while that is kept.
    pub(in crate::operator) by: Option<(DeliveryId, MessageKind)>,
}

/// Every configured channel, by name.
pub(in crate::operator) async fn read(context: &Context, known: &Known) -> Result<Vec<File>, StoreError> {
    let store = &context.operator.store;
    let queues = store.queues().await?;
    let queue = |name: &ChannelName| queues.iter().find(|queue| queue.channel == *name).cloned();
    let names = known.landscape.channels.keys().cloned();
    let asked: Vec<(ChannelName, Option<Queue>)> = names.map(|name| (name.clone(), queue(&name))).collect();
    let files = stream::iter(asked).map(|(name, queue)| File::read(store, known, name, queue));
    files.buffered(AT_ONCE).try_collect().await
}

impl File {
    async fn read(
        store: &Store,
        known: &Known,
        name: ChannelName,
        queue: Option<Queue>,
    ) -> Result<File, StoreError> {
        let last_accepted = store.latest_attempt(&name, true).await?;
        let last_failure = store.latest_attempt(&name, false).await?;
        let record = record(&name, known).cloned();
        let proof = proof(store, record.as_ref(), last_accepted.as_ref()).await?;
        let remembered = Condition::remembered(&name, known);
        let mut file =
            File { name, condition: remembered, record, proof, queue, last_accepted, last_failure };
        file.condition = file.judged();
        Ok(file)
    }

    /// The condition, by what was kept as well: what failed before the channel was configured as it is says nothing of it.
    fn judged(&self) -> Condition {
        let known_since = self.record.as_ref().map_or(Timestamp::MIN, |record| record.known_since);
        let failure = self.last_failure.as_ref().map(|(_, attempt)| attempt);
        match (&self.condition, failure.filter(|failure| failure.at >= known_since)) {
            (Condition::Fails { since, incident, .. }, Some(failure)) if failure.at >= *since => {
                Condition::Fails { since: *since, incident: *incident, reason: reason(&failure.result) }
            }
            (Condition::Fails { .. }, _) => self.condition.clone(),
            (_, Some(failure)) if self.queue.is_some() && !self.took_something_since(failure.at) => {
                Condition::HeldUp { reason: reason(&failure.result) }
            }
            (Condition::Unproven { .. }, failure) => {
                let tried_at = self.record.as_ref().and_then(|record| record.tried_at);
                Condition::Unproven { untried: failure.is_none() && tried_at.is_none() }
            }
            (other, _) => other.clone(),
        }
    }

    fn took_something_since(&self, at: Timestamp) -> bool {
        self.last_accepted.as_ref().is_some_and(|(_, accepted)| accepted.at >= at)
    }
}

/// The record tells proofs to the hour; a message that was taken since then tells more, and how.
async fn proof(
    store: &Store,
    record: Option<&ChannelRecord>,
    accepted: Option<&(DeliveryId, Attempt)>,
) -> Result<Option<Proof>, StoreError> {
    let Some(proven_at) = record.and_then(|record| record.proven_at) else { return Ok(None) };
    let Some((id, accepted)) = accepted.filter(|(_, accepted)| accepted.at >= proven_at) else {
        return Ok(Some(Proof { at: proven_at, by: None }));
    };
    let by = store.delivery(*id).await?.map(|delivery| (*id, delivery.message.kind));
    Ok(Some(Proof { at: accepted.at, by }))
}

/// Why a try did not end well; empty where it did.
fn reason(result: &AttemptResult) -> String {
    match result {
        AttemptResult::Accepted { .. } => String::new(),
        AttemptResult::Failed { error } => error.clone(),
        AttemptResult::Bounced { reason } | AttemptResult::Delayed { reason } => reason.clone(),
    }
}
