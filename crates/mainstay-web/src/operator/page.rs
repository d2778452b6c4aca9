use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::known::Known;
use super::waivers::Banner;
use crate::show::{Sign, clock_time};

/// Where in the navigation a page stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    Overview,
    Certificates,
    Coverage,
    Incidents,
    Messages,
    OnCall,
    Quiet,
    Relays,
    Drills,
    Elsewhere,
}

/// What the frame around every page shows.
pub(super) struct Page {
    pub(super) title: String,
    pub(super) here: Here,
    pub(super) open_incidents: usize,
    pub(super) notice: Option<String>,
    /// The waivers that are in force or asked for.
    pub(super) waivers: Vec<Banner>,
    pub(super) status_page: Option<String>,
    pub(super) version: &'static str,
    /// Whether something is to be kept up to date.
    pub(super) live: bool,
}

impl Page {
    /// The frame of a page about what is known.
    pub(super) fn new(known: &Known, here: Here, title: &str) -> Page {
        Page {
            title: title.to_owned(),
            here,
            open_incidents: known.in_earnest().count(),
            notice: offline(known),
            waivers: Banner::all(known),
            status_page: Some(known.landscape.status_page.public_url.clone()).filter(|url| !url.is_empty()),
            version: known.version,
            live: true,
        }
    }

    /// The frame of a page that tells of trouble, and must not need anything that may be the trouble.
    pub(super) fn bare(here: Here, title: &str) -> Page {
        Page {
            title: title.into(),
            here,
            open_incidents: 0,
            notice: None,
            waivers: Vec::new(),
            status_page: None,
            version: "",
            live: false,
        }
    }

    pub(super) fn current(&self, here: Here) -> &'static str {
        if self.here == here { r#" aria-current="page""# } else { "" }
    }
}

fn offline(known: &Known) -> Option<String> {
    let since = clock_time(known.offline_since?, known.now);
    Some(format!(
        "Mainstay’s own network has been gone since {since}. Until it is back, nothing can be told about what is watched, and \
         this time counts as nobody’s downtime. Look at the network of this machine first."
    ))
}

/// The title of a window: the state as a shape first, because a row of tabs shows little more.
pub(super) fn window_title(sign: Sign, words: &str) -> String {
    format!("{} {words}", sign.symbol())
}

/// A rendered page.
pub(super) fn html(template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => Html(text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
