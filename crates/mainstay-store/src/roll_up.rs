//! Sums over hours and days, so that years of history cost little.

mod hour;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::StoreError;
use crate::database::{Database, Transaction, Value};
use crate::record::{Record, RollUpRow, Tally, readable};
use crate::sql::{self, Bulk};
use crate::write::WRITTEN;

pub(crate) use hour::checks as checks_of;
use hour::{Check, HOLDS_FOR, sum};

pub(crate) const HOUR: i64 = 3_600_000_000;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Checks that began in an hour are given this long to end and to be written before the hour counts as closed. One that comes later
/// still is not lost: its hour is summed up again.
const GRACE: i64 = 120_000_000;

/// How many addresses are read together: bounds the memory to an hour of their observations.
const TOGETHER: usize = 32;

/// How many sums are written together: every transaction waits for the disk once.
const WRITTEN_TOGETHER: usize = 1000;

/// From when on raw observations are kept, in the table of marks. Hours before are never summed up again: their parts are gone.
pub(crate) const RAW_FROM: &str = "raw-from";

/// Where the hour of a moment begins, in microseconds.
pub(crate) fn hour_of(at: Timestamp) -> i64 {
    floor(at.as_microsecond(), HOUR)
}

pub(crate) fn floor(at: i64, unit: i64) -> i64 {
    at - at.rem_euclid(unit)
}

/// Sums up every hour that closed since the last time, and the days they belong to. May be called as often as one likes and may be
/// stopped half-way: what was done is done again with the same result.
pub(crate) async fn roll_up(database: &Database, now: Timestamp) -> Result<(), StoreError> {
    let closed = floor(now.as_microsecond() - GRACE, HOUR);
    database.execute(sql::CLOSE_HOURS, vec![closed.into()]).await?;
    let Some(pending) = pending(database).await? else { return Ok(()) };
    // A mark in the future was set while the clock was ahead, and means nothing.
    let raw_from = mark(database, RAW_FROM).await?.filter(|raw_from| *raw_from <= closed);
    let from = pending.from.max(raw_from.unwrap_or(i64::MIN));
    let groups = groups(database).await?;
    // After the last check that was written there is nothing to sum up, however far the clock says.
    let written = mark(database, WRITTEN).await?.unwrap_or(i64::MAX);
    let until = closed.min(floor(written, HOUR).saturating_add(HOUR));
    let mut hour = from;
    while hour < until {
        roll_up_hour(database, &groups, hour).await?;
        hour += HOUR;
    }
    let mut day = floor(from, DAY);
    while day < until {
        roll_up_day(database, &groups, day).await?;
        day += DAY;
    }
    database.execute(sql::ROLLED_UP, vec![closed.max(pending.from).into(), pending.version.into()]).await?;
    Ok(())
}

/// A single moment of the table of marks.
pub(crate) async fn mark(database: &Database, name: &str) -> Result<Option<i64>, StoreError> {
    let rows = database.rows(sql::MARK, vec![name.into()]).await?;
    rows.into_iter().next().map(|row| Record::of("mark", "at")(row).int("at")).transpose()
}

/// The first hour that is not summed up yet.
pub(crate) async fn pending_from(database: &Database) -> Result<Option<i64>, StoreError> {
    Ok(pending(database).await?.map(|pending| pending.from))
}

struct Pending {
    from: i64,
    version: i64,
}

async fn pending(database: &Database) -> Result<Option<Pending>, StoreError> {
    let row = database.rows(sql::PENDING_ROLL_UP, vec![]).await?.into_iter().next();
    let record = row.map(Record::of("roll_up", "pending_from"));
    record.map(|one| Ok(Pending { from: one.int("pending_from")?, version: one.int("version")? })).transpose()
}

/// Some dependencies with all their addresses.
#[derive(Default)]
struct Group {
    dependencies: Vec<String>,
    /// Index of the dependency, by endpoint.
    owners: BTreeMap<i64, usize>,
}

async fn groups(database: &Database) -> Result<Vec<Group>, StoreError> {
    let mut groups: Vec<Group> = Vec::new();
    for row in database.rows(sql::ENDPOINTS, vec![]).await? {
        let record = Record::of("endpoint", "id")(row);
        let (Some(id), Some(dependency)) = (readable(record.int("id")), readable(record.text("dependency")))
        else {
            continue;
        };
        let has_room =
            |group: &Group| group.owners.len() < TOGETHER || group.dependencies.last() == Some(&dependency);
        if !groups.last().is_some_and(has_room) {
            groups.push(Group::default());
        }
        groups.last_mut().into_iter().for_each(|group| group.add(id, &dependency));
    }
    Ok(groups)
}

impl Group {
    fn add(&mut self, endpoint: i64, dependency: &str) {
        if self.dependencies.last().is_none_or(|last| last != dependency) {
            self.dependencies.push(dependency.to_owned());
        }
        self.owners.insert(endpoint, self.dependencies.len() - 1);
    }

    /// The checks of each dependency that matter for the hour: those that began in it, and those just before, whose verdict still
    /// held when it began.
    async fn checks_around(&self, database: &Database, hour: i64) -> Result<Vec<Vec<Check>>, StoreError> {
        let endpoints: Vec<i64> = self.owners.keys().copied().collect();
        let range = [Value::from(hour - HOLDS_FOR), Value::from(hour + HOUR)];
        let rows = database.listed(&sql::OBSERVATIONS_BETWEEN, &range, &endpoints, |id| (*id).into()).await?;
        let mut tallies = vec![Vec::new(); self.dependencies.len()];
        for row in rows {
            let Some(tally) = readable(Tally::bare(Record::of("observation", "endpoint_id")(row))) else {
                continue;
            };
            if let Some(of_one) = self.owners.get(&tally.endpoint).and_then(|owner| tallies.get_mut(*owner)) {
                of_one.push(tally);
            }
        }
        Ok(tallies.into_iter().map(checks_of).collect())
    }
}

async fn roll_up_hour(database: &Database, groups: &[Group], hour: i64) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    for group in groups {
        let checks = group.checks_around(database, hour).await?;
        let named = group.dependencies.iter().zip(&checks);
        rows.extend(named.filter_map(|(name, checks)| sum(name, checks, hour)));
        if rows.len() >= WRITTEN_TOGETHER {
            replace(database, &sql::INSERT_HOURLY, &std::mem::take(&mut rows)).await?;
        }
    }
    replace(database, &sql::INSERT_HOURLY, &rows).await
}

async fn roll_up_day(database: &Database, groups: &[Group], day: i64) -> Result<(), StoreError> {
    let range = [Value::from(day), Value::from(day + DAY)];
    let mut rows = Vec::new();
    for group in groups {
        let hours =
            database.listed(&sql::HOURLY_BETWEEN, &range, &group.dependencies, |name| name.as_str().into());
        let mut days: BTreeMap<String, RollUpRow> = BTreeMap::new();
        for row in hours.await? {
            let Some(hour) = readable(RollUpRow::try_from(Record::of("hourly", "dependency")(row))) else {
                continue;
            };
            let empty =
                || RollUpRow { dependency: hour.dependency.clone(), start: day, ..RollUpRow::default() };
            days.entry(hour.dependency.clone()).or_insert_with(empty).add(&hour);
        }
        rows.extend(days.into_values());
        if rows.len() >= WRITTEN_TOGETHER {
            replace(database, &sql::INSERT_DAILY, &std::mem::take(&mut rows)).await?;
        }
    }
    replace(database, &sql::INSERT_DAILY, &rows).await
}

async fn replace(database: &Database, bulk: &Bulk, rows: &[RollUpRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let values = rows.iter().flat_map(RollUpRow::values).collect();
    let mut transaction: Transaction = database.begin().await?;
    let written = async {
        transaction.insert(bulk, values).await?;
        transaction.commit().await
    };
    written.await.map_err(|error| database.fault(error))
}
