//! What another process wrote, read beside it.

use mainstay_model::{ChannelRecord, DependencyName, KeptOverride, NearestEnd, Silence};
use sqlx::{Connection as _, PgConnection, SqliteConnection};

use crate::database::{Row, open_postgres_beside, open_sqlite_beside, postgres_fault, sqlite_fault};
use crate::reading::Beside;
use crate::record::Record;
use crate::{Location, StoreError, sql};

/// The overrides of on-call schedules, as they are at this moment. Nothing is written, and whoever writes goes on.
pub(crate) async fn overrides(location: &Location) -> Result<Vec<KeptOverride>, StoreError> {
    let Some(mut peek) = Peek::open(location).await? else { return Ok(Vec::new()) };
    let read = peek.overrides().await;
    peek.close().await?;
    read
}

/// What a rehearsal wants to know of a running Mainstay; `None` where there is no store.
pub(crate) async fn known(location: &Location) -> Result<Option<Beside>, StoreError> {
    let Some(mut peek) = Peek::open(location).await? else { return Ok(None) };
    let read = peek.known().await;
    peek.close().await?;
    read.map(Some)
}

/// A connection that only reads, and what the store is called in errors.
enum Peek {
    Sqlite(SqliteConnection, String),
    Postgres(PgConnection, String),
}

impl Peek {
    /// `None` where there is no file.
    async fn open(location: &Location) -> Result<Option<Peek>, StoreError> {
        Ok(match location {
            Location::Sqlite(path) => {
                let connection = open_sqlite_beside(path).await?;
                connection.map(|connection| Peek::Sqlite(connection, path.display().to_string()))
            }
            Location::Postgres(address) => {
                let shown = location.to_string();
                Some(Peek::Postgres(open_postgres_beside(address, &shown).await?, shown))
            }
        })
    }

    async fn known(&mut self) -> Result<Beside, StoreError> {
        let overrides = self.overrides().await?;
        let silences = self.rows("silence", sql::SILENCES_ALL).await?;
        let silences = silences.into_iter().map(|row| Silence::try_from(Record::of("silence", "id")(row)));
        let channels = self.rows("channel_record", sql::CHANNEL_RECORDS).await?;
        let channels = channels
            .into_iter()
            .map(|row| ChannelRecord::try_from(Record::of("channel_record", "name")(row)));
        let ends = self.rows("dependency_state", sql::STATES).await?;
        let ends =
            ends.into_iter().filter_map(|row| end(&Record::of("dependency_state", "name")(row)).transpose());
        Ok(Beside {
            overrides,
            silences: silences.collect::<Result<_, _>>()?,
            channels: channels.collect::<Result<_, _>>()?,
            ends: ends.collect::<Result<_, _>>()?,
        })
    }

    async fn overrides(&mut self) -> Result<Vec<KeptOverride>, StoreError> {
        let rows = self.rows("schedule_override", sql::OVERRIDES).await?;
        rows.into_iter()
            .map(|row| KeptOverride::try_from(Record::of("schedule_override", "id")(row)))
            .collect()
    }

    /// A store of an earlier version has no rows of a table that it does not know.
    async fn rows(&mut self, table: &'static str, text: &'static str) -> Result<Vec<Row>, StoreError> {
        match self {
            Peek::Sqlite(connection, shown) => {
                let read = async {
                    match sqlx::query(sql::SQLITE_HAS_TABLE)
                        .bind(table)
                        .fetch_optional(&mut *connection)
                        .await?
                    {
                        Some(_) => sqlx::query(text).fetch_all(&mut *connection).await,
                        None => Ok(Vec::new()),
                    }
                };
                let rows = read.await.map_err(|error| sqlite_fault(shown.clone(), error))?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Peek::Postgres(connection, shown) => {
                let read = async {
                    match sqlx::query(sql::POSTGRES_HAS_TABLE)
                        .bind(table)
                        .fetch_optional(&mut *connection)
                        .await?
                    {
                        Some(_) => sqlx::query(text).fetch_all(&mut *connection).await,
                        None => Ok(Vec::new()),
                    }
                };
                let rows = read.await.map_err(|error| postgres_fault(shown.clone(), error))?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    async fn close(self) -> Result<(), StoreError> {
        match self {
            Peek::Sqlite(connection, shown) => {
                connection.close().await.map_err(|error| sqlite_fault(shown, error))
            }
            Peek::Postgres(connection, shown) => {
                connection.close().await.map_err(|error| postgres_fault(shown, error))
            }
        }
    }
}

/// The certificate of a dependency that matters most, where one was seen.
fn end(record: &Record) -> Result<Option<(DependencyName, NearestEnd)>, StoreError> {
    let state: mainstay_model::DependencyState = record.json("body")?;
    Ok(state.nearest_end.map(|end| (state.name, end)))
}
