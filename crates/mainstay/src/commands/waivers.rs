use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use axum::http::Method;
use clap::{Args, Subcommand};
use mainstay_model::WaiverId;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use super::waive::{self, text};
use super::{Output, agreed, aside, print};
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
    Grant(Grant),
    /// Do not agree to it.
    Refuse(Which),
}

#[derive(Debug, Args)]
struct Grant {
    #[command(flatten)]
    which: Which,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
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
                Some(Command::Grant(Grant { which, yes })) => grant(&server, &which.id, yes, output).await,
                Some(Command::Refuse(which)) => {
                    let id = find(&server, &which.id).await?;
                    decide(&server, &id, "refuse", output).await
                }
            }
        })
    }
}

async fn list(server: &Server, all: bool, output: Output) -> anyhow::Result<()> {
    let answer = match all {
        true => server.ask(Method::GET, "/api/v1/waivers", None).await?,
        false => {
            // In this order, so that one that is granted meanwhile is in one of the two.
            let mut all = [standing(server, "requested").await?, standing(server, "active").await?].concat();
            all.sort_by(|one, other| other["id"].as_str().cmp(&one["id"].as_str()));
            all.dedup_by(|one, other| one["id"] == other["id"]);
            json!({ "waivers": all })
        }
    };
    let colour = crate::terminal::colours(&std::io::stdout());
    print(&match output {
        Output::Json => format!("{answer:#}\n"),
        Output::Text => text::list(&answer, crate::clock::now(), colour),
    });
    Ok(())
}

/// However many there are: the list of all has an end.
async fn standing(server: &Server, state: &str) -> anyhow::Result<Vec<Value>> {
    let mut answer = server.ask(Method::GET, &format!("/api/v1/waivers?state={state}"), None).await?;
    Ok(answer["waivers"].as_array_mut().map(std::mem::take).unwrap_or_default())
}

/// Whoever agrees sees what is known now and what it means, as whoever asked did.
async fn grant(server: &Server, named: &str, yes: bool, output: Output) -> anyhow::Result<()> {
    let id = find(server, named).await?;
    if !yes {
        let asked = standing(server, "requested").await?;
        let Some(waiver) = asked.iter().find(|one| one["id"] == id.as_str()) else {
            bail!("it does not wait for anybody. `mainstay waivers` shows what does");
        };
        let said = |key: &str| waiver[key].as_str().unwrap_or_default();
        aside(&text::asked(waiver));
        let grounds = waive::grounds(server, said("dependency"), said("lasts"), true).await?;
        aside(&text::grounds(&grounds));
        let otherwise = "nobody can be asked whether to agree; say --yes if this is what you want";
        if !agreed("Agree to it?", otherwise)? {
            bail!("nothing was granted");
        }
    }
    decide(server, &id, "grant", output).await
}

async fn decide(server: &Server, id: &str, what: &str, output: Output) -> anyhow::Result<()> {
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
