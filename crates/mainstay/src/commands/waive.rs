pub(super) mod text;

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use axum::http::Method;
use clap::Args;
use mainstay_model::{DependencyName, HumanDuration};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use url::form_urlencoded::Serializer;

use super::{Output, agreed, aside, print};
use crate::client::{Reach, Server};

/// Have the expired certificate of a dependency accepted for a while.
#[derive(Debug, Args)]
#[command(
    after_help = "Possible only while the latest check says that the server's own certificate expired and that nothing else is wrong \
    with it. It ends at its time, by `mainstay unwaive`, or by itself when the server has a valid certificate again. The server is \
    found by the configuration: by the socket in its data directory, which belongs to the user it runs as. Exits with 0 when it is in \
    force or asked for, and with 1 when not, which is said in a sentence."
)]
pub(crate) struct Waive {
    /// The dependency.
    #[arg(value_name = "NAME")]
    dependency: DependencyName,
    /// For how long, such as 4h. [default: what `waivers.usual` says]
    #[arg(long = "for", value_name = "LENGTH")]
    lasts: Option<HumanDuration>,
    /// Why it is needed. It stands in the history and in the audit log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    output: Output,
    #[command(flatten)]
    reach: Reach,
}

impl Waive {
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        let Waive { dependency, lasts, reason, yes, output, reach } = self;
        let server = match reach.server(config) {
            Ok(server) => server,
            Err(problems) => return super::refuse(&problems),
        };
        let lasts = lasts.map(|lasts| lasts.to_string()).unwrap_or_default();
        let wish = Wish { dependency, lasts, reason };
        super::in_runtime(LevelFilter::WARN, wish.ask(server, yes, output))
    }
}

struct Wish {
    dependency: DependencyName,
    /// Empty: as long as is usual.
    lasts: String,
    reason: String,
}

impl Wish {
    async fn ask(self, server: Server, yes: bool, output: Output) -> anyhow::Result<()> {
        if !yes {
            let grounds = grounds(&server, self.dependency.as_str(), &self.lasts, false).await?;
            aside(&text::grounds(&grounds));
            if grounds["second_person"] == true {
                aside(&text::second_person());
            }
            let otherwise = "nobody can be asked whether to accept it; say --yes if this is what you want";
            if !agreed("Accept it until then?", otherwise)? {
                bail!("nothing was accepted");
            }
        }
        let made = server.ask(Method::POST, "/api/v1/waivers", Some(&self.body(&server))).await?;
        print(&match output {
            Output::Json => format!("{made:#}\n"),
            Output::Text => text::made(&made),
        });
        Ok(())
    }

    fn body(&self, server: &Server) -> Value {
        json!({
            "dependency": self.dependency, "lasts": self.lasts, "reason": self.reason,
            "name": server.name_to_tell(),
        })
    }
}

/// What speaks for a waiver of that length now, and what it would mean; an error where none is possible. `agreeing`: to one that was
/// asked for, which does not stand in its own way.
pub(super) async fn grounds(
    server: &Server,
    dependency: &str,
    lasts: &str,
    agreeing: bool,
) -> anyhow::Result<Value> {
    let grounds = server.ask(Method::GET, &address_of_grounds(dependency, lasts, agreeing), None).await?;
    if let Some(refusal) = grounds["refusal"].as_object() {
        let said = |key: &str| refusal[key].as_str().unwrap_or_default();
        bail!("{} {}", said("message"), said("advice").trim_end_matches('.'));
    }
    Ok(grounds)
}

fn address_of_grounds(dependency: &str, lasts: &str, agreeing: bool) -> String {
    let mut query = Serializer::new(String::new());
    query.append_pair("dependency", dependency).append_pair("lasts", lasts);
    if agreeing {
        query.append_pair("agreeing", "true");
    }
    format!("/api/v1/waivers/grounds?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_survives_its_way() {
        let dependency = "orders-db".parse().unwrap();
        let wish = Wish { dependency, lasts: "1h30m".into(), reason: "a & b".into() };
        let address = address_of_grounds("orders-db", "1h30m", false);
        assert_eq!(address, "/api/v1/waivers/grounds?dependency=orders-db&lasts=1h30m");
        let url = crate::client::address("http://127.0.0.1:1").unwrap();
        let there = Server::There { url, token: None, roots: None, by: Some("ben".into()) };
        assert_eq!(wish.body(&there)["name"], "ben");
        assert_eq!(wish.body(&there)["reason"], "a & b");
    }
}
