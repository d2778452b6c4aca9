use mainstay_store::StoreError;

use crate::home::Home;
use crate::sample::*;

#[tokio::test]
async fn a_full_disk_of_the_server_is_told_and_passes() {
    if !mainstay_testkit::servers::require(mainstay_testkit::servers::Postgres::available()) {
        return;
    }
    let home = Home::postgres();
    let store = home.open().await;
    home.run(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON timeline EXECUTE FUNCTION full_disk()",
    )
    .await;
    let commit = mainstay_model::Commit {
        timeline: vec![entry(1, start())],
        ..of_reports(vec![healthy("orders-db", start())])
    };
    let error = store.commit(&commit).await.unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }) && error.may_pass(), "{error:?}");
    home.run("DROP TRIGGER full_disk ON timeline").await;
    store.commit(&commit).await.unwrap();
    assert_eq!(store.certificates().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_server_that_went_away_is_told() {
    if !mainstay_testkit::servers::require(mainstay_testkit::servers::Postgres::available()) {
        return;
    }
    let server = mainstay_testkit::servers::Postgres::start(Default::default());
    let address = mainstay_model::Secret::new(server.admin_url("postgres"));
    let store = mainstay_store::Store::open(&mainstay_store::Location::Postgres(address)).await.unwrap();
    drop(server);
    let error = store.commit(&of_reports(vec![healthy("orders-db", start())])).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }) && error.may_pass(), "{error:?}");
}
