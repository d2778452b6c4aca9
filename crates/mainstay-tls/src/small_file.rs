use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// The most that a file of certificates or a policy may have: a bundle of every public root is a quarter of this.
pub const MAX_SMALL_FILE_BYTES: u64 = 1024 * 1024;

/// Why a file gives no bytes.
#[derive(Debug, thiserror::Error)]
pub enum SmallFileError {
    /// The operating system refuses.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// A directory, a pipe, a device: reading it might never end.
    #[error("it is not a file: give the path of one")]
    NotAFile,
    /// More than [`MAX_SMALL_FILE_BYTES`].
    #[error("the file is larger than {} MiB, more than is ever needed here", MAX_SMALL_FILE_BYTES / 1024 / 1024)]
    TooLarge,
}

/// Reads a file of certificates or a policy: an ordinary file of at most [`MAX_SMALL_FILE_BYTES`].
///
/// It is looked at before it is opened, for opening a pipe waits until somebody writes. On a drive that does not answer even
/// looking waits, so callers that must not wait give it a thread of its own.
pub fn read_small_file(path: &Path) -> Result<Vec<u8>, SmallFileError> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(SmallFileError::NotAFile);
    }
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large from one that just fits. Its length alone would not do: some
    // files grow, and those of /proc say 0.
    File::open(path)?.take(MAX_SMALL_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SMALL_FILE_BYTES { Err(SmallFileError::TooLarge) } else { Ok(bytes) }
}
