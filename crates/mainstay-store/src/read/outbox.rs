use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Attempt, ChannelName, Delivery, DeliveryId, IncidentId, LATE_AFTER};

use super::{all, bounded};
use crate::database::{Database, Value, portions};
use crate::reading::{Claimant, DeliveryCounts, DeliveryFilter, MOST_ROWS, Queue, Standing};
use crate::record::{ACCEPTED, CAME_BACK, DeliveryRow, FAILED, Record};
use crate::{StoreError, sql};

/// Nobody ever asks for a longer wait than six hours. What is to wait for longer was put off while the clock was ahead; it is due now,
/// so that its channel does not stand still until then.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(7);

/// Tries of one message that are shown: patience allows about a hundred.
const MOST_ATTEMPTS: u32 = 500;

/// A message that cannot be read cannot be sent, and must not hold up the others: it is given up, loudly, and stays as it is stored.
pub(crate) async fn due_deliveries(
    database: &Database,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    let late_before = now.saturating_sub(LATE_AFTER).unwrap_or(Timestamp::MIN);
    let values = vec![now.into(), bounded(limit).into(), implausible(now).into(), late_before.into()];
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

fn implausible(now: Timestamp) -> Timestamp {
    now.saturating_add(LONGEST_WAIT).unwrap_or(Timestamp::MAX)
}

/// In one statement that looks and takes, so that of two that ask for the same one gets it.
pub(crate) async fn claim(
    database: &Database,
    ids: &[DeliveryId],
    claimant: Claimant,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<DeliveryId>, StoreError> {
    let fixed: [Value; 4] = [claimant.number().into(), until.into(), now.into(), implausible(now).into()];
    let mut claimed = Vec::with_capacity(ids.len());
    for values in portions(&fixed, ids, |id| id.to_string().into()) {
        let mut transaction = database.begin().await?;
        let rows = async {
            let rows = transaction.rows(sql::CLAIM_DELIVERIES.sql(), values).await?;
            transaction.commit().await?;
            Ok(rows)
        };
        for row in rows.await.map_err(|error| database.fault(error))? {
            claimed.push(Record::of("delivery", "id")(row).parsed("id")?);
        }
    }
    Ok(claimed)
}

pub(crate) async fn renew_claims(
    database: &Database,
    claimant: Claimant,
    until: Timestamp,
) -> Result<(), StoreError> {
    database.execute(sql::RENEW_CLAIMS, vec![claimant.number().into(), until.into()]).await.map(drop)
}

pub(crate) async fn end_claims(database: &Database) -> Result<(), StoreError> {
    database.execute(sql::END_CLAIMS, vec![]).await.map(drop)
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

pub(crate) async fn deliveries_where(
    database: &Database,
    filter: &DeliveryFilter,
) -> Result<Vec<Delivery>, StoreError> {
    let before = match filter.before {
        Some(id) => delivery(database, id).await?,
        None => None,
    };
    let (at, id) = match before {
        Some(last) => (last.created_at.as_microsecond(), last.id.to_string()),
        None => (i64::MAX, String::new()),
    };
    let values = vec![
        at.into(),
        id.into(),
        filter.standing.map_or(-1, DeliveryRow::code).into(),
        filter.channel.as_ref().map_or("", ChannelName::as_str).into(),
        filter.incident.map(|id| id.to_string()).unwrap_or_default().into(),
        bounded(filter.limit).into(),
    ];
    all(database.rows(sql::DELIVERIES_WHERE, values).await?, "delivery", "id")
}

pub(crate) async fn delivery(database: &Database, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
    let rows = database.rows(sql::DELIVERY, vec![id.to_string().into()]).await?;
    Ok(all(rows, "delivery", "id")?.pop())
}

pub(crate) async fn waiting_behind(
    database: &Database,
    first: &Delivery,
) -> Result<Vec<Delivery>, StoreError> {
    let values = vec![
        first.channel.as_str().into(),
        first.message.incident.id.to_string().into(),
        first.sequence.into(),
        MOST_ROWS.into(),
    ];
    all(database.rows(sql::WAITING_BEHIND, values).await?, "delivery", "id")
}

pub(crate) async fn attempts(database: &Database, id: DeliveryId) -> Result<Vec<Attempt>, StoreError> {
    let values = vec![id.to_string().into(), MOST_ATTEMPTS.into()];
    let mut attempts: Vec<Attempt> = all(database.rows(sql::ATTEMPTS, values).await?, "attempt", "delivery")?;
    attempts.reverse();
    Ok(attempts)
}

pub(crate) async fn latest_attempt(
    database: &Database,
    channel: &ChannelName,
    accepted: bool,
) -> Result<Option<(DeliveryId, Attempt)>, StoreError> {
    let (one, other) = if accepted { (ACCEPTED, ACCEPTED) } else { (FAILED, CAME_BACK) };
    let values = vec![channel.as_str().into(), one.into(), other.into()];
    let row = database.rows(sql::LATEST_ATTEMPT, values).await?.into_iter().next();
    let record = row.map(Record::of("attempt", "delivery"));
    record.map(|record| Ok((record.parsed("delivery")?, Attempt::try_from(record)?))).transpose()
}

pub(crate) async fn queues(database: &Database) -> Result<Vec<Queue>, StoreError> {
    let rows = database.rows(sql::QUEUES, vec![]).await?.into_iter().map(Record::of("delivery", "channel"));
    let read = |record: Record| {
        let (messages, since) = (record.count("messages")?, record.time("since")?);
        Ok(Queue { channel: record.parsed("channel")?, messages, since })
    };
    rows.map(read).collect()
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
        let code = record.int("state")?;
        match DeliveryRow::standing(code) {
            Some(Standing::Queued) => counts.queued = messages,
            Some(Standing::Delivered) => counts.delivered = messages,
            Some(Standing::GivenUp) => counts.given_up = messages,
            Some(Standing::Merged) => counts.merged = messages,
            Some(Standing::Bounced) => counts.bounced = messages,
            None => return Err(record.corrupt("state", format!("{code} is no state of a message"))),
        }
    }
    Ok(counts)
}
