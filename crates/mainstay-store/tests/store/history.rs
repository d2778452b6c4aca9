use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::{Commit, Fingerprint, Incident, Phases, Verdict};
use mainstay_store::{IncidentFilter, ObservedPoint, Store, TimelineFilter};

use crate::home::on_both;
use crate::sample::*;

async fn observations(store: &Store, limit: u32) -> Vec<ObservedPoint> {
    store.observations(&name("orders-db"), Timestamp::UNIX_EPOCH, Timestamp::MAX, limit).await.unwrap()
}

#[tokio::test]
async fn every_address_of_every_check_is_kept() {
    on_both(async |home| {
        let store = home.open().await;
        let good = observation("192.0.2.1:3306", Verdict::Healthy, &[1, 2, 3]);
        let bad = observation("[2001:db8::1]:3306", Verdict::Down, &[]);
        let both = report("orders-db", later(60), Verdict::Degraded, vec![good.clone(), bad.clone()]);
        let mut nameless = report("orders-db", later(120), Verdict::Down, vec![]);
        nameless.failure = down("orders-db", start()).failure;
        let mut foreign = healthy("orders-db", start());
        foreign.dependency = None;
        let reports = vec![
            nameless.clone(),
            both.clone(),
            foreign,
            healthy("orders-db", start()),
            healthy("cache", start()),
        ];
        store.commit(&of_reports(reports)).await.unwrap();

        let point = |at, address: &str, verdict, failure, phases| ObservedPoint {
            at,
            address: address.to_owned(),
            verdict,
            failure,
            phases,
        };
        let expected = [
            point(start(), "192.0.2.1:3306", Verdict::Healthy, None, good.phases),
            point(later(60), "192.0.2.1:3306", Verdict::Healthy, None, good.phases),
            point(later(60), "[2001:db8::1]:3306", Verdict::Down, bad.failure.clone(), Phases::default()),
            point(later(120), "", Verdict::Down, nameless.failure.clone(), Phases::default()),
        ];
        let mut found = observations(&store, 10).await;
        found.sort_by(|a, b| (a.at, &a.address).cmp(&(b.at, &b.address)));
        assert_eq!(found, expected);
        assert_eq!(
            observations(&store, 1).await,
            [expected[3].clone()],
            "the newest, where there are too many"
        );
        let part = store.observations(&name("orders-db"), later(1), later(120), 10).await.unwrap();
        assert_eq!(part.len(), 2, "from inclusive, to exclusive");

        let checks = store.recent_reports(&name("orders-db"), 2).await.unwrap();
        let told: Vec<_> =
            checks.iter().map(|one| (one.at, one.verdict, one.failure.clone(), one.total_ms)).collect();
        let first = (later(120), Verdict::Down, nameless.failure.clone(), Some(2.5));
        assert_eq!(told, [first, (later(60), Verdict::Degraded, both.failure.clone(), Some(15.0))]);
    })
    .await;
}

#[tokio::test]
async fn a_failure_that_stays_is_stored_once() {
    on_both(async |home| {
        let store = home.open().await;
        for minute in 0..5 {
            store.commit(&of_reports(vec![down("orders-db", later(60 * minute))])).await.unwrap();
        }
        assert_eq!(home.number("SELECT COUNT(*) FROM failure").await, 1);
        let told = observations(&store, 10).await;
        assert_eq!(told.len(), 5);
        assert!(told.iter().all(|point| point.failure == down("orders-db", start()).failure));
    })
    .await;
}

#[tokio::test]
async fn certificates_on_duty_keep_their_beginning() {
    on_both(async |home| {
        let chain = |at, numbers: &[u8]| {
            report("orders-db", at, Verdict::Healthy, vec![observation("a:1", Verdict::Healthy, numbers)])
        };
        let store = home.open().await;
        store.commit(&of_reports(vec![chain(start(), &[1, 2, 3])])).await.unwrap();
        store.commit(&of_reports(vec![chain(later(60), &[1, 2, 3])])).await.unwrap();
        assert_eq!(home.number("SELECT COUNT(*) FROM chain").await, 1, "nothing new, nothing written");
        drop(store);
        // The next process has to look up what it is to compare with.
        let store = home.open().await;
        store
            .commit(&of_reports(vec![chain(later(120), &[4, 2, 3]), down("orders-db", later(180))]))
            .await
            .unwrap();
        let on_duty = store.certificates().await.unwrap();
        let told: Vec<_> = on_duty
            .iter()
            .map(|one| (one.certificate.sha256.0[0], one.position, one.first_seen, one.last_seen))
            .collect();
        let expected =
            [(2, 1, start(), later(120)), (3, 2, start(), later(120)), (4, 0, later(120), later(120))];
        assert_eq!(told, expected, "the one that ends first at the top");
        let mut facts = certificate(4, 0);
        facts.der = None;
        assert_eq!(on_duty[2].certificate, facts);
    })
    .await;
}

#[tokio::test]
async fn an_address_that_is_gone_is_on_duty_no_more() {
    on_both(async |home| {
        let at = |address: &str, at| {
            report("orders-db", at, Verdict::Healthy, vec![observation(address, Verdict::Healthy, &[1])])
        };
        let store = home.open().await;
        store.commit(&of_reports(vec![at("old:1", start()), at("new:1", later(86_400))])).await.unwrap();
        assert_eq!(store.certificates().await.unwrap().len(), 2);
        store.commit(&of_reports(vec![at("new:1", later(86_460))])).await.unwrap();
        let [one] = &store.certificates().await.unwrap()[..] else { panic!("one address") };
        assert_eq!(one.address, "new:1");
    })
    .await;
}

#[tokio::test]
async fn a_certificate_is_given_out_as_pem() {
    on_both(async |home| {
        let store = home.open().await;
        let mut restored = healthy("cache", start());
        let tls = restored.addresses[0].tls.as_mut().unwrap();
        tls.certificates.truncate(1);
        tls.certificates[0].der = None;
        store.commit(&of_reports(vec![restored])).await.unwrap();
        assert_eq!(
            store.certificate_pem(&Fingerprint([1; 32])).await.unwrap(),
            None,
            "only its facts are known"
        );
        store.commit(&of_reports(vec![healthy("cache", later(1))])).await.unwrap();
        let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        assert_eq!(store.certificate_pem(&Fingerprint([1; 32])).await.unwrap().as_deref(), Some(pem));
        assert_eq!(store.certificate_pem(&Fingerprint([9; 32])).await.unwrap(), None);
    })
    .await;
}

async fn page(store: &Store, filter: TimelineFilter) -> Vec<String> {
    store.timeline(&filter).await.unwrap().into_iter().map(|entry| entry.text).collect()
}

#[tokio::test]
async fn the_timeline_is_read_in_pages() {
    on_both(async |home| {
        let store = home.open().await;
        // All of the same moment: what was decided last stands first.
        let mut timeline: Vec<_> = (1..=5).map(|number| entry(number, start())).collect();
        timeline[1].incident = None;
        timeline[2].dependency = Some(name("cache"));
        store.commit(&Commit { timeline: timeline.clone(), ..Commit::default() }).await.unwrap();
        store.commit(&Commit { timeline: vec![entry(6, later(1))], ..Commit::default() }).await.unwrap();

        let all = TimelineFilter::default;
        assert_eq!(
            page(&store, TimelineFilter { limit: 3, ..all() }).await,
            ["Entry 6", "Entry 5", "Entry 4"]
        );
        let before = Some(timeline[3].id);
        assert_eq!(page(&store, TimelineFilter { before, ..all() }).await, ["Entry 3", "Entry 2", "Entry 1"]);
        let incident = Some(incident_id(1));
        let of_incident = TimelineFilter { incident, before, ..all() };
        assert_eq!(page(&store, of_incident).await, ["Entry 3", "Entry 1"]);
        let dependency = Some(name("cache"));
        assert_eq!(
            page(&store, TimelineFilter { dependency: dependency.clone(), ..all() }).await,
            ["Entry 3"]
        );
        assert_eq!(page(&store, TimelineFilter { dependency, incident, ..all() }).await, ["Entry 3"]);
        let incident = Some(incident_id(2));
        assert_eq!(page(&store, TimelineFilter { incident, ..all() }).await, [] as [&str; 0]);
        assert_eq!(
            store.timeline(&TimelineFilter { limit: 1, ..all() }).await.unwrap(),
            [entry(6, later(1))]
        );
    })
    .await;
}

/// A drill of a dependency.
fn drill(number: u64, of: &str, opened_at: Timestamp) -> Incident {
    let rehearsal = serde_json::json!({
        "is": "rehearsal", "dependency": of, "failure": "certificate-expired", "respects_quiet": false, "by": "ana",
        "until": opened_at,
    });
    Incident { drill: Some(serde_json::from_value(rehearsal).unwrap()), ..incident(number, opened_at, None) }
}

#[tokio::test]
async fn drills_are_found_by_what_they_were_of_the_latest_first() {
    on_both(async |home| {
        let store = home.open().await;
        let real = incident(1, later(0), None);
        let all = [
            drill(2, "orders-db", later(10)),
            drill(3, "cache", later(20)),
            drill(4, "orders-db", later(30)),
        ];
        let incidents = all.iter().chain([&real]).map(|one| Arc::new(one.clone())).collect();
        store.commit(&Commit { incidents, ..Commit::default() }).await.unwrap();
        let [first, cache, second] = all;
        let of = |name: &str| name.parse().unwrap();
        assert_eq!(store.drills(None, 10).await.unwrap(), [second.clone(), cache, first.clone()]);
        assert_eq!(store.drills(Some(&of("orders-db")), 10).await.unwrap(), [second.clone(), first]);
        assert_eq!(store.drills(Some(&of("orders-db")), 1).await.unwrap(), [second]);
        assert!(store.drills(Some(&of("nothing")), 10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn incidents_are_filtered_and_read_in_pages() {
    on_both(async |home| {
        let store = home.open().await;
        let incidents = [
            incident(1, later(0), Some(later(100))),
            published(incident(2, later(10), Some(later(50)))),
            incident(3, later(20), None),
            published(incident(4, later(20), None)),
        ];
        let incidents = incidents.map(Arc::new).to_vec();
        store.commit(&Commit { incidents, ..Commit::default() }).await.unwrap();
        let check = async |filter: IncidentFilter, expected: &[&str]| {
            let mut found: Vec<_> = store.incidents(&filter).await.unwrap();
            // Two were opened at the same moment; their identifiers decide, which are random.
            found.sort_by(|a, b| (b.opened_at, &b.title).cmp(&(a.opened_at, &a.title)));
            let titles: Vec<_> = found.iter().map(|one| one.title.trim_start_matches("Incident ")).collect();
            assert_eq!(titles, expected, "{filter:?}");
        };
        let all = IncidentFilter::default;
        check(all(), &["4", "3", "2", "1"]).await;
        check(IncidentFilter { open: Some(true), ..all() }, &["4", "3"]).await;
        check(IncidentFilter { open: Some(false), ..all() }, &["2", "1"]).await;
        check(IncidentFilter { public_only: true, ..all() }, &["4", "2"]).await;
        check(IncidentFilter { since: Some(later(60)), ..all() }, &["4", "3", "1"]).await;
        check(IncidentFilter { before: Some(incident_id(2)), ..all() }, &["1"]).await;
        let first = store.incidents(&IncidentFilter { limit: 1, ..all() }).await.unwrap();
        let rest = store.incidents(&IncidentFilter { before: Some(first[0].id), ..all() }).await.unwrap();
        assert_eq!(rest.len(), 3, "a page goes on where the one before ended");
        assert!(!rest.contains(&first[0]));
        assert_eq!(store.public_incidents(later(60)).await.unwrap().len(), 1);
    })
    .await;
}
