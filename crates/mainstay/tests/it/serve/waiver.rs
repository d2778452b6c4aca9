//! A waiver for real: an expired certificate, refused by the relay, accepted for a while by command, and over with a new one.

use std::process::{Output, Stdio};
use std::time::Duration;

use jiff::SignedDuration;
use mainstay_testkit::servers::{Nginx, free_port, require};
use mainstay_testkit::{Answer, CrlSpec, Pki, Receiver, Scenario, Spec, wait_for};
use serde_json::{Value, json};

use super::hook::Hook;
use crate::instance::{Home, PATIENCE, checked_each_second, now};

struct Scene {
    home: Home,
    relay: u16,
}

impl Scene {
    /// Runs a command to its end beside everything else.
    async fn run(&self, command: &str, arguments: &[&str]) -> Output {
        let mut command = self.home.command(command);
        command.args(arguments).stdin(Stdio::null());
        let ran = move || command.output().expect("the program was built with the test");
        tokio::task::spawn_blocking(ran).await.expect("it ran")
    }

    /// The same for a command that has to succeed and answers with JSON.
    async fn json(&self, command: &str, arguments: &[&str]) -> Value {
        let output = self.run(command, arguments).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// Whether an application gets through the relay to the server, on a connection of its own.
    async fn gets_through(&self) -> bool {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().expect("a client");
        let answer = client.get(format!("http://127.0.0.1:{}/", self.relay)).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    async fn until_through(&self, wanted: bool) {
        let what = if wanted { "the relay to let it through" } else { "the relay to refuse it" };
        wait_for(what, PATIENCE, async || {
            let is_so = self.gets_through().await == wanted;
            if !is_so {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            is_so.then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_certificate_is_accepted_for_a_while_and_no_longer() {
    if !require(Nginx::available()) {
        return;
    }
    let pki = Pki::new(now());
    let ends = now() + SignedDuration::from_secs(10);
    let nginx = Nginx::start(&pki.issue(Spec::new("localhost", ends - SignedDuration::from_mins(15), ends)));
    let hook = Hook::start().await;
    let scene = Scene { home: Home::new(), relay: free_port() };
    pki.write_root(scene.home.directory());
    scene.home.configure(&format!(
        "{}    relay: {{ listen: 127.0.0.1:{}, drain_within: 1s }}\n{}",
        checked_each_second(nginx.https_port()),
        scene.relay,
        hook.configuration()
    ));
    let instance = scene.home.serve().await;
    scene.until_through(true).await;
    scene.home.verdict("db", "down").await;
    scene.until_through(false).await;

    let unasked = scene.run("waive", &["db", "--reason", "the shop is down"]).await;
    let said = String::from_utf8_lossy(&unasked.stderr).replace("\n    ", " ");
    assert_eq!(unasked.status.code(), Some(1), "{said}");
    assert!(said.contains("This very certificate and key passed full verification here before"), "{said}");
    assert!(said.contains("anybody who holds the old key can pose as db"), "{said}");
    assert!(said.contains("say --yes if this is what you want"), "{said}");
    let arguments = ["db", "--yes", "--for", "2h", "--reason", "the shop is down", "--by", "ana"];
    let made = scene.json("waive", &[&arguments[..], &["--output", "json"]].concat()).await;
    assert_eq!((&made["state"], &made["granted"]["by"]), (&json!("active"), &json!("ana")), "{made:#}");
    scene.until_through(true).await;
    let told = |one: &super::hook::Told| {
        one.body.to_string().contains("ana has the expired certificate of db accepted")
    };
    hook.wait("the grant", told).await;
    let used = |answer: &Value| (answer["waivers"][0]["uses"]["count"].as_u64()? > 0).then_some(());
    scene.home.api_until("its use to be counted", "/api/v1/waivers", used).await;

    // What was written holds for the next process as well.
    instance.kill();
    let _instance = scene.home.serve().await;
    scene.until_through(true).await;
    let longer = scene.run("waive", &["db", "--yes", "--for", "25h", "--reason", "x"]).await;
    let said = String::from_utf8_lossy(&longer.stderr).into_owned();
    assert!(longer.status.code() == Some(1) && said.contains("A waiver lasts 1d at most here."), "{said}");
    let ended = scene.run("unwaive", &["db"]).await;
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(said.starts_with("The waiver for db is over; it was used"), "{said}");
    scene.until_through(false).await;

    scene.json("waive", &[&arguments[..], &["--output", "json"]].concat()).await;
    scene.until_through(true).await;
    nginx.reload_identity(&pki.identity(Scenario::Fine, "localhost"));
    let renewed = |answer: &Value| (answer["waivers"][0]["end"]["because"] == "renewed").then_some(());
    scene.home.api_until("the waiver to end by itself", "/api/v1/waivers", renewed).await;
    scene.until_through(true).await;
    let none = scene.run("waivers", &[]).await;
    assert_eq!(String::from_utf8_lossy(&none.stdout), "No waiver is in force.\n");

    let log = scene.json("audit-log", &["verify", "--output", "json"]).await;
    assert!(log["rows"].as_u64().is_some_and(|rows| rows >= 7), "{log:#}");
    let head = log["head"].as_str().expect("a head");
    let again = scene.json("audit-log", &["verify", "--expect", head, "--output", "json"]).await;
    assert_eq!(again["expected_found"], true, "{again:#}");
    let other = scene.run("audit-log", &["verify", "--expect", &"0".repeat(64)]).await;
    assert_eq!(other.status.code(), Some(1), "{other:?}");
}

/// An authority takes a certificate back that is valid still: checks and relays refuse it from then on, also those of the next process,
/// when the list is not there any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_authority_calls_revoked_is_refused_and_never_waived() {
    if !require(Nginx::available()) {
        return;
    }
    let pki = Pki::new(now());
    let list = std::sync::Arc::new(std::sync::OnceLock::new());
    let answer = list.clone();
    let authority = Receiver::start(move |_| Answer::of_bytes(200, answer.get_or_init(Vec::new))).await;
    let spec =
        Spec::new("localhost", now() - SignedDuration::from_hours(1), now() + SignedDuration::from_hours(24));
    let identity = pki.issue(spec.with_crl_url(&authority.url("/authority.crl")));
    let revoked = CrlSpec { revoked: &[&identity.chain[0]], listed_at: now(), number: 7, only_for: None };
    list.set(pki.intermediate_crl(&revoked)).expect("nobody asked yet");
    let nginx = Nginx::start(&identity);
    let scene = Scene { home: Home::new(), relay: free_port() };
    pki.write_root(scene.home.directory());
    scene.home.configure(&format!(
        "{}    relay: {{ listen: 127.0.0.1:{} }}\n",
        checked_each_second(nginx.https_port()),
        scene.relay,
    ));
    let instance = scene.home.serve().await;
    let is_revoked =
        |one: &Value| (one["last"]["failure"]["kind"] == "certificate-revoked").then(|| one.clone());
    let seen = scene.home.api_until("the revocation to be seen", "/api/v1/dependencies/db", is_revoked).await;
    assert!(seen["last"]["failure"]["message"].to_string().contains("its key is compromised"), "{seen:#}");
    scene.until_through(false).await;
    assert_eq!(authority.received().len(), 1, "one list, asked for once");
    drop(authority);
    instance.kill();

    let _instance = scene.home.serve().await;
    scene.home.api_until("it to be remembered", "/api/v1/dependencies/db", is_revoked).await;
    scene.until_through(false).await;
    let waived = scene.run("waive", &["db", "--yes", "--reason", "the shop is down"]).await;
    let said = String::from_utf8_lossy(&waived.stderr).into_owned();
    assert!(waived.status.code() == Some(1) && said.contains("revoked"), "{said}");
}

/// A relay on a machine of its own: what its server grants holds there, also when that is gone and the relay starts anew, and what
/// it withdraws does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_alone_goes_by_its_servers_policy_also_without_the_server() {
    if !require(Nginx::available()) {
        return;
    }
    let pki = Pki::new(now());
    let nginx = Nginx::start(&pki.identity(Scenario::Expired, "localhost"));
    let scene = Scene { home: Home::new(), relay: free_port() };
    let there = Home::new();
    let dependency = checked_each_second(nginx.https_port());
    for home in [&scene.home, &there] {
        pki.write_root(home.directory());
    }
    scene.home.configure(&dependency);
    there.configure(&format!("{dependency}    relay: {{ listen: 127.0.0.1:{} }}\n", scene.relay));
    let address = format!("http://127.0.0.1:{}", scene.home.operator_port());
    let server = scene.home.serve().await;
    let relay = there.spawn_command("relay", &["--server", &address]);
    scene.until_through(false).await;
    scene.home.verdict("db", "down").await;
    scene.json("waive", &["db", "--yes", "--reason", "the shop is down", "--output", "json"]).await;
    scene.until_through(true).await;
    let used = |answer: &Value| (answer["waivers"][0]["uses"]["count"].as_u64()? > 0).then_some(());
    scene.home.api_until("its use to be told to the server", "/api/v1/waivers", used).await;

    server.kill();
    relay.kill();
    let _relay = there.spawn_command("relay", &["--server", &address]);
    scene.until_through(true).await;
    let _server = scene.home.serve().await;
    assert!(scene.run("unwaive", &["db"]).await.status.success());
    scene.until_through(false).await;
}
