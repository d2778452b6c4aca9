use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use mainstay_model::{Certificate, DependencyName};
use serde::Serialize;

use crate::operator::context::Context;
use crate::operator::trouble::ApiTrouble;

#[derive(Debug, Serialize)]
pub(super) struct List {
    /// Soonest end first.
    certificates: Vec<OnDuty>,
}

#[derive(Debug, Serialize)]
struct OnDuty {
    dependency: DependencyName,
    address: String,
    first_seen: Timestamp,
    last_seen: Timestamp,
    #[serde(flatten)]
    certificate: Certificate,
}

/// `GET /api/v1/certificates`: every certificate that an address presents, or presented when it was last reached.
pub(super) async fn list(State(context): State<Arc<Context>>) -> Result<Json<List>, ApiTrouble> {
    let certificates = context.operator.store.certificates().await?;
    let on_duty = certificates.into_iter().map(|one| OnDuty {
        dependency: one.dependency,
        address: one.address,
        first_seen: one.first_seen,
        last_seen: one.last_seen,
        certificate: one.certificate,
    });
    Ok(Json(List { certificates: on_duty.collect() }))
}
