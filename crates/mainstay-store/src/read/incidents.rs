use mainstay_model::{DependencyName, Incident, IncidentId};

use super::{all, bounded};
use crate::database::Database;
use crate::reading::IncidentFilter;
use crate::record::Record;
use crate::{StoreError, sql};

pub(crate) async fn incident(database: &Database, id: IncidentId) -> Result<Option<Incident>, StoreError> {
    let rows = database.rows(sql::INCIDENT, vec![id.to_string().into()]).await?;
    Ok(all(rows, "incident", "id")?.pop())
}

pub(crate) async fn incidents(
    database: &Database,
    filter: &IncidentFilter,
) -> Result<Vec<Incident>, StoreError> {
    let (opened_at, id) = place(database, filter).await?;
    let open: i64 = match filter.open {
        None => 0,
        Some(true) => 1,
        Some(false) => 2,
    };
    let values = vec![
        opened_at.into(),
        id.into(),
        filter.since.map_or(i64::MIN, |since| since.as_microsecond()).into(),
        i64::from(filter.public_only).into(),
        open.into(),
        bounded(filter.limit).into(),
    ];
    all(database.rows(sql::INCIDENTS, values).await?, "incident", "id")
}

/// Drills, the latest first: of one dependency, or of all of them.
pub(crate) async fn drills(
    database: &Database,
    of: Option<&DependencyName>,
    limit: u32,
) -> Result<Vec<Incident>, StoreError> {
    let rows = match of {
        Some(name) => {
            database.rows(sql::DRILLS_OF, vec![name.as_str().into(), bounded(limit).into()]).await?
        }
        None => database.rows(sql::DRILLS, vec![bounded(limit).into()]).await?,
    };
    all(rows, "incident", "id")
}

/// Where the page ends: at the incident that the one before ended with. One that does not exist ends nothing.
async fn place(database: &Database, filter: &IncidentFilter) -> Result<(i64, String), StoreError> {
    let Some(before) = filter.before else { return Ok((i64::MAX, String::new())) };
    let rows = database.rows(sql::INCIDENT_PLACE, vec![before.to_string().into()]).await?;
    let record = rows.into_iter().next().map(Record::of("incident", "opened_at"));
    let opened_at = record.map_or(Ok(i64::MAX), |record| record.int("opened_at"))?;
    Ok((opened_at, before.to_string()))
}
