//! The whole story of a relay: an application that verifies, a certificate that expires, a waiver, the renewal.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use mainstay_testkit::servers::{
    Account, MariaDb, MariaDbOptions, Method, Postgres, PostgresOptions, free_port, require,
};
use mainstay_testkit::{Identity, Pki, Scenario, Spec, wait_for};
use serde_json::{Value, json};

use crate::instance::{Home, PATIENCE, now};

const SERVER_NAME: &str = "db.example.test";
const ONE_SECOND: SignedDuration = SignedDuration::from_secs(1);
const BEAT: Duration = Duration::from_millis(10);
const KEPT_FOR: Duration = Duration::from_millis(500);

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
            command.args([
                "-XAtq",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                "app",
                "-d",
                "postgres",
            ]);
            command.env("PGPASSWORD", "secret").env("PGSSLMODE", "disable");
        } else {
            command.args([
                "--no-defaults",
                "--skip-ssl",
                "-N",
                "-B",
                "--unbuffered",
                "--skip-reconnect",
                "-h",
                "127.0.0.1",
                "-P",
                &port,
            ]);
            command.args(["-u", "app", "-psecret", "shop"]);
        }
        command
    }

    fn connect(&self) -> Session {
        let mut process = self.command();
        process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = process.spawn().expect("the client is installed");
        let says = process.stdin.take().expect("it is piped");
        let heard = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        Session { says, heard, process, opened: Instant::now() }
    }
}

/// One connection.
struct Session {
    says: ChildStdin,
    heard: Lines<BufReader<ChildStdout>>,
    process: Child,
    opened: Instant,
}

impl Session {
    fn says(&mut self, sql: &str) {
        // A client that is gone is noticed when it gives no answer.
        let _ = writeln!(self.says, "{sql}");
    }

    fn hears(&mut self) -> Option<String> {
        self.heard.next().and_then(Result::ok)
    }

    /// Whether a transaction was committed; if not, the connection is lost.
    fn pays(&mut self, number: u32) -> bool {
        self.says(&format!("BEGIN; INSERT INTO paid VALUES ({number}); COMMIT; SELECT 'paid {number}';"));
        self.hears() == Some(format!("paid {number}"))
    }

    /// What its client said of it in the end.
    fn close(self) -> String {
        let Session { says, heard, process, .. } = self;
        drop(says);
        // Whatever it still answers: one that cannot write is ended by that.
        heard.for_each(drop);
        let output = process.wait_with_output().expect("it ends");
        String::from_utf8_lossy(&output.stderr).into_owned()
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
         every: 10m\n    timeout: 900ms\n    relay: {{ listen: 127.0.0.1:{relay} }}\n",
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
    let mut session = in_transaction(client);
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
    session.says("INSERT INTO paid VALUES (1000002); COMMIT; SELECT 'committed';");
    let _ = tokio::task::block_in_place(|| session.close());

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

/// A transaction every ten milliseconds, over a connection that is kept for as long as a careful pool keeps one: half a second here.
fn work(client: Client, ledger: &Mutex<Ledger>, open: &AtomicBool) {
    let mut beat = Instant::now();
    let mut session = client.connect();
    for number in 0..1_000_000 {
        if !open.load(Ordering::Relaxed) {
            return;
        }
        if session.pays(number) {
            ledger.lock().unwrap().committed.push((number, now()));
            if session.opened.elapsed() >= KEPT_FOR {
                assert_eq!(std::mem::replace(&mut session, client.connect()).close(), "");
            }
        } else {
            let words = std::mem::replace(&mut session, client.connect()).close();
            ledger.lock().unwrap().refused.push((now(), words));
        }
        // What took longer than a beat is not caught up with.
        beat = (beat + BEAT).max(Instant::now());
        std::thread::sleep(beat.saturating_duration_since(Instant::now()));
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

fn in_transaction(client: Client) -> Session {
    let mut session = client.connect();
    session.says("BEGIN; INSERT INTO paid VALUES (1000001); SELECT 'begun';");
    assert_eq!(session.hears().as_deref(), Some("begun"));
    session
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
