//! What people do about single messages, as a page or a program asks for it.

use std::time::Duration;

use mainstay_engine::Action;
use mainstay_model::{Delivery, DeliveryId, DeliveryState, Landscape};
use mainstay_store::{Store, StoreError};
use tokio::time::{Instant, timeout_at};

use crate::operator::by::By;
use crate::operator::context::Context;
use crate::operator::known::Known;
use crate::operator::trouble::Trouble;

/// So long a page waits for what a service says, so that it is read without scripts too; nobody waits for one that swallows.
const PATIENCE: Duration = Duration::from_secs(3);

/// One message; `advice` says where those are that exist.
pub(in crate::operator) async fn find(
    context: &Context,
    id: &str,
    advice: &'static str,
) -> Result<Delivery, Trouble> {
    let nothing = || Trouble::nothing("There is no such message.", advice);
    let id: DeliveryId = id.parse().map_err(|_| nothing())?;
    context.operator.store.delivery(id).await?.ok_or_else(nothing)
}

/// Has a message go: one that waits is tried now, one that did not arrive goes again as a new one.
pub(in crate::operator) async fn send_again(
    context: &Context,
    by: By,
    delivery: &Delivery,
) -> Result<(), Trouble> {
    let action = sending(delivery, &Known::read(context).landscape)?;
    let again = repeated_by(&context.operator.store, delivery).await?;
    if let Some(again) = again.filter(|again| is_lost(delivery) && !is_lost(again)) {
        return Err(Trouble::conflict(
            "This message was sent again already.",
            format!("See /messages/{} for what became of that one.", again.id),
        ));
    }
    context.submit(by, action).await
}

/// Whether it did not arrive and is not tried any more.
pub(super) fn is_lost(delivery: &Delivery) -> bool {
    matches!(delivery.state, DeliveryState::GivenUp { .. } | DeliveryState::Bounced { .. })
}

fn sending(delivery: &Delivery, landscape: &Landscape) -> Result<Action, Trouble> {
    match delivery.state {
        DeliveryState::Queued { .. } => Ok(Action::TryNow(delivery.id)),
        DeliveryState::GivenUp { .. } | DeliveryState::Bounced { .. }
            if landscape.channels.contains_key(&delivery.channel) =>
        {
            Ok(Action::SendAgain(Box::new(delivery.clone())))
        }
        DeliveryState::GivenUp { .. } | DeliveryState::Bounced { .. } => Err(Trouble::conflict(
            format!("The channel {} is no longer in the configuration.", delivery.channel),
            "Add it again under channels, or tell its readers in another way.",
        )),
        DeliveryState::Delivered { .. } | DeliveryState::Merged { .. } => Err(Trouble::unusable(
            "This message was told already.",
            "Only a message that waits, was given up or bounced can be sent again.",
        )),
    }
}

/// The latest message that repeats this one.
pub(super) async fn repeated_by(store: &Store, delivery: &Delivery) -> Result<Option<Delivery>, StoreError> {
    let about_the_same = store.deliveries(delivery.message.incident.id).await?;
    Ok(about_the_same.into_iter().rfind(|one| one.again_of == Some(delivery.id)))
}

/// How often a message was tried in vain; `None` once it is over.
pub(super) fn tries(delivery: &Delivery) -> Option<u32> {
    match delivery.state {
        DeliveryState::Queued { attempts, .. } => Some(attempts),
        _ => None,
    }
}

/// Waits until a message was tried more often than it was before, or is over, or for as long as a person is to wait.
pub(in crate::operator) async fn once_tried(
    context: &Context,
    id: DeliveryId,
    before: u32,
) -> Result<(), StoreError> {
    let mut changes = context.operator.changes.clone();
    let until = Instant::now() + PATIENCE;
    loop {
        changes.mark_unchanged();
        let delivery = context.operator.store.delivery(id).await?;
        let waits = delivery.as_ref().and_then(tries).is_some_and(|tries| tries <= before);
        if !waits || !matches!(timeout_at(until, changes.changed()).await, Ok(Ok(()))) {
            return Ok(());
        }
    }
}
