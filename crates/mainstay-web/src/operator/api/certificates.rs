use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use mainstay_model::{Certificate, DependencyName};
use serde::{Deserialize, Serialize};

use crate::operator::asked::Asked;
use crate::operator::context::Context;
use crate::operator::known::Known;
use crate::operator::trouble::ApiTrouble;

/// At most so many certificates are in one answer.
const MOST: usize = 1_000;

/// From which place on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    offset: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct List {
    /// Soonest end first.
    certificates: Vec<OnDuty>,
    /// How many there are in all.
    found: usize,
    /// Where to go on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<usize>,
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
pub(super) async fn list(
    State(context): State<Arc<Context>>,
    Asked(asked): Asked<Which>,
) -> Result<Json<List>, ApiTrouble> {
    let all = context.certificates(&Known::read(&context)).await?;
    let on_duty = all.iter().skip(asked.offset).take(MOST).map(|one| OnDuty {
        dependency: one.dependency.clone(),
        address: one.address.clone(),
        first_seen: one.first_seen,
        last_seen: one.last_seen,
        certificate: one.certificate.clone(),
    });
    let certificates: Vec<_> = on_duty.collect();
    let next = asked.offset.saturating_add(certificates.len());
    Ok(Json(List { certificates, next_offset: (next < all.len()).then_some(next), found: all.len() }))
}
