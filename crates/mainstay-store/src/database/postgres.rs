use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use mainstay_model::Secret;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection};

use super::claim::{Claim, Guard};
use super::{Database, fault::postgres_fault, migrate};
use crate::StoreError;

pub(super) async fn open(address: &Secret, location: String) -> Result<Database, StoreError> {
    open_guarded(address, location, None).await
}

/// `guard` is what the server is capable of, unless it is given.
async fn open_guarded(
    address: &Secret,
    location: String,
    guard: Option<Guard>,
) -> Result<Database, StoreError> {
    let options = options(address)?;
    let fault = |error| postgres_fault(location.clone(), error);
    let claim = Arc::new(Claim::default());
    let writer = one_connection(claim.clone()).connect_with(options.clone()).await.map_err(fault)?;
    let mut connection = writer.acquire().await.map_err(fault)?;
    let guard = match guard {
        Some(guard) => guard,
        None => Guard::of(&mut connection).await.map_err(fault)?,
    };
    claim.take_lock(guard, &mut connection, &location).await?;
    migrate::postgres(&mut connection, &location).await?;
    claim.take_number(guard, &mut connection).await.map_err(fault)?;
    drop(connection);
    let readers = PgPoolOptions::new().max_connections(7).acquire_timeout(PATIENCE);
    let readers = readers.connect_with(options).await.map_err(fault)?;
    Ok(Database::Postgres { writer, readers, location, claim })
}

fn options(address: &Secret) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(address.expose())
        .map_err(|error| StoreError::Address { source: Box::new(error) })?;
    Ok(options.application_name("mainstay").statement_cache_capacity(200))
}

/// One connection beside the process that the database belongs to, to read.
pub(crate) async fn open_beside(address: &Secret, location: &str) -> Result<PgConnection, StoreError> {
    let fault = |error| postgres_fault(location.to_owned(), error);
    PgConnection::connect_with(&options(address)?).await.map_err(fault)
}

/// Connections that only read, beside the server that writes: they make no claim.
pub(super) async fn open_to_read(address: &Secret, location: String) -> Result<Database, StoreError> {
    let options = options(address)?.options([("default_transaction_read_only", "on")]);
    let readers =
        PgPoolOptions::new().max_connections(2).acquire_timeout(PATIENCE).connect_with(options).await;
    let readers = readers.map_err(|error| postgres_fault(location.clone(), error))?;
    Ok(Database::Postgres { writer: readers.clone(), readers, location, claim: Arc::default() })
}

/// How long a connection is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The connection that writes is kept for good: the right to write is its session's.
fn one_connection(claim: Arc<Claim>) -> PgPoolOptions {
    let options = PgPoolOptions::new().max_connections(1).min_connections(1).acquire_timeout(PATIENCE);
    options.idle_timeout(None).max_lifetime(None).after_connect(move |connection, _| {
        claim.lose_lock();
        Box::pin(async move { notice_absence(connection).await })
    })
}

/// Has the server end the session of a machine that vanished within a minute, and not within hours, so that its lock does not outlive
/// it for long.
async fn notice_absence(connection: &mut PgConnection) -> sqlx::Result<()> {
    const KEEPALIVE: &str =
        "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3";
    // Some of PostgreSQL's kin do not know these; what is lost is the speed alone.
    let _ = sqlx::raw_sql(KEEPALIVE).execute(connection).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use mainstay_testkit::servers::{Postgres, PostgresOptions, require};

    use super::*;
    use crate::sql;

    #[tokio::test]
    async fn without_locks_the_last_to_open_is_the_one_that_writes() {
        if !require(Postgres::available()) {
            return;
        }
        let server = Postgres::start(PostgresOptions::default());
        let address = Secret::new(server.admin_url("postgres"));
        let open = || open_guarded(&address, "here".to_owned(), Some(Guard::Number));
        let write = async |database: &Database| {
            database.execute(sql::TOUCH_MARK, vec!["written".into(), 1i64.into()]).await
        };
        let first = open().await.unwrap();
        write(&first).await.unwrap();
        let second = open().await.unwrap();
        let error = write(&first).await.unwrap_err();
        assert!(matches!(error, StoreError::InUseElsewhere { .. }), "{error:?}");
        let error = first.owned_rows(sql::PING, vec![]).await.map(drop).unwrap_err();
        assert!(matches!(error, StoreError::InUseElsewhere { .. }), "{error:?}");
        write(&second).await.unwrap();
        second.owned_rows(sql::PING, vec![]).await.map(drop).unwrap();
    }
}
