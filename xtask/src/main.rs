//! What the project does to itself: the checks of CI in one command.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is a command for people")]

mod house;
mod needs;

use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, bail};

const USAGE: &str = "usage: cargo xtask ci      format, lints, house rules and all tests; installs the servers that the tests need
       cargo xtask needs   only that installation
       cargo xtask house   only the rules of ARCHITECTURE.md";

fn main() -> ExitCode {
    let outcome = match std::env::args().nth(1).as_deref() {
        Some("ci") => ci(),
        Some("needs") => needs::install(),
        Some("house") => house::check(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn ci() -> anyhow::Result<()> {
    needs::install()?;
    step("format", &["fmt", "--all", "--check"])?;
    house::check()?;
    step("lints", &["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"])?;
    step("tests", &["test", "--workspace", "--locked", "--no-fail-fast"])
}

fn step(name: &str, arguments: &[&str]) -> anyhow::Result<()> {
    println!("\n== {name}: cargo {}", arguments.join(" "));
    let begun = Instant::now();
    let status = Command::new(env!("CARGO")).args(arguments).status().context("cargo cannot be started")?;
    if !status.success() {
        bail!("{name} failed");
    }
    println!("== {name}: done in {} s", begun.elapsed().as_secs());
    Ok(())
}
