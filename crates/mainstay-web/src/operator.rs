//! The operator's listener: pages for people, an API for programs, metrics, and the signs of life.

mod api;
mod asked;
mod by;
mod certificates;
mod channels;
mod context;
mod courses;
mod coverage;
mod dependency;
mod drills;
mod duties;
mod events;
mod filter;
mod guard;
mod health;
mod incident;
mod incidents;
mod known;
mod link;
mod messages;
mod metrics;
mod moment;
mod on_call;
mod overview;
mod page;
mod quiet;
mod relays;
mod take_up;
mod trouble;
mod waivers;
mod words;

use std::sync::{Arc, RwLock};

use axum::Router;
use axum::routing::{get, post};
use jiff::Timestamp;
use mainstay_engine::{Event, State};
use mainstay_model::{Bounce, Message};
use mainstay_store::Store;
use tokio::sync::{mpsc, oneshot, watch};

use context::Context;

pub(crate) use incidents::{Span, length};

pub use api::{PolicyDesk, Sign};
pub use by::for_owner;
pub use link::{Links, Who};
pub use relays::RelayReports;

/// What the operator's pages need from the service around them.
#[derive(Debug)]
pub struct Operator {
    /// What the engine knows. It is read for moments only and never written.
    pub state: Arc<RwLock<State>>,
    /// What was kept.
    pub store: Store,
    /// Where what a person did goes: to the one task that owns the state.
    pub submit: mpsc::Sender<Submitted>,
    /// Changes whenever something was committed that a page may show; every open page hears of it.
    pub changes: watch::Receiver<u64>,
    /// Whether the service is ready.
    pub readiness: watch::Receiver<Readiness>,
    /// Makes and reads the links in messages by which somebody takes an incident up.
    pub links: Arc<Links>,
    /// Reads a mail that came back; `None` when it says of no message of ours that it did not arrive.
    pub read_bounce: fn(&[u8]) -> Option<Bounce>,
    /// What relays elsewhere go by.
    pub policy: PolicyDesk,
    /// Where every relay stands.
    pub relays: RelayReports,
    /// A message as plain text, as a mail has it.
    pub plain_text: fn(&Message) -> String,
    /// The time.
    pub clock: fn() -> Timestamp,
    /// The version of the program, for people and metrics.
    pub version: &'static str,
}

/// Something a person did, on its way to the engine.
#[derive(Debug)]
pub struct Submitted {
    /// What it was.
    pub event: Event,
    /// Answered once it was committed; dropped when it could not be.
    pub done: oneshot::Sender<()>,
}

/// What has to be in place before the service does its work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readiness {
    /// A configuration is in force.
    pub configured: bool,
    /// The first checks are scheduled.
    pub scheduled: bool,
    /// Why the store cannot be written, when it cannot.
    pub store_trouble: Option<String>,
}

/// Everything that the operator's listener answers.
pub fn router(operator: Operator) -> Router {
    let context = Arc::new(Context::new(operator));
    let pages = Router::new()
        .route("/", get(overview::get))
        .route("/dependencies/{name}", get(dependency::get))
        .route("/certificates", get(certificates::get))
        .route("/coverage", get(coverage::get))
        .route("/incidents", get(incidents::get))
        .route("/incidents/{id}", get(incident::get))
        .merge(incident::routes())
        .route("/a/{token}", get(take_up::get).post(take_up::post))
        .route("/quiet", get(quiet::get).post(quiet::post))
        .route("/quiet/{id}/end", post(quiet::end))
        .route("/waivers", get(waivers::get).post(waivers::post))
        .route("/waivers/{id}/grant", post(waivers::grant))
        .route("/waivers/{id}/refuse", post(waivers::refuse))
        .route("/waivers/{id}/end", post(waivers::end))
        .route("/messages", get(messages::get))
        .route("/relays", get(relays::get))
        .route("/messages/{id}", get(messages::one))
        .route("/messages/{id}/retry", post(messages::retry))
        .route("/channels", get(channels::get))
        .route("/channels/{name}/trial", post(channels::post))
        .route("/on-call", get(on_call::get))
        .route("/on-call/{file}", get(on_call::of_schedule))
        .route("/on-call/people/{file}", get(on_call::of_person))
        .route("/on-call/{schedule}/overrides", post(on_call::post))
        .route("/on-call/{schedule}/overrides/{id}/remove", post(on_call::post_remove))
        .route("/drills", get(drills::get).post(drills::post))
        .route("/events", get(events::get))
        .route("/metrics", get(metrics::get));
    let routes = pages
        .merge(api::router())
        .method_not_allowed_fallback(trouble::not_allowed)
        .fallback(trouble::not_found);
    let guarded = guard::guarded(routes, Arc::clone(&context));
    // The signs of life and the style sheets tell nothing about anybody, and are asked for by names that nobody configured.
    let open = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/static/{hash}/{name}", get(crate::assets::get));
    guard::with_headers(guarded.merge(open)).with_state(context)
}
