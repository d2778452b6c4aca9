use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

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
    /// Messages that do not wait any more, and every try of them.
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

/// How far retention's own clock goes ahead in one call; see [`believed`].
const STEP: SignedDuration = SignedDuration::from_hours(6);

/// What retention took for the time when it last ran, in the table of marks.
const RETAINED: &str = "retained";

/// How many rows of observations are deleted in one transaction, about: a writer waits for it no longer than for a commit of its own.
const ROWS_TOGETHER: u64 = 4000;

/// Deletes what is too old, a few thousand rows at a time, so that a writer never waits for long.
pub(crate) async fn retain(
    database: &Database,
    now: Timestamp,
    retention: Retention,
) -> Result<(), StoreError> {
    let now = believed(database, now).await?;
    delete_observations(database, now, retention.raw).await?;
    repeat(database, sql::DELETE_HOURS, before(now, retention.hourly)).await?;
    repeat(database, sql::DELETE_ATTEMPTS, before(now, retention.deliveries)).await?;
    repeat(database, sql::DELETE_DELIVERIES, before(now, retention.deliveries)).await
}

/// What counts as the time: no later than six hours after what the last call believed. A clock that jumps ahead, and is set right later,
/// then costs a few hours of the oldest data and not all of it. After a long pause some calls more catch up.
async fn believed(database: &Database, now: Timestamp) -> Result<Timestamp, StoreError> {
    let last = mark(database, RETAINED).await?.and_then(|at| Timestamp::from_microsecond(at).ok());
    let latest = last.and_then(|last| last.checked_add(STEP).ok()).unwrap_or(now);
    let believed = now.min(latest);
    database.execute(sql::TOUCH_MARK, vec![RETAINED.into(), believed.into()]).await?;
    Ok(believed)
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
async fn delete_observations(database: &Database, now: Timestamp, kept: Duration) -> Result<(), StoreError> {
    let Some(pending) = pending_from(database).await? else { return Ok(()) };
    let cutoff = before(now, kept).min(pending);
    let last = mark(database, RAW_FROM).await?;
    if last == Some(cutoff) {
        return Ok(());
    }
    // First of all, so that no hour is summed up again from the part of it that is left. A mark in the future was set while the clock
    // was ahead, and does not stay.
    let is_impossible = last.is_some_and(|last| last > now.as_microsecond());
    let set = if is_impossible { sql::TOUCH_MARK } else { sql::SET_MARK };
    database.execute(set, vec![RAW_FROM.into(), cutoff.into()]).await?;
    delete_of_endpoints(database, &endpoints(database).await?, cutoff).await?;
    repeat(database, sql::DELETE_FAILURES, unreferenced(cutoff)).await
}

/// The observations of these addresses before the cutoff, and their chains but for the latest of each address, which holds since when
/// each certificate is there.
async fn delete_of_endpoints(database: &Database, endpoints: &[i64], cutoff: i64) -> Result<(), StoreError> {
    let fixed = [Value::from(cutoff)];
    let mut portions = portions(&fixed, endpoints, |id| (*id).into()).peekable();
    while portions.peek().is_some() {
        let mut transaction = database.begin().await?;
        let deleted = async {
            let mut touched = 0;
            // A look at nothing costs as well.
            for values in portions.by_ref().take(16) {
                touched += transaction.execute(sql::DELETE_OBSERVATIONS.sql(), values.clone()).await?;
                touched += transaction.execute(sql::DELETE_OLD_CHAINS.sql(), values).await?;
                if touched >= ROWS_TOGETHER {
                    break;
                }
            }
            transaction.commit().await
        };
        deleted.await.map_err(|error| database.fault(error))?;
    }
    Ok(())
}

/// What was last noted before this has no observation left: addresses and failures are noted once a day, so two days more make sure.
fn unreferenced(cutoff: i64) -> i64 {
    cutoff - 2 * DAY
}

/// Deletes addresses that have no observations left, and says which. Nobody may write checks meanwhile, nor remember such an address
/// afterwards.
pub(crate) async fn forget_addresses(database: &Database, now: Timestamp) -> Result<Vec<i64>, StoreError> {
    let cutoff = mark(database, RAW_FROM).await?.filter(|cutoff| *cutoff <= now.as_microsecond());
    match cutoff {
        None => Ok(Vec::new()),
        Some(cutoff) => delete_endpoints(database, unreferenced(cutoff)).await,
    }
}

async fn endpoints(database: &Database) -> Result<Vec<i64>, StoreError> {
    let rows = database.rows(sql::ENDPOINTS, vec![]).await?;
    let ids = rows.into_iter().filter_map(|row| readable(Record::of("endpoint", "id")(row).int("id")));
    Ok(ids.collect())
}

async fn delete_endpoints(database: &Database, unseen: i64) -> Result<Vec<i64>, StoreError> {
    let mut deleted = Vec::new();
    loop {
        let rows = database.rows(sql::ENDPOINTS_UNSEEN, vec![unseen.into()]).await?;
        let ids = rows.into_iter().map(|row| Record::of("endpoint", "id")(row).int("id"));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        if ids.is_empty() {
            return Ok(deleted);
        }
        delete(database, &sql::DELETE_CHAINS, &[], &ids).await?;
        delete(database, &sql::DELETE_ENDPOINTS, &[unseen.into()], &ids).await?;
        deleted.extend(ids);
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
