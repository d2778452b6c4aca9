use mainstay_model::Secret;

use crate::home::on_both;

#[tokio::test]
async fn a_secret_stays_what_it_was_first_and_each_has_its_name() {
    on_both(async |home| {
        let store = home.open().await;
        let (first, second) = (Secret::new("first"), Secret::new("second"));
        assert_eq!(store.secret("links", &first).await.unwrap(), first);
        assert_eq!(store.secret("links", &second).await.unwrap(), first);
        assert_eq!(store.secret("others", &second).await.unwrap(), second);
        store.close().await;
        drop(store);
        assert_eq!(home.open().await.secret("links", &second).await.unwrap(), first, "after a restart");
    })
    .await;
}
