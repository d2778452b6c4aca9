//! Waivers: what can be done about them, and how pages show them.

use std::sync::{Arc, PoisonError};

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use mainstay_model::{DependencyName, IncidentId, Waiver};
use serde::Deserialize;

use super::by::By;
use super::context::Context;
use super::incident::filled;
use super::overview::address_of;
use super::trouble::Trouble;

mod act;
mod offer;
mod show;

pub(super) use act::{Decision, Grounds, Wish, ask, decide, grounds};
pub(super) use offer::Offers;
pub(super) use show::{Banner, Row};

/// Who decides, where nothing else says so.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Named {
    pub(super) name: String,
}

/// `GET /waivers`: every page says which are in force, and the first one what they are for.
pub(super) async fn get() -> Redirect {
    Redirect::to("/")
}

/// `POST /waivers`: asks for one.
pub(super) async fn post(
    State(context): State<Arc<Context>>,
    by: By,
    form: Result<Form<Wish>, FormRejection>,
) -> Result<Response, Trouble> {
    let wish = filled(form)?;
    let dependency = wish.dependency.clone();
    let back = |trouble: Trouble| match dependency.parse().map(|name| (asked_in(&context, &name), name)) {
        Ok((Some(id), _)) => trouble.leading_to(format!("/incidents/{id}#waiver"), "Back to the incident"),
        Ok((None, name)) => trouble.leading_to(address_of(&name), "Back to the dependency"),
        Err(_) => trouble,
    };
    let waiver = ask(&context, by, wish).await.map_err(back)?;
    Ok(Redirect::to(&home(&waiver)).into_response())
}

/// The open incident whose page offers a waiver for a dependency.
fn asked_in(context: &Context, name: &DependencyName) -> Option<IncidentId> {
    let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
    let trouble = state.incident_of_trouble(name)?;
    state.incidents().any(|one| one.id == trouble && one.is_open()).then_some(trouble)
}

/// `POST /waivers/{id}/grant`.
pub(super) async fn grant(
    context: State<Arc<Context>>,
    id: Path<String>,
    by: By,
    form: Result<Form<Named>, FormRejection>,
) -> Result<Response, Trouble> {
    answer(context, id, by, form, Decision::Grant).await
}

/// `POST /waivers/{id}/refuse`.
pub(super) async fn refuse(
    context: State<Arc<Context>>,
    id: Path<String>,
    by: By,
    form: Result<Form<Named>, FormRejection>,
) -> Result<Response, Trouble> {
    answer(context, id, by, form, Decision::Refuse).await
}

/// `POST /waivers/{id}/end`.
pub(super) async fn end(
    context: State<Arc<Context>>,
    id: Path<String>,
    by: By,
    form: Result<Form<Named>, FormRejection>,
) -> Result<Response, Trouble> {
    answer(context, id, by, form, Decision::End).await
}

async fn answer(
    State(context): State<Arc<Context>>,
    Path(id): Path<String>,
    by: By,
    form: Result<Form<Named>, FormRejection>,
    decision: Decision,
) -> Result<Response, Trouble> {
    let by = by.or(&filled(form)?.name);
    let waiver = decide(&context, by, &id, decision).await?;
    Ok(Redirect::to(&home(&waiver)).into_response())
}

/// Where it was asked for.
fn home(waiver: &Waiver) -> String {
    place(waiver.incident, &waiver.dependency)
}

/// Where a waiver is told of: an incident, else the page of its dependency.
fn place(incident: Option<IncidentId>, dependency: &DependencyName) -> String {
    match incident {
        Some(id) => format!("/incidents/{id}"),
        None => address_of(dependency),
    }
}
