//! Mainstay: watches the services you depend on but do not run.

mod cli;
mod commands;
mod config;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
