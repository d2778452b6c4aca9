use std::time::Duration;

use mainstay_testkit::servers::{Nginx, free_port, require};
use mainstay_testkit::{Pki, Scenario, wait_for};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::hook::{Hook, time};
use super::switch::Switch;
use crate::instance::{Home, PATIENCE, checked_each_second, now};

/// "Within seconds": the file is looked at every two.
const SECONDS: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_configuration_is_in_force_within_seconds() {
    let (stays, leaves, comes) = (Switch::on().await, Switch::on().await, Switch::on().await);
    let hook = Hook::start().await;
    let home = Home::new();
    let with = |other: String| {
        format!("dependencies:\n{}{other}{}", stays.dependency("stays"), hook.configuration())
    };
    home.configure(&with(leaves.dependency("leaves")));
    let _instance = home.serve().await;
    home.verdict("stays", "healthy").await;
    home.verdict("leaves", "healthy").await;
    let before = home.api("/api/v1/dependencies/stays").await.expect("it is there");

    home.configure(&with(comes.dependency("comes")));
    home.verdict("comes", "healthy").await;
    let names = home.api("/api/v1/dependencies").await.expect("the list")["dependencies"].to_string();
    assert!(!names.contains("leaves"), "{names}");
    let after = home.api("/api/v1/dependencies/stays").await.expect("it is there");
    assert_eq!(after["since"], before["since"], "what did not change goes on as it was");
    let again = time(&after["checked_at"]);
    home.api_until("the rhythm to go on", "/api/v1/dependencies/stays", |one| {
        (time(&one["checked_at"]) > again).then_some(())
    })
    .await;
    assert_eq!(hook.told().len(), 0, "{:#?}", hook.told());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_version_is_refused_and_told_and_the_old_one_goes_on() {
    let switch = Switch::on().await;
    let hook = Hook::start().await;
    let home = Home::new();
    let good = format!("dependencies:\n{}{}", switch.dependency("a"), hook.configuration());
    home.configure(&good);
    let instance = home.serve().await;
    home.verdict("a", "healthy").await;

    home.configure(&good.replace("every: 1s", "evry: 1s"));
    let told = wait_for("the refusal to be told", SECONDS, async || hook.told().into_iter().next()).await;
    assert_eq!(told.kind(), "incident.opened");
    let evidence = told.body["data"]["evidence"].to_string();
    let line = std::fs::read_to_string(home.path("mainstay.yaml")).expect("it is there");
    let (number, line) =
        line.lines().enumerate().find(|(_, line)| line.contains("evry")).expect("it was written");
    let place = format!("mainstay.yaml:{}:{}", number + 1, line.find("evry").expect("it is there") + 1);
    assert!(evidence.contains(&place) && evidence.contains("evry"), "{place} is not in {evidence}");
    let checked = checked_at(&home).await;
    wait_for("the old version to go on", PATIENCE, async || {
        (checked_at(&home).await > checked).then_some(())
    })
    .await;
    assert_eq!(instance.log().matches("is refused and the old one goes on").count(), 1, "{}", instance.log());

    home.configure(&good);
    let over = hook.wait("the end of the alert", |told| told.kind() == "incident.resolved").await;
    assert_eq!(over.incident()["id"], told.incident()["id"]);
    assert_eq!(hook.told().len(), 2, "{:#?}", hook.told());
}

/// What stands in other files is not looked at by itself: that is what the signal is for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hang_up_signal_reloads_though_the_file_is_the_same() {
    let home = Home::new();
    home.write("title", "Before");
    home.write("mainstay.yaml", &home.head("./data", "${file:title}"));
    let instance = home.serve().await;
    let title = |title: &'static str| {
        home.summary_until(title, move |summary| (summary["page"]["name"] == title).then_some(()))
    };
    title("Before").await;
    home.write("title", "After");
    instance.signal("HUP");
    title("After").await;
}

/// Whoever is connected stays so, whatever the signal brings: another address to listen on, or a file that is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_alone_takes_over_a_new_configuration_at_the_hang_up_signal() {
    if !require(Nginx::available()) {
        return;
    }
    let pki = Pki::new(now());
    let nginx = Nginx::start(&pki.identity(Scenario::Fine, "localhost"));
    let home = Home::new();
    pki.write_root(home.directory());
    let (before, after) = (free_port(), free_port());
    home.write("port", &before.to_string());
    home.configure(&format!(
        "{}    relay: {{ listen: \"127.0.0.1:${{file:port}}\" }}\n",
        checked_each_second(nginx.https_port()),
    ));
    // Nobody is there, and nobody has to be.
    let server = format!("http://127.0.0.1:{}", home.operator_port());
    let relay = home.spawn_command("relay", &["--server", &server]);
    let mut application = connected(before).await;
    answered(&mut application).await;

    home.write("port", "nowhere");
    relay.signal("HUP");
    wait_for("the refusal to be logged", PATIENCE, async || {
        relay.log().contains("is refused and the old one goes on").then_some(())
    })
    .await;
    answered(&mut application).await;
    answered(&mut connected(before).await).await;

    home.write("port", &after.to_string());
    relay.signal("HUP");
    answered(&mut connected(after).await).await;
    answered(&mut application).await;
}

#[expect(clippy::disallowed_methods, reason = "this is an application")]
async fn connected(port: u16) -> TcpStream {
    wait_for("the relay to listen", PATIENCE, async || TcpStream::connect(("127.0.0.1", port)).await.ok())
        .await
}

/// Asks over a connection that is kept for the next time. A head has no body, so that nothing of the answer is left.
async fn answered(application: &mut TcpStream) {
    application.write_all(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("it is connected");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let read = tokio::time::timeout(PATIENCE, application.read_buf(&mut answer)).await;
        assert!(read.expect("it answers").expect("it is connected") > 0, "it ended the connection");
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

async fn checked_at(home: &Home) -> jiff::Timestamp {
    time(&home.api("/api/v1/dependencies/a").await.expect("it is there")["checked_at"])
}
