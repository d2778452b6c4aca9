use std::fs::{DirBuilder, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, Row as _};

use super::lock::Lock;
use super::{Database, file_fault, migrate, sqlite_fault};
use crate::StoreError;

/// Marks the file as Mainstay's, for `file(1)` and for ourselves: "MSTN".
const APPLICATION_ID: i32 = 0x4d53_544e;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

pub(super) async fn open(path: &Path) -> Result<Database, StoreError> {
    let path = &std::path::absolute(path).map_err(|error| file_fault(path, error))?;
    make_directory(path)?;
    let lock = Lock::take(path)?;
    examine(path).await?;
    let location = path.display().to_string();
    let fault = |error| sqlite_fault(location.clone(), error);
    let writer = one_connection().connect_with(to_write(path)).await.map_err(fault)?;
    let mut connection = writer.acquire().await.map_err(fault)?;
    migrate::sqlite(&mut connection, &location).await?;
    drop(connection);
    let readers = few_connections().connect_with(to_read(path)).await.map_err(fault)?;
    Ok(Database::Sqlite { writer, readers, location, _lock: Some(Arc::new(lock)) })
}

/// Connections that only read, of a database that another process may be using.
pub(super) async fn open_all_to_read(path: &Path) -> Result<Database, StoreError> {
    let mut first = open_to_read(path).await?;
    let location = path.display().to_string();
    let outcome = examine_tables(&mut first, &location).await;
    let closed = first.close().await;
    outcome.and(closed.map_err(|error| sqlite_fault(location.clone(), error)))?;
    let fault = |error| sqlite_fault(location.clone(), error);
    let readers = few_connections().connect_with(to_read(path)).await.map_err(fault)?;
    Ok(Database::Sqlite { writer: readers.clone(), readers, location, _lock: None })
}

/// One connection that only reads, of a database that another process may be using.
pub(crate) async fn open_to_read(path: &Path) -> Result<SqliteConnection, StoreError> {
    if !path.try_exists().map_err(|error| file_fault(path, error))? {
        return Err(StoreError::NotThere { path: path.to_owned() });
    }
    examine_start(path)?;
    connect_to_read(path, to_read(path)).await
}

async fn connect_to_read(path: &Path, options: SqliteConnectOptions) -> Result<SqliteConnection, StoreError> {
    let connection = SqliteConnection::connect_with(&options).await;
    connection.map_err(|error| sqlite_fault(path.display().to_string(), error))
}

/// The data is the operator's alone: incidents and addresses are nobody else's business.
fn make_directory(file: &Path) -> Result<(), StoreError> {
    let Some(directory) = file.parent() else { return Ok(()) };
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(directory).map_err(|error| file_fault(directory, error))
}

/// Looks at an existing file without writing to it: turning on WAL alone would change its header.
async fn examine(path: &Path) -> Result<(), StoreError> {
    let Some(connection) = open_beside(path).await? else { return Ok(()) };
    let closed = connection.close().await;
    closed.map_err(|error| sqlite_fault(path.display().to_string(), error))
}

/// One connection that leaves no trace, to a database that is one of ours and no newer than this build; `None` where there is none yet.
pub(crate) async fn open_beside(path: &Path) -> Result<Option<SqliteConnection>, StoreError> {
    if !examine_start(path)? {
        return Ok(None);
    }
    let location = path.display().to_string();
    // A file without a log is all there is, and nobody else writes it: to say so keeps SQLite from leaving a log and its index behind.
    let options = to_read(path).immutable(!log_of(path).exists());
    let mut connection = connect_to_read(path, options).await?;
    match examine_tables(&mut connection, &location).await {
        Ok(()) => Ok(Some(connection)),
        Err(refusal) => {
            // The refusal says more than a connection that does not close.
            let _ = connection.close().await;
            Err(refusal)
        }
    }
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// Whether there is something in the file; an error when that is no database.
fn examine_start(path: &Path) -> Result<bool, StoreError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(file_fault(path, error)),
    };
    let mut start = Vec::new();
    file.by_ref().take(16).read_to_end(&mut start).map_err(|error| file_fault(path, error))?;
    if start.is_empty() || start == MAGIC {
        return Ok(!start.is_empty());
    }
    Err(StoreError::Foreign {
        location: path.display().to_string(),
        what: "it does not begin as an SQLite file does".to_owned(),
    })
}

async fn examine_tables(connection: &mut SqliteConnection, location: &str) -> Result<(), StoreError> {
    let fault = |error| sqlite_fault(location.to_owned(), error);
    let row = sqlx::query(
        "SELECT COUNT(*) AS tables, (SELECT application_id FROM pragma_application_id) AS mark FROM sqlite_master",
    );
    let row = row.fetch_one(&mut *connection).await.map_err(fault)?;
    let tables: i64 = row.try_get("tables").map_err(fault)?;
    let mark: i32 = row.try_get("mark").map_err(fault)?;
    if tables == 0 {
        return Ok(());
    }
    if mark != APPLICATION_ID {
        let what = "it is an SQLite database of another program".to_owned();
        return Err(StoreError::Foreign { location: location.to_owned(), what });
    }
    migrate::refuse_newer_sqlite(connection, location).await
}

/// `synchronous = FULL`: a commit is on the disk when it returns, so that neither `kill -9` nor a power cut loses a state change
/// whose message went out. With NORMAL, a power cut could: the message would be sent again about an incident that is new.
/// It costs one sync per group commit, not per row.
fn to_write(path: &Path) -> SqliteConnectOptions {
    to_read(path)
        .read_only(false)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("application_id", APPLICATION_ID.to_string())
        // Neighbouring checks touch the same pages; a longer log writes each of them back less often. In pages of 4 KiB.
        .pragma("wal_autocheckpoint", "4000")
        // In KiB.
        .pragma("cache_size", "-32000")
}

fn to_read(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .statement_cache_capacity(200)
}

fn one_connection() -> SqlitePoolOptions {
    // The connection is kept for good: its cache and its prepared statements are worth more than freshness.
    let options = SqlitePoolOptions::new().max_connections(1).min_connections(1);
    let options = options.idle_timeout(None).max_lifetime(None).test_before_acquire(false);
    options.after_release(|connection, _| Box::pin(leave_transaction(connection)))
}

/// Ends the transaction that failed or was abandoned, if there is one.
async fn leave_transaction(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // Most of the time there is none, and SQLite says so.
    let _ = sqlx::query("ROLLBACK").execute(connection).await;
    Ok(true)
}

fn few_connections() -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(4).idle_timeout(Duration::from_secs(60)).max_lifetime(None)
}
