use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mainstay_model::{Blame, Failure, FailureKind, Phase};
use mainstay_tls::{Judge, Roots, RootsError};
use tokio::time::Instant;

use crate::reread::Reread;

/// At most this many files of roots are kept ready; a landscape with more pays a parse a check for the rest.
const KEPT_FILES: usize = 256;
/// How often the system's trust store is looked at: an update of it takes effect within this time.
const LOOK_AT_SYSTEM: Duration = Duration::from_secs(60);

/// A judge for each set of roots: the system's, and one for each `ca_file`.
pub(crate) struct Judges {
    system: Reread<Judge>,
    files: Mutex<HashMap<PathBuf, Arc<Reread<Judge>>>>,
}

impl Default for Judges {
    fn default() -> Judges {
        Judges { system: Reread::of(Roots::system_places, LOOK_AT_SYSTEM), files: Mutex::default() }
    }
}

impl Judges {
    /// The judge for the system's roots, when they were looked at lately. Touches no file.
    pub(crate) fn recent_system(&self, now: Instant) -> Option<Judge> {
        self.system.recent(now)
    }

    /// The judge for the roots of this file, or for the system's without one. Fails when the file gives no roots.
    pub(crate) fn for_roots(&self, ca_file: Option<&Path>, now: Instant) -> Result<Judge, Failure> {
        match ca_file {
            None => {
                let Ok(judge) = self.system.current(now, || Ok::<_, Infallible>(Judge::new(Roots::system())));
                Ok(judge)
            }
            Some(path) => self.file(path).current(now, || read(path)).map_err(|error| no_roots(&error)),
        }
    }

    fn file(&self, path: &Path) -> Arc<Reread<Judge>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.get(path) {
            return known.clone();
        }
        let file = Arc::new(Reread::new(path));
        if files.len() < KEPT_FILES {
            files.insert(path.to_owned(), file.clone());
        }
        file
    }
}

fn read(path: &Path) -> Result<Judge, RootsError> {
    Roots::from_pem_file(path).map(Judge::new)
}

fn no_roots(error: &RootsError) -> Failure {
    let message = format!("the server was not checked, because its roots are missing: {error}");
    Failure::new(FailureKind::CertificateUntrusted, Phase::Tls, message).blamed_on(Blame::Us)
}
