use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use mainstay_tls::{Judge, Roots};
use tokio::sync::watch;
use tracing::warn;

/// A judge for the roots of a file, or of this system, that is replaced when those change: a provider's new authority takes effect
/// without a restart.
pub(super) struct RootsFollower {
    ca_file: Option<PathBuf>,
    judge: watch::Sender<Judge>,
    seen: Mutex<Vec<Option<SystemTime>>>,
}

impl RootsFollower {
    pub(super) fn new(ca_file: Option<PathBuf>) -> anyhow::Result<RootsFollower> {
        let places = places(&ca_file);
        let seen = Mutex::new(stamps(&places));
        let judge = watch::Sender::new(Judge::new(read(&ca_file)?));
        Ok(RootsFollower { ca_file, judge, seen })
    }

    pub(super) fn judge(&self) -> watch::Receiver<Judge> {
        self.judge.subscribe()
    }

    /// Reads the roots again when they look different. Where that fails, the last good ones stay.
    pub(super) fn look(&self) {
        let now = stamps(&places(&self.ca_file));
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *seen == now {
            return;
        }
        match read(&self.ca_file) {
            Ok(roots) => {
                self.judge.send_replace(Judge::new(roots));
                *seen = now;
            }
            Err(why) => warn!("the roots of a relay changed and cannot be used; those before stay: {why:#}"),
        }
    }
}

fn places(ca_file: &Option<PathBuf>) -> Vec<PathBuf> {
    ca_file.clone().map_or_else(Roots::system_places, |file| vec![file])
}

fn stamps(places: &[PathBuf]) -> Vec<Option<SystemTime>> {
    places.iter().map(|place| modified(place)).collect()
}

/// When a file was changed last; `None` for one that is away.
pub(super) fn modified(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).ok()?.modified().ok()
}

fn read(ca_file: &Option<PathBuf>) -> anyhow::Result<Roots> {
    Ok(match ca_file {
        Some(file) => Roots::from_pem_file(file)?,
        None => Roots::system(),
    })
}
