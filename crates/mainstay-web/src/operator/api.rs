//! The API for programs, under `/api/v1/`. Field names are stable: they are added, never renamed.

mod alertmanager;
mod bounces;
mod certificates;
mod channels;
mod coverage;
mod deliveries;
mod dependencies;
mod drills;
mod heartbeats;
mod incidents;
mod on_call;
mod policy;
mod relays;
mod silences;
mod status;
mod token;
mod waivers;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};

use super::context::Context;
use super::incident;
use incidents::{doing, saying};
use waivers::Shown as ShownWaiver;

pub(super) use policy::Heard;
pub use policy::{PolicyDesk, Sign};

const DOCUMENT: &str = include_str!("../../static/openapi.json");

/// Every path of the API with what answers it, in one place, so that a test can hold it against the document.
fn routes() -> Vec<(&'static str, MethodRouter<Arc<Context>>)> {
    vec![
        ("/api/v1/status", get(status::get)),
        ("/api/v1/dependencies", get(dependencies::list)),
        ("/api/v1/dependencies/{name}", get(dependencies::one)),
        ("/api/v1/certificates", get(certificates::list)),
        ("/api/v1/coverage", get(coverage::latest)),
        ("/api/v1/incidents", get(incidents::list)),
        ("/api/v1/incidents/{id}", get(incidents::one)),
        ("/api/v1/incidents/{id}/acknowledge", doing(incident::acknowledging)),
        ("/api/v1/incidents/{id}/resolve", doing(incident::resolving)),
        ("/api/v1/incidents/{id}/publish", saying(incident::publishing)),
        ("/api/v1/incidents/{id}/updates", saying(incident::updating)),
        ("/api/v1/incidents/{id}/notes", saying(incident::noting)),
        ("/api/v1/incidents/{id}/snooze", saying(incident::snoozing)),
        ("/api/v1/incidents/{id}/assign", saying(incident::assigning)),
        ("/api/v1/incidents/{id}/severity", saying(incident::choosing_severity)),
        ("/api/v1/incidents/{id}/roles", saying(incident::giving_role)),
        ("/api/v1/incidents/{id}/tasks", saying(incident::adding_task)),
        ("/api/v1/incidents/{id}/tasks/{task}/done", post(incidents::finish_task)),
        ("/api/v1/incidents/{id}/remind", saying(incident::promising)),
        ("/api/v1/incidents/{id}/merge", saying(incident::merging)),
        ("/api/v1/incidents/{id}/split", saying(incident::splitting)),
        ("/api/v1/silences", get(silences::list).post(silences::make)),
        ("/api/v1/silences/{id}", delete(silences::end)),
        ("/api/v1/waivers", get(waivers::list).post(waivers::request)),
        ("/api/v1/waivers/grounds", get(waivers::grounds)),
        ("/api/v1/waivers/{id}", get(waivers::one).delete(waivers::end)),
        ("/api/v1/waivers/{id}/grant", post(waivers::grant)),
        ("/api/v1/waivers/{id}/refuse", post(waivers::refuse)),
        ("/api/v1/waivers/{id}/end", post(waivers::end)),
        ("/api/v1/policy", get(waivers::policy)),
        ("/api/v1/heartbeats/{name}", post(heartbeats::beat)),
        ("/api/v1/on-call", get(on_call::list)),
        ("/api/v1/on-call/{schedule}/overrides", post(on_call::stand_in)),
        ("/api/v1/on-call/{schedule}/overrides/{id}", delete(on_call::remove)),
        ("/api/v1/alertmanager", alertmanager::route()),
        ("/api/v1/drills", get(drills::list).post(drills::start)),
        ("/api/v1/drills/plan", get(drills::planned)),
        ("/api/v1/drills/{id}", get(drills::one)),
        ("/api/v1/bounces", bounces::route()),
        ("/api/v1/channels", get(channels::list)),
        ("/api/v1/channels/{name}/trial", post(channels::trial)),
        ("/api/v1/deliveries", get(deliveries::list)),
        ("/api/v1/deliveries/{id}", get(deliveries::one)),
        ("/api/v1/deliveries/{id}/retry", post(deliveries::retry)),
        ("/api/v1/policy/signed", get(policy::signed)),
        ("/api/v1/policy/key", get(policy::key)),
        ("/api/v1/relays", get(relays::list)),
        ("/api/v1/relays/told", post(policy::told)),
        ("/api/v1/openapi.json", get(openapi)),
    ]
}

/// The API's part of the listener.
pub(super) fn router() -> Router<Arc<Context>> {
    routes().into_iter().fold(Router::new(), |router, (path, answer)| router.route(path, answer))
}

/// `GET /api/v1/openapi.json`.
async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], DOCUMENT).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_document_has_every_path_and_no_other() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let documented: BTreeSet<&str> =
            document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(documented, routes().iter().map(|(path, _)| *path).collect());
    }

    #[test]
    fn every_reference_in_the_document_leads_somewhere() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let mut pending = vec![&document];
        while let Some(value) = pending.pop() {
            if let Some(target) = value.get("$ref").and_then(Value::as_str) {
                assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
            }
            pending.extend(value.as_object().into_iter().flat_map(|map| map.values()));
            pending.extend(value.as_array().into_iter().flatten());
        }
    }
}
