use std::path::Path;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use mainstay_model::Fingerprint;
use mainstay_store::{Archive, AuditWalk, Location};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use super::{Output, print};
use crate::config;
use crate::terminal::wrapped;

/// The log could not be read, so that nothing is known of it.
pub(crate) const UNREAD: u8 = 2;

/// See that nobody changed what the audit log says.
#[derive(Debug, Args)]
pub(crate) struct AuditLog {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Walk through it, and say how many rows it has and what its head is.
    #[command(
        after_help = "Each row holds the hash of the one before, so that a row that was changed, deleted, inserted or moved is found. What \
        cannot be found so is that rows are gone from the end, or that everything from some row on was written anew by somebody who can \
        write to the database: note the head now and then where they cannot write, and give it with --expect. Reads only, also while \
        Mainstay runs. Exits with 0 when it holds, with 1 when not, and with 2 when it could not be read."
    )]
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Verify {
    /// A head that was noted before; the log must still have it.
    #[arg(long, value_name = "HASH", value_parser = hash)]
    expect: Option<Fingerprint>,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
}

fn hash(text: &str) -> anyhow::Result<Fingerprint> {
    let read = Fingerprint::parse(&text.trim().to_ascii_lowercase());
    read.ok_or_else(|| anyhow!("it is no head of a log: that has 64 hexadecimal digits"))
}

impl AuditLog {
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        let Command::Verify(verify) = self.command;
        let loaded = match config::load(config, &config::environment) {
            Ok(loaded) => loaded,
            Err(problems) => {
                super::refuse(&problems);
                return ExitCode::from(UNREAD);
            }
        };
        let location = crate::location::of(&loaded.server);
        super::in_runtime_with_code(LevelFilter::WARN, UNREAD, verify.walk(location))
    }
}

impl Verify {
    async fn walk(self, location: Location) -> anyhow::Result<ExitCode> {
        let archive = Archive::open(&location).await?;
        let walk = archive.walk_audit_log(self.expect).await;
        archive.close().await;
        let walk = walk?;
        print(&match self.output {
            Output::Text => text(&walk),
            Output::Json => format!("{:#}\n", report(&walk)),
        });
        Ok(if holds(&walk) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn holds(walk: &AuditWalk) -> bool {
    walk.broken.is_none() && walk.expected_found != Some(false)
}

fn report(walk: &AuditWalk) -> Value {
    let broken = walk.broken.as_ref().map(|broken| json!({ "row": broken.seq, "message": broken.message }));
    json!({
        "holds": holds(walk), "rows": walk.rows, "head": walk.head, "head_at": walk.head_at, "broken": broken,
        "expected_found": walk.expected_found,
    })
}

fn text(walk: &AuditWalk) -> String {
    let rows = match walk.rows {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    };
    let at = walk.head_at.map(|at| at.strftime("%Y-%m-%d %H:%M UTC").to_string());
    let last = at.map(|at| format!(", the last of {at}")).unwrap_or_default();
    let sentence = match (&walk.broken, walk.expected_found) {
        (Some(broken), _) => {
            format!("The audit log is broken: {} {rows} before it hold{last}.", broken.message)
        }
        (None, Some(false)) => format!(
            "The audit log has {rows}{last}, and none of them has the hash that was noted: rows are gone from its end, it was written \
             anew, or it is another log."
        ),
        (None, _) => format!("The audit log holds: {rows}{last}."),
    };
    let head = walk.head.map(|head| format!("head {head}\n")).unwrap_or_default();
    format!("{}\n{head}", wrapped(&sentence, 0))
}

#[cfg(test)]
mod tests {
    use mainstay_store::AuditBreak;

    use super::*;

    #[test]
    fn it_says_what_holds_and_where_it_breaks() {
        let walk = AuditWalk {
            rows: 4,
            head: Some(Fingerprint([0xab; 32])),
            head_at: "2026-11-22T22:41:07Z".parse().ok(),
            broken: None,
            expected_found: Some(true),
        };
        let head = format!("head {}\n", "ab".repeat(32));
        assert_eq!(
            text(&walk),
            format!("The audit log holds: 4 rows, the last of 2026-11-22 22:41 UTC.\n{head}")
        );
        assert!(holds(&walk) && report(&walk)["holds"] == true);
        let message = "row 5 says something else than when it was written.".to_owned();
        let broken = AuditWalk { broken: Some(AuditBreak { seq: 5, message }), ..walk.clone() };
        let said = text(&broken);
        assert!(said.starts_with("The audit log is broken: row 5 says something else"), "{said}");
        assert_eq!((holds(&broken), &report(&broken)["broken"]["row"]), (false, &json!(5)));
        let shorter = AuditWalk { expected_found: Some(false), ..walk };
        assert!(!holds(&shorter) && text(&shorter).contains("rows are gone from its end"));
    }

    #[test]
    fn only_a_hash_can_be_expected() {
        assert!(hash(&"AB".repeat(32)).is_ok());
        assert!(hash("abc").is_err());
    }
}
