mod text;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use axum::http::Method;
use clap::Args;
use mainstay_model::DependencyName;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use url::form_urlencoded::Serializer;

use super::{Output, agreed, aside, print};
use crate::client::{Reach, Server};

/// Nothing was drilled: nobody could be asked, somebody declined, or it was refused.
pub(crate) const NOT_BEGUN: u8 = 2;

/// Nobody answered in time, or a message was given up.
const FELL_SHORT: u8 = 1;

/// Between two looks at a drill that goes on.
const PAUSE: Duration = Duration::from_secs(1);

/// Play that a dependency is down, by the real channels: who is told, and who takes it up.
#[derive(Debug, Args)]
#[command(
    after_help = "Real people are told, each message marked DRILL. The server is found by the configuration: by the socket in its data \
    directory, which belongs to the user it runs as. Exits with 0 when it was begun, or with --wait when it was answered and every \
    message arrived; with 1 when nobody answered in time or a message was given up; with 2 when nothing was begun."
)]
pub(crate) struct Drill {
    /// The dependency.
    #[arg(value_name = "NAME")]
    dependency: DependencyName,
    /// What is played. [default: certificate-expired]
    #[arg(long, value_name = "KIND")]
    failure: Option<String>,
    /// How long it goes on at most, such as 20m. [default: as long as its escalation, and the last wait once more]
    #[arg(long, value_name = "LENGTH")]
    lasts: Option<String>,
    /// Begin without asking.
    #[arg(long)]
    yes: bool,
    /// Follow it to its end, and say what it showed.
    #[arg(long)]
    wait: bool,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

impl Drill {
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        let Drill { dependency, failure, lasts, yes, wait, output, reach } = self;
        let server = match reach.server(config) {
            Ok(server) => server,
            Err(problems) => {
                super::refuse(&problems);
                return ExitCode::from(NOT_BEGUN);
            }
        };
        let wanted = Wanted { dependency, failure, lasts };
        let drilling = drill(server, wanted, yes, wait, output);
        super::in_runtime_with_code(LevelFilter::WARN, NOT_BEGUN, drilling)
    }
}

struct Wanted {
    dependency: DependencyName,
    failure: Option<String>,
    lasts: Option<String>,
}

impl Wanted {
    /// What the address that says who would be told asks for.
    fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("dependency", self.dependency.as_str());
        for (key, value) in [("failure", &self.failure), ("lasts", &self.lasts)] {
            if let Some(value) = value {
                query.append_pair(key, value);
            }
        }
        query.finish()
    }

    fn body(&self) -> Value {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        json!({
            "dependency": self.dependency, "failure": text(&self.failure), "lasts": text(&self.lasts),
        })
    }
}

async fn drill(
    server: Server,
    wanted: Wanted,
    yes: bool,
    wait: bool,
    output: Output,
) -> anyhow::Result<ExitCode> {
    if !yes {
        let plan = server.ask(Method::GET, &format!("/api/v1/drills/plan?{}", wanted.query()), None).await?;
        aside(&text::plan(&plan, crate::clock::now()));
        if !agreed("Begin?", "nobody can be asked whether to begin; say --yes if these people may be told")? {
            bail!("nothing was begun, and nobody was told");
        }
    }
    let begun = server.ask(Method::POST, "/api/v1/drills", Some(&wanted.body())).await?;
    let report = if wait { follow(&server, begun, output).await? } else { begun };
    print(&match output {
        Output::Json => format!("{report:#}\n"),
        Output::Text => text::report(&report),
    });
    let fell_short = wait && fell_short(&report);
    Ok(ExitCode::from(if fell_short { FELL_SHORT } else { 0 }))
}

/// Looks at it until nothing more is to be learned, and says on the way what happens.
async fn follow(server: &Server, begun: Value, output: Output) -> anyhow::Result<Value> {
    let id = begun["id"].as_str().unwrap_or_default().to_owned();
    let mut report = begun;
    let mut said = BTreeSet::new();
    loop {
        for line in text::events(&report) {
            if output == Output::Text && !said.contains(&line) {
                aside(&format!("{line}\n"));
            }
            said.insert(line);
        }
        if is_settled(&report) {
            return Ok(report);
        }
        tokio::time::sleep(PAUSE).await;
        report = server.ask(Method::GET, &format!("/api/v1/drills/{id}"), None).await?;
    }
}

/// It ended, or it was answered and it is known what came of each message.
fn is_settled(report: &Value) -> bool {
    let mut messages = report["messages"].as_array().into_iter().flatten();
    let known = messages.all(|one| !one["told_after_ms"].is_null() || !one["failed"].is_null());
    !report["ended_at"].is_null() || (!report["answered_at"].is_null() && known)
}

fn fell_short(report: &Value) -> bool {
    report["result"] != "answered" || report["failed"] != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_followed_until_nothing_more_is_to_be_learned() {
        let message = |after: Value, failed: Value| json!({ "told_after_ms": after, "failed": failed });
        let report = |ended: Value, answered: Value, messages: Vec<Value>| json!({ "ended_at": ended, "answered_at": answered, "messages": messages });
        let at = json!("2026-11-22T22:41:00Z");
        let under_way = message(Value::Null, Value::Null);
        assert!(!is_settled(&report(Value::Null, Value::Null, vec![])));
        assert!(!is_settled(&report(Value::Null, at.clone(), vec![under_way.clone()])));
        assert!(is_settled(&report(Value::Null, at.clone(), vec![message(json!(12), Value::Null)])));
        assert!(is_settled(&report(Value::Null, at.clone(), vec![message(Value::Null, json!("404"))])));
        assert!(is_settled(&report(at, Value::Null, vec![under_way])));
    }

    #[test]
    fn only_an_answer_in_time_and_all_messages_are_good_enough() {
        assert!(!fell_short(&json!({ "result": "answered", "failed": 0 })));
        for (result, failed) in [("answered", 1), ("answered-late", 0), ("unanswered", 0), ("interrupted", 0)]
        {
            assert!(fell_short(&json!({ "result": result, "failed": failed })), "{result} {failed}");
        }
    }

    #[test]
    fn what_is_asked_for_survives_its_way() {
        let wanted =
            Wanted { dependency: "orders-db".parse().unwrap(), failure: Some("a&b=c".into()), lasts: None };
        assert_eq!(wanted.query(), "dependency=orders-db&failure=a%26b%3Dc");
    }
}
