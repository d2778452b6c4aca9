use askama::Template;
use axum::http::{StatusCode, Uri};
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
}

impl Trouble {
    pub(super) fn new(status: StatusCode, happened: impl Into<String>, advice: impl Into<String>) -> Trouble {
        Trouble { status, happened: happened.into(), advice: advice.into(), internal: None }
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

    /// It is not known whether what a person did was written down.
    pub(super) fn not_recorded(why: &str) -> Trouble {
        let mut trouble = Trouble::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "What you did was not recorded.",
            "Open the page again to see where things stand, then try once more. If it happens again, look at the log of \
             Mainstay: most often the disk is full or the database cannot be reached.",
        );
        trouble.internal = Some(why.to_owned());
        trouble
    }

    fn log(&self) {
        if let Some(internal) = &self.internal {
            tracing::error!(http.status = self.status.as_u16(), error = %internal, "a request could not be answered");
        }
    }

    /// As a page.
    fn page(&self) -> Response {
        self.log();
        let page = Page::bare(Here::Elsewhere, &self.happened);
        let body = html(&TroublePage { page, happened: &self.happened, advice: &self.advice });
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
        let internal = Some(chain(&error));
        let happened = "What was kept cannot be read now.".to_owned();
        Trouble { status: StatusCode::SERVICE_UNAVAILABLE, happened, advice: advice.into(), internal }
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
    let trouble = Trouble::nothing(
        "There is no such page.",
        "The list of everything that is watched is the place to begin.",
    );
    if uri.path().starts_with("/api/") { trouble.json() } else { trouble.page() }
}

#[derive(Template)]
#[template(path = "operator/trouble.html")]
struct TroublePage<'a> {
    page: Page,
    happened: &'a str,
    advice: &'a str,
}
