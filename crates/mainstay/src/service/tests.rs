//! The whole service against real counterparts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::Method;
use mainstay_testkit::servers::{
    Alertmanager, Postfix, PostfixOptions, Prometheus, Rule, free_port, require,
};
use mainstay_testkit::{Answer, Mailbox, Receiver, wait_for};
use serde_json::{Value, json};

use super::*;
use crate::client::{Server, socket_in};
use crate::inherited::Inherited;

/// As long as this is waited for what should take a second or two; machines that test are busy.
const PATIENCE: Duration = Duration::from_secs(60);
const TOKEN: &str = "s3cret";

/// A service in this process, with a dependency that is down while nobody listens on its port.
struct House {
    service: Option<Service>,
    operator: u16,
    client: reqwest::Client,
    directory: PathBuf,
}

impl House {
    async fn start(operator: u16, watched: u16, alertmanager: &str) -> House {
        let rest = format!(
            "channels: {{ am: {{ alertmanager: \"{alertmanager}\" }} }}\n\
             routes: [{{ to: am }}]\n\
             receive: {{ alertmanager_token: {TOKEN} }}\n"
        );
        House::telling(operator, watched, &rest).await
    }

    /// With these sections about who is told.
    async fn telling(operator: u16, watched: u16, rest: &str) -> House {
        let directory =
            std::env::temp_dir().join(format!("mainstay-service-{operator}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("mainstay.yaml");
        let text = format!(
            "server: {{ listen: 127.0.0.1:{operator}, data_dir: data }}\n\
             status_page: {{ listen: 127.0.0.1:{} }}\n\
             dependencies:\n  db: {{ url: tcp://127.0.0.1:{watched}, every: 1s, criticality: critical, confirm: {{ failures: 1, of: 1, recoveries: 1 }} }}\n\
             {rest}",
            free_port()
        );
        std::fs::write(&path, text).unwrap();
        let loaded =
            config::load(Path::new(&path), &|_| None).unwrap_or_else(|problems| panic!("{problems}"));
        let service = Service::start(&path, loaded, Inherited::default()).await.unwrap();
        // Only the first installation counts, and any of them will do.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        House { service: Some(service), operator, client: reqwest::Client::new(), directory }
    }

    async fn end(mut self) {
        if let Some(service) = self.service.take() {
            service.end(false).await;
        }
        std::fs::remove_dir_all(&self.directory).unwrap();
    }

    async fn json(&self, url: &str) -> Option<Value> {
        self.client.get(url).send().await.ok()?.json().await.ok()
    }

    /// Waits until an incident of this title is in this state, and gives it.
    async fn incident(&self, title: &str, state: &str) -> Value {
        let url = format!("http://127.0.0.1:{}/api/v1/incidents", self.operator);
        wait_for(&format!("{title} to be {state}"), PATIENCE, async || {
            let list = self.json(&url).await?;
            let mut all = list["incidents"].as_array()?.iter();
            all.find(|one| {
                one["title"].as_str().is_some_and(|text| text.starts_with(title)) && one["state"] == state
            })
            .cloned()
        })
        .await
    }

    async fn count(&self) -> usize {
        let url = format!("http://127.0.0.1:{}/api/v1/incidents", self.operator);
        self.json(&url).await.unwrap()["incidents"].as_array().unwrap().len()
    }

    /// Our alerts that hold in Alertmanager, once they fulfil the condition.
    async fn alerts(
        &self,
        alertmanager: &Alertmanager,
        what: &str,
        fits: impl Fn(&[Value]) -> bool,
    ) -> Vec<Value> {
        let url = alertmanager.url("/api/v2/alerts?filter=alertname%3DMainstayIncident");
        wait_for(what, PATIENCE, async || {
            let list = self.json(&url).await?.as_array()?.clone();
            fits(&list).then_some(list)
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alertmanager_takes_our_incidents_and_we_take_its_alerts() {
    if !require(Alertmanager::available()) {
        return;
    }
    let (operator, watched) = (free_port(), free_port());
    let alertmanager =
        Alertmanager::start(&format!("http://127.0.0.1:{operator}/api/v1/alertmanager"), TOKEN);
    let house = House::start(operator, watched, &alertmanager.url("")).await;

    let ours = house.incident("db is down", "open").await;
    let alerts = house.alerts(&alertmanager, "our alert to arrive", |alerts| !alerts.is_empty()).await;
    let [alert] = alerts.as_slice() else { panic!("one alert: {alerts:?}") };
    assert_eq!(alert["labels"]["incident"], ours["id"]);
    assert_eq!(
        (&alert["labels"]["severity"], &alert["labels"]["dependency"]),
        (&json!("page"), &json!("db"))
    );
    assert_eq!(alert["status"]["state"], "active");
    assert!(
        alert["generatorURL"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/incidents/{}", ours["id"].as_str().unwrap()))
    );

    let alive = tokio::net::TcpListener::bind(("127.0.0.1", watched)).await.unwrap();
    house.incident("db is down", "resolved").await;
    house.alerts(&alertmanager, "our alert to end", <[Value]>::is_empty).await;

    let labels = json!({ "alertname": "OrdersFail", "severity": "warning" });
    let mut theirs = json!([{ "labels": labels, "annotations": { "summary": "Every fifth order fails" } }]);
    let url = alertmanager.url("/api/v2/alerts");
    house.client.post(&url).json(&theirs).send().await.unwrap().error_for_status().unwrap();
    let incident = house.incident("Every fifth order fails", "open").await;
    assert_eq!(incident["severity"], "warn");
    theirs[0]["endsAt"] = json!(clock::now());
    house.client.post(&url).json(&theirs).send().await.unwrap().error_for_status().unwrap();
    house.incident("Every fifth order fails", "resolved").await;
    assert_eq!(house.count().await, 2, "our own alerts, which came back by the webhook, are none of its");
    drop(alive);
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_prometheus_joins_the_incident_of_the_dependency_that_it_names() {
    if !require(Alertmanager::available()) || !require(Prometheus::available()) {
        return;
    }
    let (operator, watched) = (free_port(), free_port());
    let alertmanager =
        Alertmanager::start(&format!("http://127.0.0.1:{operator}/api/v1/alertmanager"), TOKEN);
    let house = House::start(operator, watched, &alertmanager.url("")).await;
    house.incident("db is down", "open").await;

    let rule = Rule {
        alert: "OrdersFail",
        expr: "vector(1) > 0",
        labels: "{ severity: critical, dependency: db }",
        summary: "Every fifth order fails",
    };
    let prometheus = Prometheus::start(alertmanager.port(), rule);
    let id = house.incident("db is down", "open").await["id"].as_str().unwrap().to_owned();
    let url = format!("http://127.0.0.1:{operator}/api/v1/incidents/{id}");
    let says = async |text: &str| {
        wait_for(text, PATIENCE, async || {
            let timeline = house.json(&url).await?["timeline"].to_string();
            timeline.contains(text).then_some(())
        })
        .await;
    };
    says("Every fifth order fails.").await;
    assert_eq!(house.count().await, 1, "one trouble, seen by two");

    let alive = tokio::net::TcpListener::bind(("127.0.0.1", watched)).await.unwrap();
    says("db works again.").await;
    prometheus.change(Rule { expr: "vector(1) > 1", ..rule });
    says("No longer: Every fifth order fails.").await;
    wait_for("the incident to be over", PATIENCE, async || {
        (house.json(&url).await?["state"] == "resolved").then_some(())
    })
    .await;
    drop(alive);
    house.end().await;
}

#[tokio::test]
async fn a_command_finds_the_running_server_by_its_socket_and_acts_in_its_users_name() {
    let folder = std::env::temp_dir().join(format!("mainstay-service-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("mainstay.yaml");
    let text = "server: { listen: \"127.0.0.1:0\", data_dir: ./data }\n\
                status_page: { listen: \"127.0.0.1:0\" }\n\
                dependencies: { site: { url: \"tcp://127.0.0.1:9\", every: 1h } }\n";
    std::fs::write(&file, text).unwrap();
    let loaded = || config::load(&file, &|_| None).unwrap();
    let service = Service::start(&file, loaded(), Inherited::default()).await.unwrap();

    let data = config::data_dir(&file, &|_| None).unwrap();
    let server = Server::Here { socket: socket_in(&data), by: Some("Jörg".into()) };
    let wish = json!({ "what": { "dependency": ["site"] }, "until": "1h", "reason": "It is only a test." });
    let list = server.ask(Method::POST, "/api/v1/silences", Some(&wish)).await.unwrap();
    assert_eq!(list["silences"][0]["by"], "Jörg");
    let refused = server.ask(Method::GET, "/api/v1/incidents/x", None).await.unwrap_err().to_string();
    assert!(refused.starts_with("There is no such incident."), "{refused}");

    service.end(false).await;
    assert!(!socket_in(&data).exists(), "nothing is left behind");
    let gone = server.ask(Method::GET, "/api/v1/incidents", None).await.unwrap_err().to_string();
    assert!(gone.contains("nothing answers at"), "{gone}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_comes_back_counts_as_one_that_nobody_got() {
    if !require(Postfix::available()) {
        return;
    }
    let gone = Mailbox::refusing_recipients(&[("anna@away.test", "550 5.1.1 no such user")]).await;
    let away = Some(gone.address().port());
    let postfix = Postfix::start(PostfixOptions { away, ..PostfixOptions::default() });
    let second = Receiver::start(|_| Answer::new(204, "")).await;
    let rest = format!(
        "mail: {{ smtp: \"smtp://127.0.0.1:{}\", from: status@example.test, bounce_address: \"bounces+{{id}}@example.test\" }}\n\
         channels:\n  anna-mail: {{ email: anna@away.test }}\n  second: {{ webhook: \"{}\" }}\n\
         escalations:\n  team: {{ steps: [{{ to: anna-mail, wait: 1h }}, {{ to: second, wait: 1h }}] }}\n\
         routes: [{{ escalate: team }}]\nfallback: second\nreceive: {{ bounce_token: {TOKEN} }}\n",
        postfix.smtp_port(),
        second.url("/hook")
    );
    let operator = free_port();
    let house = House::telling(operator, free_port(), &rest).await;
    let api = |path: &str| format!("http://127.0.0.1:{operator}/api/v1/{path}");
    let accepted = wait_for("the mail to be accepted", PATIENCE, async || {
        let list = house.json(&api("deliveries?channel=anna-mail&state=delivered")).await?;
        list["deliveries"].as_array()?.first().cloned()
    })
    .await;
    let id = accepted["id"].as_str().unwrap();
    let returned = wait_for("the mail to come back", PATIENCE, async || {
        postfix.inbox(&format!("bounces+{id}@example.test")).pop()
    })
    .await;

    let hand_in =
        |token: &str| house.client.post(api("bounces")).bearer_auth(token).body(returned.clone()).send();
    assert_eq!(hand_in("another").await.unwrap().status().as_u16(), 401);
    let taken: Value = hand_in(TOKEN).await.unwrap().error_for_status().unwrap().json().await.unwrap();
    assert_eq!((&taken["delivery"], &taken["lost"]), (&json!(id), &json!(true)));
    let one = house.json(&api(&format!("deliveries/{id}"))).await.unwrap();
    assert_eq!(one["state"]["is"], "bounced", "{one:#}");
    let tries: Vec<&Value> = one["attempts"].as_array().unwrap().iter().map(|one| &one["is"]).collect();
    assert_eq!(tries, ["accepted", "bounced"]);
    assert!(one["state"]["reason"].as_str().unwrap().contains("550 5.1.1 no such user"), "{one:#}");

    let incident = &accepted["message"]["incident"]["id"];
    wait_for("the next step to be told", PATIENCE, async || {
        let told = second.received();
        told.iter().any(|one| one.json()["data"]["incident"]["id"] == *incident).then_some(())
    })
    .await;
    house.incident("anna-mail does not take messages", "open").await;
    house.end().await;
}
