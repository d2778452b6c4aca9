//! The leg to the application with TLS of the relay's own authority, and clients that verify it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use mainstay_testkit::servers::{
    Account, MariaDb, MariaDbOptions, Method, Postgres, PostgresOptions, free_port, require,
};
use mainstay_testkit::{Pki, Scenario, wait_for};
use mainstay_tls::Roots;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::instance::{Home, Instance, PATIENCE, now};

/// A relay before a database, and applications on this machine.
struct Scene {
    home: Home,
    relay: u16,
    _instance: Instance,
}

impl Scene {
    async fn start(pki: &Pki, url: &str) -> Scene {
        let (home, relay) = (Home::new(), free_port());
        pki.write_root(home.directory());
        home.configure(&format!(
            "dependencies:\n  db:\n    url: {url}\n    tls: {{ ca_file: root.pem }}\n    \
             relay: {{ listen: 127.0.0.1:{relay}, tls: {{}} }}\n"
        ));
        let instance = home.serve().await;
        Scene { home, relay, _instance: instance }
    }

    /// What applications are given to trust.
    fn relays_root(&self) -> PathBuf {
        self.home.path("data/relay-ca.pem")
    }

    /// The root of the server behind the relay, which says nothing about the relay.
    fn servers_root(&self) -> PathBuf {
        self.home.path("root.pem")
    }

    fn psql(&self, sslmode: &str, root: Option<&Path>, sql: &str) -> Command {
        let mut command = Command::new("psql");
        command.args(["-XAtqc", sql]).env("PGSSLMODE", sslmode).env("PGCHANNELBINDING", "disable");
        command
            .env("PGHOST", "localhost")
            .env("PGPORT", self.relay.to_string())
            .env("PGDATABASE", "postgres");
        command.env("PGUSER", "app").env("PGPASSWORD", "secret").env("PGCONNECT_TIMEOUT", "20");
        // Roots that the user of the tests trusts are not to count.
        command.env("HOME", self.home.directory()).env_remove("PGSSLROOTCERT");
        command.envs(root.map(|root| ("PGSSLROOTCERT", root)));
        command
    }

    fn mariadb(&self, root: &Path, sql: &str) -> Command {
        let mut command = Command::new("mariadb");
        command.args([
            "--no-defaults",
            "--protocol=tcp",
            "--host=localhost",
            "--user=app",
            "--password=secret",
        ]);
        command.arg(format!("--port={}", self.relay)).arg(format!("--ssl-ca={}", root.display()));
        command.args(["--ssl-verify-server-cert", "--batch", "--skip-column-names", "--execute", sql]);
        command
    }

    /// A connection of an application that speaks the protocol itself: with TLS from its first message to its last.
    async fn secured(&self) -> TlsStream<TcpStream> {
        #[expect(clippy::disallowed_methods, reason = "this is an application")]
        let mut stream = TcpStream::connect(("127.0.0.1", self.relay)).await.expect("the relay listens");
        stream.write_all(b"\0\0\0\x08\x04\xd2\x16\x2f").await.expect("it reads");
        assert_eq!(stream.read_u8().await.expect("it answers"), b'S');
        let roots = Roots::from_pem_file(&self.relays_root()).expect("the relay wrote it");
        let name = ServerName::try_from("localhost").expect("a name");
        let connector = TlsConnector::from(Arc::new(roots.client_config()));
        connector.connect(name, stream).await.expect("its certificate is for this machine")
    }
}

async fn ran(mut command: Command) -> Result<String, String> {
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let Output { status, stdout, stderr } = output.expect("the client is installed");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if status.success() { Ok(text(&stdout)) } else { Err(text(&stderr)) }
}

fn postgres(pki: &Pki) -> Postgres {
    let identity = pki.identity(Scenario::Fine, "localhost");
    let accounts = [Account::new("app", "secret", Method::Scram)];
    let options = PostgresOptions { identity: Some(&identity), accounts: &accounts, ..Default::default() };
    tokio::task::block_in_place(|| Postgres::start(options))
}

async fn before_postgres() -> (Postgres, Scene) {
    let pki = Pki::new(now());
    let server = postgres(&pki);
    let url = format!("postgres://app:secret@localhost:{}/postgres", server.port());
    let scene = Scene::start(&pki, &url).await;
    (server, scene)
}

async fn sleeps(server: &Postgres) {
    let asleep =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(60)%' AND state = 'active'";
    wait_for("the statement to run", PATIENCE, async || {
        let count = tokio::task::block_in_place(|| server.execute(asleep));
        (count == "1").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psql_verifies_the_relay_and_nothing_else() {
    if !require(Postgres::available()) {
        return;
    }
    let (server, scene) = before_postgres().await;
    let root = scene.relays_root();
    let question = "SELECT 6 * 7";
    for (sslmode, root) in [("verify-full", Some(&*root)), ("verify-ca", Some(&*root)), ("require", None)] {
        let answer = ran(scene.psql(sslmode, root, question)).await;
        assert_eq!(answer.as_deref(), Ok("42"), "{sslmode}");
    }
    let refused = ran(scene.psql("verify-full", Some(&scene.servers_root()), question)).await.unwrap_err();
    assert!(refused.contains("certificate verify failed"), "{refused}");
    let mut elsewhere = scene.psql("verify-full", Some(&root), question);
    elsewhere.env("PGHOST", "elsewhere.example").env("PGHOSTADDR", "127.0.0.1");
    let refused = ran(elsewhere).await.unwrap_err();
    assert!(refused.contains("does not match host name \"elsewhere.example\""), "{refused}");

    // What Ctrl-C does. This psql asks to cancel over a connection in plaintext, newer ones over one with TLS.
    let mut command = scene.psql("verify-full", Some(&root), "SELECT pg_sleep(60)");
    let session = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it is installed");
    sleeps(&server).await;
    let sent = Command::new("kill").args(["-s", "INT", &session.id().to_string()]).status();
    assert!(sent.expect("there is kill(1)").success());
    let output = tokio::task::spawn_blocking(move || session.wait_with_output()).await.expect("no panic");
    let said = String::from_utf8_lossy(&output.expect("it ends").stderr).into_owned();
    assert!(said.contains("canceling statement due to user request"), "{said}");
}

/// As libpq does since version 17.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_to_cancel_over_tls_reaches_the_statement() {
    if !require(Postgres::available()) {
        return;
    }
    let (server, scene) = before_postgres().await;
    let mut session = scene.secured().await;
    // Version 3.0, and the user who needs no password.
    session.write_all(b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0").await.expect("it reads");
    let mut key = Vec::new();
    loop {
        match message(&mut session).await {
            (b'K', body) => key = body,
            (b'Z', _) => break,
            (b'E', body) => panic!("{}", String::from_utf8_lossy(&body)),
            _ => {}
        }
    }
    assert_eq!(key.len(), 8, "a process and its secret");
    session.write_all(b"Q\0\0\0\x18SELECT pg_sleep(60)\0").await.expect("it reads");
    sleeps(&server).await;
    let mut cancel = scene.secured().await;
    cancel.write_all(&[b"\0\0\0\x10\x04\xd2\x16\x2e", &*key].concat()).await.expect("it reads");
    let said = loop {
        match tokio::time::timeout(PATIENCE, message(&mut session)).await.expect("it is cancelled") {
            (b'E', body) => break String::from_utf8_lossy(&body).into_owned(),
            (b'Z', _) => panic!("it slept to the end"),
            _ => {}
        }
    };
    assert!(said.contains("canceling statement due to user request"), "{said}");
}

/// The next message of a server of PostgreSQL: its kind and what is in it.
async fn message(session: &mut TlsStream<TcpStream>) -> (u8, Vec<u8>) {
    let kind = session.read_u8().await.expect("it is connected");
    let length = session.read_u32().await.expect("it is connected") - 4;
    let mut body = vec![0; usize::try_from(length).expect("it is short")];
    session.read_exact(&mut body).await.expect("it is connected");
    (kind, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_of_mariadb_verifies_the_relay_and_nothing_else() {
    if !require(MariaDb::available()) {
        return;
    }
    let pki = Pki::new(now());
    let identity = pki.identity(Scenario::Fine, "localhost");
    let accounts = [Account::new("app", "secret", Method::MySqlNative)];
    let options = MariaDbOptions { identity: Some(&identity), accounts: &accounts };
    let server = tokio::task::block_in_place(|| MariaDb::start(options));
    let scene = Scene::start(&pki, &format!("mysql://app:secret@localhost:{}/mysql", server.port())).await;
    let answer = ran(scene.mariadb(&scene.relays_root(), "SELECT 6 * 7")).await;
    assert_eq!(answer.as_deref(), Ok("42"));
    let refused = ran(scene.mariadb(&scene.servers_root(), "SELECT 6 * 7")).await.unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
}
