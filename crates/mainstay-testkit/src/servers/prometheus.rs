use super::keeper::Keeper;
use super::place::Place;
use super::requirement::find_program;
use super::{Missing, free_port};

/// A Prometheus that scrapes nothing, evaluates one alerting rule every second, and tells an Alertmanager on this machine.
#[derive(Debug)]
pub struct Prometheus {
    keeper: Keeper,
}

impl Prometheus {
    /// Whether Prometheus is installed here.
    pub fn available() -> Result<(), Missing> {
        let found = find_program("prometheus", &[]);
        found.map(|_| ()).ok_or(Missing::new("Prometheus is not installed", "apt-get install prometheus"))
    }

    /// Starts a server with a rule of this expression, name and labels (YAML in flow style).
    ///
    /// # Panics
    /// When it does not start; with its log.
    pub fn start(alertmanager_port: u16, rule: Rule<'_>) -> Prometheus {
        let program = find_program("prometheus", &[]).expect("the test asks available() first");
        let place = Place::new("prometheus", &["prometheus", "nobody"]);
        place.write("rules.yml", &rule.file());
        let configuration = place.write("prometheus.yml", &configuration(alertmanager_port));
        let server = [
            program.display().to_string(),
            format!("--config.file={}", configuration.display()),
            format!("--storage.tsdb.path={}", place.make_directory("data").display()),
            format!("--web.listen-address=127.0.0.1:{}", free_port()),
            // Alerts that still hold are sent again this often.
            "--rules.alert.resend-delay=1s".into(),
        ];
        let keeper = Keeper::start(place, &server, "KILL", "ready to receive web requests");
        Prometheus { keeper }
    }

    /// Exchanges the rule while the server runs.
    pub fn change(&self, rule: Rule<'_>) {
        self.keeper.place.write("rules.yml", &rule.file());
        self.keeper.signal_and_wait("HUP", "Completed loading of configuration file");
    }
}

/// An alerting rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule<'a> {
    /// Its name.
    pub alert: &'a str,
    /// When it fires, in PromQL.
    pub expr: &'a str,
    /// Its labels, YAML in flow style.
    pub labels: &'a str,
    /// Its annotation `summary`.
    pub summary: &'a str,
}

impl Rule<'_> {
    fn file(&self) -> String {
        let Rule { alert, expr, labels, summary } = self;
        format!(
            "groups:
  - name: test
    rules:
      - alert: {alert}
        expr: {expr}
        labels: {labels}
        annotations: {{ summary: {summary:?} }}
"
        )
    }
}

fn configuration(alertmanager_port: u16) -> String {
    format!(
        "global: {{ evaluation_interval: 1s }}
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - static_configs: [{{ targets: ['127.0.0.1:{alertmanager_port}'] }}]
"
    )
}
