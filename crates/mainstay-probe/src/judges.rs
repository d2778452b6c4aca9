use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mainstay_model::{Blame, Failure, FailureKind, Phase};
use mainstay_tls::{Judge, Roots};

use crate::reread::Reread;

/// At most this many files of roots are kept ready; a landscape with more pays a parse a check for the rest.
const KEPT_FILES: usize = 256;

/// A judge for each set of roots: the system's, and one for each `ca_file`.
#[derive(Default)]
pub(crate) struct Judges {
    system: OnceLock<Judge>,
    files: Mutex<HashMap<PathBuf, Arc<Reread<Judge>>>>,
}

impl Judges {
    /// The judge for the roots of this file, or for the system's without one. Fails when the file gives no roots.
    pub(crate) fn for_roots(&self, ca_file: Option<&Path>) -> Result<Judge, Failure> {
        match ca_file {
            None => Ok(self.system.get_or_init(|| Judge::new(Roots::system())).clone()),
            Some(path) => self.file(path).current(read).map_err(|error| no_roots(&error)),
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

fn read(path: &Path) -> Result<Judge, mainstay_tls::RootsError> {
    Roots::from_pem_file(path).map(Judge::new)
}

fn no_roots(error: &mainstay_tls::RootsError) -> Failure {
    let message = format!("the server was not checked, because its roots are missing: {error}");
    Failure::new(FailureKind::CertificateUntrusted, Phase::Tls, message).blamed_on(Blame::Us)
}
