use mainstay_engine::Action;
use mainstay_model::{ChannelName, Delivery, DeliveryId, Landscape, MessageKind, nearest};
use mainstay_store::{DeliveryFilter, StoreError};
use serde::Deserialize;

use crate::operator::by::By;
use crate::operator::context::Context;
use crate::operator::known::Known;
use crate::operator::trouble::Trouble;

/// The trial that was just decided is among so many of its channel's latest messages.
const LATEST: u32 = 20;

/// How a trial is to be.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::operator) struct How {
    /// In the way that nobody notices where the service allows it.
    quiet: bool,
}

/// Has a trial go out by a channel, and says which channel that is once it is written down.
pub(in crate::operator) async fn try_channel(
    context: &Context,
    by: By,
    name: &str,
    How { quiet }: How,
) -> Result<ChannelName, Trouble> {
    let channel = configured(&Known::read(context).landscape, name)?;
    context.submit(by, Action::TryChannel { channel: channel.clone(), loudly: !quiet }).await?;
    Ok(channel)
}

fn configured(landscape: &Landscape, name: &str) -> Result<ChannelName, Trouble> {
    let all = &landscape.channels;
    if let Some((name, _)) = all.get_key_value(name) {
        return Ok(name.clone());
    }
    let advice = match nearest(name, all.keys().map(ChannelName::as_str)) {
        Some(near) => format!("Did you mean {near}?"),
        None => "Add it under channels in the configuration.".to_owned(),
    };
    Err(Trouble::nothing("There is no channel of that name.", advice))
}

/// The latest trial of a channel.
pub(super) async fn latest(
    context: &Context,
    channel: ChannelName,
) -> Result<Option<DeliveryId>, StoreError> {
    let filter = DeliveryFilter { channel: Some(channel), limit: LATEST, ..DeliveryFilter::default() };
    let messages = context.operator.store.deliveries_where(&filter).await?;
    let is_trial = |one: &&Delivery| matches!(one.message.kind, MessageKind::Test | MessageKind::Probe);
    Ok(messages.iter().find(is_trial).map(|trial| trial.id))
}
