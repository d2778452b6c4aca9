use std::path::Path;
use std::process::ExitCode;

use clap::Args;

/// Check URLs or configured dependencies once, without any set-up.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// URLs such as postgres://user@db.example.com, or names of dependencies in the configuration.
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<String>,
}

impl Check {
    pub(crate) fn run(self, config: &Path) -> ExitCode {
        let _ = (self.targets, config);
        ExitCode::from(3)
    }
}
