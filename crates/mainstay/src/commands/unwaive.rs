use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use axum::http::Method;
use clap::Args;
use mainstay_model::DependencyName;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use url::form_urlencoded::Serializer;

use super::waive::text;
use super::{Output, print, waivers};
use crate::client::{Reach, Server};

/// End the waiver for a dependency before its time, or take a request back.
#[derive(Debug, Args)]
#[command(
    after_help = "Connections that were admitted under it are closed, each after its transaction. The server is found by the \
    configuration: by the socket in its data directory, which belongs to the user it runs as."
)]
pub(crate) struct Unwaive {
    /// The dependency, or the waiver's identifier or any unambiguous beginning of it.
    #[arg(value_name = "NAME|WAIVER")]
    named: String,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

impl Unwaive {
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        let Unwaive { named, output, reach } = self;
        let server = match reach.server(config) {
            Ok(server) => server,
            Err(problems) => return super::refuse(&problems),
        };
        super::in_runtime(LevelFilter::WARN, end(server, named, output))
    }
}

async fn end(server: Server, named: String, output: Output) -> anyhow::Result<()> {
    let mut ended = Vec::new();
    for id in meant(&server, &named).await? {
        let body = json!({ "name": server.name_to_tell() });
        ended.push(server.ask(Method::POST, &format!("/api/v1/waivers/{id}/end"), Some(&body)).await?);
    }
    print(&match output {
        Output::Json => format!("{:#}\n", json!({ "waivers": ended })),
        Output::Text => ended.iter().map(text::decided).collect(),
    });
    Ok(())
}

/// Those of the dependency that are not over; where there is no such dependency, the one waiver whose identifier begins so.
async fn meant(server: &Server, named: &str) -> anyhow::Result<Vec<String>> {
    if named.parse::<DependencyName>().is_err() {
        return Ok(vec![waivers::find(server, named).await?]);
    }
    let query = Serializer::new(String::new()).append_pair("dependency", named).finish();
    let known = server.ask(Method::GET, &format!("/api/v1/waivers?{query}"), None).await?;
    let all: Vec<&Value> = known["waivers"].as_array().into_iter().flatten().collect();
    if all.is_empty() {
        return match waivers::find(server, named).await {
            Ok(id) => Ok(vec![id]),
            Err(_) => {
                bail!("no waiver for {named} was ever asked for. `mainstay waivers` shows what is in force")
            }
        };
    }
    let standing = all.iter().filter(|one| one["state"] != "ended").filter_map(|one| one["id"].as_str());
    let standing: Vec<String> = standing.map(str::to_owned).collect();
    if standing.is_empty() {
        bail!(
            "no waiver for {named} is in force or asked for. `mainstay waivers --all` shows those that were"
        );
    }
    Ok(standing)
}
