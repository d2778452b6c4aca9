use std::collections::BTreeMap;

use jiff::Timestamp;
use mainstay_model::{ChannelName, Delivery, DeliveryId, DeliveryState, Landscape};

use crate::operator::messages::Row;
use crate::operator::on_call;
use crate::show::{Sign, When, plural};

/// Who was told of an incident, and whether it arrived.
pub(super) struct RollCall {
    pub(super) sentence: String,
    pub(super) called: Vec<Called>,
}

/// One recipient: a person by one of their channels, or a channel by itself.
pub(super) struct Called {
    /// The last message to them.
    pub(super) id: DeliveryId,
    pub(super) who: String,
    pub(super) by: String,
    pub(super) sign: Sign,
    pub(super) state: &'static str,
    /// What they were told last.
    pub(super) told: &'static str,
    pub(super) first: When,
    pub(super) messages: String,
    pub(super) detail: String,
}

/// Everybody once, in the order in which they were told first. A person's channel that was used for the person and later for itself is
/// the person's.
pub(super) fn roll_call(deliveries: &[Delivery], landscape: &Landscape, now: Timestamp) -> RollCall {
    let mut by_channel: BTreeMap<&ChannelName, Vec<&Delivery>> = BTreeMap::new();
    deliveries.iter().for_each(|one| by_channel.entry(&one.channel).or_default().push(one));
    let mut recipients: Vec<Vec<&Delivery>> = by_channel.into_values().collect();
    recipients.iter_mut().for_each(|list| list.sort_by_key(|one| one.sequence));
    recipients.sort_by_key(|list| list.first().map(|one| (one.created_at, one.id)));
    let reached =
        |list: &&Vec<&Delivery>| list.iter().any(|one| matches!(one.state, DeliveryState::Delivered { .. }));
    RollCall {
        sentence: sentence(recipients.iter().filter(reached).count(), recipients.len()),
        called: recipients.iter().filter_map(|list| called(list, landscape, now)).collect(),
    }
}

fn sentence(reached: usize, all: usize) -> String {
    match (reached, all) {
        (_, 0) => String::new(),
        (reached, all) if reached == all => {
            format!("Everybody who was to be told was reached: {}.", plural(all, "recipient", "recipients"))
        }
        (0, all) => format!("Nobody was reached so far, of {}.", plural(all, "recipient", "recipients")),
        (reached, all) => format!("{reached} of {} were reached.", plural(all, "recipient", "recipients")),
    }
}

fn called(list: &[&Delivery], landscape: &Landscape, now: Timestamp) -> Option<Called> {
    let (first, last) = (list.first()?, list.last()?);
    let person = list.iter().find_map(|one| one.message.person.as_ref());
    let row = Row::of(last, now);
    Some(Called {
        id: last.id,
        who: person
            .map_or_else(|| last.channel.to_string(), |name| on_call::called(landscape, name.as_str())),
        by: person.map(|_| format!("by {}", last.channel)).unwrap_or_default(),
        sign: row.sign,
        state: row.state,
        told: row.told,
        first: When::clock(first.created_at, now),
        messages: if list.len() > 1 { plural(list.len(), "message", "messages") } else { String::new() },
        detail: row.detail,
    })
}
