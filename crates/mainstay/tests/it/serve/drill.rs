//! A drill for real: begun by the command over the server's socket, told by a channel that works, answered or not.

use std::process::{Output, Stdio};

use serde_json::{Value, json};

use super::hook::Hook;
use super::switch::Switch;
use crate::instance::Home;

struct Scene {
    home: Home,
    works: Hook,
    last: Hook,
    _db: Switch,
}

impl Scene {
    async fn set() -> Scene {
        let (works, last) = (Hook::start().await, Hook::start().await);
        let (db, home) = (Switch::on().await, Home::new());
        let used =
            db.dependency("db").replace("every: 1s", "criticality: critical, used_by: [shop], every: 1s");
        home.configure(&format!(
            "components: {{ shop: {{ name: Shop }} }}\ndependencies:\n{used}channels:\n{}{}\
             routes: [{{ severity: page, escalate: team }}, {{ severity: high, to: last }}]\n\
             escalations: {{ team: {{ steps: [{{ to: works, wait: 3s }}] }} }}\n\
             fallback: [last]\n",
            works.channel_line("works"),
            last.channel_line("last"),
        ));
        Scene { home, works, last, _db: db }
    }

    /// Runs the command to its end beside everything else.
    fn drill(&self, arguments: &[&str]) -> tokio::task::JoinHandle<Output> {
        let mut command = self.home.command("drill");
        command.args(["db", "--output", "json"]).args(arguments).stdin(Stdio::null());
        tokio::task::spawn_blocking(move || command.output().expect("the program was built with the test"))
    }
}

fn report(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_is_begun_answered_and_scored_and_customers_see_nothing() {
    let scene = Scene::set().await;
    let without_a_server = scene.drill(&["--yes"]).await.expect("it ran");
    assert_eq!(without_a_server.status.code(), Some(2));
    let _instance = scene.home.serve().await;
    scene.home.verdict("db", "healthy").await;
    let unasked = scene.drill(&[]).await.expect("it ran");
    assert_eq!(unasked.status.code(), Some(2), "nobody can be asked");
    let said = String::from_utf8_lossy(&unasked.stderr).into_owned();
    assert!(said.contains("at once, step 1 of team: works") && said.contains("say --yes"), "{said}");
    assert!(scene.works.told().is_empty(), "and nobody was told");

    let drilling = scene.drill(&["--yes", "--wait"]);
    let told = scene.works.wait("the drill", |one| one.says("incident.opened", "db")).await;
    assert_eq!(told.body["data"]["drill"], true);
    assert_eq!(told.incident()["title"], "DRILL: db is down: its certificate expired");
    scene
        .home
        .summary_until("customers to see nothing", |summary| {
            assert_eq!(summary["incidents"], json!([]), "{summary:#}");
            (summary["status"]["indicator"] == "none").then_some(())
        })
        .await;
    let id = told.incident()["id"].as_str().expect("an id");
    let (status, _) = scene.home.post(&format!("/api/v1/incidents/{id}/acknowledge"), Value::Null).await;
    assert_eq!(status, 200);
    let output = drilling.await.expect("it ran");
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!((&report["id"], &report["result"]), (&told.incident()["id"], &json!("answered")));
    assert_eq!(report["messages"][0]["delivery"].as_str(), Some(told.id.as_str()));
    assert!(report["messages"][0]["told_after_ms"].is_i64(), "{report:#}");
    let db = scene.home.api("/api/v1/dependencies/db").await.expect("the dependency");
    assert_eq!(db["verdict"], "healthy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_that_nobody_answers_is_told_to_the_fallback_as_a_drill_and_reported_in_earnest() {
    let scene = Scene::set().await;
    let _instance = scene.home.serve().await;
    scene.home.verdict("db", "healthy").await;
    let drilling = scene.drill(&["--yes", "--wait", "--lasts", "10s"]);
    let cause = |one: &super::hook::Told, begins: &str| {
        one.body["data"]["cause"].as_str().is_some_and(|cause| cause.starts_with(begins))
    };
    let unreached =
        scene.last.wait("that nobody was reached", |one| cause(one, "Nobody was reached about")).await;
    assert_eq!(unreached.body["data"]["drill"], true);
    let reported = scene.last.wait("the report", |one| cause(one, "Nobody answered the drill of db")).await;
    assert_eq!(
        (&reported.body["data"]["drill"], &reported.incident()["severity"]),
        (&json!(false), &json!("high"))
    );
    let output = drilling.await.expect("it ran");
    let report = report(&output);
    assert_eq!((output.status.code(), &report["result"]), (Some(1), &json!("unanswered")), "{report:#}");
    let over = scene.last.wait("that it is over", |one| one.kind() == "incident.resolved").await;
    assert_eq!(
        (&over.incident()["id"], &over.body["data"]["drill"]),
        (&unreached.incident()["id"], &json!(true))
    );
}
