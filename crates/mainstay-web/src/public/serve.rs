use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;

use super::Public;
use super::page;

/// One answer, ready to be sent.
#[derive(Debug)]
pub(super) struct Prepared {
    kind: HeaderValue,
    bytes: Bytes,
    tag: HeaderValue,
    /// Whether pages of other origins may read it, as those of customers' own tools do.
    shared: bool,
}

impl Prepared {
    pub(super) fn html(text: String) -> Prepared {
        Prepared::new("text/html; charset=utf-8", text.into(), false)
    }

    pub(super) fn json(document: &Value) -> Prepared {
        Prepared::new("application/json; charset=utf-8", document.to_string().into(), true)
    }

    fn new(kind: &'static str, bytes: Bytes, shared: bool) -> Prepared {
        let tag = format!("\"{:016x}\"", crate::assets::fnv1a(&bytes));
        let tag = HeaderValue::try_from(tag).unwrap_or_else(|_| HeaderValue::from_static("\"0\""));
        Prepared { kind: HeaderValue::from_static(kind), bytes, tag, shared }
    }

    fn answer(&self, asked: &HeaderMap) -> Response {
        let known = asked.get(header::IF_NONE_MATCH).is_some_and(|tag| *tag == self.tag);
        let mut response =
            if known { StatusCode::NOT_MODIFIED.into_response() } else { self.bytes.clone().into_response() };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.kind.clone());
        headers.insert(header::ETAG, self.tag.clone());
        // Old news is worse than a few more requests; a cache in front still takes the load of a bad day.
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=10, stale-if-error=86400"),
        );
        if self.shared {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        response
    }
}

pub(super) fn router(public: Public) -> Router {
    Router::new()
        .route("/static/{hash}/{name}", get(crate::assets::get))
        .route("/healthz", get(async || "ok\n"))
        .fallback(answer)
        .with_state(public)
}

async fn answer(State(public): State<Public>, method: Method, uri: Uri, asked: HeaderMap) -> Response {
    let snapshot = public.current();
    let path = match uri.path() {
        "/" => "/",
        other => other.trim_end_matches('/'),
    };
    let mut response = match snapshot.answers.get(path) {
        _ if method != Method::GET && method != Method::HEAD => {
            StatusCode::METHOD_NOT_ALLOWED.into_response()
        }
        Some(prepared) => prepared.answer(&asked),
        None if snapshot.answers.is_empty() => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The status page is being prepared. Please try again in a moment.\n",
        )
            .into_response(),
        None if path.starts_with("/api/") => {
            (StatusCode::NOT_FOUND, "There is nothing at this address.\n").into_response()
        }
        None => (StatusCode::NOT_FOUND, Prepared::html(page::not_found()).answer(&HeaderMap::new()))
            .into_response(),
    };
    guard(response.headers_mut());
    response
}

/// The page runs no script, loads nothing from elsewhere, and is shown in no frame.
fn guard(headers: &mut HeaderMap) {
    const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}
