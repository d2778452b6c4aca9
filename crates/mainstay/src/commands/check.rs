mod json;
mod nagios;
mod request;
mod text;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use futures_util::future::join_all;
use mainstay_model::{CheckReport, HumanDuration, Verdict};
use mainstay_probe::{CheckRequest, Prober, ProberOptions};

use request::Overrides;

/// What monitoring plugins read as "unknown".
const WRONG_USAGE: u8 = 3;
/// A check that takes longer than this says on a terminal that it is at work.
const PATIENCE: Duration = Duration::from_millis(700);

/// Check URLs or configured dependencies once, without any set-up.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 healthy, 1 degraded, 2 down, 3 could not tell or wrong usage.\n\
    Certificate verification cannot be switched off; a private CA is given with --ca-file.")]
pub(crate) struct Check {
    /// URLs such as postgres://user@db.example.com, or names of dependencies in the configuration.
    ///
    /// Schemes: postgres, mysql, redis, rediss, https, http, smtp, smtps, tls, tcp, file.
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
    /// How to report.
    #[arg(long, value_enum, default_value_t = Output::Text, value_name = "FORM")]
    output: Output,
    /// PEM file of the only CA certificates to trust, instead of those of this system.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The name that the certificate must be for, when it is not the host of the URL.
    #[arg(long, value_name = "NAME")]
    server_name: Option<String>,
    /// Bound on each check, such as 500ms or 10s. [default: 10s, or as configured]
    #[arg(long, value_name = "TIME", value_parser = timeout)]
    timeout: Option<Duration>,
    /// What to ask after log-in, such as "SELECT 1".
    #[arg(long, value_name = "QUERY")]
    query: Option<String>,
    /// Not offered; known only to be refused with a reason.
    #[arg(long, short = 'k', hide = true)]
    insecure: bool,
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// For programs: the same facts, all of them.
    Json,
    /// For Nagios, Icinga and their kin: one line with performance data, then the details.
    Nagios,
}

impl Check {
    /// Makes the checks, prints the report, and exits with the worst verdict.
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        if self.insecure {
            return self.refuse(NOT_INSECURE);
        }
        let requests = match request::all(&self.targets, config, &self.overrides()) {
            Ok(requests) => requests,
            Err(refusal) => return self.refuse(&refusal),
        };
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return self.refuse(&format!("this machine cannot run a check: {error}")),
        };
        let prober = Prober::new(ProberOptions::default());
        let reports = runtime.block_on(check(&prober, &requests));
        print(&self.render(&reports));
        runtime.block_on(prober.farewells());
        ExitCode::from(exit_code(&reports))
    }

    /// Says on standard error why nothing was checked, and to a program also where it reads.
    fn refuse(&self, reason: &str) -> ExitCode {
        if self.output == Output::Json {
            print(&json::refusal(reason));
        }
        let _ = writeln!(
            std::io::stderr(),
            "{}",
            crate::terminal::wrapped(&format!("mainstay check: {reason}"), 0)
        );
        ExitCode::from(WRONG_USAGE)
    }

    fn overrides(&self) -> Overrides<'_> {
        Overrides {
            ca_file: self.ca_file.as_deref(),
            server_name: self.server_name.as_deref(),
            timeout: self.timeout,
            query: self.query.as_deref(),
        }
    }

    fn render(&self, reports: &[CheckReport]) -> String {
        match self.output {
            Output::Text => text::render(reports, crate::terminal::colours(&std::io::stdout())),
            Output::Json => json::render(reports),
            Output::Nagios => nagios::render(reports),
        }
    }
}

const NOT_INSECURE: &str = "there is no way to check without verification: a connection that anybody can intercept is not \
healthy, and Mainstay does not call it so. A failed check shows the whole chain and the reason anyway. \
For a CA of your own use --ca-file FILE; for a certificate under another name use --server-name NAME";

fn timeout(text: &str) -> Result<Duration, String> {
    let length: HumanDuration =
        text.parse().map_err(|error: mainstay_model::DurationError| error.to_string())?;
    if length.0.is_zero() { Err("nothing can be checked in no time".into()) } else { Ok(length.0) }
}

/// All at once; the reports come in the order of the requests.
async fn check(prober: &Prober, requests: &[CheckRequest]) -> Vec<CheckReport> {
    let now = crate::clock::now();
    let checks = join_all(requests.iter().map(|request| prober.check(request, now)));
    tokio::pin!(checks);
    match tokio::time::timeout(PATIENCE, &mut checks).await {
        Ok(reports) => reports,
        Err(_) => {
            let _at_work = AtWork::show(requests);
            checks.await
        }
    }
}

/// A line on the terminal that says what is being waited for, until it is dropped.
struct AtWork;

impl AtWork {
    fn show(requests: &[CheckRequest]) -> Option<AtWork> {
        let longest = requests.iter().map(|request| request.timeout).max()?;
        let what = match requests {
            [one] => one.target.to_string(),
            many => format!("{} targets", many.len()),
        };
        let mut stderr = std::io::stderr();
        if !stderr.is_terminal() {
            return None;
        }
        let _ = write!(stderr, "checking {what}, at most {} …", HumanDuration(longest));
        Some(AtWork)
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        // Back to the beginning of the line, and clear it.
        let _ = write!(std::io::stderr(), "\r\u{1b}[K");
    }
}

/// The worst of all: any down is 2, else any that could not be told is 3, else any degraded is 1.
fn exit_code(reports: &[CheckReport]) -> u8 {
    [Verdict::Down, Verdict::Inconclusive, Verdict::Degraded]
        .into_iter()
        .find(|verdict| reports.iter().any(|report| report.verdict == *verdict))
        .unwrap_or(Verdict::Healthy)
        .exit_code()
}

fn print(text: &str) {
    // A reader that has seen enough (`| head -1`) is no error.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
