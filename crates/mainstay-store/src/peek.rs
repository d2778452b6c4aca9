//! What another process wrote, read beside it.

use mainstay_model::KeptOverride;
use sqlx::Connection as _;

use crate::database::{Row, open_postgres_beside, open_sqlite_beside, postgres_fault, sqlite_fault};
use crate::record::Record;
use crate::{Location, StoreError, sql};

/// The overrides of on-call schedules, as they are at this moment. Nothing is written, and whoever writes goes on.
pub(crate) async fn overrides(location: &Location) -> Result<Vec<KeptOverride>, StoreError> {
    let rows = match location {
        Location::Sqlite(path) => {
            let Some(mut connection) = open_sqlite_beside(path).await? else { return Ok(Vec::new()) };
            let read = async {
                // A store of an earlier version has none.
                match sqlx::query(sql::SQLITE_HAS_OVERRIDES).fetch_optional(&mut connection).await? {
                    Some(_) => sqlx::query(sql::OVERRIDES).fetch_all(&mut connection).await,
                    None => Ok(Vec::new()),
                }
            };
            let rows = read.await;
            let closed = connection.close().await;
            let rows = closed.and(rows).map_err(|error| sqlite_fault(path.display().to_string(), error))?;
            rows.into_iter().map(Row::Sqlite).collect::<Vec<_>>()
        }
        Location::Postgres(address) => {
            let shown = location.to_string();
            let mut connection = open_postgres_beside(address, &shown).await?;
            let read = async {
                match sqlx::query(sql::POSTGRES_HAS_OVERRIDES).fetch_optional(&mut connection).await? {
                    Some(_) => sqlx::query(sql::OVERRIDES).fetch_all(&mut connection).await,
                    None => Ok(Vec::new()),
                }
            };
            let rows = read.await;
            let closed = connection.close().await;
            let rows = closed.and(rows).map_err(|error| postgres_fault(shown, error))?;
            rows.into_iter().map(Row::Postgres).collect()
        }
    };
    rows.into_iter().map(|row| KeptOverride::try_from(Record::of("schedule_override", "id")(row))).collect()
}
