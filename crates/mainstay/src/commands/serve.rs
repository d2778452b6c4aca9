use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use tracing::level_filters::LevelFilter;

use crate::config::{self, Loaded};
use crate::inherited::Inherited;
use crate::service::Service;

/// Run everything: checks, alerts, incidents, the operator's pages and the status page.
#[derive(Debug, Args)]
pub(crate) struct Serve {}

impl Serve {
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        let loaded = match config::load(config, &config::environment) {
            Ok(loaded) => loaded,
            Err(problems) => return super::refuse(&problems),
        };
        let inherited = Inherited::of_process();
        super::in_runtime(LevelFilter::INFO, serve(config, loaded, inherited))
    }
}

async fn serve(config: &Path, loaded: Loaded, inherited: Inherited) -> anyhow::Result<()> {
    for warning in &loaded.warnings {
        tracing::warn!("{}", warning.line());
    }
    let service = Service::start(config, loaded, inherited).await?;
    tracing::info!("operator's pages at {}", service.operator_url());
    tracing::info!("status page at {}", service.public_url());
    service.run_until_told_to_stop().await
}
