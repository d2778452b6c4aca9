//! Mainstay: watches the services you depend on but do not run.

mod cli;
mod client;
mod clock;
mod commands;
mod config;
mod demo;
mod inherited;
mod location;
mod log;
mod request;
mod service;
mod tasks;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
