//! The forms on an incident's page. Each does one thing and leads back to the page.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get, post};
use mainstay_engine::Action;
use serde::de::DeserializeOwned;

use super::act::{Matter, acknowledging, noting, perform, publishing, resolving, updating};
use super::{room, ticket};
use crate::operator::by::By;
use crate::operator::context::Context;
use crate::operator::trouble::Trouble;

/// What can be done on the page of an incident.
pub(crate) fn routes() -> Router<Arc<Context>> {
    let about = |what: &str| format!("/incidents/{{id}}/{what}");
    Router::new()
        .route(&about("acknowledge"), button(acknowledging))
        .route(&about("resolve"), button(resolving))
        .route(&about("publish"), form(publishing))
        .route(&about("updates"), form(updating))
        .route(&about("notes"), form(noting))
        .route(&about("snooze"), form(room::snoozing))
        .route(&about("assign"), form(room::assigning))
        .route(&about("severity"), form(room::choosing_severity))
        .route(&about("roles"), form(room::giving_role))
        .route(&about("tasks"), form(room::adding_task))
        .route(&about("tasks/{task}/done"), post(done))
        .route(&about("remind"), form(room::promising))
        .route(&about("merge"), form(room::merging))
        .route(&about("split"), form(room::splitting))
        .route(&about("silence"), form(room::silencing))
        .route(&about("ticket.txt"), get(ticket::get))
}

fn button(action: fn(&Matter<'_>) -> Result<Action, Trouble>) -> MethodRouter<Arc<Context>> {
    post(move |State(context): State<Arc<Context>>, Path(id): Path<String>, by: By| async move {
        act(&context, by, &id, action).await
    })
}

fn form<T: DeserializeOwned + Send + 'static>(
    action: fn(&Matter<'_>, T) -> Result<Action, Trouble>,
) -> MethodRouter<Arc<Context>> {
    post(
        move |State(context): State<Arc<Context>>,
              Path(id): Path<String>,
              by: By,
              form: Result<Form<T>, FormRejection>| async move {
            let form = filled(form)?;
            act(&context, by, &id, |matter| action(matter, form)).await
        },
    )
}

/// `POST /incidents/{id}/tasks/{task}/done`.
async fn done(
    State(context): State<Arc<Context>>,
    Path((id, task)): Path<(String, String)>,
    by: By,
) -> Result<Response, Trouble> {
    act(&context, by, &id, |matter| room::finishing_task(matter, &task)).await
}

/// A form as it was filled in.
pub(in crate::operator) fn filled<T>(form: Result<Form<T>, FormRejection>) -> Result<T, Trouble> {
    let refused = |rejection: FormRejection| {
        Trouble::unusable(format!("The form could not be read: {rejection}."), "Go back and send it again.")
    };
    form.map(|Form(form)| form).map_err(refused)
}

/// Does what was asked for and shows the incident as it is then.
async fn act(
    context: &Context,
    by: By,
    id: &str,
    action: impl FnOnce(&Matter<'_>) -> Result<Action, Trouble>,
) -> Result<Response, Trouble> {
    let id = perform(context, by, id, action).await?;
    Ok(Redirect::to(&format!("/incidents/{id}")).into_response())
}
