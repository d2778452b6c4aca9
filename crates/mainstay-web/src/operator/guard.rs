//! What stands before every page: nobody is logged in, so only pages of this listener itself may ask, and only by a name that is its own.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::csrf::CsrfLayer;

use super::context::Context;
use super::trouble::Trouble;

/// No form or request to the API needs more.
const LARGEST_BODY: usize = 64 * 1024;

/// Neither scripts nor styles but our own files, nothing from elsewhere, and no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Refuses requests that another site made, and those that came by a name that somebody else may own.
pub(super) fn guarded(routes: Router<Arc<Context>>, context: Arc<Context>) -> Router<Arc<Context>> {
    routes
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(CsrfLayer::new().with_rejection_response(|_| foreign()))
        .layer(from_fn_with_state(context, own_name))
}

/// Adds what browsers are to know of every answer.
pub(super) fn with_headers(routes: Router<Arc<Context>>) -> Router<Arc<Context>> {
    routes.layer(from_fn(async |request: Request, next: Next| {
        let mut response = next.run(request).await;
        let headers = response.headers_mut();
        for (name, value) in HEADERS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        response
    }))
}

fn foreign() -> Response {
    Trouble::new(
        StatusCode::FORBIDDEN,
        "Another site asked for this, so nothing was done.",
        "Do it on the page of Mainstay itself. If you came through a proxy, it must pass on the headers Host and Origin.",
    )
    .into_response()
}

/// DNS rebinding: a foreign page whose name suddenly leads to this machine would otherwise read everything here.
async fn own_name(State(context): State<Arc<Context>>, request: Request, next: Next) -> Response {
    let named = request.uri().host().map(str::to_owned).or_else(|| {
        let host = request.headers().get(header::HOST)?.to_str().ok()?;
        Some(without_port(host).to_owned())
    });
    let landscape = {
        let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(state.landscape())
    };
    let public = host_of(&landscape.operator_url);
    match named {
        // Without a name there is nothing that could be somebody else's: HTTP/1.0, or a socket file.
        None => next.run(request).await,
        Some(host) if is_own(&host, public) => next.run(request).await,
        Some(host) => misdirected(&host).answer(request.uri()),
    }
}

fn misdirected(host: &str) -> Trouble {
    let host: String = host.chars().take(100).collect();
    Trouble::new(
        StatusCode::MISDIRECTED_REQUEST,
        format!("This Mainstay does not know itself by the name {host}."),
        "Open it by its address, or set server.public_url in the configuration to the address that you use.",
    )
}

/// Whether nobody else can make such a name lead here: addresses, this machine's own names, names without a dot, and the configured one.
fn is_own(host: &str, public: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    host.parse::<IpAddr>().is_ok()
        || !host.contains('.')
        || host.ends_with(".localhost")
        || (!public.is_empty() && host == public.to_ascii_lowercase())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    without_port(rest.split(['/', '?', '#']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_nobody_else_can_own() {
        let own = |host: &str| is_own(without_port(host), "ops.example.com");
        for host in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "192.0.2.7",
            "localhost:8080",
            "a.localhost",
            "mainstay:8080",
            "Ops.Example.com",
        ] {
            assert!(own(host), "{host}");
        }
        for host in
            ["evil.example", "ops.example.com.evil.example:8080", "127.0.0.1.evil.example", "example.com"]
        {
            assert!(!own(host), "{host}");
        }
        assert!(!is_own("evil.example", ""));
    }

    #[test]
    fn hosts_of_addresses() {
        assert_eq!(host_of("https://ops.example.com/mainstay"), "ops.example.com");
        assert_eq!(host_of("http://127.0.0.1:8080"), "127.0.0.1");
        assert_eq!(host_of("http://[::1]:8080"), "[::1]");
    }
}
