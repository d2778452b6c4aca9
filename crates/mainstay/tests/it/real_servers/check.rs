use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use mainstay_model::CheckReport;
use mainstay_testkit::Pki;

/// The name that certificates are for, which no server is reached by.
pub(super) const SERVER_NAME: &str = "db.example.test";

/// Runs the real program with the root of a [`Pki`].
pub(super) struct Checker {
    root: PathBuf,
}

/// A certification authority of this moment, and the program set up to trust it.
pub(super) fn new_pki() -> (Pki, Checker) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    #[expect(clippy::disallowed_methods, reason = "the program under test reads the real clock")]
    let pki = Pki::new(Timestamp::now());
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("check-{number}"));
    std::fs::create_dir_all(&directory).expect("cargo's directory for tests is writable");
    let checker = Checker { root: pki.write_root(&directory) };
    (pki, checker)
}

impl Checker {
    /// One check; its exit code is checked to say the same as its verdict.
    pub(super) fn check(&self, url: &str) -> CheckReport {
        let mut reports = self.check_all(&[url]);
        assert_eq!(reports.len(), 1, "{url}");
        reports.remove(0)
    }

    pub(super) fn check_all(&self, urls: &[&str]) -> Vec<CheckReport> {
        let output = self.run(urls);
        let printed = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        let mut json: serde_json::Value = serde_json::from_str(&printed)
            .unwrap_or_else(|error| panic!("{urls:?}: {error}\n{printed}\n{complained}"));
        let reports: Vec<CheckReport> =
            serde_json::from_value(json["checks"].take()).expect("the JSON is of the model's shape");
        let worst = reports.iter().map(|report| report.verdict.exit_code()).max();
        assert_eq!(output.status.code(), worst.map(i32::from), "{urls:?}\n{printed}\n{complained}");
        reports
    }

    fn run(&self, urls: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
        command
            // Checks of one address take turns, and the machine may be busy with other tests.
            .args([
                "check",
                "--output",
                "json",
                "--timeout",
                "60s",
                "--server-name",
                SERVER_NAME,
                "--ca-file",
            ])
            .arg(&self.root);
        command.args(urls).output().expect("the program was built with the test")
    }
}
