//! Messages: who was told what, what is still on its way, and the life of each.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use mainstay_model::{ChannelName, Delivery, DeliveryId};
use mainstay_store::{DeliveryCounts, DeliveryFilter, Standing};
use serde::Deserialize;

use super::asked::Asked;
use super::channels::in_doubt;
use super::context::Context;
use super::known::Known;
use super::page::{Here, Page, html, window_title};
use super::trouble::Trouble;
use crate::show::{Sign, When};

mod again;
mod life;
mod one;
mod words;

pub(super) use again::{find, once_tried, send_again};
pub(super) use one::{one, retry};
pub(super) use words::{reason, sentence};

/// Messages on a page.
const ROWS: u32 = 200;

/// Which messages are asked for. What is not understood is left out rather than refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    state: String,
    channel: String,
    before: String,
}

/// `GET /messages`: who was told what, and what is still on its way.
pub(super) async fn get(
    State(context): State<Arc<Context>>,
    Asked(which): Asked<Which>,
) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let store = &context.operator.store;
    let counts = store.delivery_counts().await?;
    let deliveries = store.deliveries_where(&which.filter()).await?;
    Ok(html(&page(&known, &counts, &which, &deliveries)))
}

impl Which {
    fn filter(&self) -> DeliveryFilter {
        DeliveryFilter {
            standing: self.standing(),
            channel: self.channel(),
            incident: None,
            before: self.before.parse().ok(),
            limit: ROWS,
        }
    }

    fn standing(&self) -> Option<Standing> {
        self.state.parse().ok()
    }

    fn channel(&self) -> Option<ChannelName> {
        self.channel.parse().ok()
    }

    /// The address of what is older than that message among those that are asked for.
    fn older_than(&self, last: DeliveryId) -> String {
        let state = self.standing().map(|_| format!("state={}&", self.state)).unwrap_or_default();
        let channel = self.channel().map(|name| format!("channel={name}&")).unwrap_or_default();
        format!("/messages?{state}{channel}before={last}")
    }
}

#[derive(Template)]
#[template(path = "operator/messages.html")]
struct Messages {
    page: Page,
    sentence: String,
    /// What is the matter with the channels.
    doubts: Option<String>,
    counts: Vec<Count>,
    /// What is asked for; empty for everything.
    only: String,
    messages: Vec<Row>,
    first: bool,
    older: Option<String>,
}

/// How many messages stand somewhere, and the way to see only them.
struct Count {
    sign: Sign,
    count: u64,
    word: &'static str,
    address: String,
    current: bool,
}

/// One message to one recipient.
pub(super) struct Row {
    pub(super) id: DeliveryId,
    pub(super) sign: Sign,
    pub(super) state: &'static str,
    pub(super) channel: String,
    /// What it says, before the title.
    pub(super) said: &'static str,
    /// The same without the title.
    pub(super) told: &'static str,
    pub(super) title: String,
    pub(super) when: When,
    pub(super) detail: String,
}

fn page(known: &Known, counts: &DeliveryCounts, which: &Which, deliveries: &[Delivery]) -> Messages {
    let sign = if counts.given_up + counts.bounced > 0 { Sign::Degraded } else { Sign::Healthy };
    let full = deliveries.len() == ROWS as usize;
    let last = deliveries.last().filter(|_| full);
    Messages {
        page: Page::new(known, Here::Messages, &window_title(sign, "Messages")),
        sentence: words::overall(counts),
        doubts: in_doubt(known),
        counts: by_standing(counts, which),
        only: only(which),
        messages: deliveries.iter().map(|one| Row::of(one, known.now)).collect(),
        first: which.before.is_empty(),
        older: last.map(|last| which.older_than(last.id)),
    }
}

/// What needs people first; where nothing stands, nothing is counted.
fn by_standing(counts: &DeliveryCounts, which: &Which) -> Vec<Count> {
    let all = [
        (Standing::GivenUp, Sign::Down, "given up", "given-up", counts.given_up),
        (Standing::Bounced, Sign::Down, "bounced", "bounced", counts.bounced),
        (Standing::Queued, Sign::Unknown, "waiting", "queued", counts.queued),
        (Standing::Delivered, Sign::Healthy, "delivered", "delivered", counts.delivered),
        (Standing::Merged, Sign::Healthy, "merged", "merged", counts.merged),
    ];
    let count = all.into_iter().map(|(standing, sign, word, code, count)| {
        let current = which.standing() == Some(standing);
        let address = if current { "/messages".to_owned() } else { format!("/messages?state={code}") };
        Count { sign, count, word, address, current }
    });
    count.filter(|one| one.count > 0 || one.current).collect()
}

fn only(which: &Which) -> String {
    let state = which.standing().map(|_| which.state.replace('-', " "));
    let channel = which.channel().map(|name| format!("by {name}"));
    let parts: Vec<String> = [state, channel].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!("Only {}.", parts.join(" ")) }
}

impl Row {
    pub(super) fn of(delivery: &Delivery, now: Timestamp) -> Row {
        let (sign, state, detail) = words::standing(delivery, now);
        let kind = delivery.message.kind;
        Row {
            id: delivery.id,
            sign,
            state,
            channel: delivery.channel.to_string(),
            said: words::said(kind),
            told: words::told(kind),
            title: delivery.message.incident.title.clone(),
            when: When::relative(delivery.created_at, now),
            detail,
        }
    }
}
