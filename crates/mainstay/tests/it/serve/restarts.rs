use std::fs;
use std::time::{Duration, Instant};

use mainstay_testkit::wait_for;

use super::hook::Hook;
use super::switch::Switch;
use crate::instance::{Home, PATIENCE};

/// "A few seconds", on a busy machine.
const GRACE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_incident_goes_on_after_a_restart() {
    let hook = Hook::start().await;
    let mut switch = Switch::on().await;
    let home = Home::new();
    home.configure(&format!("dependencies:\n{}{}", switch.dependency("a"), hook.configuration()));
    let mut instance = home.serve().await;
    home.verdict("a", "healthy").await;
    switch.turn_off().await;
    let opened = hook.wait("the break", |told| told.says("incident.opened", "a")).await;
    let before = home.api("/api/v1/dependencies/a").await.expect("it is there");
    instance.signal("TERM");
    assert!(instance.ended(GRACE).await.success(), "{}", instance.log());

    let instance = home.serve().await;
    let after = home.api("/api/v1/dependencies/a").await.expect("it is there");
    for key in ["verdict", "since", "alerts"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    let checked = &before["checked_at"];
    home.api_until("a check", "/api/v1/dependencies/a", |one| (one["checked_at"] != *checked).then_some(()))
        .await;
    instance.kill();

    let _instance = home.serve().await;
    switch.turn_on().await;
    let resolved = hook.wait("the end", |told| told.says("incident.resolved", "a")).await;
    assert_eq!(resolved.incident()["id"], opened.incident()["id"]);
    assert_eq!(hook.told().len(), 2, "nothing is told twice: {:#?}", hook.told());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_running_service_can_be_served_from() {
    let hook = Hook::start().await;
    let mut switch = Switch::on().await;
    let home = Home::new();
    let configuration = format!("dependencies:\n{}{}", switch.dependency("a"), hook.configuration());
    home.configure(&configuration);
    let _instance = home.serve().await;
    home.verdict("a", "healthy").await;
    switch.turn_off().await;
    hook.wait("the break", |told| told.says("incident.opened", "a")).await;
    let incidents = wait_for("the message to be noted", PATIENCE, async || {
        let incidents = home.incidents().await;
        (incidents[0]["deliveries"][0]["state"]["is"] == "delivered").then_some(incidents)
    })
    .await;

    let other = Home::new();
    fs::create_dir(other.path("data")).expect("a new directory");
    let backup = other.path("data/mainstay.db");
    let done = home.command("backup").arg(&backup).output().expect("the program was built with the test");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(String::from_utf8_lossy(&done.stdout).contains("mainstay.db"));
    let again = home.command("backup").arg(&backup).output().expect("the program was built with the test");
    assert!(!again.status.success(), "a backup is never overwritten");

    other.configure(&configuration);
    let _copy = other.serve().await;
    let copied = other.incidents().await;
    assert_eq!(copied.len(), 1);
    for key in ["id", "title", "state", "opened_at", "deliveries"] {
        assert_eq!(copied[0][key], incidents[0][key], "{key}");
    }
    assert_eq!(hook.told().len(), 1, "the copy tells nothing anew: {:#?}", hook.told());
}

/// Pages that listen for changes never end by themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_is_quick_and_orderly_while_pages_listen() {
    let switch = Switch::on().await;
    let home = Home::new();
    home.configure(&format!("dependencies:\n{}", switch.dependency("a")));
    let mut instance = home.serve().await;
    let mut pages = Vec::new();
    for _ in 0..3 {
        let mut page = home.open("/events").await.expect("an answer");
        assert_eq!(page.status(), 200);
        page.chunk().await.expect("no break").expect("a first change");
        pages.push(page);
    }
    let asked = Instant::now();
    instance.signal("TERM");
    let status = instance.ended(GRACE).await;
    println!(
        "ended {:.2} s after SIGTERM with {} pages listening",
        asked.elapsed().as_secs_f64(),
        pages.len()
    );
    assert!(status.success(), "{}", instance.log());
    let left: Vec<_> = fs::read_dir(home.path("data")).expect("it is there").flatten().collect();
    let names: Vec<_> = left.iter().map(|entry| entry.file_name()).collect();
    assert!(!names.iter().any(|name| name == "mainstay.db-wal"), "everything is in the one file: {names:?}");
}
