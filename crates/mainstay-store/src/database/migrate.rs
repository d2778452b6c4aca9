use sqlx::SqlSafeStr;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};

use super::fault::postgres_fault;
use super::sqlite_fault;
use crate::StoreError;

/// The steps from nothing to today's tables, in order. A step that was published is never changed; the next one mends it.
const STEPS: &[(i64, &str, &str)] = &[
    (1, "base", include_str!("../../migrations/1_base.sql")),
    (2, "on call", include_str!("../../migrations/2_on_call.sql")),
    (3, "silence", include_str!("../../migrations/3_silence.sql")),
    (4, "secret", include_str!("../../migrations/4_secret.sql")),
    (5, "coverage", include_str!("../../migrations/5_coverage.sql")),
    (6, "proof", include_str!("../../migrations/6_proof.sql")),
    (7, "delivery", include_str!("../../migrations/7_delivery.sql")),
    (8, "drill", include_str!("../../migrations/8_drill.sql")),
    (9, "waiver", include_str!("../../migrations/9_waiver.sql")),
];

/// The format that this build writes.
const KNOWN: i64 = STEPS[STEPS.len() - 1].0;

pub(super) async fn sqlite(connection: &mut SqliteConnection, location: &str) -> Result<(), StoreError> {
    let outcome = migrator("WITHOUT ROWID").run_direct(None, connection, false).await;
    outcome.map_err(|error| refusal(error, location, sqlite_fault))
}

pub(super) async fn postgres(connection: &mut PgConnection, location: &str) -> Result<(), StoreError> {
    refuse_newer_postgres(connection, location).await?;
    let mut migrator = migrator("");
    // CockroachDB speaks PostgreSQL's language without its advisory locks.
    let cockroach = speaks_cockroach(connection).await;
    migrator.set_locking(!cockroach.map_err(|error| postgres_fault(location.to_owned(), error))?);
    let outcome = migrator.run_direct(None, connection, false).await;
    outcome.map_err(|error| refusal(error, location, postgres_fault))
}

pub(super) async fn refuse_newer_sqlite(
    connection: &mut SqliteConnection,
    location: &str,
) -> Result<(), StoreError> {
    let fault = |error| sqlite_fault(location.to_owned(), error);
    let applied = applied(connection).await;
    newest_is_known(
        applied.map_err(|error| execution(error).map_or_else(|other| migration(other, location), fault))?,
        location,
    )
}

async fn refuse_newer_postgres(connection: &mut PgConnection, location: &str) -> Result<(), StoreError> {
    let fault = |error| postgres_fault(location.to_owned(), error);
    let table = "SELECT 1 FROM information_schema.tables WHERE table_name = '_sqlx_migrations' AND table_schema = current_schema()";
    if sqlx::query(table).fetch_optional(&mut *connection).await.map_err(fault)?.is_none() {
        return Ok(());
    }
    let applied = applied(connection).await;
    newest_is_known(
        applied.map_err(|error| execution(error).map_or_else(|other| migration(other, location), fault))?,
        location,
    )
}

async fn applied<C: Migrate>(connection: &mut C) -> Result<Option<i64>, MigrateError> {
    let applied = connection.list_applied_migrations("_sqlx_migrations").await?;
    Ok(applied.into_iter().map(|step| step.version).max())
}

fn newest_is_known(found: Option<i64>, location: &str) -> Result<(), StoreError> {
    match found.filter(|found| *found > KNOWN) {
        None => Ok(()),
        Some(found) => Err(StoreError::Newer { location: location.to_owned(), found, known: KNOWN }),
    }
}

pub(super) async fn speaks_cockroach(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let version = sqlx::query_scalar::<_, String>("SELECT version()").fetch_one(connection).await?;
    Ok(version.contains("CockroachDB"))
}

fn migrator(clustered: &str) -> Migrator {
    let step = |(version, name, text): &(i64, &'static str, &str)| {
        let sql = AssertSqlSafe(text.replace("{clustered}", clustered)).into_sql_str();
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(STEPS.iter().map(step).collect())
}

fn refusal(error: MigrateError, location: &str, fault: fn(String, sqlx::Error) -> StoreError) -> StoreError {
    let error = match execution(error) {
        Ok(error) => fault(location.to_owned(), error),
        Err(other) => return migration(other, location),
    };
    match error {
        StoreError::Refused { location, source } => StoreError::Migration { location, source },
        telling => telling,
    }
}

/// The engine's own error, where that is what stopped a step.
fn execution(error: MigrateError) -> Result<sqlx::Error, MigrateError> {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Ok(error),
        other => Err(other),
    }
}

fn migration(error: MigrateError, location: &str) -> StoreError {
    match error {
        MigrateError::VersionMissing(found) if found > KNOWN => {
            StoreError::Newer { location: location.to_owned(), found, known: KNOWN }
        }
        other => StoreError::Migration { location: location.to_owned(), source: Box::new(other) },
    }
}
