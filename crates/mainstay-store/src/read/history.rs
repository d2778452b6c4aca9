use jiff::Timestamp;
use mainstay_model::{DependencyName, TimelineEntry};

use super::{all, bounded};
use crate::database::{Database, Value};
use crate::reading::{CheckPoint, MOST_ROWS, ObservedPoint, RollUp, TimelineFilter};
use crate::record::{Record, Tally};
use crate::roll_up::checks_of;
use crate::{StoreError, sql};

pub(crate) async fn observations(
    database: &Database,
    dependency: &DependencyName,
    from: Timestamp,
    to: Timestamp,
    limit: u32,
) -> Result<Vec<ObservedPoint>, StoreError> {
    let values = vec![dependency.as_str().into(), from.into(), to.into(), bounded(limit).into()];
    let rows = database.rows(sql::OBSERVATIONS, values).await?;
    let mut points: Vec<ObservedPoint> = all(rows, "observation", "endpoint_id")?;
    points.reverse();
    Ok(points)
}

pub(crate) async fn checks(
    database: &Database,
    dependency: &DependencyName,
    limit: u32,
) -> Result<Vec<CheckPoint>, StoreError> {
    let values = vec![dependency.as_str().into(), bounded(limit).into(), MOST_ROWS.into()];
    let rows = database.rows(sql::CHECKS, values).await?;
    let tallies = rows.into_iter().map(|row| Tally::telling(Record::of("observation", "endpoint_id")(row)));
    let checks = checks_of(tallies.collect::<Result<_, _>>()?);
    let newest_first = checks.into_iter().rev().take(bounded(limit) as usize);
    Ok(newest_first.filter_map(|check| check.into_point()).collect())
}

pub(crate) async fn watched_since(database: &Database) -> Result<Option<Timestamp>, StoreError> {
    let row = database.rows(sql::FIRST_ENTRY, vec![]).await?.into_iter().next();
    row.map_or(Ok(None), |row| Record::of("timeline", "at")(row).maybe_time("at"))
}

pub(crate) async fn timeline(
    database: &Database,
    filter: &TimelineFilter,
) -> Result<Vec<TimelineEntry>, StoreError> {
    let (at, ordinal) = place(database, filter).await?;
    let mut values = vec![at.into(), ordinal.into(), bounded(filter.limit).into()];
    let incident = filter.incident.map(|id| Value::from(id.to_string()));
    let dependency = filter.dependency.as_ref().map(|name| Value::from(name.as_str()));
    let sql = match (&incident, &dependency) {
        (None, None) => sql::TIMELINE,
        (Some(_), None) => sql::TIMELINE_OF_INCIDENT,
        (None, Some(_)) => sql::TIMELINE_OF_DEPENDENCY,
        (Some(_), Some(_)) => sql::TIMELINE_OF_BOTH,
    };
    values.extend(incident.into_iter().chain(dependency));
    all(database.rows(sql, values).await?, "timeline", "id")
}

/// Where the page ends: at the entry that the one before ended with. An entry that does not exist ends nothing.
async fn place(database: &Database, filter: &TimelineFilter) -> Result<(i64, i64), StoreError> {
    let Some(before) = filter.before else { return Ok((i64::MAX, i64::MAX)) };
    let rows = database.rows(sql::TIMELINE_PLACE, vec![before.to_string().into()]).await?;
    let record = rows.into_iter().next().map(Record::of("timeline", "at"));
    record.map_or(Ok((i64::MAX, i64::MAX)), |record| Ok((record.int("at")?, record.int("ordinal")?)))
}

pub(crate) async fn hourly(
    database: &Database,
    dependency: &DependencyName,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<RollUp>, StoreError> {
    let values = vec![dependency.as_str().into(), from.into(), to.into()];
    all(database.rows(sql::HOURLY, values).await?, "hourly", "start")
}

pub(crate) async fn daily(
    database: &Database,
    dependency: &DependencyName,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<RollUp>, StoreError> {
    let values = vec![dependency.as_str().into(), from.into(), to.into()];
    all(database.rows(sql::DAILY, values).await?, "daily", "start")
}
