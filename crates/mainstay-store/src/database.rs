//! The two engines behind one face: the same texts, the same few types of value.

mod claim;
mod fault;
mod lock;
mod migrate;
mod postgres;
mod row;
mod sqlite;
mod value;

use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool};
use sqlx::{SqlSafeStr, SqlStr};

pub(crate) use fault::{file_fault, postgres_fault, sqlite_fault};
pub(crate) use postgres::open_beside as open_postgres_beside;
pub(crate) use row::Row;
pub(crate) use sqlite::{open_beside as open_sqlite_beside, open_to_read};
pub(crate) use value::Value;

use crate::sql::{Bulk, LIST, List};
use crate::{Location, StoreError};
use claim::Claim;
use lock::Lock;
use value::bound;

/// An open database. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    /// One connection that writes, a few that read beside it.
    Sqlite { writer: SqlitePool, readers: SqlitePool, location: String, _lock: Option<Arc<Lock>> },
    /// One connection that writes and holds the right to, a few that read beside it.
    Postgres { writer: PgPool, readers: PgPool, location: String, claim: Arc<Claim> },
}

impl Database {
    pub(crate) async fn open(location: &Location) -> Result<Database, StoreError> {
        match location {
            Location::Sqlite(path) => sqlite::open(path).await,
            Location::Postgres(address) => postgres::open(address, location.to_string()).await,
        }
    }

    /// Opens what another process may be writing to, to read it only: every attempt to write is refused by the engine.
    pub(crate) async fn open_to_read(location: &Location) -> Result<Database, StoreError> {
        match location {
            Location::Sqlite(path) => sqlite::open_all_to_read(path).await,
            Location::Postgres(address) => postgres::open_to_read(address, location.to_string()).await,
        }
    }

    /// Reads, beside whatever is being written.
    pub(crate) async fn rows(
        &self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let sql = sql.into_sql_str();
        let rows = match self {
            Database::Sqlite { readers, .. } => {
                let rows = bound::<Sqlite>(sql, values).fetch_all(readers).await;
                rows.map(|rows| rows.into_iter().map(Row::Sqlite).collect())
            }
            Database::Postgres { readers, .. } => {
                let rows = bound::<Postgres>(sql, values).fetch_all(readers).await;
                rows.map(|rows| rows.into_iter().map(Row::Postgres).collect())
            }
        };
        rows.map_err(|error| self.fault(error))
    }

    /// Begins to write. Everything is undone unless [`Transaction::commit`] is reached.
    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        match self {
            Database::Sqlite { writer, .. } => {
                let mut connection = writer.acquire().await.map_err(|error| self.fault(error))?;
                // IMMEDIATE takes the write lock at once: a transaction that begins by reading could find it taken half-way.
                let begun = sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await;
                begun.map_err(|error| self.fault(error))?;
                Ok(Transaction::Sqlite(connection))
            }
            Database::Postgres { writer, location, claim, .. } => {
                let mut transaction = writer.begin().await.map_err(|error| self.fault(error))?;
                claim.assure(&mut transaction, location).await?;
                Ok(Transaction::Postgres(transaction))
            }
        }
    }

    /// Reads what is to be acted on: an error when this process has lost the right to write, so that no two act on the same.
    pub(crate) async fn owned_rows(
        &self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        if matches!(self, Database::Sqlite { .. }) {
            return self.rows(sql, values).await;
        }
        let mut transaction = self.begin().await?;
        let rows = async {
            let rows = transaction.rows(sql, values).await?;
            transaction.commit().await?;
            Ok(rows)
        };
        rows.await.map_err(|error| self.fault(error))
    }

    /// Writes with one statement; says how many rows it touched.
    pub(crate) async fn execute(&self, sql: impl SqlSafeStr, values: Vec<Value>) -> Result<u64, StoreError> {
        let sql = sql.into_sql_str();
        let mut transaction = self.begin().await?;
        let touched = async {
            let touched = transaction.execute(sql, values).await?;
            transaction.commit().await?;
            Ok(touched)
        };
        touched.await.map_err(|error| self.fault(error))
    }

    pub(crate) async fn close(&self) {
        match self {
            Database::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
            Database::Postgres { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }
}

/// A transaction of either engine.
pub(crate) enum Transaction {
    /// Not the transaction of sqlx: after an error such as a full disk SQLite has rolled back by itself, sqlx still counts the
    /// transaction as open, and the connection could never begin another. Our connections roll back when they are given back.
    Sqlite(PoolConnection<Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    pub(crate) async fn rows(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        let sql = sql.into_sql_str();
        match self {
            Transaction::Sqlite(inner) => {
                let rows = bound::<Sqlite>(sql, values).fetch_all(&mut **inner).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Transaction::Postgres(inner) => {
                let rows = bound::<Postgres>(sql, values).fetch_all(&mut **inner).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    pub(crate) async fn execute(
        &mut self,
        sql: impl SqlSafeStr,
        values: Vec<Value>,
    ) -> Result<u64, sqlx::Error> {
        let sql: SqlStr = sql.into_sql_str();
        match self {
            Transaction::Sqlite(inner) => {
                Ok(bound::<Sqlite>(sql, values).execute(&mut **inner).await?.rows_affected())
            }
            Transaction::Postgres(inner) => {
                Ok(bound::<Postgres>(sql, values).execute(&mut **inner).await?.rows_affected())
            }
        }
    }

    /// Inserts any number of rows, in as few statements as their lengths allow. No key may stand twice among them:
    /// PostgreSQL refuses to update a row twice in one statement.
    pub(crate) async fn insert(&mut self, bulk: &Bulk, values: Vec<Value>) -> Result<(), sqlx::Error> {
        debug_assert_eq!(values.len() % bulk.columns, 0, "every row is complete");
        let mut rows = values.len() / bulk.columns;
        let mut values = values.into_iter();
        for length in Bulk::LENGTHS {
            let sql = if rows >= length { bulk.sql(length) } else { continue };
            while rows >= length {
                self.execute(sql.clone(), values.by_ref().take(length * bulk.columns).collect()).await?;
                rows -= length;
            }
        }
        Ok(())
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Transaction::Sqlite(mut inner) => sqlx::query("COMMIT").execute(&mut *inner).await.map(drop),
            Transaction::Postgres(inner) => inner.commit().await,
        }
    }
}

/// The parameters of a [`List`] statement, for each portion of the list.
pub(crate) fn portions<'a, T>(
    fixed: &'a [Value],
    list: &'a [T],
    value: impl Fn(&T) -> Value + 'a,
) -> impl Iterator<Item = Vec<Value>> + 'a {
    list.chunks(LIST).map(move |portion| {
        let last = portion.last().into_iter().cycle();
        let filled = portion.iter().chain(last).take(LIST);
        fixed.iter().cloned().chain(filled.map(&value)).collect()
    })
}

impl Database {
    /// Reads with a [`List`] statement, portion by portion.
    pub(crate) async fn listed<T>(
        &self,
        list: &List,
        fixed: &[Value],
        of: &[T],
        value: impl Fn(&T) -> Value,
    ) -> Result<Vec<Row>, StoreError> {
        let mut rows = Vec::new();
        for values in portions(fixed, of, value) {
            rows.extend(self.rows(list.sql(), values).await?);
        }
        Ok(rows)
    }
}
