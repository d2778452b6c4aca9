use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use mainstay_model::{Delivery, DeliveryState, IncidentId, MessageKind};
use mainstay_store::{DeliveryCounts, IncidentFilter};

use super::context::Context;
use super::known::Known;
use super::page::{Here, Page, html, window_title};
use super::trouble::Trouble;
use crate::show::{Sign, When, plural};

/// Messages are shown of so many of the latest incidents.
const INCIDENTS: u32 = 50;

/// Messages on the page.
const ROWS: usize = 200;

/// `GET /messages`: who was told what, and what is still on its way.
pub(super) async fn get(State(context): State<Arc<Context>>) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let counts = context.operator.store.delivery_counts().await?;
    let deliveries = latest(&context).await?;
    let sentence = sentence(&counts);
    let sign = if counts.given_up > 0 { Sign::Degraded } else { Sign::Healthy };
    Ok(html(&Messages {
        page: Page::new(&known, Here::Messages, &window_title(sign, "Messages")),
        sentence,
        counts,
        messages: deliveries.iter().take(ROWS).map(|one| Row::of(one, known.now)).collect(),
    }))
}

/// The messages of the latest incidents, newest first.
async fn latest(context: &Context) -> Result<Vec<Delivery>, Trouble> {
    let store = &context.operator.store;
    let filter = IncidentFilter { limit: INCIDENTS, ..IncidentFilter::default() };
    let incidents = store.incidents(&filter).await?;
    let reading = stream::iter(incidents).map(|incident| async move { store.deliveries(incident.id).await });
    let lists: Vec<Vec<Delivery>> = reading.buffer_unordered(4).try_collect().await?;
    let mut deliveries: Vec<Delivery> = lists.into_iter().flatten().collect();
    deliveries.sort_by_key(|one| std::cmp::Reverse((one.created_at, one.id)));
    Ok(deliveries)
}

#[derive(Template)]
#[template(path = "operator/messages.html")]
struct Messages {
    page: Page,
    sentence: String,
    counts: DeliveryCounts,
    messages: Vec<Row>,
}

/// One message to one recipient.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) sign: Sign,
    pub(super) state: &'static str,
    pub(super) channel: String,
    /// What it says, before the title.
    pub(super) said: &'static str,
    /// The same without the title.
    pub(super) told: &'static str,
    pub(super) incident: IncidentId,
    pub(super) title: String,
    pub(super) when: When,
    pub(super) detail: String,
}

impl Row {
    pub(super) fn of(delivery: &Delivery, now: Timestamp) -> Row {
        let (sign, state, detail) = standing(delivery, now);
        Row {
            id: delivery.id.to_string(),
            sign,
            state,
            channel: delivery.channel.to_string(),
            said: said(delivery.message.kind).0,
            told: said(delivery.message.kind).1,
            incident: delivery.message.incident.id,
            title: delivery.message.incident.title.clone(),
            when: When::relative(delivery.created_at, now),
            detail,
        }
    }
}

fn said(kind: MessageKind) -> (&'static str, &'static str) {
    match kind {
        MessageKind::Opened => ("opened", "that it opened"),
        MessageKind::Updated => ("changed", "what changed"),
        MessageKind::Escalated => ("escalated", "that nobody took it up"),
        MessageKind::Digest => ("digest", "a digest"),
        MessageKind::Resolved => ("resolved", "that it is over"),
        MessageKind::Probe => ("quiet trial", "a quiet trial"),
        MessageKind::Test => ("trial", "a trial"),
    }
}

fn standing(delivery: &Delivery, now: Timestamp) -> (Sign, &'static str, String) {
    match &delivery.state {
        DeliveryState::Delivered { at, .. } => {
            let took = When::length(*at, delivery.created_at).text();
            (Sign::Healthy, "delivered", format!("accepted after {took}"))
        }
        DeliveryState::Queued { attempts: 0, .. } => (Sign::Unknown, "waiting", String::new()),
        DeliveryState::Queued { next_attempt_at, attempts, last_error } => {
            let tries = plural(*attempts as usize, "try", "tries");
            let next = When::relative(*next_attempt_at, now).text();
            let error = last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
            (Sign::Degraded, "waiting", format!("{tries} failed, the next one is {next}{error}"))
        }
        DeliveryState::GivenUp { reason, .. } => (Sign::Down, "given up", reason.clone()),
        DeliveryState::Bounced { reason, .. } => (Sign::Down, "bounced", reason.clone()),
        DeliveryState::Merged { .. } => {
            (Sign::Healthy, "merged", "a later message tells it as well".to_owned())
        }
    }
}

fn sentence(counts: &DeliveryCounts) -> String {
    let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let given_up = plural(number(counts.given_up), "message was", "messages were");
    let waiting = plural(number(counts.queued), "message is", "messages are");
    match (counts.given_up, counts.queued, counts.delivered) {
        (0, 0, 0) => "Nobody had to be told anything yet.".into(),
        (0, 0, _) => "Every message was delivered.".into(),
        (0, _, _) => format!("{waiting} on the way; no message was lost."),
        (_, 0, _) => format!("{given_up} given up."),
        _ => format!("{given_up} given up, and {waiting} on the way."),
    }
}
