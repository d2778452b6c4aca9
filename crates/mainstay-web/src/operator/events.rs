use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::context::Context;
use super::trouble::Trouble;

/// Proxies cut connections that say nothing for about a minute.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// `GET /events`: says that something changed, not what. Whoever listens fetches its page anew.
pub(super) async fn get(State(context): State<Arc<Context>>) -> Response {
    let Ok(permit) = Arc::clone(&context.live).try_acquire_owned() else {
        return Trouble::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Too many pages are open to keep them all up to date.",
            "Reload the page to see what is new.",
        )
        .into_response();
    };
    let changes = changes(context.operator.changes.clone(), permit);
    Sse::new(changes).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)).into_response()
}

/// Ends when the service ends. A listener that is slow misses changes in between, but never the latest.
fn changes(
    receiver: watch::Receiver<u64>,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((receiver, permit), |(mut receiver, permit)| async {
        receiver.changed().await.ok()?;
        let revision = *receiver.borrow_and_update();
        let event = Event::default().event("change").data(revision.to_string());
        Some((Ok(event), (receiver, permit)))
    })
}
