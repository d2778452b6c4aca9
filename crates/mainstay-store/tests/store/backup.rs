use mainstay_store::{Location, Store, StoreError};

use crate::home::Home;
use crate::sample::*;

#[tokio::test]
async fn a_backup_taken_while_writing_is_whole_and_can_be_used() {
    let home = Home::sqlite();
    let store = home.open().await;
    let copy = home.directory.join("copy.db");
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for second in 0..300 {
                // Two rows that belong together: a copy never has one without the other.
                let both = vec![healthy("orders-db", later(second)), healthy("cache", later(second))];
                store.commit(&of_reports(both)).await.unwrap();
            }
        }
    });
    while store.recent_reports(&name("cache"), 1).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    Store::backup(&home.location, &copy).await.unwrap();
    writer.await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    }

    let restored = Store::open(&Location::Sqlite(copy.clone())).await.unwrap();
    let count =
        async |store: &Store, dependency| store.recent_reports(&name(dependency), 1000).await.unwrap().len();
    let copied = count(&restored, "orders-db").await;
    assert!((1..=300).contains(&copied));
    assert_eq!(count(&restored, "cache").await, copied);
    assert_eq!(count(&store, "cache").await, 300, "the original went on");
    restored.commit(&of_reports(vec![healthy("orders-db", later(999))])).await.unwrap();
    assert!(!home.directory.join("copy.db.partial").exists());
}

#[tokio::test]
async fn a_backup_is_never_overwritten() {
    let home = Home::sqlite();
    let _store = home.open().await;
    let copy = home.directory.join("copy.db");
    std::fs::write(&copy, "precious").unwrap();
    let error = Store::backup(&home.location, &copy).await.unwrap_err();
    assert!(matches!(error, StoreError::BackupExists { .. }), "{error:?}");
    assert_eq!(std::fs::read(&copy).unwrap(), b"precious");
}

#[tokio::test]
async fn a_backup_that_was_cut_off_is_no_hindrance() {
    let home = Home::sqlite();
    let _store = home.open().await;
    std::fs::write(home.directory.join("copy.db.partial"), "half").unwrap();
    Store::backup(&home.location, &home.directory.join("copy.db")).await.unwrap();
}

#[tokio::test]
async fn a_backup_to_nowhere_is_told() {
    let home = Home::sqlite();
    let _store = home.open().await;
    let error = Store::backup(&home.location, &home.directory.join("no/such/copy.db")).await.unwrap_err();
    assert!(matches!(error, StoreError::BackupFailed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_backup_of_nothing_makes_nothing() {
    let home = Home::sqlite();
    let error = Store::backup(&home.location, &home.directory.join("copy.db")).await.unwrap_err();
    assert!(matches!(error, StoreError::NotThere { .. }), "{error:?}");
    assert!(error.to_string().contains("mainstay.db: see that `data_dir`"), "{error}");
    assert!(!home.file().exists() && !home.directory.join("copy.db").exists());
}

#[tokio::test]
async fn postgres_is_backed_up_by_its_own_tool() {
    let location = Location::Postgres(mainstay_model::Secret::new("postgres://127.0.0.1/x"));
    let error = Store::backup(&location, std::path::Path::new("copy.db")).await.unwrap_err();
    assert!(error.to_string().contains("pg_dump"), "{error}");
}
