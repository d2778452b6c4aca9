use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use mainstay_model::Secret;
use mainstay_store::{Location, Store};
use mainstay_testkit::servers::{Postgres, PostgresOptions, require};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

/// A place of its own for one test's data.
pub(crate) struct Home {
    pub(crate) location: Location,
    pub(crate) directory: PathBuf,
}

/// Runs the test once on SQLite and once on PostgreSQL.
pub(crate) async fn on_both(test: impl AsyncFn(&Home)) {
    test(&Home::sqlite()).await;
    if require(Postgres::available()) {
        test(&Home::postgres()).await;
    }
}

impl Home {
    pub(crate) fn sqlite() -> Home {
        let directory = directory();
        Home { location: Location::Sqlite(directory.join("data/mainstay.db")), directory }
    }

    pub(crate) fn postgres() -> Home {
        let name = format!("test_{}", number());
        server().execute(&format!("CREATE DATABASE {name}"));
        Home { location: Location::Postgres(Secret::new(server().admin_url(&name))), directory: directory() }
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.location).await.unwrap()
    }

    /// The database file, on SQLite.
    pub(crate) fn file(&self) -> &Path {
        match &self.location {
            Location::Sqlite(path) => path,
            Location::Postgres(_) => panic!("there is no file"),
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.location, Location::Sqlite(_))
    }

    /// Does to the data what nobody should, beside the store.
    pub(crate) async fn run(&self, sql: &str) {
        let statement = sqlx::raw_sql(AssertSqlSafe(sql));
        let done = match &self.location {
            Location::Sqlite(path) => {
                let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
                let done = statement.execute(&mut connection).await.map(drop);
                connection.close().await.unwrap();
                done
            }
            Location::Postgres(address) => {
                let mut connection = PgConnection::connect(address.expose()).await.unwrap();
                statement.execute(&mut connection).await.map(drop)
            }
        };
        done.unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// One number that the data says.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql));
        match &self.location {
            Location::Sqlite(path) => {
                let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
                query.fetch_one(&mut connection).await.unwrap()
            }
            Location::Postgres(address) => {
                let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql));
                let mut connection = PgConnection::connect(address.expose()).await.unwrap();
                query.fetch_one(&mut connection).await.unwrap()
            }
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// One server for all tests; it ends with the process.
fn server() -> &'static Postgres {
    static SERVER: OnceLock<Postgres> = OnceLock::new();
    SERVER.get_or_init(|| Postgres::start(PostgresOptions::default()))
}

fn directory() -> PathBuf {
    let directory =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{}", std::process::id(), number()));
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

fn number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
