//! The whole story of a relay: an application that verifies, a certificate that expires, a waiver, the renewal.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use mainstay_testkit::servers::{
    Account, MariaDb, MariaDbOptions, Method, Postgres, PostgresOptions, free_port, require,
};
use mainstay_testkit::{Identity, Pki, Scenario, Spec, wait_for};
use serde_json::{Value, json};

use crate::instance::{Home, PATIENCE, now};

const SERVER_NAME: &str = "db.example.test";
const ONE_SECOND: SignedDuration = SignedDuration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_stays_up_through_an_expiry() {
    if require(Postgres::available()) {
        story(|identity| {
            let accounts = [Account::new("app", "secret", Method::Scram)];
            let options =
                PostgresOptions { identity: Some(identity), accounts: &accounts, ..Default::default() };
            let server = Postgres::start(options);
            server.execute("CREATE TABLE paid (n int); GRANT ALL ON paid TO app");
            Server::Postgres(server)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_stays_up_through_an_expiry() {
    if require(MariaDb::available()) {
        story(|identity| {
            let accounts = [Account::new("app", "secret", Method::MySqlNative)];
            let server = MariaDb::start(MariaDbOptions { identity: Some(identity), accounts: &accounts });
            server.execute(
                "CREATE DATABASE shop; CREATE TABLE shop.paid (n int); GRANT ALL ON shop.* TO app@'%'",
            );
            Server::MariaDb(server)
        })
        .await;
    }
}

enum Server {
    Postgres(Postgres),
    MariaDb(MariaDb),
}

impl Server {
    fn url(&self) -> String {
        match self {
            Server::Postgres(server) => format!("postgres://app:secret@127.0.0.1:{}/postgres", server.port()),
            Server::MariaDb(server) => format!("mysql://app:secret@127.0.0.1:{}/shop", server.port()),
        }
    }

    /// Its own client, which comes through the relay.
    fn client(&self, relay: u16) -> Client {
        match self {
            Server::Postgres(_) => Client { program: "psql", relay },
            Server::MariaDb(_) => Client { program: "mariadb", relay },
        }
    }

    fn reload_identity(&self, identity: &Identity) {
        match self {
            Server::Postgres(server) => server.reload_identity(identity),
            Server::MariaDb(server) => server.reload_identity(identity),
        }
    }

    /// Everything that was paid.
    fn paid(&self) -> BTreeSet<u32> {
        let rows = match self {
            Server::Postgres(server) => server.execute("SELECT n FROM paid"),
            Server::MariaDb(server) => server.execute("SELECT n FROM shop.paid"),
        };
        rows.lines().map(|line| line.parse().expect("a number")).collect()
    }
}

/// An application: the database's own client, in plaintext to the relay.
#[derive(Clone, Copy)]
struct Client {
    program: &'static str,
    relay: u16,
}

impl Client {
    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        let port = self.relay.to_string();
        if self.program == "psql" {
            command.args(["-XAtq", "-h", "127.0.0.1", "-p", &port, "-U", "app", "-d", "postgres"]);
            command.env("PGPASSWORD", "secret").env("PGSSLMODE", "disable");
        } else {
            command.args([
                "--no-defaults",
                "--skip-ssl",
                "-N",
                "-B",
                "--unbuffered",
                "-h",
                "127.0.0.1",
                "-P",
                &port,
            ]);
            command.args(["-u", "app", "-psecret", "shop"]);
        }
        command
    }

    /// One transaction over a connection of its own.
    fn pays(&self, number: u32) -> Result<(), String> {
        let sql = format!("BEGIN; INSERT INTO paid VALUES ({number}); COMMIT;");
        let flag = if self.program == "psql" { "-c" } else { "-e" };
        let output = self.command().args([flag, &sql]).output().expect("the client is installed");
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }
}

/// What the application saw, in order.
#[derive(Default)]
struct Ledger {
    committed: Vec<(u32, Timestamp)>,
    refused: Vec<(Timestamp, String)>,
}

impl Ledger {
    /// When the first transaction after that moment was committed.
    fn committed_after(&self, moment: Timestamp) -> Option<Timestamp> {
        self.committed.iter().map(|(_, at)| *at).find(|at| *at > moment)
    }
}

async fn story(start: impl FnOnce(&Identity) -> Server) {
    let pki = Pki::new(now());
    let ends = Timestamp::from_second(now().as_second() + 12).expect("a time of today");
    let first = pki.issue(Spec::new(SERVER_NAME, ends - ONE_SECOND * 900, ends));
    let server = Arc::new(tokio::task::block_in_place(|| start(&first)));
    let (home, relay) = (Home::new(), free_port());
    pki.write_root(home.directory());
    home.configure(&format!(
        "dependencies:\n  orders-db:\n    url: {}\n    tls: {{ ca_file: root.pem, server_name: {SERVER_NAME} }}\n    \
         every: 1s\n    timeout: 900ms\n    relay: {{ listen: 127.0.0.1:{relay} }}\n",
        server.url()
    ));
    let _instance = home.serve().await;
    let (ledger, open) = (Arc::new(Mutex::new(Ledger::default())), Arc::new(AtomicBool::new(true)));
    let client = server.client(relay);
    let application = tokio::task::spawn_blocking({
        let (ledger, open) = (ledger.clone(), open.clone());
        move || work(client, &ledger, &open)
    });

    let first_refusal =
        wait_for("the expiry", PATIENCE, async || ledger.lock().unwrap().refused.first().cloned());
    let (refused_at, words) = first_refusal.await;
    for part in ["Mainstay: no connection to orders-db", "expired"] {
        assert!(words.contains(part), "{part:?} is missing: {words}");
    }
    assert!(!ledger.lock().unwrap().committed.is_empty(), "it worked before");

    let granted_at = granted(&home).await;
    let back_at =
        wait_for("service to be back", PATIENCE, async || ledger.lock().unwrap().committed_after(granted_at))
            .await;
    let took = back_at.duration_since(granted_at);
    assert!(took < ONE_SECOND, "back {took:#} after the grant");

    // Somebody is in the middle of a transaction when the provider renews.
    let (mut says, mut heard, session) = in_transaction(client);
    server.reload_identity(&pki.identity(Scenario::Fine, SERVER_NAME));
    let renewed_at = now();
    let ended = home
        .api_until("the waiver to end", "/api/v1/waivers", |all| {
            let one = &all["waivers"][0];
            (one["state"] == "ended").then(|| one.clone())
        })
        .await;
    let ended_at = now();
    assert_eq!(ended["end"]["because"], "renewed", "{ended:#}");
    writeln!(says, "INSERT INTO paid VALUES (1000002); COMMIT; SELECT 'committed';").unwrap();
    drop(says);
    let rest: Vec<String> = heard.by_ref().map_while(Result::ok).collect();
    let _ = tokio::task::spawn_blocking(move || session.wait_with_output()).await.unwrap();
    drop(rest);

    wait_for("a verified connection", PATIENCE, async || ledger.lock().unwrap().committed_after(ended_at))
        .await;
    open.store(false, Ordering::Relaxed);
    application.await.unwrap();
    let paid = server.paid();
    let acknowledged: BTreeSet<u32> =
        ledger.lock().unwrap().committed.iter().map(|(number, _)| *number).collect();
    assert!(
        acknowledged.is_subset(&paid),
        "a committed transaction is lost: {:?}",
        acknowledged.difference(&paid)
    );
    assert!(paid.contains(&1_000_001) && paid.contains(&1_000_002), "draining let the open transaction end");
    assert_history(&home).await;
    let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64();
    println!(
        "{}: refused {:.2} s after the expiry, waived {:.2} s later, back {:.3} s after the grant, the waiver ended {:.2} s after the renewal; {} transactions, {} refused",
        client.program,
        seconds(ends, refused_at),
        seconds(refused_at, granted_at),
        took.as_secs_f64(),
        seconds(renewed_at, ended_at),
        acknowledged.len(),
        ledger.lock().unwrap().refused.len(),
    );
}

/// One transaction after the other, as fast as the client starts.
fn work(client: Client, ledger: &Mutex<Ledger>, open: &AtomicBool) {
    for number in 0..1_000_000 {
        if !open.load(Ordering::Relaxed) {
            return;
        }
        match client.pays(number) {
            Ok(()) => ledger.lock().unwrap().committed.push((number, now())),
            Err(words) => ledger.lock().unwrap().refused.push((now(), words)),
        }
    }
}

/// Asks for a waiver until the diagnosis allows it, and gives the moment before that.
async fn granted(home: &Home) -> Timestamp {
    let wish = json!({ "dependency": "orders-db", "reason": "their certificate expired, ticket 4711", "lasts": "1h" });
    wait_for("the waiver", PATIENCE, async || {
        let asked = now();
        match home.post("/api/v1/waivers", wish.clone()).await {
            (201, _) => Some(asked),
            _ => None,
        }
    })
    .await
}

type Lines = std::io::Lines<BufReader<std::process::ChildStdout>>;

fn in_transaction(client: Client) -> (std::process::ChildStdin, Lines, std::process::Child) {
    let mut session = client.command();
    session.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut session = session.spawn().unwrap();
    let mut says = session.stdin.take().unwrap();
    let mut heard = BufReader::new(session.stdout.take().unwrap()).lines();
    writeln!(says, "BEGIN; INSERT INTO paid VALUES (1000001); SELECT 'begun';").unwrap();
    assert_eq!(heard.next().unwrap().unwrap(), "begun");
    (says, heard, session)
}

/// The incident's timeline tells the whole of it.
async fn assert_history(home: &Home) {
    let texts = wait_for("the timeline", PATIENCE, async || {
        let all = home.incidents().await;
        let entries = all.iter().flat_map(|one| one["timeline"].as_array().cloned().unwrap_or_default());
        let waivers: Vec<Value> = entries.filter(|entry| entry["kind"] == "waiver").collect();
        // Granted, used for the first time, ended.
        (waivers.len() >= 3).then_some(waivers)
    })
    .await;
    assert!(
        texts.iter().any(|entry| entry["text"].as_str().is_some_and(|text| text.contains("4711"))),
        "{texts:#?}"
    );
}
