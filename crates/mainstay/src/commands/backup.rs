use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use mainstay_store::Store;
use tracing::level_filters::LevelFilter;

use crate::config;

/// Copy everything that is kept into one file, consistently, while Mainstay runs.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The file to write; it must not exist yet.
    file: PathBuf,
}

impl Backup {
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        let loaded = match config::load(config, &config::environment) {
            Ok(loaded) => loaded,
            Err(problems) => return super::refuse(&problems),
        };
        super::in_runtime(LevelFilter::WARN, backup(crate::location::of(&loaded.server), self.file))
    }
}

#[expect(clippy::print_stdout, reason = "this is where a command speaks to the person who called it")]
async fn backup(location: mainstay_store::Location, file: PathBuf) -> anyhow::Result<()> {
    Store::backup(&location, &file).await?;
    println!("Everything that Mainstay keeps is in {} now.", file.display());
    Ok(())
}
