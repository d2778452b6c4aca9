//! One file a subcommand.

use std::future::Future;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

pub(crate) mod audit_log;
pub(crate) mod backup;
pub(crate) mod bounce;
pub(crate) mod channel;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod drill;
pub(crate) mod incident;
pub(crate) mod init;
pub(crate) mod on_call;
pub(crate) mod rehearse;
pub(crate) mod relay;
pub(crate) mod rule;
pub(crate) mod serve;
pub(crate) mod unwaive;
pub(crate) mod waive;
pub(crate) mod waivers;

use clap::ValueEnum;
use serde_json::Value;
use tracing::level_filters::LevelFilter;

use crate::config::{Problems, Rendering};

/// For whom something is reported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    #[default]
    Text,
    /// What the API answers.
    Json,
}

/// The one of a list of the API whose identifier begins so; `all` is the command that shows them.
fn only(list: &Value, named: &str, one: &str, all: &str) -> anyhow::Result<String> {
    let identifiers = list.as_array().into_iter().flatten().filter_map(|one| one["id"].as_str());
    let fitting: Vec<&str> = identifiers.filter(|id| !named.is_empty() && id.starts_with(named)).collect();
    match fitting.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => anyhow::bail!("no {one} begins with {named:?}. `{all}` shows the latest"),
        several => {
            const SHOWN: usize = 5;
            let shown = several.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
            anyhow::bail!(
                "{} {one}s begin with {named:?}. Write more of the identifier: {shown}",
                several.len()
            )
        }
    }
}

/// Shows why the configuration cannot be used.
#[expect(clippy::print_stderr, reason = "this is where a command speaks to the person who called it")]
fn refuse(problems: &Problems) -> ExitCode {
    let colour = crate::terminal::colours(&std::io::stderr());
    eprint!("{}", Rendering { problems: &problems.0, colour });
    ExitCode::FAILURE
}

/// Runs a long-lived command with its log on standard error; an error ends as one sentence with its causes.
fn in_runtime(least: LevelFilter, command: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let log = crate::log::start(least);
    allow_many_files();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("cannot start the runtime")),
    };
    match runtime.block_on(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // What was logged stands before what is said last.
            log.flush();
            fail(&error)
        }
    }
}

/// Lets this process open as many files as its owner may. The usual limit of 1,024 is kept low for programs that use select(2); a relay
/// needs two for each connection.
fn allow_many_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where that is not allowed the limit stays as it was, and says so when it is reached.
    let _ = setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, ..limit });
}

/// The same for a command whose outcome is a code of its own, and for which no outcome at all is another.
fn in_runtime_with_code(
    least: LevelFilter,
    otherwise: u8,
    command: impl Future<Output = anyhow::Result<ExitCode>>,
) -> ExitCode {
    let mut code = ExitCode::from(otherwise);
    let ran = in_runtime(least, async {
        code = command.await?;
        Ok(())
    });
    if ran == ExitCode::SUCCESS { code } else { ExitCode::from(otherwise) }
}

#[expect(clippy::print_stdout, reason = "this is where a command speaks to the person who called it")]
fn print(text: &str) {
    print!("{text}");
}

/// What is said before and on the way, so that the result alone can be read by a program.
#[expect(clippy::print_stderr, reason = "this is where a command speaks to the person who called it")]
fn aside(text: &str) {
    eprint!("{text}");
    // What cannot be shown does not change what is done.
    let _ = std::io::stderr().flush();
}

/// Whether somebody on the terminal says yes; where nobody can be asked, they must have said so before, of which `otherwise` tells.
fn agreed(question: &str, otherwise: &str) -> anyhow::Result<bool> {
    let stdin = std::io::stdin();
    anyhow::ensure!(stdin.is_terminal(), "{otherwise}");
    aside(&format!("{question} [y/N] "));
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[expect(clippy::print_stderr, reason = "this is where a command speaks to the person who called it")]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("mainstay: {error:#}");
    ExitCode::FAILURE
}
