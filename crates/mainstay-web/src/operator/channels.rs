//! Channels: which of them are known to work, how that is known, who relies on them, and the buttons that try them.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use mainstay_model::{Delivery, DeliveryId, IncidentId};
use serde::Deserialize;

use super::asked::Asked;
use super::by::By;
use super::context::Context;
use super::incident::filled;
use super::known::Known;
use super::messages::{once_tried, reason, sentence};
use super::page::{Here, Page, html, window_title};
use super::trouble::Trouble;
use crate::show::{Sign, When};

mod condition;
mod file;
mod trial;
mod used;
mod words;

pub(super) use condition::Condition;
pub(super) use file::{File, read};
pub(super) use trial::{How, try_channel};

use words::Judged;

/// What leads to a channel is named up to so many places; in a large configuration that is enough to know whether it matters.
const PLACES: usize = 6;

/// What the address of the page asks for: what came of the trial that was just sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Just {
    tried: String,
}

/// `GET /channels`: which channels can be relied on, and what came of a trial.
pub(super) async fn get(
    State(context): State<Arc<Context>>,
    Asked(just): Asked<Just>,
) -> Result<Response, Trouble> {
    let known = Known::read(&context);
    let files = read(&context, &known).await?;
    let trial = match just.tried.parse::<DeliveryId>() {
        Ok(id) => context.operator.store.delivery(id).await?,
        Err(_) => None,
    };
    Ok(html(&page(&known, &files, trial.as_ref())))
}

/// `POST /channels/{name}/trial`: sends a trial, and leads back with what came of it.
pub(super) async fn post(
    State(context): State<Arc<Context>>,
    Path(name): Path<String>,
    by: By,
    form: Result<Form<How>, FormRejection>,
) -> Result<Response, Trouble> {
    let done = async {
        let channel = try_channel(&context, by, &name, filled(form)?).await?;
        let trial = trial::latest(&context, channel).await?;
        if let Some(id) = trial {
            once_tried(&context, id, 0).await?;
        }
        Ok(trial)
    };
    let back = |trouble: Trouble| trouble.leading_to("/channels".into(), "Back to the channels");
    let address = match done.await.map_err(back)? {
        Some(id) => format!("/channels?tried={id}"),
        None => "/channels".to_owned(),
    };
    Ok(Redirect::to(&address).into_response())
}

/// Where a channel stands on the page.
pub(super) fn address_of(name: &str) -> String {
    format!("/channels#channel-{name}")
}

/// What has to be known of the channels wherever one looks; `None` when each is proven to work, as far as the engine remembers.
pub(super) fn in_doubt(known: &Known) -> Option<String> {
    let names = known.landscape.channels.keys();
    let judged: Vec<_> = names.map(|name| (name, Condition::remembered(name, known))).collect();
    let all_work = !judged.is_empty() && judged.iter().all(|(_, condition)| *condition == Condition::Works);
    let judged: Vec<Judged<'_>> = judged.iter().map(|(name, condition)| (*name, condition)).collect();
    (!all_work).then(|| words::sentence(&judged))
}

#[derive(Template)]
#[template(path = "operator/channels.html")]
struct Channels {
    page: Page,
    sentence: String,
    outcome: Option<Outcome>,
    rows: Vec<Row>,
}

/// What came of the trial that was just sent.
struct Outcome {
    sign: Sign,
    sentence: String,
    reason: String,
    id: DeliveryId,
}

struct Row {
    name: String,
    sign: Sign,
    state: &'static str,
    service: &'static str,
    why: String,
    incident: Option<IncidentId>,
    proof: Option<Shown>,
    used: Vec<String>,
    more: usize,
    quiet: bool,
}

/// When a channel was shown to work, and by what.
struct Shown {
    at: When,
    by: Option<(DeliveryId, &'static str)>,
}

fn page(known: &Known, files: &[File], trial: Option<&Delivery>) -> Channels {
    let judged: Vec<Judged<'_>> = files.iter().map(|file| (&file.name, &file.condition)).collect();
    let worst = files.iter().map(|file| file.condition.sign()).max().unwrap_or(Sign::Down);
    let sentence = words::sentence(&judged);
    let mut rows: Vec<Row> = files.iter().filter_map(|file| row(file, known)).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.sign));
    Channels {
        page: Page::new(known, Here::Messages, &window_title(worst, "Channels")),
        sentence,
        outcome: trial.map(|trial| Outcome::of(trial, known.now)),
        rows,
    }
}

impl Outcome {
    fn of(trial: &Delivery, now: Timestamp) -> Outcome {
        let (sign, sentence) = sentence(trial, now);
        Outcome { sign, sentence, reason: reason(trial), id: trial.id }
    }
}

/// `None` for a channel that a new configuration has just dropped.
fn row(file: &File, known: &Known) -> Option<Row> {
    let channel = known.landscape.channels.get(&file.name)?;
    let mut used = used::used_by(&file.name, &known.landscape);
    let more = used.len().saturating_sub(PLACES);
    used.truncate(PLACES);
    Some(Row {
        name: file.name.to_string(),
        sign: file.condition.sign(),
        state: file.condition.word(),
        service: words::service(&channel.kind),
        why: words::explanation(file, known.now),
        incident: match file.condition {
            Condition::Fails { incident, .. } => Some(incident),
            _ => None,
        },
        proof: file.proof.map(|proof| Shown {
            at: When::relative(proof.at, known.now),
            by: proof.by.map(|(id, kind)| (id, words::how(kind))),
        }),
        used,
        more,
        quiet: channel.kind.is_quiet_to_try(),
    })
}
