use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, TypeInfo as _, ValueRef as _};

/// A row of either engine.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(crate) fn int(&self, column: &str) -> Result<Option<i64>, sqlx::Error> {
        match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => wide(row, column),
        }
    }

    pub(crate) fn text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
        match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        }
    }

    pub(crate) fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, sqlx::Error> {
        match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        }
    }
}

/// PostgreSQL's integers keep their width, which differs between its kin: CockroachDB's are all of 64 bits.
fn wide(row: &PgRow, column: &str) -> Result<Option<i64>, sqlx::Error> {
    let width = row.try_get_raw(column)?.type_info().name().to_owned();
    match width.as_str() {
        "INT2" => Ok(row.try_get::<Option<i16>, _>(column)?.map(i64::from)),
        "INT4" => Ok(row.try_get::<Option<i32>, _>(column)?.map(i64::from)),
        _ => row.try_get(column),
    }
}
