use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use mainstay_testkit::servers::{Account, MariaDb, MariaDbOptions, Method, Postfix, PostfixOptions, require};
use mainstay_testkit::{Pki, Scenario, Spec, wait_for};
use serde_json::Value;

use super::hook::{Hook, Told};
use crate::instance::{Home, PATIENCE, now};

const SERVER_NAME: &str = "db.example.test";
const EVERY: SignedDuration = SignedDuration::from_secs(1);
const ONE_SECOND: SignedDuration = SignedDuration::from_secs(1);

/// The incident that Mainstay exists for, from the last seconds of a certificate to its renewal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expiry_is_told_by_webhook_and_mail_within_an_interval_and_a_second_and_so_is_its_end() {
    if !require(MariaDb::available()) || !require(Postfix::available()) {
        return;
    }
    let pki = Pki::new(now());
    let fine = pki.identity(Scenario::Fine, SERVER_NAME);
    let accounts = [Account::new("monitor", "secret", Method::MySqlNative)];
    let mariadb = MariaDb::start(MariaDbOptions { identity: Some(&fine), accounts: &accounts });
    let localhost = Spec::new("localhost", now() - ONE_SECOND * 3600, now() + ONE_SECOND * 3600);
    let localhost = pki.issue(localhost);
    let postfix = Postfix::start(PostfixOptions { identity: Some(&localhost), ..PostfixOptions::default() });
    let hook = Hook::start().await;
    let home = Home::new();
    pki.write_root(home.directory());
    home.configure(&configuration(&hook, mariadb.port(), postfix.smtp_port()));

    let ends = whole_seconds(now() + ONE_SECOND * 9);
    // Long-lived enough that its last seconds are the last three hundredths: one announcement, of the highest severity.
    mariadb.reload_identity(&pki.issue(Spec::new(SERVER_NAME, ends - ONE_SECOND * 900, ends)));
    let _instance = home.serve().await;
    let announced = hook.wait("the announcement", |told| told.says("incident.opened", "orders-db")).await;
    assert_eq!(announced.incident()["state"], "impending", "{announced:#?}");
    assert!(announced.arrived <= ends, "it was announced before it happened");
    assert_quiet(&home).await;

    let broke = hook.wait("the break", |told| told.says("incident.updated", "orders-db")).await;
    assert_eq!(broke.body["data"]["failure"]["kind"], "certificate-expired", "{broke:#?}");
    // The last second of a certificate belongs to it (RFC 5280 section 4.1.2.5).
    let first_moment = ends + ONE_SECOND;
    assert_in_time("webhook", first_moment, &broke);
    let mailed = mail(&postfix, 2).await;
    assert_in_time_at("mail", first_moment, mailed);
    assert_shown(&home).await;

    mariadb.reload_identity(&fine);
    let renewed = now();
    let over = hook.wait("the end", |told| told.says("incident.resolved", "orders-db")).await;
    let mailed_end = mail(&postfix, 3).await;
    report("the renewal", "webhook", renewed, over.arrived);
    report("the renewal", "mail", renewed, mailed_end);
    assert_quiet(&home).await;
    assert_complete(&home, &hook, &postfix).await;
}

fn configuration(hook: &Hook, mariadb: u16, postfix: u16) -> String {
    format!(
        r#"providers:
  acme-db: {{ name: Acme Databases, contacts: [support@acme.example] }}
dependencies:
  orders-db:
    provider: acme-db
    url: mysql://monitor:secret@127.0.0.1:{mariadb}/mysql
    tls: {{ ca_file: root.pem, server_name: {SERVER_NAME} }}
    every: 1s
    timeout: 900ms
    used_by: [checkout]
    criticality: critical
components:
  checkout: {{ name: Checkout, group: Shop }}
mail: {{ smtp: "smtp://localhost:{postfix}", from: "Mainstay <mainstay@example.test>", ca_file: root.pem }}
{}  oncall-mail: {{ email: oncall@example.test }}
routes: [{{ to: [bot, oncall-mail] }}]
"#,
        hook.channel("bot")
    )
}

/// Certificates know no fractions.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).expect("a time of today")
}

/// Waits for the n-th mail, and gives when it was there.
async fn mail(postfix: &Postfix, number: usize) -> Timestamp {
    wait_for(&format!("mail number {number}"), PATIENCE, async || {
        (postfix.inbox("oncall@example.test").len() >= number).then(now)
    })
    .await
}

#[track_caller]
fn assert_in_time(what: &str, broken_at: Timestamp, told: &Told) {
    let decided = told.timestamp();
    assert!(decided >= broken_at, "it was told before it happened: {told:#?}");
    assert!(decided <= broken_at + EVERY + ONE_SECOND, "{what}: decided at {decided}, broken at {broken_at}");
    assert_in_time_at(what, broken_at, told.arrived);
}

#[track_caller]
fn assert_in_time_at(what: &str, broken_at: Timestamp, arrived: Timestamp) {
    report("the break", what, broken_at, arrived);
    assert!(arrived <= broken_at + EVERY + ONE_SECOND, "{what}: came at {arrived}, broken at {broken_at}");
}

fn report(what: &str, means: &str, from: Timestamp, to: Timestamp) {
    println!("{means}: {:.3} s after {what}", to.duration_since(from).as_secs_f64());
}

/// Customers see nothing.
async fn assert_quiet(home: &Home) {
    home.summary_until("a quiet status page", |summary| {
        let quiet = summary["incidents"].as_array()?.is_empty() && summary["status"]["indicator"] == "none";
        quiet.then(|| assert_eq!(component(summary)["status"], "operational"))
    })
    .await;
}

/// Customers see that Checkout does not work.
async fn assert_shown(home: &Home) {
    let incident = home
        .summary_until("the incident on the status page", |summary| {
            let incident = summary["incidents"].get(0)?;
            assert_ne!(component(summary)["status"], "operational", "{summary:#}");
            assert_ne!(summary["status"]["indicator"], "none");
            Some(incident.clone())
        })
        .await;
    let text = incident.to_string();
    assert!(text.contains("Checkout"), "{text}");
    for private in ["acme", "Acme", "orders-db", "mysql", "certificate"] {
        assert!(!text.contains(private), "customers need not know {private}: {text}");
    }
}

fn component(summary: &Value) -> &Value {
    let components = summary["components"].as_array().expect("a list");
    components.iter().find(|one| one["name"] == "Checkout").expect("the component")
}

/// Nothing is missing in the history, and nothing was told twice.
async fn assert_complete(home: &Home, hook: &Hook, postfix: &Postfix) {
    let told = |incident: &Value| kinds(incident).iter().filter(|kind| *kind == "told").count();
    let incident = wait_for("every message to be noted", PATIENCE, async || {
        home.incidents().await.into_iter().find(|incident| told(incident) == 6)
    })
    .await;
    assert_eq!(home.incidents().await.len(), 1, "one trouble is one incident");
    let history: Vec<String> = kinds(&incident).into_iter().filter(|kind| kind != "told").collect();
    let expected = ["opened", "broke", "published", "alert-ended", "resolved", "public-update"];
    for kind in expected {
        assert!(history.iter().any(|one| one == kind), "{kind} is missing: {history:?}");
    }
    assert_eq!(incident["state"], "resolved");
    assert_deliveries(&incident, "bot");
    assert_deliveries(&incident, "oncall-mail");
    let ids: BTreeSet<String> = hook.told().into_iter().map(|told| told.id).collect();
    assert_eq!((ids.len(), hook.told().len()), (3, 3), "each message once: {:#?}", hook.told());
    assert_eq!(postfix.inbox("oncall@example.test").len(), 3);
}

/// What kinds of things happened, oldest first.
fn kinds(incident: &Value) -> Vec<String> {
    let timeline = incident["timeline"].as_array().expect("a list").iter().rev();
    timeline.map(|entry| entry["kind"].as_str().expect("a kind").to_owned()).collect()
}

fn assert_deliveries(incident: &Value, channel: &str) {
    let deliveries = incident["deliveries"].as_array().expect("a list").iter();
    let mine = deliveries.filter(|one| one["channel"] == channel);
    let said: Vec<_> = mine.map(|one| (one["message"]["kind"].clone(), one["state"]["is"].clone())).collect();
    let expected = ["incident.opened", "incident.updated", "incident.resolved"];
    assert_eq!(said, expected.map(|kind| (Value::from(kind), Value::from("delivered"))), "{channel}");
}
