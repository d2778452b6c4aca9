use std::path::{Path, PathBuf};
use std::time::Duration;

use mainstay_model::Secret;
use mainstay_store::{Location, Store, StoreError};
use mainstay_testkit::servers::{Postgres, require};
use mainstay_testkit::wait_for;

use crate::home::{Home, on_both};
use crate::sample::*;

async fn refusal(location: &Location) -> StoreError {
    Store::open(location).await.map(drop).expect_err("it must be refused")
}

/// Every file of the directory that holds something of value, with its content: neither the lock, nor the index of the log (shm), nor
/// a log without entries, which even a reader leaves behind.
fn content(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut content: Vec<_> = files
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .filter(|(path, bytes)| !bytes.is_empty() && !path.ends_with("mainstay.db.lock"))
        .filter(|(path, _)| !path.ends_with("mainstay.db-shm"))
        .collect();
    content.sort();
    content
}

/// The file is refused with these words and is the same afterwards.
async fn check_refused_untouched(home: &Home, words: &str) -> StoreError {
    let before = content(home.file().parent().unwrap());
    let error = refusal(&home.location).await;
    assert!(error.to_string().contains(words), "{error}");
    assert!(content(home.file().parent().unwrap()) == before, "nothing was changed");
    error
}

async fn filled() -> Home {
    let home = Home::sqlite();
    let store = home.open().await;
    store
        .commit(&of_reports((0..200).map(|minute| healthy("orders-db", later(60 * minute))).collect()))
        .await
        .unwrap();
    store.close().await;
    home
}

#[tokio::test]
async fn the_format_of_a_newer_version_is_refused() {
    on_both(async |home| {
        let store = home.open().await;
        store.close().await;
        drop(store);
        home.run(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                SELECT 99, 'later', success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
        )
        .await;
        let error = refusal(&home.location).await;
        assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error:?}");
        if home.is_sqlite() {
            check_refused_untouched(home, "newer Mainstay").await;
            for helper in ["mainstay.db-wal", "mainstay.db-shm"] {
                assert!(!home.file().with_file_name(helper).exists(), "{helper} is left behind");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let home = Home::sqlite();
    std::fs::create_dir_all(home.file().parent().unwrap()).unwrap();
    std::fs::write(home.file(), "listen: 127.0.0.1:8080\n").unwrap();
    check_refused_untouched(&home, "not a Mainstay database").await;
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let home = Home::sqlite();
    std::fs::create_dir_all(home.file().parent().unwrap()).unwrap();
    std::fs::write(home.file(), "").unwrap();
    home.run("CREATE TABLE monitor (id INTEGER)").await;
    check_refused_untouched(&home, "of another program").await;
}

#[tokio::test]
async fn a_damaged_file_is_refused() {
    let home = filled().await;
    let mut bytes = std::fs::read(home.file()).unwrap();
    let sane = bytes.clone();
    bytes[16..4096].fill(0xa5);
    std::fs::write(home.file(), &bytes).unwrap();
    let error = check_refused_untouched(&home, "is damaged").await;
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");

    bytes = sane;
    bytes.truncate(4096);
    bytes[100..4096].fill(0);
    std::fs::write(home.file(), &bytes).unwrap();
    check_refused_untouched(&home, "is damaged").await;
}

#[tokio::test]
async fn damage_further_inside_is_told_when_it_is_met() {
    let home = filled().await;
    let mut bytes = std::fs::read(home.file()).unwrap();
    bytes[8192..].fill(0xa5);
    std::fs::write(home.file(), &bytes).unwrap();
    let error = match Store::open(&home.location).await {
        Err(error) => error,
        Ok(store) => store.restore(start()).await.unwrap_err(),
    };
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(std::fs::read(home.file()).unwrap() == bytes, "nothing was changed");
}

#[tokio::test]
async fn an_empty_file_is_a_new_store() {
    let home = Home::sqlite();
    std::fs::create_dir_all(home.file().parent().unwrap()).unwrap();
    std::fs::write(home.file(), "").unwrap();
    home.open().await.commit(&of_reports(vec![healthy("orders-db", start())])).await.unwrap();
}

#[tokio::test]
async fn two_servers_on_one_directory_are_refused() {
    let home = Home::sqlite();
    let first = home.open().await;
    let error = refusal(&home.location).await;
    let expected = format!("another Mainstay (process {}) already uses", std::process::id());
    assert!(error.to_string().starts_with(&expected), "{error}");
    first.ping().await.unwrap();
    drop(first);
    home.open().await;
}

#[tokio::test]
async fn a_path_that_cannot_be_is_refused() {
    let home = Home::sqlite();
    std::fs::write(home.directory.join("plain"), "").unwrap();
    let error = refusal(&Location::Sqlite(home.directory.join("plain/data/mainstay.db"))).await;
    assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
    assert!(error.to_string().contains("a file where a directory is needed"), "{error}");

    std::fs::create_dir_all(home.file()).unwrap();
    let error = refusal(&home.location).await;
    assert!(error.to_string().contains("a directory where the file should be"), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_directory_that_cannot_be_written_is_refused() {
    // Permission bits do not bind root; a file system that holds no files does.
    let error = refusal(&Location::Sqlite(PathBuf::from("/proc/self/mainstay.db"))).await;
    assert!(error.to_string().contains("/proc/self/mainstay.db"), "{error}");
    assert!(matches!(error, StoreError::Unusable { .. } | StoreError::ReadOnly { .. }), "{error:?}");
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_without_showing_it() {
    let error = refusal(&Location::Postgres(Secret::new("postgres://u:geheim@[::1:5432/x"))).await;
    assert!(matches!(error, StoreError::Address { .. }), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("geheim"));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    let port = mainstay_testkit::servers::free_port();
    let address = format!("postgres://mainstay:geheim@127.0.0.1:{port}/mainstay");
    let error = refusal(&Location::Postgres(Secret::new(address))).await;
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(
        error.to_string().starts_with(&format!("postgres://127.0.0.1:{port}/mainstay cannot be used")),
        "{error}"
    );
    assert!(!format!("{error:?} {error}").contains("geheim"));
}

#[tokio::test]
async fn opening_again_changes_nothing() {
    on_both(async |home| {
        home.open().await.close().await;
        home.open().await.commit(&of_reports(vec![healthy("orders-db", start())])).await.unwrap();
        let store = home.open().await;
        assert_eq!(store.recent_reports(&name("orders-db"), 10).await.unwrap().len(), 1);
    })
    .await;
}

fn is_taken(error: &StoreError) -> bool {
    error.to_string().starts_with("another Mainstay already uses postgres://") && error.may_pass()
}

#[tokio::test]
async fn two_servers_on_one_postgres_are_refused() {
    if !require(Postgres::available()) {
        return;
    }
    let home = Home::postgres();
    let first = home.open().await;
    let error = refusal(&home.location).await;
    assert!(is_taken(&error), "{error}");
    assert!(!error.to_string().contains("geheim"));
    first.commit(&of_reports(vec![healthy("orders-db", start())])).await.unwrap();

    home.run("CREATE SCHEMA other").await;
    let Location::Postgres(address) = &home.location else { panic!("on a server") };
    let join = if address.expose().contains('?') { '&' } else { '?' };
    let other = format!("{}{join}options=-csearch_path%3Dother", address.expose());
    let other = Store::open(&Location::Postgres(Secret::new(other))).await.unwrap();
    assert_eq!(other.recent_reports(&name("orders-db"), 1).await.unwrap(), []);

    first.close().await;
    home.open().await;
}

#[tokio::test]
async fn who_lost_the_connection_neither_writes_nor_delivers_beside_another() {
    if !require(Postgres::available()) {
        return;
    }
    let home = Home::postgres();
    let first = home.open().await;
    first.commit(&of_deliveries(vec![delivery(1, "mail", 1, 1, start())])).await.unwrap();
    let end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'mainstay' AND datname = current_database()";
    home.run(end_all).await;
    let commit = of_reports(vec![healthy("orders-db", start())]);
    first.commit(&commit).await.unwrap();
    assert!(is_taken(&refusal(&home.location).await), "it has taken the lock again");

    home.run(end_all).await;
    // The server ends a session a moment after it was told to.
    let open = async || Store::open(&home.location).await.ok();
    let second = wait_for("the ended session to let its lock go", Duration::from_secs(10), open).await;
    assert!(is_taken(&first.commit(&commit).await.unwrap_err()));
    assert!(is_taken(&first.due_deliveries(later(9), 9).await.unwrap_err()));
    assert_eq!(second.due_deliveries(later(9), 9).await.unwrap().len(), 1);
    second.close().await;
    let free = async || first.commit(&commit).await.ok();
    wait_for("the closed session to let its lock go", Duration::from_secs(10), free).await;
}
