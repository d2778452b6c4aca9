//! Where the link in a message leads. Programs that only look (mail scanners, previews in chats) follow links, so looking does nothing.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use mainstay_model::{Incident, IncidentId, IncidentState};

use super::by::By;
use super::context::Context;
use super::incident::{File, acknowledging, perform, sentence};
use super::incidents::{sign, state};
use super::known::Known;
use super::link::Who;
use super::page::{Here, Page, html, window_title};
use super::trouble::Trouble;
use super::words;
use crate::show::{Sign, clock_time};

/// `GET /a/{token}`: what it is about, and one button.
pub(super) async fn get(
    State(context): State<Arc<Context>>,
    Path(token): Path<String>,
) -> Result<Response, Trouble> {
    let (id, who) = read(&context, &token)?;
    let known = Known::read(&context);
    let file = File::read(&context, &known, &id.to_string()).await?;
    Ok(html(&page(&known, file, &who, token)))
}

/// `POST /a/{token}`: takes it up in the name of whoever the message was sent to.
pub(super) async fn post(
    State(context): State<Arc<Context>>,
    Path(token): Path<String>,
) -> Result<Response, Trouble> {
    let (id, who) = read(&context, &token)?;
    let taken = perform(&context, By(who.to_string()), &id.to_string(), acknowledging).await;
    // Somebody was faster, or it is over: the page says so, and that is all there is to say.
    taken.map(drop).or_else(Trouble::unless_conflict)?;
    Ok(Redirect::to(&format!("/a/{token}")).into_response())
}

fn read(context: &Context, token: &str) -> Result<(IncidentId, Who), Trouble> {
    context.operator.links.read(token).ok_or_else(|| {
        let advice = "Open it as it stands in the message, with nothing missing at its end; or look for the incident under \
                      Incidents.";
        Trouble::nothing("This link was not made by this Mainstay, or a part of it is missing.", advice)
    })
}

#[derive(Template)]
#[template(path = "operator/take_up.html")]
struct TakeUp {
    page: Page,
    token: String,
    /// Where it is worked on: the incident itself, or the one of which it became a part.
    id: IncidentId,
    sign: Sign,
    state: &'static str,
    severity: &'static str,
    title: String,
    standing: String,
    cause: String,
    actions: Vec<String>,
    /// What has been done already, for whoever comes by the link.
    done: Option<String>,
    who: String,
}

fn page(known: &Known, file: File, who: &Who, token: String) -> TakeUp {
    let File { incident, .. } = file;
    let now = known.now;
    let sign = sign(&incident, now);
    let about = what_it_is_about(&incident, known);
    let standing_of = about.unwrap_or(&incident);
    TakeUp {
        page: Page::new(known, Here::Incidents, &window_title(sign, &incident.title)),
        token,
        id: incident.room.merged_into.unwrap_or(standing_of.id),
        sign,
        state: state(&incident, now),
        severity: incident.severity.as_str(),
        title: sentence(&incident.title),
        standing: words::standing(&incident, now),
        done: match &standing_of.state {
            IncidentState::Acknowledged { at, by, until: None } => {
                let who = if *by == who.to_string() { "You" } else { by };
                Some(format!("{who} took it up at {}. Nobody else is called for it.", clock_time(*at, now)))
            }
            IncidentState::Resolved { .. } if incident.room.merged_into.is_some() => {
                Some("It goes on as a part of another incident.".into())
            }
            IncidentState::Resolved { .. } => Some("It is over; nothing is left to take up.".into()),
            _ => None,
        },
        who: match who {
            Who::Person(name) => format!("in the name of {name}"),
            Who::Channel(name) => format!("as {}", Who::Channel(name.clone())),
        },
        cause: incident.diagnosis.cause.clone(),
        actions: incident.diagnosis.actions.clone(),
    }
}

/// Whoever took up that nobody was reached took up what nobody was reached about, and the former is over then.
fn what_it_is_about<'a>(incident: &Incident, known: &'a Known) -> Option<&'a Incident> {
    let of: IncidentId =
        incident.cause_key.strip_prefix("incident:")?.strip_suffix("/nobody-reached")?.parse().ok()?;
    let about = known.open.iter().find(|one| one.id == of && !incident.is_open())?;
    matches!(about.state, IncidentState::Acknowledged { until: None, .. }).then_some(about)
}
