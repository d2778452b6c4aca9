mod list;
mod said;
mod tried;

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

/// List the rules, or try one of your own against what was seen so far.
#[derive(Debug, Args)]
pub(crate) struct Rule {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show when a rule of your own would have alerted, before you switch it on.
    Try(tried::Try),
    /// Show every rule, built-in and your own, whether it is judged, and how urgent it is.
    List {
        /// For people or for programs.
        #[arg(long, value_enum, default_value_t)]
        output: Output,
    },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    #[default]
    Text,
    Json,
}

impl Rule {
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        match self.command {
            Command::Try(tried) => tried.run(config),
            Command::List { output } => list::run(config, output),
        }
    }
}
