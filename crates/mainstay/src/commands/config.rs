use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use mainstay_model::{HumanDuration, Landscape};

use crate::config::{self, Level, Problem, Rendering};

/// Validate the configuration, or describe what can stand in it.
#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show every error and warning of the configuration, and what it would watch.
    Check {
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
    /// Print the JSON Schema of the configuration.
    Schema,
    /// Print the reference page of the documentation.
    #[command(hide = true)]
    Reference,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Output {
    #[default]
    Text,
    /// `{"valid", "problems": […]}`.
    Json,
}

impl Config {
    /// Exits with 0 when the configuration can be used, and with 1 when not.
    pub(crate) fn run(self, file: &Path) -> ExitCode {
        match self.command {
            Command::Check { output } => check(file, output),
            Command::Schema => print(&format!("{:#}\n", config::schema())),
            Command::Reference => print(&config::reference()),
        }
    }
}

fn check(file: &Path, output: Output) -> ExitCode {
    let (problems, summary) = match config::load(file, &config::environment) {
        Ok(loaded) => (loaded.warnings, Some(summary(&loaded.landscape))),
        Err(problems) => (problems.0, None),
    };
    let code = if summary.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    match output {
        Output::Json => {
            print(&format!(
                "{:#}\n",
                serde_json::json!({ "valid": summary.is_some(), "problems": problems })
            ));
        }
        Output::Text => {
            show(&problems);
            match summary {
                Some(summary) => {
                    print(&format!("{} is in order{}: {summary}.\n", file.display(), but(&problems)));
                }
                None => complain(&format!("\n{} cannot be used: {}.\n", file.display(), count(&problems))),
            }
        }
    }
    code
}

/// Shows problems on standard error, in colours where that is a terminal.
pub(crate) fn show(problems: &[Problem]) {
    let colour = crate::terminal::colours(&io::stderr());
    complain(&Rendering { problems, colour }.to_string());
}

fn but(problems: &[Problem]) -> String {
    if problems.is_empty() { String::new() } else { format!(", with {}", count(problems)) }
}

fn count(problems: &[Problem]) -> String {
    let of = |level| problems.iter().filter(|problem| problem.level == level).count();
    match (of(Level::Error), of(Level::Warning)) {
        (errors, 0) => number(errors, "error"),
        (0, warnings) => number(warnings, "warning"),
        (errors, warnings) => format!("{} and {}", number(errors, "error"), number(warnings, "warning")),
    }
}

fn number(count: usize, word: &str) -> String {
    match (count, word.strip_suffix('y')) {
        (1, _) => format!("1 {word}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {word}s"),
    }
}

/// What would be watched and who would be told, in one sentence.
fn summary(landscape: &Landscape) -> String {
    let mut parts = vec![number(landscape.dependencies.len(), "dependency")];
    if !landscape.providers.is_empty() {
        parts.push(format!(" of {}", number(landscape.providers.len(), "provider")));
    }
    let every = landscape.dependencies.values().map(|dependency| HumanDuration(dependency.every));
    if let (Some(shortest), Some(longest)) = (every.clone().min(), every.max()) {
        let range = if shortest == longest { String::new() } else { format!(" to {longest}") };
        parts.push(format!(", checked every {shortest}{range}"));
    }
    parts.push(match landscape.channels.len() {
        0 => "; told by no channel".into(),
        channels => format!("; told by {}", number(channels, "channel")),
    });
    if !landscape.components.is_empty() {
        parts.push(format!("; the status page shows {}", number(landscape.components.len(), "component")));
    }
    parts.concat()
}

/// Prints to standard output. A reader who went away, as in `… | head`, is no failure.
fn print(text: &str) -> ExitCode {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

/// Prints to standard error; when even that fails, nothing is left to do.
fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
