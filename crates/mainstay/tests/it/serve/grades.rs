use std::path::PathBuf;

use jiff::SignedDuration;
use mainstay_testkit::scripted::{Peer, Script};
use mainstay_testkit::{Pki, Spec, wait_for};

use super::hook::{Hook, time};
use crate::instance::{Home, PATIENCE, now};

const SERVER_NAME: &str = "db.example.test";
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Days left when the story begins and, past the end, when it is over.
const DAYS: std::ops::RangeInclusive<i64> = -1..=30;

/// A step of the story: the severity, what is told, and how many whole days are left.
const STORY: [(&str, &str, i64); 4] = [
    ("warn", "incident.opened", 22),
    ("high", "incident.updated", 6),
    ("page", "incident.updated", 1),
    ("page", "incident.updated", -1),
];

/// The last 30 days of a 90-day certificate, a day at a time, under libfaketime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_nobody_renews_is_told_at_every_grade_once() {
    let Some(library) = faketime() else {
        assert!(std::env::var_os("CI").is_none(), "in CI nothing is skipped: libfaketime is not installed");
        eprintln!("skipped: libfaketime is not installed (apt-get install faketime)");
        return;
    };
    let pki = Pki::new(now());
    // A quarter of a day past the whole days, so that the seconds that the test takes change no grade.
    let ends = now() + DAY * 30 + DAY / 4;
    let identity = pki.issue(Spec::new(SERVER_NAME, ends - DAY * 90, ends));
    let peer = Peer::start(Script::tls_then_silent(identity.server_config())).await;
    let hook = Hook::start().await;
    let home = Home::new();
    pki.write_root(home.directory());
    home.configure(&configuration(&hook, &peer));
    home.write("time", "+0");
    let clock = home.path("time");
    let instance = home.spawn_with(&[
        ("LD_PRELOAD", &library.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", &clock.display().to_string()),
        ("FAKETIME_NO_CACHE", "1"),
        // Timers go on by the real clock; only the date is another.
        ("DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ]);
    let _instance = home.ready(instance).await;
    for left in DAYS.rev() {
        let offset = DAY * i32::try_from(DAYS.end() - left).expect("a month");
        home.write("time", &format!("+{}", offset.as_secs()));
        checked_after(&home, now() + offset).await;
        let due = STORY.iter().filter(|(_, _, at)| left <= *at).count();
        let what = format!("message number {due} with {left} days left");
        wait_for(&what, PATIENCE, async || (hook.told().len() >= due).then_some(())).await;
        assert_eq!(hook.told().len(), due, "with {left} days left: {:#?}", hook.told());
    }
    assert_story(&hook, ends);
}

fn assert_story(hook: &Hook, ends: jiff::Timestamp) {
    let told = hook.told();
    let said: Vec<_> =
        told.iter().map(|one| (one.incident()["severity"].as_str().unwrap(), one.kind())).collect();
    assert_eq!(said, STORY.map(|(severity, kind, _)| (severity, kind)));
    let incidents: Vec<_> = told.iter().map(|one| &one.incident()["id"]).collect();
    assert!(incidents.iter().all(|id| *id == incidents[0]), "one trouble is one incident: {incidents:?}");
    for one in &told[..3] {
        assert_eq!(one.incident()["state"], "impending", "{one:#?}");
        assert_eq!(time(&one.incident()["breaks_at"]).as_second(), ends.as_second());
    }
    assert_eq!(told[3].incident()["state"], "open");
    assert_eq!(told[3].body["data"]["failure"]["kind"], "certificate-expired", "{:#?}", told[3]);
}

fn configuration(hook: &Hook, peer: &Peer) -> String {
    format!(
        "dependencies:\n  orders-db: {{ url: \"{}\", tls: {{ ca_file: root.pem, server_name: {SERVER_NAME} }}, every: 1s, timeout: 900ms }}\n{}",
        peer.url("tls"),
        hook.configuration()
    )
}

/// Waits for a check that began after this moment, and for what it made known.
async fn checked_after(home: &Home, moment: jiff::Timestamp) {
    home.api_until("a check on the new day", "/api/v1/dependencies/orders-db", |one| {
        (one["checked_at"].is_string() && time(&one["checked_at"]) >= moment).then_some(())
    })
    .await;
}

fn faketime() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = vec!["/usr/lib/faketime".into(), "/usr/local/lib/faketime".into()];
    let triples = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders.extend(triples.map(|triple| triple.path().join("faketime")));
    folders.into_iter().map(|folder| folder.join("libfaketimeMT.so.1")).find(|file| file.is_file())
}
