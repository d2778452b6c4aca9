//! Mainstay: watches the services you depend on but do not run.

mod cli;
mod commands;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
