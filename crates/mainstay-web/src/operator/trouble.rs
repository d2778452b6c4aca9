use askama::Template;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use mainstay_store::StoreError;
use serde_json::json;

use super::page::{Here, Page, html};

/// Why a request is not answered as asked: one message for whoever asked, another for the log.
#[derive(Debug)]
pub(crate) struct Trouble {
    status: StatusCode,
    happened: String,
    advice: String,
    internal: Option<String>,
    way: Way,
}

/// Where a person can go from here.
#[derive(Debug)]
struct Way {
    address: String,
    words: &'static str,
}

impl Default for Way {
    fn default() -> Way {
        Way { address: "/".into(), words: "Everything that is watched" }
    }
}

impl Trouble {
    pub(super) fn new(status: StatusCode, happened: impl Into<String>, advice: impl Into<String>) -> Trouble {
        let (happened, advice) = (happened.into(), advice.into());
        Trouble { status, happened, advice, internal: None, way: Way::default() }
    }

    /// What was asked for does not exist.
    pub(super) fn nothing(what: impl Into<String>, advice: impl Into<String>) -> Trouble {
        Trouble::new(StatusCode::NOT_FOUND, what, advice)
    }

    /// What was sent cannot be used.
    pub(super) fn unusable(what: impl Into<String>, advice: impl Into<String>) -> Trouble {
        Trouble::new(StatusCode::UNPROCESSABLE_ENTITY, what, advice)
    }

    /// What was asked for does not fit what has happened meanwhile.
    pub(super) fn conflict(what: impl Into<String>, advice: impl Into<String>) -> Trouble {
        Trouble::new(StatusCode::CONFLICT, what, advice)
    }

    /// What a person did was not written down, and will not be.
    pub(super) fn not_recorded(why: &str) -> Trouble {
        Trouble::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "What you did was not recorded.",
            "Try again in a moment. If it happens again, look at the log of Mainstay: most often it is being stopped, the disk \
             is full or the database cannot be reached.",
        )
        .because(why)
    }

    /// What a person did is on its way to be written down, but nobody knows when it will be.
    pub(super) fn not_recorded_yet(why: &str) -> Trouble {
        Trouble::new(
            StatusCode::GATEWAY_TIMEOUT,
            "It is not known yet whether what you did is recorded.",
            "Mainstay has it, and goes on trying to write it down. Do not do it again yet: look at the incident first; it stands \
             there as soon as it is written. If it does not appear, the log of Mainstay says why: most often the disk is full or \
             the database cannot be reached.",
        )
        .because(why)
    }

    /// Whether what was done is known not to be written down.
    pub(super) fn is_not_recorded(&self) -> bool {
        self.status == StatusCode::SERVICE_UNAVAILABLE
    }

    /// Nothing at all where it only was that things had gone on meanwhile.
    pub(super) fn unless_conflict(self) -> Result<(), Trouble> {
        if self.status == StatusCode::CONFLICT { Ok(()) } else { Err(self) }
    }

    /// With a message for the log.
    fn because(mut self, why: &str) -> Trouble {
        self.internal = Some(why.to_owned());
        self
    }

    /// With a link to where it can be seen how things stand.
    pub(super) fn leading_to(mut self, address: String, words: &'static str) -> Trouble {
        self.way = Way { address, words };
        self
    }

    fn log(&self) {
        if let Some(internal) = &self.internal {
            tracing::error!(http.status = self.status.as_u16(), error = %internal, "a request could not be answered");
        }
    }

    /// In the form in which the one who asked can read it: programs ask under `/api/`.
    pub(super) fn answer(&self, uri: &Uri) -> Response {
        if uri.path().starts_with("/api/") { self.json() } else { self.page() }
    }

    /// As a page.
    fn page(&self) -> Response {
        self.log();
        let page = Page::bare(Here::Elsewhere, &self.happened);
        let body =
            html(&TroublePage { page, happened: &self.happened, advice: &self.advice, way: &self.way });
        (self.status, body).into_response()
    }

    /// As JSON.
    fn json(&self) -> Response {
        self.log();
        let body = json!({ "error": { "message": self.happened, "advice": self.advice } });
        (self.status, axum::Json(body)).into_response()
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        let advice =
            if error.may_pass() { "Try again in a moment." } else { "The log of Mainstay says more." };
        let happened = "What was kept cannot be read now.";
        Trouble::new(StatusCode::SERVICE_UNAVAILABLE, happened, advice).because(&chain(&error))
    }
}

/// An error with all its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}

/// A trouble that is answered with a page.
impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        self.page()
    }
}

/// A trouble that is answered with JSON.
#[derive(Debug)]
pub(super) struct ApiTrouble(Trouble);

impl<T: Into<Trouble>> From<T> for ApiTrouble {
    fn from(trouble: T) -> ApiTrouble {
        ApiTrouble(trouble.into())
    }
}

impl IntoResponse for ApiTrouble {
    fn into_response(self) -> Response {
        self.0.json()
    }
}

/// What no route answers.
pub(super) async fn not_found(uri: Uri) -> Response {
    let advice = match uri.path().starts_with("/api/") {
        true => "Every address of the API stands in /api/v1/openapi.json.",
        false => "The list of everything that is watched is the place to begin.",
    };
    Trouble::nothing("There is no such page.", advice).answer(&uri)
}

/// What a route does not answer to.
pub(super) async fn not_allowed(method: Method, uri: Uri) -> Response {
    let advice = match uri.path().starts_with("/api/") {
        true => "What each address is asked with stands in /api/v1/openapi.json.",
        false => "Pages are only read here; what can be done stands on the page of an incident.",
    };
    let method: String = method.as_str().chars().take(20).collect();
    Trouble::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("This address cannot be asked with {method}."),
        advice,
    )
    .answer(&uri)
}

#[derive(Template)]
#[template(path = "operator/trouble.html")]
struct TroublePage<'a> {
    page: Page,
    happened: &'a str,
    advice: &'a str,
    way: &'a Way,
}
