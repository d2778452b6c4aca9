//! The page of one message: what became of it, each try, and what it says.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use mainstay_model::{Delivery, DeliveryId, DeliveryState, IncidentId, MessageKind};

use super::again::{find, is_lost, once_tried, repeated_by, send_again, tries};
use super::life::{Moment, life};
use super::words;
use crate::operator::by::By;
use crate::operator::channels;
use crate::operator::context::Context;
use crate::operator::known::Known;
use crate::operator::on_call::called;
use crate::operator::page::{Here, Page, html, window_title};
use crate::operator::trouble::Trouble;
use crate::show::Sign;

const ADVICE: &str =
    "Messages are kept for 90 days after their end; those that are kept are listed under Messages.";

/// `GET /messages/{id}`: the life of one message.
pub(in crate::operator) async fn one(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let delivery = find(&context, &id, ADVICE).await.map_err(back)?;
    let store = &context.operator.store;
    let attempts = store.attempts(delivery.id).await?;
    let again = repeated_by(store, &delivery).await?;
    let text = text(&context, &known, &delivery);
    Ok(html(&MessagePage {
        moments: life(&delivery, &attempts, again.as_ref(), known.now),
        ..page(&known, &delivery, again.as_ref(), text)
    }))
}

/// `POST /messages/{id}/retry`: has it go, and leads to the message that went.
pub(in crate::operator) async fn retry(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
) -> Result<Response, Trouble> {
    let delivery = find(&context, &id, ADVICE).await.map_err(back)?;
    let address = address_of(delivery.id);
    let done = send_again(&context, by, &delivery).await;
    done.map_err(|trouble| trouble.leading_to(address, "Back to the message"))?;
    let (going, before) = match tries(&delivery) {
        Some(before) => (delivery.id, before),
        None => (repeated_by(&context.operator.store, &delivery).await?.map_or(delivery.id, |one| one.id), 0),
    };
    once_tried(&context, going, before).await?;
    Ok(Redirect::to(&address_of(going)).into_response())
}

fn back(trouble: Trouble) -> Trouble {
    trouble.leading_to("/messages".into(), "Back to the messages")
}

fn address_of(id: DeliveryId) -> String {
    format!("/messages/{id}")
}

#[derive(Template)]
#[template(path = "operator/message.html")]
struct MessagePage {
    page: Page,
    id: DeliveryId,
    sign: Sign,
    state: &'static str,
    sentence: String,
    reason: String,
    channel: String,
    /// Where the channel stands; `None` when it is no longer configured.
    channel_address: Option<String>,
    person: Option<String>,
    told: &'static str,
    /// What it is about, where that is kept: its identifier and its title.
    about: Option<(IncidentId, String)>,
    again_of: Option<DeliveryId>,
    /// The message that repeats it, and where that stands.
    again: Option<(DeliveryId, &'static str)>,
    button: Option<&'static str>,
    moments: Vec<Moment>,
    text: Text,
}

/// What its readers saw.
enum Text {
    Nothing,
    Words { text: String, with_link: bool },
}

fn page(known: &Known, delivery: &Delivery, again: Option<&Delivery>, text: Text) -> MessagePage {
    let now = known.now;
    let (sign, sentence) = words::sentence(delivery, now);
    let message = &delivery.message;
    MessagePage {
        page: Page::new(known, Here::Messages, &window_title(sign, sentence.trim_end_matches('.'))),
        id: delivery.id,
        sign,
        state: words::standing(delivery, now).1,
        sentence,
        reason: words::reason(delivery),
        channel: delivery.channel.to_string(),
        channel_address: is_configured(known, delivery)
            .then(|| channels::address_of(delivery.channel.as_str())),
        person: message.person.as_ref().map(|name| called(&known.landscape, name.as_str())),
        told: words::told(message.kind),
        about: delivery.about().map(|id| (id, message.incident.title.clone())),
        again_of: delivery.again_of,
        again: again.map(|again| (again.id, words::standing(again, now).1)),
        button: button(known, delivery, again),
        moments: Vec::new(),
        text,
    }
}

fn is_configured(known: &Known, delivery: &Delivery) -> bool {
    known.landscape.channels.contains_key(&delivery.channel)
}

/// What can be done about it: nothing when it arrived, goes already as another one, or has no channel to go by.
fn button(known: &Known, delivery: &Delivery, again: Option<&Delivery>) -> Option<&'static str> {
    match delivery.state {
        _ if !is_configured(known, delivery) => None,
        DeliveryState::Queued { attempts: 1.., .. } => Some("Try now"),
        _ if is_lost(delivery) && again.is_none_or(is_lost) => Some("Send again"),
        _ => None,
    }
}

fn text(context: &Context, known: &Known, delivery: &Delivery) -> Text {
    let message = &delivery.message;
    let channel = known.landscape.channels.get(&delivery.channel);
    let is_quiet = channel.is_some_and(|channel| channel.kind.is_quiet_to_try());
    if message.kind == MessageKind::Probe && is_quiet {
        return Text::Nothing;
    }
    Text::Words { text: (context.operator.plain_text)(message), with_link: message.asks_to_be_taken_up() }
}
