use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use mainstay_testkit::servers::free_port;
use mainstay_testkit::wait_for;
use serde_json::Value;

/// As long as this is waited for what should take a second or two; machines that test are busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Between two questions over HTTP. The program and the questions share the processor.
const PAUSE: Duration = Duration::from_millis(50);

/// A directory with a configuration, and the ports of one Mainstay. It is removed when the test went well.
pub(crate) struct Home {
    directory: PathBuf,
    operator: u16,
    public: u16,
    runs: AtomicU32,
    client: reqwest::Client,
}

/// The real program, serving, ended with `kill -9` when it is dropped.
pub(crate) struct Instance {
    child: Child,
    log: PathBuf,
}

/// The time of the real clock, which the program reads too.
#[expect(clippy::disallowed_methods, reason = "the program under test reads the real clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// The configuration of a dependency `db`: TLS at this port with a certificate for localhost, checked every second. More keys of it can
/// follow.
pub(crate) fn checked_each_second(port: u16) -> String {
    format!(
        "dependencies:\n  db:\n    url: tls://127.0.0.1:{port}\n    tls: {{ ca_file: root.pem, server_name: localhost }}\n    \
         every: 1s\n    timeout: 900ms\n"
    )
}

impl Home {
    /// A new directory, and two ports that nobody listens on.
    pub(crate) fn new() -> Home {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Only the first installation counts, and any of them will do.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let name = format!("serve-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&directory).expect("cargo's directory for tests is writable");
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build();
        Home {
            directory,
            operator: free_port(),
            public: free_port(),
            runs: AtomicU32::new(0),
            client: client.expect("a client for plain HTTP"),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    pub(crate) fn operator_port(&self) -> u16 {
        self.operator
    }

    pub(crate) fn public_port(&self) -> u16 {
        self.public
    }

    /// Writes a file into the directory, at once as editors do.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let fresh = self.path(&format!("{file}.fresh"));
        fs::write(&fresh, text).expect("the directory of a test is writable");
        fs::rename(fresh, self.path(file)).expect("both are in one directory");
    }

    /// Writes `mainstay.yaml`: the listeners and the data directory of this home, then `rest`.
    pub(crate) fn configure(&self, rest: &str) {
        self.write("mainstay.yaml", &format!("{}{rest}", self.head("./data", "Example Status")));
    }

    /// The part of the configuration that every test needs.
    pub(crate) fn head(&self, data: &str, title: &str) -> String {
        let Home { operator, public, .. } = self;
        format!(
            "server: {{ listen: 127.0.0.1:{operator}, data_dir: {data} }}\n\
             status_page: {{ title: \"{title}\", listen: 127.0.0.1:{public}, auto_publish: true }}\n"
        )
    }

    /// The program with one of its commands and this home's configuration.
    pub(crate) fn command(&self, command: &str) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_mainstay"));
        program.arg(command).arg("--config").arg(self.path("mainstay.yaml")).env("NO_COLOR", "1");
        program
    }

    /// Starts `serve` and does not wait for anything.
    pub(crate) fn spawn(&self) -> Instance {
        self.spawn_with(&[])
    }

    /// The same with more in its environment.
    pub(crate) fn spawn_with(&self, environment: &[(&str, &str)]) -> Instance {
        let mut command = self.command("serve");
        command.envs(environment.iter().copied());
        self.start(command)
    }

    /// Starts another command that runs until it is ended.
    pub(crate) fn spawn_command(&self, name: &str, arguments: &[&str]) -> Instance {
        let mut command = self.command(name);
        command.args(arguments);
        self.start(command)
    }

    /// Starts a command whose words to people go to the log.
    pub(crate) fn start(&self, mut command: Command) -> Instance {
        let log = self.path(&format!("log.{}", self.runs.fetch_add(1, Ordering::Relaxed)));
        command.stderr(File::create(&log).expect("the directory of a test is writable"));
        Instance { child: command.spawn().expect("the program was built with the test"), log }
    }

    /// Starts `serve` and waits until it is ready.
    pub(crate) async fn serve(&self) -> Instance {
        self.ready(self.spawn()).await
    }

    /// Waits until an instance is ready.
    pub(crate) async fn ready(&self, mut instance: Instance) -> Instance {
        wait_for("the program to be ready", PATIENCE, async || {
            let ended = instance.child.try_wait().expect("the child is ours");
            assert!(ended.is_none(), "it ended: {ended:?}\n{}", instance.log());
            (self.readiness().await?.0 == 200).then_some(())
        })
        .await;
        instance
    }

    /// Status and text of `/readyz`.
    pub(crate) async fn readiness(&self) -> Option<(u16, String)> {
        let answer = self.request(self.operator, "/readyz").await?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    }

    /// An answer of the operator's listener, to be read by the caller.
    pub(crate) async fn open(&self, path: &str) -> Option<reqwest::Response> {
        self.request(self.operator, path).await
    }

    /// A document of the operator's API.
    pub(crate) async fn api(&self, path: &str) -> Option<Value> {
        self.json(self.operator, path).await
    }

    /// Sends a document to the operator's API; the status and what it answers.
    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self.client.post(format!("http://127.0.0.1:{}{path}", self.operator)).json(&body);
        let answer = request.send().await.expect("the program answers");
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// Waits until a document of the operator's API says what is wanted.
    pub(crate) async fn api_until<T>(&self, what: &str, path: &str, pick: impl Fn(&Value) -> Option<T>) -> T {
        self.until(what, self.operator, path, pick).await
    }

    /// Waits until the status page's summary says what is wanted.
    pub(crate) async fn summary_until<T>(&self, what: &str, pick: impl Fn(&Value) -> Option<T>) -> T {
        self.until(what, self.public, "/api/v2/summary.json", pick).await
    }

    /// Waits until a dependency has this verdict.
    pub(crate) async fn verdict(&self, dependency: &str, verdict: &str) {
        let path = format!("/api/v1/dependencies/{dependency}");
        let what = format!("{dependency} to be {verdict}");
        self.api_until(&what, &path, |one| (one["verdict"] == verdict).then_some(())).await;
    }

    /// Every incident with its timeline and deliveries, oldest first.
    pub(crate) async fn incidents(&self) -> Vec<Value> {
        let mut all = Vec::new();
        let mut page = Some(String::new());
        while let Some(before) = page {
            let list =
                self.api(&format!("/api/v1/incidents?before={before}")).await.expect("the list of incidents");
            for one in list["incidents"].as_array().expect("a list") {
                let id = one["id"].as_str().expect("an id");
                all.push(self.api(&format!("/api/v1/incidents/{id}")).await.expect("a listed incident"));
            }
            page = list["next_before"].as_str().map(str::to_owned);
        }
        all.reverse();
        all
    }

    async fn until<T>(&self, what: &str, port: u16, path: &str, pick: impl Fn(&Value) -> Option<T>) -> T {
        wait_for(what, PATIENCE, async || {
            let found = self.json(port, path).await.and_then(|document| pick(&document));
            if found.is_none() {
                tokio::time::sleep(PAUSE).await;
            }
            found
        })
        .await
    }

    async fn json(&self, port: u16, path: &str) -> Option<Value> {
        self.request(port, path).await?.error_for_status().ok()?.json().await.ok()
    }

    async fn request(&self, port: u16, path: &str) -> Option<reqwest::Response> {
        self.client.get(format!("http://127.0.0.1:{port}{path}")).send().await.ok()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

impl Instance {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it wrote to standard error so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Sends a signal, such as `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(sent.expect("there is kill(1)").success(), "SIG{name} could not be sent");
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    /// Waits until it ended by itself.
    pub(crate) async fn ended(&mut self, within: Duration) -> ExitStatus {
        wait_for("the program to end", within, async || self.child.try_wait().expect("the child is ours"))
            .await
    }

    fn end(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("{}:\n{}", self.log.display(), self.log());
        }
    }
}
