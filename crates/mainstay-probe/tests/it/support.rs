use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{CheckReport, Failure, Target};
use mainstay_probe::{CheckRequest, Prober, ProberOptions};
use mainstay_testkit::Pki;

/// Long enough for any answer on loopback, short enough to wait for its end.
pub(crate) const SHORT: Duration = Duration::from_millis(300);
/// For checks that are to end by themselves.
pub(crate) const LONG: Duration = Duration::from_secs(20);

pub(crate) fn now() -> Timestamp {
    "2027-07-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn request(url: &str, timeout: Duration) -> CheckRequest {
    CheckRequest::new(Target::parse(url).unwrap_or_else(|error| panic!("{url}: {error}")), timeout)
}

pub(crate) async fn check(request: &CheckRequest) -> CheckReport {
    Prober::new(ProberOptions::default()).check(request, now()).await
}

/// `kind phase blame`, or `healthy` and the like.
pub(crate) fn in_short(report: &CheckReport) -> String {
    match &report.failure {
        Some(Failure { kind, phase, blame, .. }) => format!("{kind} {phase} {blame}"),
        None => report.verdict.to_string(),
    }
}

/// A folder of the test's own, gone with it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("mainstay-probe-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A certification authority and the file of its root.
pub(crate) struct Authority {
    pub(crate) pki: Pki,
    pub(crate) root: PathBuf,
    _folder: Folder,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let folder = Folder::new();
        let pki = Pki::new(now());
        let root = pki.write_root(&folder.0);
        Authority { pki, root, _folder: folder }
    }

    pub(crate) fn request(&self, url: &str, timeout: Duration) -> CheckRequest {
        let mut request = request(url, timeout);
        request.tls.ca_file = Some(self.root.clone());
        request
    }
}
