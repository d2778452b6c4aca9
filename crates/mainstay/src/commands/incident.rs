mod text;

use std::path::Path;
use std::process::ExitCode;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use super::{Output, print};
use crate::client::{Reach, Server};

/// Look at incidents, and work on them, on a running server.
#[derive(Debug, Args)]
#[command(
    after_help = "The server is found by the configuration: by the socket in its data directory, which belongs to the user it runs \
    as. An incident is named by its identifier or any unambiguous beginning of it."
)]
pub(crate) struct Incident {
    #[command(subcommand)]
    command: Command,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t, global = true, value_name = "FORM")]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The open incidents, the latest first.
    List {
        /// Those that are over as well.
        #[arg(long)]
        all: bool,
    },
    /// Everything about one.
    Show(Which),
    /// Take it up: nobody else is called for it.
    Ack(Which),
    /// Take it up for a while; if it is still open then, it is told again.
    Snooze {
        #[command(flatten)]
        which: Which,
        /// 15m, 4h, 09:00, or a moment such as 2026-11-23T09:00:00Z.
        until: String,
    },
    /// Hand it to somebody, who is told.
    Assign {
        #[command(flatten)]
        which: Which,
        /// A person of the configuration.
        person: String,
    },
    /// Choose how urgent it is.
    Severity {
        #[command(flatten)]
        which: Which,
        /// page, high, warn or info.
        severity: String,
    },
    /// Write something down for the team.
    Note {
        #[command(flatten)]
        which: Which,
        /// What.
        text: String,
        /// What shows it: a link, a line of a log. May be given several times.
        #[arg(long, value_name = "TEXT")]
        evidence: Vec<String>,
    },
    /// Say who does what: commander, communications or scribe.
    Role {
        #[command(flatten)]
        which: Which,
        /// The role.
        role: String,
        /// Who; left out: nobody any more.
        who: Option<String>,
    },
    /// Write down what there is to do.
    Task {
        #[command(flatten)]
        which: Which,
        /// What.
        text: String,
    },
    /// Say that a task is done.
    Done {
        #[command(flatten)]
        which: Which,
        /// Its number, as `show` has it.
        task: usize,
    },
    /// Promise the next update at a time; or none.
    Remind {
        #[command(flatten)]
        which: Which,
        /// 20m, 09:00, a moment, or none.
        at: String,
    },
    /// Let it go on as a part of another.
    Merge {
        #[command(flatten)]
        which: Which,
        /// The one that goes on.
        into: String,
    },
    /// Let one of its alerts go on as an incident of its own.
    Split {
        #[command(flatten)]
        which: Which,
        /// The alert's key, as `show` has it.
        alert: String,
    },
    /// Close it by hand. It opens again when its cause shows up anew.
    Resolve(Which),
}

#[derive(Debug, Args)]
struct Which {
    /// The incident's identifier, or an unambiguous beginning of it.
    #[arg(value_name = "INCIDENT")]
    id: String,
}

impl Incident {
    /// Exits with 0 when it was done, and with 1 when not, which is said in a sentence.
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        let server = match self.reach.server(config) {
            Ok(server) => server,
            Err(problems) => return super::refuse(&problems),
        };
        super::in_runtime(LevelFilter::WARN, self.command.run(server, self.output))
    }
}

impl Command {
    async fn run(self, server: Server, output: Output) -> anyhow::Result<()> {
        let listing = matches!(self, Command::List { .. });
        let answer = self.ask(&server).await?;
        let colour = crate::terminal::colours(&std::io::stdout());
        print(&match (output, listing) {
            (Output::Json, _) => format!("{answer:#}\n"),
            (Output::Text, true) => text::list(&answer, crate::clock::now(), colour),
            (Output::Text, false) => text::one(&answer, crate::clock::now(), colour),
        });
        Ok(())
    }

    async fn ask(self, server: &Server) -> anyhow::Result<Value> {
        let (which, what, body) = match self {
            Command::List { all } => {
                let state = if all { "" } else { "?state=open" };
                return server.ask(Method::GET, &format!("/api/v1/incidents{state}"), None).await;
            }
            Command::Show(which) => {
                let id = find(server, &which.id).await?;
                return server.ask(Method::GET, &format!("/api/v1/incidents/{id}"), None).await;
            }
            Command::Ack(which) => (which, "acknowledge".to_owned(), json!({})),
            Command::Resolve(which) => (which, "resolve".into(), json!({})),
            Command::Snooze { which, until } => (which, "snooze".into(), json!({ "until": until })),
            Command::Assign { which, person } => (which, "assign".into(), json!({ "to": person })),
            Command::Severity { which, severity } => {
                (which, "severity".into(), json!({ "severity": severity }))
            }
            Command::Note { which, text, evidence } => {
                (which, "notes".into(), json!({ "text": text, "evidence": evidence }))
            }
            Command::Role { which, role, who } => {
                (which, "roles".into(), json!({ "role": role, "who": who }))
            }
            Command::Task { which, text } => (which, "tasks".into(), json!({ "text": text })),
            Command::Done { which, task } => (which, format!("tasks/{task}/done"), json!({})),
            Command::Remind { which, at } => (which, "remind".into(), json!({ "at": at })),
            Command::Merge { which, into } => {
                let into = find(server, &into).await?;
                (which, "merge".into(), json!({ "into": into }))
            }
            Command::Split { which, alert } => (which, "split".into(), json!({ "alert": alert })),
        };
        let id = find(server, &which.id).await?;
        server.ask(Method::POST, &format!("/api/v1/incidents/{id}/{what}"), Some(&body)).await
    }
}

/// The whole identifier of the incident that was named.
async fn find(server: &Server, named: &str) -> anyhow::Result<String> {
    let named = named.trim().to_ascii_lowercase();
    if named.parse::<mainstay_model::IncidentId>().is_ok() {
        return Ok(named);
    }
    let known = server.ask(Method::GET, "/api/v1/incidents", None).await?;
    only(&known, &named)
}

/// The one of the latest incidents that begins so.
fn only(known: &Value, named: &str) -> anyhow::Result<String> {
    super::only(&known["incidents"], named, "incident", "mainstay incident list --all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incident_is_named_by_any_beginning_that_no_other_has() {
        let known = json!({ "incidents": [{ "id": "0193aa01-0000" }, { "id": "0193aa02-0000" }] });
        assert_eq!(only(&known, "0193aa02").unwrap(), "0193aa02-0000");
        let several = only(&known, "0193").unwrap_err().to_string();
        assert_eq!(
            several,
            "2 incidents begin with \"0193\". Write more of the identifier: 0193aa01-0000, 0193aa02-0000"
        );
        for named in ["", "0194"] {
            let none = only(&known, named).unwrap_err().to_string();
            assert!(none.starts_with("no incident begins with"), "{none}");
        }
    }
}
