//! What is asked for pages and at start.

mod certificates;
mod history;
mod incidents;
mod outbox;
mod past;
mod restore;
mod waivers;

pub(crate) use certificates::{certificate_pem, certificates, facts};
pub(crate) use history::{checks, daily, hourly, observations, timeline, watched_since};
pub(crate) use incidents::{drills, incident, incidents};
pub(crate) use outbox::{
    attempts, claim, deliveries, deliveries_where, delivery, delivery_counts, due_deliveries, end_claims,
    latest_attempt, latest_receipt, next_delivery_at, queues, renew_claims, waiting_behind,
};
pub(crate) use past::{Chains, chains, checks_from, latest_check};
pub(crate) use restore::restore;
pub(crate) use waivers::{waiver, waivers};

use crate::StoreError;
use crate::database::Row;
use crate::reading::MOST_ROWS;
use crate::record::Record;

/// Every row as what it says.
fn all<T: TryFrom<Record, Error = StoreError>>(
    rows: Vec<Row>,
    table: &'static str,
    key: &'static str,
) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(|row| T::try_from(Record::of(table, key)(row))).collect()
}

fn bounded(limit: u32) -> u32 {
    limit.min(MOST_ROWS)
}
