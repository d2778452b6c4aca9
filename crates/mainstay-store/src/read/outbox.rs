use jiff::{SignedDuration, Timestamp};
use mainstay_model::{ChannelName, Delivery, IncidentId};

use super::{all, bounded};
use crate::database::Database;
use crate::reading::DeliveryCounts;
use crate::record::Record;
use crate::{StoreError, sql};

/// Nobody ever asks for a longer wait than six hours. What is to wait for longer was put off while the clock was ahead; it is due now,
/// so that its channel does not stand still until then.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(7);

/// A message that cannot be read cannot be sent, and must not hold up the others: it is given up, loudly, and stays as it is stored.
pub(crate) async fn due_deliveries(
    database: &Database,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    let implausible = now.saturating_add(LONGEST_WAIT).unwrap_or(Timestamp::MAX);
    let values = vec![now.into(), bounded(limit).into(), implausible.into()];
    let rows = database.owned_rows(sql::DUE_DELIVERIES, values).await?;
    let mut due = Vec::with_capacity(rows.len());
    for row in rows {
        let record = Record::of("delivery", "id")(row);
        let id = record.text("id")?;
        match Delivery::try_from(record) {
            Ok(delivery) => due.push(delivery),
            Err(error) => give_up(database, id, now, &error).await?,
        }
    }
    Ok(due)
}

async fn give_up(
    database: &Database,
    id: String,
    now: Timestamp,
    error: &StoreError,
) -> Result<(), StoreError> {
    tracing::error!(
        delivery.id = id,
        "a message could not be read from the database and is given up: {error}"
    );
    database.execute(sql::GIVEN_UP, vec![id.into(), now.into(), error.to_string().into()]).await?;
    Ok(())
}

pub(crate) async fn next_delivery_at(database: &Database) -> Result<Option<Timestamp>, StoreError> {
    let row = database.rows(sql::NEXT_DELIVERY, vec![]).await?.into_iter().next();
    row.map_or(Ok(None), |row| Record::of("delivery", "at")(row).maybe_time("at"))
}

pub(crate) async fn deliveries(
    database: &Database,
    incident: IncidentId,
) -> Result<Vec<Delivery>, StoreError> {
    all(database.rows(sql::DELIVERIES, vec![incident.to_string().into()]).await?, "delivery", "id")
}

pub(crate) async fn latest_receipt(
    database: &Database,
    channel: &ChannelName,
    incident: IncidentId,
    before: u32,
) -> Result<Option<String>, StoreError> {
    let values = vec![incident.to_string().into(), channel.to_string().into(), before.into()];
    let row = database.rows(sql::LATEST_RECEIPT, values).await?.into_iter().next();
    row.map_or(Ok(None), |row| Record::of("delivery", "note")(row).maybe_text("note"))
}

pub(crate) async fn delivery_counts(database: &Database) -> Result<DeliveryCounts, StoreError> {
    let mut counts = DeliveryCounts::default();
    for row in database.rows(sql::DELIVERY_COUNTS, vec![]).await? {
        let record = Record::of("delivery", "state")(row);
        let messages = record.count("messages")?;
        match record.int("state")? {
            0 => counts.queued = messages,
            1 => counts.delivered = messages,
            _ => counts.given_up = messages,
        }
    }
    Ok(counts)
}
