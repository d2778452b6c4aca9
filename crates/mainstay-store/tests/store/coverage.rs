use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Breaking, Cover, Coverage, Covered, FailureKind, Hole, HoleCode, Severity, Way};
use mainstay_model::{ChannelRecord, Commit};
use mainstay_store::{CoveragePoint, Store};

use crate::home::on_both;
use crate::sample::*;

fn coverage(from: Timestamp) -> Coverage {
    let way = Way {
        breaking: Breaking::Failure(FailureKind::ConnectRefused),
        cover: Cover::Nobody,
        slowest_ms: None,
        courses: Vec::new(),
    };
    Coverage {
        from,
        until: from + SignedDuration::from_hours(24),
        dependencies: vec![Covered { name: "orders-db".parse().unwrap(), ways: vec![way] }],
        holes: vec![Hole {
            code: HoleCode::NoRoute,
            severity: Severity::High,
            place: "routes".into(),
            what: "Nobody is told.".into(),
            mend: "Add a route.".into(),
            dependencies: vec!["orders-db".parse().unwrap()],
            ways: 1,
            times: Vec::new(),
        }],
        plays: 1,
        proof_known: true,
    }
}

#[tokio::test]
async fn the_latest_proof_comes_back_and_so_many_are_counted() {
    on_both(async |home| {
        let store = home.open().await;
        assert_eq!(store.coverage().await.unwrap(), None);
        let kept = i64::from(Store::COVERAGES_KEPT);
        for second in 0..kept + 3 {
            store.keep_coverage(later(second), &coverage(later(second))).await.unwrap();
        }
        // The same again changes nothing.
        store.keep_coverage(later(kept + 2), &coverage(later(kept + 2))).await.unwrap();
        let latest = store.coverage().await.unwrap().unwrap();
        assert_eq!(latest, (later(kept + 2), coverage(later(kept + 2))));
        let history = store.coverage_history(u32::MAX).await.unwrap();
        assert_eq!(history.len(), usize::try_from(kept).unwrap());
        assert_eq!(history[0], CoveragePoint { at: later(kept + 2), holes: 1, ways: 1 });
        assert_eq!(history.last().unwrap().at, later(3));
    })
    .await;
}

#[tokio::test]
async fn what_is_known_can_be_read_beside_the_one_who_writes() {
    on_both(async |home| {
        if home.is_sqlite() {
            assert_eq!(Store::known_at(&home.location).await.unwrap(), None);
        }
        let store = home.open().await;
        let at = later(8);
        let mail = ChannelRecord {
            name: "mail".parse().unwrap(),
            fingerprint: 7,
            known_since: later(0),
            proven_at: Some(at),
            tried_at: None,
        };
        let state = state(healthy("orders-db", later(1)));
        let end = state.nearest_end.clone();
        let commit = Commit {
            channels: vec![mail.clone()],
            dependencies: vec![std::sync::Arc::new(state)],
            ..Commit::default()
        };
        store.commit(&commit).await.unwrap();
        let beside = Store::known_at(&home.location).await.unwrap().unwrap();
        assert_eq!(beside.channels, [mail]);
        assert_eq!(
            beside.ends.into_iter().map(|(_, end)| end).collect::<Vec<_>>(),
            end.into_iter().collect::<Vec<_>>()
        );
        assert!(beside.overrides.is_empty() && beside.silences.is_empty());
    })
    .await;
}
