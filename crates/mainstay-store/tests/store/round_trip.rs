use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use mainstay_model::{Commit, DeliveryOutcome, DeliveryState, Failure, FailureKind, Phase, Verdict, Waiver};
use mainstay_store::{DeliveryCounts, Restored, Store};

use crate::home::on_both;
use crate::sample::*;

#[tokio::test]
async fn a_new_store_is_empty() {
    on_both(async |home| {
        let store = home.open().await;
        assert_eq!(store.restore(start()).await.unwrap(), Restored::default());
        assert_eq!(store.next_delivery_at().await.unwrap(), None);
        assert_eq!(store.delivery_counts().await.unwrap(), DeliveryCounts::default());
        assert!(store.certificates().await.unwrap().is_empty());
        store.ping().await.unwrap();
        store.roll_up(start()).await.unwrap();
        store.retain(start(), Default::default()).await.unwrap();
        store.commit(&Commit::default()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn everything_is_restored_after_a_restart() {
    on_both(async |home| {
        let states = [state(healthy("orders-db", start())), state(down("cache", later(5)))];
        let old = incident(1, later(-3 * 86_400), Some(later(-2 * 86_400)));
        let recent = incident(2, later(-3 * 86_400), Some(later(-3600)));
        let open = published(incident(3, later(-10), None));
        let commit = Commit {
            reports: vec![healthy("orders-db", start()), down("cache", later(5))],
            dependencies: states.iter().cloned().map(Arc::new).collect(),
            incidents: [&open, &recent, &old].map(|one| Arc::new(one.clone())).to_vec(),
            silences: vec![silence(1, start()), silence(2, later(60)), silence(3, later(30))],
            waivers: [waiver(1), over(waiver(2), later(-60)), over(waiver(3), later(-2 * 86_400))]
                .map(Arc::new)
                .to_vec(),
            revoked: vec![certificate(9, 0).sha256, certificate(8, 0).sha256, certificate(9, 0).sha256],
            ..Commit::default()
        };
        let store = home.open().await;
        store.commit(&commit).await.unwrap();
        // One that was ended early is no longer restored.
        let ended = Commit { silences: vec![silence(3, later(-1))], ..Commit::default() };
        store.commit(&ended).await.unwrap();
        store.close().await;
        drop(store);

        let restored = home.open().await.restore(start()).await.unwrap();
        let [orders, cache] = states.map(without_der);
        assert_eq!(restored.dependencies, [cache, orders]);
        assert_eq!(restored.incidents, [recent, open]);
        assert_eq!(restored.silences, [silence(2, later(60))]);
        let mut waivers = [waiver(1), over(waiver(2), later(-60))];
        waivers.sort_by_key(|one| one.id);
        assert_eq!(restored.waivers, waivers);
        assert_eq!(restored.revoked, [certificate(8, 0).sha256, certificate(9, 0).sha256]);
        assert_eq!(restored.last_written, Some(later(5)));
    })
    .await;
}

#[tokio::test]
async fn the_later_state_holds_within_a_commit_and_after_it() {
    on_both(async |home| {
        let store = home.open().await;
        let version = |verdict, changes| {
            let mut state = state(healthy("orders-db", start()));
            let mut incident = incident(1, start(), None);
            (state.verdict, incident.changes) = (verdict, changes);
            (Arc::new(state), Arc::new(incident))
        };
        let (first, second, third) =
            (version(Verdict::Healthy, 1), version(Verdict::Degraded, 2), version(Verdict::Down, 3));
        for versions in [vec![first, second], vec![third.clone()]] {
            let (dependencies, incidents) = versions.into_iter().unzip();
            store.commit(&Commit { dependencies, incidents, ..Commit::default() }).await.unwrap();
        }
        let restored = store.restore(start()).await.unwrap();
        assert_eq!(restored.dependencies, [without_der((*third.0).clone())]);
        assert_eq!(restored.incidents, [(*third.1).clone()]);
        assert_eq!(store.incident(incident_id(1)).await.unwrap().unwrap().changes, 3);
        assert_eq!(store.incident(incident_id(2)).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn a_commit_may_be_repeated() {
    on_both(async |home| {
        let store = home.open().await;
        let commit = Commit {
            reports: vec![healthy("orders-db", start())],
            timeline: vec![entry(1, start())],
            deliveries: vec![delivery(1, "mail", 1, 1, start())],
            outcomes: vec![DeliveryOutcome::Delivered { id: delivery_id(1), at: later(1), receipt: None }],
            ..Commit::default()
        };
        store.commit(&commit).await.unwrap();
        store.commit(&commit).await.unwrap();
        assert_eq!(store.timeline(&Default::default()).await.unwrap(), [entry(1, start())]);
        let [delivered] = &store.deliveries(incident_id(1)).await.unwrap()[..] else { panic!("one message") };
        assert_eq!(delivered.state, DeliveryState::Delivered { at: later(1), receipt: None });
        assert_eq!(store.recent_reports(&name("orders-db"), 10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_commit_that_fails_half_way_leaves_nothing() {
    on_both(async |home| {
        let store = home.open().await;
        let impossible = delivery(1, "mail", 1, 0, start());
        let commit = Commit {
            reports: vec![healthy("orders-db", start())],
            dependencies: vec![Arc::new(state(healthy("orders-db", start())))],
            incidents: vec![Arc::new(incident(1, start(), None))],
            timeline: vec![entry(1, start())],
            waivers: vec![Arc::new(waiver(1))],
            revoked: vec![certificate(9, 0).sha256],
            audit: vec![granted(1)],
            deliveries: vec![delivery(2, "mail", 1, 1, start()), impossible],
            outcomes: vec![],
            silences: vec![],
            channels: vec![],
            heartbeats: vec![],
            overrides: vec![kept_override(1)],
            forgotten_overrides: vec![],
        };
        let error = store.commit(&commit).await.unwrap_err();
        assert!(error.to_string().contains("nothing of it was written"), "{error}");
        for table in [
            "endpoint",
            "observation",
            "certificate",
            "chain",
            "dependency_state",
            "incident",
            "timeline",
            "delivery",
            "schedule_override",
            "waiver",
            "revoked_certificate",
            "audit_log",
            "roll_up",
            "mark",
        ] {
            assert_eq!(home.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
        }
        // What the writer had noted for itself is forgotten as well: the same without the fault is written whole.
        let mended = Commit { deliveries: vec![delivery(2, "mail", 1, 1, start())], ..commit };
        store.commit(&mended).await.unwrap();
        assert_eq!(store.certificates().await.unwrap().len(), 3);
        assert_eq!(store.recent_reports(&name("orders-db"), 10).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn waivers_are_found_by_dependency_and_as_they_stand_last() {
    on_both(async |home| {
        let store = home.open().await;
        let other = Waiver { dependency: name("cache"), ..waiver(2) };
        let waivers = [waiver(1), over(waiver(1), later(60)), other.clone()];
        for one in &waivers {
            store
                .commit(&Commit { waivers: vec![Arc::new(one.clone())], ..Commit::default() })
                .await
                .unwrap();
        }
        assert_eq!(store.waiver(other.id).await.unwrap(), Some(other.clone()));
        assert_eq!(store.waiver(waiver(7).id).await.unwrap(), None);
        let of = name("orders-db");
        assert_eq!(store.waivers(Some(&of), 10).await.unwrap(), [over(waiver(1), later(60))]);
        assert_eq!(store.waivers(None, 1).await.unwrap(), [other], "the latest first");
    })
    .await;
}

#[tokio::test]
async fn overrides_are_kept_changed_and_forgotten() {
    on_both(async |home| {
        assert_eq!(Store::overrides_at(&home.location).await.unwrap(), [], "there is no store yet");
        let store = home.open().await;
        let [first, mut second, third] = [1, 2, 3].map(kept_override);
        let all = vec![third.clone(), first.clone(), second.clone()];
        store.commit(&Commit { overrides: all, ..Commit::default() }).await.unwrap();
        second.terms.until = later(7200);
        let commit = Commit {
            overrides: vec![second.clone(), third.clone()],
            forgotten_overrides: vec![third.id],
            ..Commit::default()
        };
        store.commit(&commit).await.unwrap();
        let mut expected = [first, second];
        expected.sort_by_key(|one| one.id);
        assert_eq!(store.restore(start()).await.unwrap().overrides, expected);
        assert_eq!(
            Store::overrides_at(&home.location).await.unwrap(),
            expected,
            "beside the one that writes"
        );
        store.close().await;
        drop(store);
        assert_eq!(Store::overrides_at(&home.location).await.unwrap(), expected, "and when nobody does");
    })
    .await;
}

#[tokio::test]
async fn a_store_from_before_there_were_overrides_has_none() {
    on_both(async |home| {
        let store = home.open().await;
        home.run("DROP TABLE schedule_override").await;
        assert_eq!(Store::overrides_at(&home.location).await.unwrap(), []);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn what_a_server_said_is_kept_even_with_a_nul_in_it() {
    on_both(async |home| {
        let store = home.open().await;
        let mut report = down("orders-db", start());
        let failure = Failure::new(FailureKind::QueryFailed, Phase::Query, "it said \"a\0b\"");
        report.addresses[0].failure = Some(failure);
        let outcome = DeliveryOutcome::Retry {
            id: delivery_id(1),
            at: later(8),
            next_attempt_at: later(9),
            error: "a\0b".to_owned(),
        };
        let commit = Commit {
            deliveries: vec![delivery(1, "mail", 1, 1, start())],
            outcomes: vec![outcome],
            ..of_reports(vec![report])
        };
        store.commit(&commit).await.unwrap();
        let [tried] = &store.deliveries(incident_id(1)).await.unwrap()[..] else { panic!("one message") };
        let expected = DeliveryState::Queued {
            next_attempt_at: later(9),
            attempts: 1,
            last_error: Some("a\u{fffd}b".to_owned()),
        };
        assert_eq!(tried.state, expected);
    })
    .await;
}

#[tokio::test]
async fn an_abandoned_commit_leaves_nothing_and_hinders_nothing() {
    on_both(async |home| {
        let store = home.open().await;
        let commit = of_reports((0..200).map(|second| healthy("orders-db", later(second))).collect());
        for polls in 0..30 {
            let mut abandoned = Box::pin(store.commit(&commit));
            for _ in 0..polls {
                if go_on(&mut abandoned).await {
                    break;
                }
            }
        }
        let written = store.recent_reports(&name("orders-db"), 1000).await.unwrap().len();
        assert!(written == 0 || written == 200, "{written} of 200");
        store.commit(&commit).await.unwrap();
        assert_eq!(store.recent_reports(&name("orders-db"), 1000).await.unwrap().len(), 200);
        assert_eq!(store.certificates().await.unwrap().len(), 3);
    })
    .await;
}

/// Lets it go on once; says whether it has ended.
async fn go_on(future: &mut Pin<Box<impl Future>>) -> bool {
    let ended = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await;
    tokio::task::yield_now().await;
    ended
}

#[tokio::test]
async fn a_commit_of_nothing_does_not_touch_the_database() {
    on_both(async |home| {
        let store = home.open().await;
        store.close().await;
        store.commit(&Commit::default()).await.unwrap();
        store.commit(&of_reports(vec![healthy("orders-db", start())])).await.unwrap_err();
    })
    .await;
}
