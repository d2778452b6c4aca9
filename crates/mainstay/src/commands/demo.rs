use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tracing::level_filters::LevelFilter;

use crate::demo;

/// See it all in two minutes: a pretend provider whose certificate expires and is renewed, and everything else for real.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep what the demo writes (configuration, database, certificates) in this directory, which must be empty or new.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Demo {
    pub(crate) fn run(self) -> ExitCode {
        super::in_runtime(LevelFilter::ERROR, demo::run(self.dir))
    }
}
