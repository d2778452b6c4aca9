use std::path::Path;
use std::process::ExitCode;

use axum::http::Method;
use clap::{Args, Subcommand};
use mainstay_model::WaiverId;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use super::waive::text;
use super::{Output, print};
use crate::client::{Reach, Server};

/// List waivers, the latest first; agree to one that somebody else asked for, or do not.
#[derive(Debug, Args)]
#[command(
    after_help = "The server is found by the configuration: by the socket in its data directory, which belongs to the user it runs as. \
    A waiver is named by its identifier or any unambiguous beginning of it."
)]
pub(crate) struct Waivers {
    #[command(subcommand)]
    command: Option<Command>,
    /// Those that are over as well.
    #[arg(long)]
    all: bool,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t, global = true, value_name = "FORM")]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Agree to a waiver that somebody else asked for; it is in force from then on.
    Grant(Which),
    /// Do not agree to it.
    Refuse(Which),
}

#[derive(Debug, Args)]
struct Which {
    /// The waiver's identifier, or an unambiguous beginning of it.
    #[arg(value_name = "WAIVER")]
    id: String,
}

impl Waivers {
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        let Waivers { command, all, output, reach } = self;
        let server = match reach.server(config) {
            Ok(server) => server,
            Err(problems) => return super::refuse(&problems),
        };
        super::in_runtime(LevelFilter::WARN, async move {
            match command {
                None => list(&server, all, output).await,
                Some(Command::Grant(which)) => decide(&server, &which.id, "grant", output).await,
                Some(Command::Refuse(which)) => decide(&server, &which.id, "refuse", output).await,
            }
        })
    }
}

async fn list(server: &Server, all: bool, output: Output) -> anyhow::Result<()> {
    let mut answer = server.ask(Method::GET, "/api/v1/waivers", None).await?;
    if let Some(waivers) = answer["waivers"].as_array_mut().filter(|_| !all) {
        waivers.retain(|one| one["state"] != "ended");
    }
    let colour = crate::terminal::colours(&std::io::stdout());
    print(&match output {
        Output::Json => format!("{answer:#}\n"),
        Output::Text => text::list(&answer, crate::clock::now(), colour),
    });
    Ok(())
}

async fn decide(server: &Server, named: &str, what: &str, output: Output) -> anyhow::Result<()> {
    let id = find(server, named).await?;
    let body = json!({ "name": server.name_to_tell() });
    let answer = server.ask(Method::POST, &format!("/api/v1/waivers/{id}/{what}"), Some(&body)).await?;
    print(&match output {
        Output::Json => format!("{answer:#}\n"),
        Output::Text => text::decided(&answer),
    });
    Ok(())
}

/// The whole identifier of the waiver that was named.
pub(super) async fn find(server: &Server, named: &str) -> anyhow::Result<String> {
    let named = named.trim().to_ascii_lowercase();
    if named.parse::<WaiverId>().is_ok() {
        return Ok(named);
    }
    let known = server.ask(Method::GET, "/api/v1/waivers", None).await?;
    only(&known, &named)
}

/// The one of the latest waivers that begins so.
fn only(known: &Value, named: &str) -> anyhow::Result<String> {
    super::only(&known["waivers"], named, "waiver", "mainstay waivers --all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiver_is_named_by_any_beginning_that_no_other_has() {
        let known = json!({ "waivers": [{ "id": "0193aa01-0000" }, { "id": "0193aa02-0000" }] });
        assert_eq!(only(&known, "0193aa02").unwrap(), "0193aa02-0000");
        let several = only(&known, "0193").unwrap_err().to_string();
        assert_eq!(
            several,
            "2 waivers begin with \"0193\". Write more of the identifier: 0193aa01-0000, 0193aa02-0000"
        );
        assert!(only(&known, "").is_err());
    }
}
