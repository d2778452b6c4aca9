use super::keeper::Keeper;
use super::place::Place;
use super::requirement::find_program;
use super::{Missing, free_port};

/// A Prometheus Alertmanager that tells everything to one webhook, at once.
#[derive(Debug)]
pub struct Alertmanager {
    keeper: Keeper,
    port: u16,
}

impl Alertmanager {
    /// Whether Alertmanager is installed here.
    pub fn available() -> Result<(), Missing> {
        let found = program();
        found
            .map(|_| ())
            .ok_or(Missing::new("Alertmanager is not installed", "apt-get install prometheus-alertmanager"))
    }

    /// Starts a server whose webhook is at this address, with this bearer token.
    ///
    /// # Panics
    /// When it does not start; with its log.
    pub fn start(webhook: &str, token: &str) -> Alertmanager {
        let program = program().expect("the test asks available() first");
        let place = Place::new("alertmanager", &["prometheus", "nobody"]);
        let port = free_port();
        let configuration = place.write("alertmanager.yml", &configuration(webhook, token));
        let server = [
            program.display().to_string(),
            format!("--config.file={}", configuration.display()),
            format!("--storage.path={}", place.make_directory("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            // Alone.
            "--cluster.listen-address=".into(),
        ];
        let keeper = Keeper::start(place, &server, "KILL", "Listening on");
        Alertmanager { keeper, port }
    }

    /// `http://127.0.0.1:…` and the path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        self.keeper.log()
    }
}

/// Debian's package names it otherwise than its makers do.
fn program() -> Option<std::path::PathBuf> {
    find_program("prometheus-alertmanager", &[]).or_else(|| find_program("alertmanager", &[]))
}

fn configuration(webhook: &str, token: &str) -> String {
    format!(
        "route:
  receiver: webhook
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: webhook
    webhook_configs:
      - url: {webhook}
        http_config: {{ authorization: {{ credentials: {token} }} }}
"
    )
}
