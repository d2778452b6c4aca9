use std::path::Path;
use std::sync::Arc;

/// The certificates that are trusted to vouch for servers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Roots(Arc<()>);

/// Why a file gives no roots. Every message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

impl Roots {
    /// The machine's own trust store, or the bundled list of Mozilla's roots where the machine has none.
    pub fn system() -> Roots {
        unimplemented!()
    }

    /// The certificates of a PEM file, and no others.
    pub fn from_pem_file(_path: &Path) -> Result<Roots, RootsError> {
        unimplemented!()
    }

    /// The certificates of a PEM text; `origin` names it in messages.
    pub fn from_pem(_pem: &[u8], _origin: &str) -> Result<Roots, RootsError> {
        unimplemented!()
    }
}
