use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use mainstay_testkit::scripted::{Act, Peer, Script};
use mainstay_testkit::{Pki, Scenario};
use serde_json::Value;

/// Nothing in a test asks for anything but a password with this in it, so that it can be looked for.
const PASSWORD: &str = "hunter2";

/// `mainstay check` with these arguments, in an empty folder.
async fn check(arguments: &[&str]) -> Ran {
    check_in(&Folder::new(), arguments).await
}

async fn check_in(folder: &Folder, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
    command.arg("check").args(arguments).current_dir(&folder.0).env_remove("MAINSTAY_CONFIG");
    // The peers run on this runtime, so it must not be held up.
    let output =
        tokio::task::spawn_blocking(move || command.output().expect("the program runs")).await.unwrap();
    Ran::from(output)
}

/// What came of a run.
#[derive(Debug)]
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("all output is UTF-8");
        let ran = Ran {
            code: output.status.code().expect("it was not killed"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(PASSWORD), "a password was shown: {ran:?}");
        ran
    }
}

impl Ran {
    /// Standard error in one line, as the sentence was before it was wrapped.
    fn sentence(&self) -> String {
        self.stderr.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("mainstay-check-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A URL on which nobody listens.
fn refused() -> String {
    format!("tcp://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

/// A server whose chain is right or wrong in this way, and the file of the root that vouches for it.
async fn server(scenario: Scenario, folder: &Path) -> (Peer, String) {
    #[expect(clippy::disallowed_methods, reason = "the program under test judges by the real time")]
    let pki = Pki::new(jiff::Timestamp::now());
    let root = pki.write_root(folder).display().to_string();
    let config = pki.identity(scenario, "127.0.0.1").server_config();
    (Peer::start(Script::tls_then_silent(config)).await, root)
}

#[tokio::test]
async fn what_is_no_target_is_refused_with_a_sentence() {
    for (target, sentence) in [
        ("db.example.com", "has no scheme; write for example postgres://db.example.com"),
        ("postgress://db.example.com", "did you mean postgres://?"),
        ("gopher://db.example.com", "gopher:// is not known; known are postgres"),
        ("postgres://", "postgres:// needs a host"),
        ("tcp://db.example.com", "tcp:// has no usual port"),
        ("file://", "file:// needs a path"),
        ("https://h:99999", "the port is not a number"),
        ("postgres://user:hunter2/@h", "must be percent-encoded"),
        ("user:hunter2@db.example.com", "has no scheme"),
    ] {
        let ran = check(&[target]).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (3, ""), "{target}: {ran:?}");
        assert!(ran.sentence().contains(sentence), "{target}: {}", ran.sentence());
    }
}

#[tokio::test]
async fn wrong_options_are_refused_with_a_sentence() {
    let target = "tcp://127.0.0.1:9";
    for (arguments, sentence) in [
        (&["--insecure", target][..], "there is no way to check without verification"),
        (&["-k", target], "For a CA of your own use --ca-file"),
        (&["--timeout", "10", target], "the unit is missing: write 10s"),
        (&["--timeout", "0s", target], "nothing can be checked in no time"),
        (&["--query", "SELECT 1", target], "its protocol asks nothing"),
        (&["--query", "SELECT 1", "mysql://127.0.0.1:9"], "no user in its URL"),
        (&["--output", "xml", target], "[possible values: text, json, nagios]"),
        (&[], "<TARGET>..."),
    ] {
        let ran = check(arguments).await;
        assert_eq!(ran.code, 3, "{arguments:?}: {ran:?}");
        assert!(ran.sentence().contains(sentence), "{arguments:?}: {}", ran.sentence());
    }
}

#[tokio::test]
async fn a_program_reads_why_nothing_was_checked() {
    let ran = check(&["--output", "json", "tcp://db.example.com"]).await;
    let json = ran.json();
    assert_eq!((ran.code, &json["checks"]), (3, &serde_json::json!([])));
    assert!(json["error"]["message"].as_str().unwrap().contains("has no usual port"), "{json}");
    assert!(ran.sentence().contains("has no usual port"));
}

#[tokio::test]
async fn the_worst_verdict_is_the_exit_code() {
    let folder = Folder::new();
    let (fine, root) = server(Scenario::Fine, &folder.0).await;
    let other = Folder::new();
    let (soon, other_root) = server(Scenario::ExpiringSoon, &other.0).await;
    let (fine, soon, refused) = (fine.url("tls"), soon.url("tls"), refused());
    for (arguments, code) in [
        (&["--ca-file", &root, &fine][..], 0),
        (&["--ca-file", &other_root, &soon], 1),
        (&["--ca-file", &root, &fine, &refused], 2),
        // Roots that cannot be read say nothing about the server.
        (&["--ca-file", "/nonexistent.pem", &fine], 3),
        (&["--ca-file", "/nonexistent.pem", &fine, &refused], 2),
    ] {
        let ran = check(arguments).await;
        assert_eq!(ran.code, code, "{arguments:?}: {ran:?}");
    }
}

#[tokio::test]
async fn an_expired_certificate_in_words() {
    let folder = Folder::new();
    let (peer, root) = server(Scenario::Expired, &folder.0).await;
    let ran = check(&["--ca-file", &root, &peer.url("tls")]).await;
    assert_eq!(ran.code, 2);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], format!("■ down  {}", peer.url("tls")));
    assert!(lines[1].starts_with("  The certificate of 127.0.0.1 expired "), "{}", ran.stdout);
    for label in ["  since ", "  fault ", "  do ", "  chain ", "  time "] {
        assert!(lines.iter().any(|line| line.starts_with(label)), "{label}: {}", ran.stdout);
    }
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}'), "no colours outside a terminal");
}

#[tokio::test]
async fn the_shape_of_the_json() {
    let folder = Folder::new();
    let (peer, root) = server(Scenario::Expired, &folder.0).await;
    let url = peer.url("tls");
    let ran = check(&["--output", "json", "--ca-file", &root, &url]).await;
    let json = ran.json();
    let one = &json["checks"][0];
    assert_eq!((one["target"].as_str(), one["verdict"].as_str()), (Some(url.as_str()), Some("down")));
    let failure = &one["failure"];
    assert_eq!(
        (failure["kind"].as_str(), failure["blame"].as_str()),
        (Some("certificate-expired"), Some("provider"))
    );
    assert_eq!(failure["phase"], "tls");
    assert_eq!(failure["expired"]["otherwise"]["holds"], "yes");
    let address = &one["addresses"][0];
    assert_eq!(address["address"], peer.address().to_string());
    assert!(address["phases"]["connect_ms"].is_number() && address["phases"]["tls_ms"].is_number());
    assert_eq!(
        (&address["tls"]["verified"], &address["tls"]["version"]),
        (&Value::from(false), &"TLSv1.3".into())
    );
    let certificate = &address["tls"]["certificates"][0];
    for key in ["subject", "issuer", "serial", "not_before", "not_after", "sha256", "spki_sha256", "key"] {
        assert!(certificate[key].is_string(), "{key}: {certificate}");
    }
    assert!(
        certificate["names"].is_array() && certificate["position"] == 0 && certificate.get("der").is_none()
    );
    for key in ["cause", "evidence", "actions"] {
        assert!(!one["diagnosis"][key].is_null(), "{key}");
    }
    assert!(one["findings"].is_array() && one["checked_at"].as_str().unwrap().ends_with('Z'));
    assert!(one.get("dependency").is_none() && one.get("resolve_ms").is_none());
}

#[tokio::test]
async fn targets_are_reported_in_the_order_given() {
    let slow = Peer::start(Script::silent()).await;
    let (slow, quick) = (slow.url("https"), refused());
    let ran = check(&["--output", "json", "--timeout", "300ms", &slow, &quick]).await;
    let json = ran.json();
    let kinds: Vec<&str> = (0..2).map(|at| json["checks"][at]["failure"]["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds, ran.code), (vec!["timed-out", "connect-refused"], 2));
}

#[tokio::test]
async fn another_protocol_is_named() {
    let peer = Peer::start(Script::speaks_ssh()).await;
    let ran = check(&[&peer.url("https")]).await;
    assert_eq!(ran.code, 2);
    assert!(ran.stdout.contains("SSH") && ran.stdout.contains("wrong-protocol"), "{}", ran.stdout);
}

#[tokio::test]
async fn one_line_for_nagios() {
    let folder = Folder::new();
    let (peer, root) = server(Scenario::Fine, &folder.0).await;
    let ran = check(&["--output", "nagios", "--ca-file", &root, &peer.url("tls")]).await;
    let first = ran.stdout.lines().next().unwrap();
    let (sentence, performance) = first.split_once('|').unwrap();
    assert!(sentence.starts_with("OK - healthy: Everything works"), "{first}");
    assert!(performance.starts_with("'time'=0.") && performance.contains("'certificate_days'="), "{first}");
    let ran = check(&["--output", "nagios", &refused()]).await;
    assert!(ran.stdout.starts_with("CRITICAL - down: Nothing listens on port "), "{}", ran.stdout);
    let ran = check(&["--output", "nagios", "--ca-file", "/nonexistent.pem", &peer.url("tls")]).await;
    assert!(ran.stdout.starts_with("UNKNOWN - inconclusive: "), "{}", ran.stdout);
    assert_eq!(ran.stdout.matches('|').count(), 0, "{}", ran.stdout);
}

#[tokio::test]
async fn no_output_shows_a_password() {
    let answer =
        Script::new([Act::Read(1), Act::Send(b"HTTP/1.1 401 Unauthorized\r\n\r\n".to_vec()), Act::Close]);
    for scheme in ["postgres", "mysql", "redis", "http", "smtp"] {
        let peer = Peer::start(answer.clone()).await;
        let url = format!("{scheme}://monitor:{PASSWORD}@{}", peer.address());
        for output in ["text", "json", "nagios"] {
            let ran = check(&["--output", output, "--timeout", "300ms", &url]).await;
            assert_eq!(ran.code, 2, "{ran:?}");
        }
    }
}

#[tokio::test]
async fn names_come_from_the_configuration() {
    let folder = Folder::new();
    let (peer, _) = server(Scenario::Fine, &folder.0).await;
    folder.write(
        "mainstay.yaml",
        &format!(
            "providers: {{ acme: {{ name: Acme Databases }} }}\n\
             dependencies:\n  orders-db: {{ provider: acme, url: \"{}\", tls: {{ ca_file: root.pem }} }}\n",
            peer.url("tls")
        ),
    );
    let ran = check_in(&folder, &["--output", "json", "orders-db"]).await;
    let json = ran.json();
    assert_eq!((ran.code, &json["checks"][0]["dependency"]), (0, &"orders-db".into()), "{ran:?}");
    let ran = check_in(&folder, &["order-db"]).await;
    assert_eq!(ran.code, 3);
    assert!(ran.sentence().contains("did you mean orders-db?"), "{}", ran.sentence());
    // A URL never needs a configuration, not even a sound one.
    folder.write("mainstay.yaml", "nonsense: [");
    assert_eq!(check_in(&folder, &[&refused()]).await.code, 2);
    let ran = check_in(&folder, &["orders-db"]).await;
    assert!(ran.code == 3 && ran.sentence().contains("mainstay config check"), "{ran:?}");
}
