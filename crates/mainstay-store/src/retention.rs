use std::time::Duration;

use jiff::Timestamp;

use crate::StoreError;
use crate::database::{Database, Transaction, Value, portions};
use crate::record::{Record, readable};
use crate::roll_up::{DAY, HOUR, RAW_FROM, floor, mark, pending_from};
use crate::sql;

/// How long what is kept. Daily sums, the timeline, incidents and certificates are kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Every single observation.
    pub raw: Duration,
    /// Sums over hours.
    pub hourly: Duration,
    /// Messages that were delivered or given up.
    pub deliveries: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: u64 = 86_400;
        Retention {
            raw: Duration::from_secs(14 * DAY),
            hourly: Duration::from_secs(400 * DAY),
            deliveries: Duration::from_secs(90 * DAY),
        }
    }
}

/// Deletes what is too old, a little at a time, each in a transaction of its own, so that a writer never waits for long.
pub(crate) async fn retain(
    database: &Database,
    now: Timestamp,
    retention: Retention,
) -> Result<(), StoreError> {
    delete_observations(database, before(now, retention.raw)).await?;
    repeat(database, sql::DELETE_HOURS, before(now, retention.hourly)).await?;
    repeat(database, sql::DELETE_DELIVERIES, before(now, retention.deliveries)).await
}

fn before(now: Timestamp, kept: Duration) -> i64 {
    let kept = i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
    floor(now.as_microsecond().saturating_sub(kept), HOUR)
}

/// Repeats a statement that deletes a bounded number of rows until it finds no more.
async fn repeat(database: &Database, sql: &'static str, cutoff: i64) -> Result<(), StoreError> {
    while database.execute(sql, vec![cutoff.into()]).await? > 0 {}
    Ok(())
}

/// Deletes raw observations whole hours at a time, and never any that are not part of a sum yet; then the failures that only
/// they referred to.
async fn delete_observations(database: &Database, cutoff: i64) -> Result<(), StoreError> {
    let Some(pending) = pending_from(database).await? else { return Ok(()) };
    let cutoff = cutoff.min(pending);
    if mark(database, RAW_FROM).await? == Some(cutoff) {
        return Ok(());
    }
    // First of all, so that no hour is summed up again from the part of it that is left.
    database.execute(sql::SET_MARK, vec![RAW_FROM.into(), cutoff.into()]).await?;
    for endpoints in endpoints(database).await?.chunks(16) {
        delete(database, &sql::DELETE_OBSERVATIONS, &[cutoff.into()], endpoints).await?;
        // But for the latest of each address, which holds since when each certificate is there.
        delete(database, &sql::DELETE_OLD_CHAINS, &[cutoff.into()], endpoints).await?;
    }
    repeat(database, sql::DELETE_FAILURES, unreferenced(cutoff)).await
}

/// What was last noted before this has no observation left: addresses and failures are noted once a day, so two days more make sure.
fn unreferenced(cutoff: i64) -> i64 {
    cutoff - 2 * DAY
}

/// Deletes addresses that have no observations left. Nobody may write checks meanwhile, nor remember such an address afterwards.
pub(crate) async fn forget_addresses(database: &Database) -> Result<(), StoreError> {
    let Some(cutoff) = mark(database, RAW_FROM).await? else { return Ok(()) };
    delete_endpoints(database, unreferenced(cutoff)).await
}

async fn endpoints(database: &Database) -> Result<Vec<i64>, StoreError> {
    let rows = database.rows(sql::ENDPOINTS, vec![]).await?;
    let ids = rows.into_iter().filter_map(|row| readable(Record::of("endpoint", "id")(row).int("id")));
    Ok(ids.collect())
}

async fn delete_endpoints(database: &Database, unseen: i64) -> Result<(), StoreError> {
    loop {
        let rows = database.rows(sql::ENDPOINTS_UNSEEN, vec![unseen.into()]).await?;
        let ids = rows.into_iter().map(|row| Record::of("endpoint", "id")(row).int("id"));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        if ids.is_empty() {
            return Ok(());
        }
        delete(database, &sql::DELETE_CHAINS, &[], &ids).await?;
        delete(database, &sql::DELETE_ENDPOINTS, &[unseen.into()], &ids).await?;
    }
}

async fn delete(
    database: &Database,
    list: &sql::List,
    fixed: &[Value],
    ids: &[i64],
) -> Result<(), StoreError> {
    for values in portions(fixed, ids, |id| (*id).into()) {
        let mut transaction: Transaction = database.begin().await?;
        let deleted = async {
            transaction.execute(list.sql(), values).await?;
            transaction.commit().await
        };
        deleted.await.map_err(|error| database.fault(error))?;
    }
    Ok(())
}
