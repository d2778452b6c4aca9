use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A server that is not installed here, or may not run here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    what: &'static str,
    remedy: &'static str,
}

impl Missing {
    pub(crate) fn new(what: &'static str, remedy: &'static str) -> Missing {
        Missing { what, remedy }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.remedy)
    }
}

/// Whether a test may go on: `if !require(Postgres::available()) { return; }`.
///
/// Where the server is missing, the test says so in one line past the test harness's capture and is
/// skipped; in CI (`CI` is set), where everything must be installed, it fails.
pub fn require(available: Result<(), Missing>) -> bool {
    let Err(missing) = available else { return true };
    assert!(std::env::var_os("CI").is_none(), "in CI nothing is skipped: {missing}");
    say_skipped(&missing);
    false
}

/// Says in one line past the test harness's capture that something is skipped, be it in CI or not.
pub fn say_skipped(missing: &Missing) {
    // A closed standard error is no reason to fail a test that is skipped.
    let _ = writeln!(std::io::stderr().lock(), "skipped: {missing}");
}

/// The first of the directories that has the program. `PATH` of an ordinary user lacks the directories of
/// daemons, so these are looked through as well.
pub(crate) fn find_program(name: &str, also: &[PathBuf]) -> Option<PathBuf> {
    let usual = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = also.iter().cloned().chain(std::env::split_paths(&path));
    directories.chain(usual.iter().map(PathBuf::from)).map(|directory| directory.join(name)).find(is_file)
}

fn is_file(path: &PathBuf) -> bool {
    Path::new(path).is_file()
}
