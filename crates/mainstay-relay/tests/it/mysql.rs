//! A relay in front of a real MariaDB, and the client of Debian in front of the relay.

use std::process::Stdio;
use std::time::Duration;

use mainstay_testkit::servers::{Account, MariaDb, MariaDbOptions, Method, require};
use mainstay_testkit::{Pki, Scenario, wait_for};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::scene::*;

const NAME: &str = "db.example.com";
const SOON: Duration = Duration::from_secs(10);

fn accounts() -> [Account; 2] {
    [Account::new("native", "se cret", Method::MySqlNative), Account::new("ed", "se cret", Method::Ed25519)]
}

/// A server, and a relay that its certificate satisfies or not.
async fn scene(scenario: Scenario) -> Option<(MariaDb, Running)> {
    if !require(MariaDb::available()) {
        return None;
    }
    let pki = Pki::new(now());
    let accounts = accounts();
    let known = if MariaDb::has_ed25519() { &accounts[..] } else { &accounts[..1] };
    let identity = pki.identity(scenario, NAME);
    let server = MariaDb::start(MariaDbOptions { identity: Some(&identity), accounts: known });
    let url = format!("mysql://127.0.0.1:{}", server.port());
    let running = relay(&url, NAME, &pki, terms(loopback())).await;
    Some((server, running))
}

/// Debian's client, in plaintext.
fn client(running: &Running, user: &str, options: &[&str]) -> Command {
    let port = running.address.unwrap().port();
    let mut command = Command::new("mariadb");
    command.env_clear().env("PATH", "/usr/bin:/bin:/usr/local/bin").env("MYSQL_PWD", "se cret");
    command.args(["--no-defaults", "--host=127.0.0.1", "--skip-ssl", "--batch", "--skip-column-names"]);
    command.arg(format!("--port={port}")).arg(format!("--user={user}")).args(options);
    command
}

async fn run(running: &Running, user: &str, options: &[&str]) -> String {
    let output = client(running, user, options).output().await.unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[tokio::test]
async fn a_client_in_plaintext_reaches_the_server_over_tls() {
    let Some((_server, running)) = scene(Scenario::Fine).await else { return };
    let users = if MariaDb::has_ed25519() { &["native", "ed"][..] } else { &["native"] };
    for user in users {
        for options in [&[][..], &["--compress"]] {
            let sql = "--execute=SELECT CURRENT_USER(); SHOW STATUS LIKE 'Ssl_version'";
            let answer = run(&running, user, &[options, &[sql]].concat()).await;
            assert_eq!(answer, format!("{user}@%\nSsl_version\tTLSv1.3\n"), "{options:?}");
        }
    }
    let many = run(&running, "native", &["--execute=SELECT seq FROM mysql.seq_1_to_100000"]).await;
    assert_eq!(many.lines().count(), 100_000, "{}", &many[..many.len().min(300)]);
    let denied = run(&running, "nobody", &["--execute=SELECT 1"]).await;
    assert!(denied.contains("ERROR 1045 (28000): Access denied for user 'nobody'"), "{denied}");
}

#[tokio::test]
async fn a_certificate_that_is_not_admitted_is_told_in_the_clients_own_words() {
    let Some((_server, running)) = scene(Scenario::Expired).await else { return };
    let refused = run(&running, "native", &["--execute=SELECT 1"]).await;
    assert!(refused.starts_with("ERROR 1105 (HY000): Mainstay: no connection to db: "), "{refused}");
    assert!(refused.contains("expired"), "{refused}");
}

/// Servers count connections that break off, and lock out the host that makes a hundred in a row.
#[tokio::test]
async fn a_refusal_is_no_mark_against_the_relay() {
    let Some((server, running)) = scene(Scenario::Expired).await else { return };
    for count in 1..=3 {
        let refused = run(&running, "native", &["--execute=SELECT 1"]).await;
        assert!(refused.contains("expired"), "{refused}");
        let visits = || server.log().matches("Access denied for user 'mainstay-hello'").count();
        wait_for("the visitor in the server's log", SOON, async || (visits() >= count).then_some(())).await;
        // With another policy the next one is not refused from memory.
        running.waive_nothing();
    }
    let marks = server.execute("SHOW GLOBAL STATUS LIKE 'Aborted_connects_preauth'");
    assert_eq!(marks, "Aborted_connects_preauth\t0");
}

#[tokio::test]
async fn a_look_whether_the_port_is_open_is_no_mark_against_the_relay() {
    let Some((server, running)) = scene(Scenario::Fine).await else { return };
    let mut looking = connect(&running).await;
    looking.read_u8().await.unwrap();
    drop(looking);
    let noted = async || server.log().contains("Access denied for user 'mainstay-hello'").then_some(());
    wait_for("the visitor in the server's log", SOON, noted).await;
}

#[tokio::test]
async fn an_application_that_speaks_something_else_is_no_mark_against_the_relay() {
    let Some((server, running)) = scene(Scenario::Fine).await else { return };
    let mut stranger = connect(&running).await;
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut told = Vec::new();
    stranger.read_to_end(&mut told).await.unwrap();
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains("Mainstay: no connection to db"), "{told}");
    let noted = async || server.log().contains("Access denied for user 'mainstay-hello'").then_some(());
    wait_for("the visitor in the server's log", SOON, noted).await;
    let marks = server.execute("SHOW GLOBAL STATUS LIKE 'Aborted_connects_preauth'");
    assert_eq!(marks, "Aborted_connects_preauth\t0");
}

#[tokio::test]
async fn a_relay_that_stops_waits_for_a_transaction_and_says_good_bye() {
    let Some((server, running)) = scene(Scenario::Fine).await else { return };
    server.execute("CREATE DATABASE shop; CREATE TABLE shop.orders (id INT) ENGINE=InnoDB");
    let (mut idle, mut busy) = (Talking::new(&running), Talking::new(&running));
    idle.say("SELECT 'idle';").await;
    assert_eq!(idle.hear().await, "idle");
    busy.say("BEGIN; INSERT INTO shop.orders VALUES (1); SELECT 'begun';").await;
    assert_eq!(busy.hear().await, "begun");
    running.stop.cancel();
    idle.say("SELECT 'again';").await;
    let told = idle.last_words().await;
    assert!(told.contains("ERROR 1053 (08S01)"), "{told}");
    assert!(told.contains("Mainstay closes this connection to db: the relay is stopping"), "{told}");
    busy.say("INSERT INTO shop.orders VALUES (2); SELECT 'going on';").await;
    assert_eq!(busy.hear().await, "going on");
    busy.say("COMMIT;").await;
    let kept = async || (server.execute("SELECT COUNT(*) FROM shop.orders") == "2").then_some(());
    wait_for("the transaction", SOON, kept).await;
    busy.say("SELECT 'again';").await;
    let told = busy.last_words().await;
    assert!(told.contains("ERROR 1053 (08S01)"), "{told}");
}

/// A client with which one can talk.
struct Talking {
    process: Child,
    input: ChildStdin,
    output: tokio::io::Lines<BufReader<ChildStdout>>,
}

impl Talking {
    fn new(running: &Running) -> Talking {
        let mut command = client(running, "native", &["--unbuffered", "--skip-reconnect"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Talking { process, input, output: BufReader::new(output).lines() }
    }

    async fn say(&mut self, sql: &str) {
        self.input.write_all(format!("{sql}\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> String {
        tokio::time::timeout(SOON, self.output.next_line()).await.unwrap().unwrap().unwrap()
    }

    /// What it says when its connection is gone.
    async fn last_words(mut self) -> String {
        drop(self.input);
        let mut words = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut words).await.unwrap();
        words
    }
}
