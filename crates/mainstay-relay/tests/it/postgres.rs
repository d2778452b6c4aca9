//! A real PostgreSQL behind the relay, and its own clients in front.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use mainstay_relay::News;
use mainstay_testkit::servers::{Account, Method, Postgres, PostgresOptions, require};
use mainstay_testkit::{Identity, Pki, Scenario};

use crate::scene::*;

const NAME: &str = "localhost";

struct House {
    server: Postgres,
    running: Running,
    pki: Pki,
    identity: Identity,
}

/// `None` where PostgreSQL is not installed.
async fn house(scenario: Scenario) -> Option<House> {
    if !require(Postgres::available()) {
        return None;
    }
    let pki = Pki::new(now());
    let identity = pki.identity(scenario, NAME);
    let accounts = [Account::new("app", "app-password", Method::Scram)];
    let options = PostgresOptions { identity: Some(&identity), accounts: &accounts, ..Default::default() };
    let server = tokio::task::block_in_place(|| Postgres::start(options));
    let url = format!("postgres://localhost:{}", server.port());
    let running = relay(&url, NAME, &pki, terms(loopback())).await;
    Some(House { server, running, pki, identity })
}

impl House {
    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let port = self.running.address.unwrap().port().to_string();
        command
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", port)
            .env("PGUSER", "app")
            .env("PGDATABASE", "postgres");
        command.env("PGPASSWORD", "app-password").env("PGCONNECT_TIMEOUT", "20");
        command
    }

    async fn psql(&self, sslmode: &str, sql: &str) -> Result<String, String> {
        let mut command = self.client("psql");
        command.args(["-XAtqc", sql]).env("PGSSLMODE", sslmode);
        run(command).await
    }
}

async fn run(mut command: Command) -> Result<String, String> {
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_log_in_by_scram_and_work() {
    let Some(house) = house(Scenario::Fine).await else { return };
    for sslmode in ["disable", "allow", "prefer"] {
        assert_eq!(house.psql(sslmode, "SELECT 6 * 7").await.as_deref(), Ok("42"), "{sslmode}");
    }
    let refused = house.psql("require", "SELECT 1").await.unwrap_err();
    assert!(refused.contains("server does not support SSL"), "{refused}");
    house.server.execute("CREATE TABLE t (n int); GRANT ALL ON t TO app");
    let copied =
        house.psql("disable", "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 20000)) TO STDOUT");
    assert_eq!(copied.await.unwrap().len(), 20_000 * 1_001 - 1);
    let wrong = house.psql("disable", "SELECT 1/0").await.unwrap_err();
    assert!(wrong.contains("division by zero"), "{wrong}");
    let script = std::env::temp_dir().join(format!("mainstay-pgbench-{}", std::process::id()));
    std::fs::write(&script, "BEGIN;\nSELECT 1;\nSELECT 2;\nEND;\n").unwrap();
    for mode in ["simple", "extended", "prepared"] {
        let mut load = house.client("pgbench");
        load.env("PGSSLMODE", "disable").args(["-n", "-c", "4", "-t", "50", "-M", mode, "-f"]).arg(&script);
        let said = run(load).await.unwrap();
        assert!(said.contains("number of failed transactions: 0"), "{said}");
    }
    std::fs::remove_file(&script).unwrap();
    assert_eq!(house.running.meter.figures().refused, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_statement_is_cancelled_at_the_server_where_it_runs() {
    let Some(house) = house(Scenario::Fine).await else { return };
    let mut command = house.client("psql");
    command.env("PGSSLMODE", "disable").args(["-XAtqc", "SELECT pg_sleep(60)"]);
    let session = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' AND pid <> pg_backend_pid()";
    let patience = std::time::Duration::from_secs(30);
    let runs = async || (house.server.execute(running) == "1").then_some(());
    mainstay_testkit::wait_for("the statement to run", patience, runs).await;
    // What Ctrl-C does in psql: a request to cancel, over a connection of its own.
    Command::new("kill").args(["-INT", &session.id().to_string()]).status().unwrap();
    let status = tokio::task::spawn_blocking(move || session.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&status.stderr).into_owned();
    assert!(said.contains("canceling statement due to user request"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_told_in_words_and_a_waiver_helps_until_it_is_renewed() {
    let Some(mut house) = house(Scenario::Expired).await else { return };
    let refused = house.psql("disable", "SELECT 1").await.unwrap_err();
    assert!(
        refused.contains("FATAL:  Mainstay: no connection to db:") && refused.contains("expired"),
        "{refused}"
    );
    house.running.waive(&house.identity, NAME);
    assert_eq!(house.psql("disable", "SELECT 1").await.as_deref(), Ok("1"));
    house.server.execute("CREATE TABLE paid (n int); GRANT ALL ON paid TO app");

    // A transaction that is open when the provider renews: it ends as its application wants, and only then is it cut.
    let mut session = house.client("psql");
    session.env("PGSSLMODE", "disable").args(["-XAtq"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut session = session.stderr(Stdio::piped()).spawn().unwrap();
    let mut says = session.stdin.take().unwrap();
    let mut heard = BufReader::new(session.stdout.take().unwrap()).lines();
    writeln!(says, "BEGIN; INSERT INTO paid VALUES (1) RETURNING n;").unwrap();
    assert_eq!(heard.next().unwrap().unwrap(), "1");
    house.server.reload_identity(&house.pki.identity(Scenario::Fine, NAME));
    while !matches!(house.running.news.recv().await.unwrap(), News::FullyVerified { .. }) {}
    writeln!(says, "INSERT INTO paid VALUES (2) RETURNING n; COMMIT; SELECT 'too late';").unwrap();
    assert_eq!(heard.next().unwrap().unwrap(), "2");
    drop(says);
    let ended = tokio::task::spawn_blocking(move || session.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("FATAL:  ") && said.contains("Mainstay closes this connection to db"), "{said}");
    assert!(heard.next().is_none(), "nothing was begun after the end of the transaction");
    assert_eq!(house.server.execute("SELECT sum(n) FROM paid"), "3", "what was committed is there");

    assert_eq!(house.psql("disable", "SELECT 2").await.as_deref(), Ok("2"));
    let figures = house.running.meter.figures();
    assert_eq!(figures.waived, 2);
    assert!(figures.verified >= 1);
}
