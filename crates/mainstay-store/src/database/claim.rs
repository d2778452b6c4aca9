use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use super::fault::postgres_fault;
use super::migrate::speaks_cockroach;
use crate::{StoreError, sql};

/// What makes sure that one Mainstay alone writes to a database server: two that both check, decide and deliver would tell
/// everything twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// PostgreSQL's advisory lock, held by the session of the one connection that writes. Whoever comes second is refused, and the
    /// server gives the lock back when that connection ends, even after `kill -9`. Nothing can be written without it, because it
    /// belongs to the very connection that writes.
    Lock,
    /// For engines without such locks: a number that counts up with each opening. Whoever comes second takes over, and the first is
    /// refused from then on.
    Number,
}

impl Guard {
    pub(super) async fn of(connection: &mut PgConnection) -> Result<Guard, sqlx::Error> {
        // It accepts the calls and locks nothing.
        if speaks_cockroach(connection).await? {
            return Ok(Guard::Number);
        }
        // A lock that ends with the statement and excludes nobody; where the engine refuses the call, it has none.
        let tried = sqlx::query("SELECT pg_try_advisory_xact_lock_shared(0)");
        match tried.execute(connection).await {
            Ok(_) => Ok(Guard::Lock),
            Err(sqlx::Error::Database(_)) => Ok(Guard::Number),
            Err(other) => Err(other),
        }
    }
}

/// The right to write, as far as it is there.
#[derive(Debug, Default)]
pub(crate) struct Claim {
    /// Whether the connection that writes holds the lock: a new one does not.
    locked: AtomicBool,
    number: OnceLock<i64>,
}

/// How often and how long a lock is waited for that a server which has just ended may still seem to hold.
const TRIES: u32 = 12;
const PAUSE: Duration = Duration::from_millis(250);

impl Claim {
    pub(super) fn lose_lock(&self) {
        self.locked.store(false, Ordering::SeqCst);
    }

    pub(super) async fn take_lock(
        &self,
        guard: Guard,
        connection: &mut PgConnection,
        location: &str,
    ) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            if guard == Guard::Number || self.try_lock(connection, location).await? {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(StoreError::InUseElsewhere { location: location.to_owned() })
    }

    async fn try_lock(&self, connection: &mut PgConnection, location: &str) -> Result<bool, StoreError> {
        let fault = |error| postgres_fault(location.to_owned(), error);
        let locked = sqlx::query_scalar::<_, bool>(sql::TRY_LOCK).fetch_one(connection).await;
        let locked = locked.map_err(fault)?;
        self.locked.store(locked, Ordering::SeqCst);
        Ok(locked)
    }

    pub(super) async fn take_number(
        &self,
        guard: Guard,
        connection: &mut PgConnection,
    ) -> Result<(), sqlx::Error> {
        if guard == Guard::Lock {
            return Ok(());
        }
        let mut transaction = connection.begin().await?;
        let number = sqlx::query_scalar(sql::TAKE_NUMBER).fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        self.number.get_or_init(|| number);
        Ok(())
    }

    /// Makes sure, within a transaction that is to write, that nobody else does.
    pub(super) async fn assure(
        &self,
        transaction: &mut PgConnection,
        location: &str,
    ) -> Result<(), StoreError> {
        let is_ours = match self.number.get() {
            None => self.locked.load(Ordering::SeqCst) || self.try_lock(transaction, location).await?,
            Some(number) => {
                let latest = sqlx::query_scalar::<_, i64>(sql::LATEST_NUMBER).fetch_one(transaction).await;
                latest.map_err(|error| postgres_fault(location.to_owned(), error))? == *number
            }
        };
        if is_ours { Ok(()) } else { Err(StoreError::InUseElsewhere { location: location.to_owned() }) }
    }
}
