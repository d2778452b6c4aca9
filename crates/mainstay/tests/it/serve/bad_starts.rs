use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use crate::instance::{Home, PATIENCE};

const DEPENDENCY: &str = "dependencies: { a: { url: \"tcp://127.0.0.1:9\" } }\n";

/// `serve` refuses: its exit code says so, and standard error has each of these. No panic, no stack trace.
async fn refuses(home: &Home, sentences: &[&str]) {
    let mut instance = home.spawn();
    let status = instance.ended(PATIENCE).await;
    let said = instance.log();
    assert_eq!(status.code(), Some(1), "{said}");
    for sentence in sentences {
        assert!(said.contains(sentence), "{sentence:?} is not in:\n{said}");
    }
    assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
}

#[tokio::test]
async fn a_port_in_use() {
    let home = Home::new();
    home.configure(DEPENDENCY);
    for (port, key) in [(home.operator_port(), "server.listen"), (home.public_port(), "status_page.listen")] {
        let _other = TcpListener::bind(("127.0.0.1", port)).expect("the port was free");
        let address = format!("127.0.0.1:{port}");
        refuses(&home, &["cannot listen on", &address, "is another program using that port?", key]).await;
    }
    assert!(!home.path("data").exists(), "nothing is begun that cannot be finished");
}

#[tokio::test]
async fn a_data_directory_that_is_a_file_or_below_one() {
    let home = Home::new();
    home.write("occupied", "somebody's file");
    for data in ["./occupied", "./occupied/below"] {
        home.write("mainstay.yaml", &format!("{}{DEPENDENCY}", home.head(data, "Example Status")));
        refuses(&home, &["occupied", "is a file where a directory is needed", "data_dir"]).await;
    }
    assert_eq!(fs::read_to_string(home.path("occupied")).expect("it is there"), "somebody's file");
}

#[tokio::test]
async fn a_file_that_is_no_database() {
    let home = Home::new();
    home.configure(DEPENDENCY);
    fs::create_dir(home.path("data")).expect("a new directory");
    unchanged(&home, &"Dear diary, ".repeat(1000).into_bytes(), &["is not a Mainstay database", "data_dir"])
        .await;
}

#[tokio::test]
async fn a_damaged_database() {
    let home = Home::new();
    home.configure(DEPENDENCY);
    let mut bytes = used(&home).await;
    // The list of tables begins behind the header; the file still says that it is an SQLite database.
    bytes[100..4096].fill(0xa5);
    unchanged(&home, &bytes, &["is damaged", "backup"]).await;
}

#[tokio::test]
async fn a_database_of_a_newer_version() {
    if Command::new("sqlite3").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "in CI nothing is skipped: sqlite3 is not installed");
        eprintln!("skipped: sqlite3 is not installed (apt-get install sqlite3)");
        return;
    }
    let home = Home::new();
    home.configure(DEPENDENCY);
    used(&home).await;
    let database = home.path("data/mainstay.db");
    let step = "INSERT INTO _sqlx_migrations SELECT 999, 'later', installed_on, success, checksum, execution_time \
                FROM _sqlx_migrations LIMIT 1";
    let done = Command::new("sqlite3").arg(&database).arg(step).status().expect("sqlite3 runs");
    assert!(done.success());
    let bytes = fs::read(&database).expect("it is there");
    unchanged(&home, &bytes, &["newer Mainstay", "install that version or a later one"]).await;
}

#[tokio::test]
async fn a_second_instance_on_the_same_data() {
    let home = Home::new();
    home.configure(DEPENDENCY);
    let first = home.serve().await;
    let second = Home::new();
    let data = home.path("data").display().to_string();
    second.write("mainstay.yaml", &format!("{}{DEPENDENCY}", second.head(&data, "Example Status")));
    let process = format!("another Mainstay (process {}) already uses", first.pid());
    refuses(&second, &[&process, "data_dir"]).await;
    assert_eq!(home.readiness().await.expect("the first goes on").0, 200);
}

#[tokio::test]
async fn a_configuration_with_errors() {
    let home = Home::new();
    home.configure(
        "dependencies:\n  a: { url: \"mysq://127.0.0.1\" }\n  b: { url: \"tcp://127.0.0.1:9\", evry: 5s }\n",
    );
    refuses(&home, &["mainstay.yaml:4:", "mysql", "mainstay.yaml:5:", "evry", "every"]).await;
    assert!(!home.path("data").exists());
}

#[tokio::test]
async fn no_configuration() {
    refuses(&Home::new(), &["mainstay.yaml", "mainstay init"]).await;
}

/// A database that was served from and ended in order.
async fn used(home: &Home) -> Vec<u8> {
    let mut instance = home.serve().await;
    instance.signal("TERM");
    assert!(instance.ended(Duration::from_secs(10)).await.success(), "{}", instance.log());
    fs::read(home.path("data/mainstay.db")).expect("it is there")
}

/// `serve` refuses this database and leaves it as it is.
async fn unchanged(home: &Home, bytes: &[u8], sentences: &[&str]) {
    let database = home.path("data/mainstay.db");
    fs::write(&database, bytes).expect("the directory of a test is writable");
    refuses(home, sentences).await;
    refuses(home, sentences).await;
    assert!(fs::read(&database).expect("it is there") == bytes, "the file was changed");
    // A reader of SQLite may leave an empty log behind; what stood in it would be part of the database.
    let log = fs::metadata(home.path("data/mainstay.db-wal")).map_or(0, |log| log.len());
    assert_eq!(log, 0, "something was written");
}
