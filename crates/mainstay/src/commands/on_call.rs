mod report;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use mainstay_model::{KeptOverride, nearest};
use mainstay_store::Store;
use tracing::level_filters::LevelFilter;

use crate::config::{self, Loaded};
use report::{Asked, Report};

/// Say who is on call, and who is next.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 somebody is on call for each schedule asked for, 1 nobody is for one of them, or it could not be told.\n\
    Overrides that were made while Mainstay ran are read from its data, where there are any; nothing is written."
)]
pub(crate) struct OnCall {
    /// Only this schedule: a key of `schedules` in the configuration.
    schedule: Option<String>,
    /// At this time instead of now: 2026-08-01T09:00 on the clock of each schedule, or with an offset 2026-08-01T09:00Z.
    #[arg(long, value_name = "TIME", value_parser = Asked::read)]
    at: Option<Asked>,
    /// For people or for programs.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Output {
    #[default]
    Text,
    /// `{"schedules": […]}`, with the fields of `GET /api/v1/on-call`.
    Json,
}

impl OnCall {
    pub(crate) fn run(self, file: &Path) -> ExitCode {
        let loaded = match config::load(file, &config::environment) {
            Ok(loaded) => loaded,
            Err(problems) => return super::refuse(&problems),
        };
        let mut covered = false;
        let told = super::in_runtime(LevelFilter::WARN, async {
            covered = self.tell(&loaded).await?;
            Ok(())
        });
        if told == ExitCode::SUCCESS && !covered { ExitCode::FAILURE } else { told }
    }

    /// Prints the report, and says whether somebody is on call everywhere.
    #[expect(clippy::print_stdout, reason = "this is where a command speaks to the person who called it")]
    async fn tell(&self, loaded: &Loaded) -> anyhow::Result<bool> {
        let schedules = &loaded.landscape.schedules;
        if schedules.is_empty() {
            anyhow::bail!("the configuration has no schedules; docs/on-call.md says how to make one");
        }
        if let Some(name) = self.schedule.as_ref().filter(|name| !schedules.contains_key(name.as_str())) {
            let known = schedules.keys().map(|known| known.as_str());
            let hint = nearest(name, known.clone()).map_or_else(
                || format!("known are {}", known.collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean {near}?"),
            );
            anyhow::bail!("there is no schedule {name}; {hint}");
        }
        let kept = overrides(loaded).await?;
        let asked = self.at.unwrap_or(Asked::Moment(crate::clock::now()));
        let report = Report::of(&loaded.landscape, &kept, self.schedule.as_deref(), asked);
        match self.output {
            Output::Text => print!("{report}"),
            Output::Json => println!("{:#}", serde_json::to_value(&report)?),
        }
        Ok(report.is_covered())
    }
}

/// What was changed while Mainstay ran. Who is on call must not be guessed: where it cannot be read, that is an error.
async fn overrides(loaded: &Loaded) -> anyhow::Result<Vec<KeptOverride>> {
    let location = crate::location::of(&loaded.server);
    let read = Store::overrides_at(&location).await;
    read.context(
        "the overrides that were made while Mainstay ran cannot be read, so who is on call is not known",
    )
}
