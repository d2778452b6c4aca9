use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;
use tracing_subscriber::prelude::*;

/// Starts the log on standard error with everything from `least` on. `MAINSTAY_LOG` chooses otherwise, as in
/// `info,mainstay=debug`.
pub(crate) fn start(least: LevelFilter) {
    let filter = EnvFilter::builder()
        .with_env_var("MAINSTAY_LOG")
        .with_default_directive(least.into())
        .from_env_lossy();
    let colour = crate::terminal::colours(&std::io::stderr());
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colour).with_target(false);
    // A second start, as in a test, keeps the first.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
}
