//! The static files, embedded. Their addresses carry a hash of their content, so that browsers keep them for ever.

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// One embedded file.
pub(crate) struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    hash: u64,
}

const ASSETS: [Asset; 6] = [
    Asset::new("tokens.css", "text/css; charset=utf-8", include_bytes!("../static/tokens.css")),
    Asset::new("base.css", "text/css; charset=utf-8", include_bytes!("../static/base.css")),
    Asset::new("operator.css", "text/css; charset=utf-8", include_bytes!("../static/operator.css")),
    Asset::new("public.css", "text/css; charset=utf-8", include_bytes!("../static/public.css")),
    Asset::new("live.js", "text/javascript; charset=utf-8", include_bytes!("../static/live.js")),
    Asset::new("favicon.svg", "image/svg+xml", include_bytes!("../static/favicon.svg")),
];

impl Asset {
    const fn new(name: &'static str, kind: &'static str, bytes: &'static [u8]) -> Asset {
        Asset { name, kind, bytes, hash: fnv1a(bytes) }
    }
}

/// The address of a file by its name; templates name only files that exist, which a test makes sure of.
pub(crate) fn url(name: &str) -> String {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => format!("/static/{:016x}/{name}", asset.hash),
        None => format!("/static/0/{name}"),
    }
}

/// `GET /static/{hash}/{name}`.
pub(crate) async fn get(Path((hash, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{:016x}\"", asset.hash);
    let current = hash == format!("{:016x}", asset.hash);
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let body = if known { StatusCode::NOT_MODIFIED.into_response() } else { asset.bytes.into_response() };
    with_headers(body, asset.kind, &tag, current)
}

fn with_headers(mut response: Response, kind: &'static str, tag: &str, current: bool) -> Response {
    // A page of an older version may still ask for an older file: it gets the newer one, but must not keep it under that address.
    let keep = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// FNV-1a, 64 bit (Fowler, Noll, Vo): tells versions of a file apart; it protects nothing.
pub(crate) const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}
