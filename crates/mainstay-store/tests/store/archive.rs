use mainstay_model::{Commit, Target, Verdict};
use mainstay_store::{Archive, StoreError};

use crate::home::{Home, on_both};
use crate::sample::*;

fn dependency() -> mainstay_model::Dependency {
    mainstay_model::Dependency::new(
        name("orders-db"),
        Target::parse("mysql://monitor@orders-db.example.com:3306/orders").unwrap(),
    )
}

/// The past is read beside the one that writes, with each check's certificates as they were then.
#[tokio::test]
async fn past_checks_have_the_certificates_of_their_time() {
    on_both(async |home| {
        let store = home.open().await;
        let at = |second, certificates: &[u8], verdict| {
            let one = observation("192.0.2.1:3306", verdict, certificates);
            report("orders-db", later(second), verdict, vec![one])
        };
        let reports = vec![
            at(0, &[1, 9], Verdict::Healthy),
            at(30, &[], Verdict::Down),
            at(60, &[2, 9], Verdict::Healthy),
            at(90, &[2, 9], Verdict::Healthy),
        ];
        store.commit(&Commit { reports: reports.clone(), ..Commit::default() }).await.unwrap();
        let archive = Archive::open(&home.location).await.unwrap();
        let dependency = dependency();
        let mut past = archive.past(&dependency, start(), later(90)).await.unwrap();
        let checks = past.next_page().await.unwrap();
        assert!(past.next_page().await.unwrap().is_empty());
        let times: Vec<_> = checks.iter().map(|check| check.checked_at).collect();
        assert_eq!(times, [start(), later(30), later(60)], "up to the end, which is excluded");
        let served = |index: usize| {
            let tls = checks[index].addresses[0].tls.as_ref();
            tls.map(|tls| (tls.verified, tls.certificates[0].subject.clone(), tls.certificates.len()))
        };
        assert_eq!(served(0), Some((true, "CN=db1.example.com".to_owned(), 2)));
        assert_eq!(served(1), None, "the connection was refused");
        assert_eq!(served(2), Some((true, "CN=db2.example.com".to_owned(), 2)));
        assert_eq!((checks[1].verdict, &checks[1].failure), (Verdict::Down, &reports[1].failure));
        assert_eq!(checks[0].addresses[0].phases, reports[0].addresses[0].phases);
        assert_eq!(checks[0].target, dependency.target.to_string());
        archive.close().await;
        let trouble = store.latest_trouble(&dependency, start(), later(90)).await.unwrap().unwrap();
        assert_eq!((trouble.checked_at, &trouble.failure), (later(30), &reports[1].failure));
        let trouble = store.latest_trouble(&dependency, later(31), later(90)).await.unwrap();
        assert!(trouble.is_none(), "{trouble:?}");
        let latest = store.latest_check(&dependency, start(), later(30)).await.unwrap().unwrap();
        assert_eq!(latest.addresses[0].tls.as_ref().unwrap().certificates[0].subject, "CN=db1.example.com");
        store
            .commit(&Commit { reports: vec![at(120, &[2, 9], Verdict::Healthy)], ..Commit::default() })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn where_nothing_is_kept_nothing_is_made() {
    let home = Home::sqlite();
    let error = Archive::open(&home.location).await.unwrap_err();
    assert!(matches!(error, StoreError::NotThere { .. }), "{error:?}");
    assert!(!home.file().exists());
}
