use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use mainstay_model::IncidentId;
use serde_json::Value;
use tower::ServiceExt;

use crate::house::House;

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    #[track_caller]
    pub(crate) fn has(&self, text: &str) -> &Answer {
        assert!(self.text.contains(text), "no {text:?} in\n{}", self.text);
        self
    }

    #[track_caller]
    pub(crate) fn lacks(&self, text: &str) -> &Answer {
        assert!(!self.text.contains(text), "{text:?} in\n{}", self.text);
        self
    }
}

impl House {
    /// Asks for a page by the name that a person on the same machine uses.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    /// Sends a form as a browser does.
    pub(crate) async fn post_form(&self, path: &str, form: &str) -> Answer {
        let request = request(Method::POST, path).header("sec-fetch-site", "same-origin");
        let kind = "application/x-www-form-urlencoded";
        self.ask(request.header(header::CONTENT_TYPE, kind).body(Body::from(form.to_owned())).unwrap()).await
    }

    /// Sends JSON as a program does.
    pub(crate) async fn post_json(&self, path: &str, body: Value) -> Answer {
        let request = request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        self.ask(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Takes something away as a program does.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask(request(Method::DELETE, path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), 64 << 20).await.unwrap();
        Answer { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// Takes every place for pages that follow live; they are free again when the answers are dropped.
    pub(crate) async fn listen_until_refused(&self) -> Vec<Response> {
        let mut others = Vec::new();
        loop {
            let asked = request(Method::GET, "/events").body(Body::empty()).unwrap();
            let answer = self.router.clone().oneshot(asked).await.unwrap();
            if answer.status() != StatusCode::OK {
                return others;
            }
            others.push(answer);
        }
    }

    /// The open incident with this dependency in it.
    #[track_caller]
    pub(crate) fn incident_of(&self, dependency: &str) -> IncidentId {
        let state = self.state.read().unwrap();
        let about = state
            .incidents()
            .find(|one| one.is_open() && one.dependencies.iter().any(|name| name.as_str() == dependency));
        about.expect("an open incident").id
    }
}

pub(crate) fn request(method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:8080")
}
