use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// What a file means, worked out again only when the file has changed.
///
/// A change is seen by modification time and length, so that a check costs one `stat` and not a parse.
pub(crate) struct Reread<T> {
    path: PathBuf,
    kept: Mutex<Option<(Stamp, T)>>,
}

#[derive(PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: Option<u64>,
}

impl<T: Clone> Reread<T> {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Reread<T> {
        Reread { path: path.into(), kept: Mutex::new(None) }
    }

    /// The present meaning. `read` is asked when the file is new or changed; its error is not kept.
    pub(crate) fn current<E>(&self, read: impl FnOnce(&Path) -> Result<T, E>) -> Result<T, E> {
        let stamp = stamp(&self.path);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, value)) = kept.as_ref()
            && *known == stamp
        {
            return Ok(value.clone());
        }
        let value = read(&self.path)?;
        *kept = Some((stamp, value.clone()));
        Ok(value)
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok();
    Stamp {
        modified: metadata.as_ref().and_then(|metadata| metadata.modified().ok()),
        length: metadata.map(|metadata| metadata.len()),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn a_file_is_read_again_only_when_it_changed() {
        let path = std::env::temp_dir().join(format!("mainstay-reread-{}", std::process::id()));
        std::fs::write(&path, "one").unwrap();
        let file = Reread::new(&path);
        let mut reads = 0;
        let mut current = || {
            let read = |path: &Path| {
                reads += 1;
                Ok::<_, Infallible>(std::fs::read_to_string(path).unwrap())
            };
            let Ok(text) = file.current(read);
            (text, reads)
        };
        assert_eq!(current(), ("one".into(), 1));
        assert_eq!(current(), ("one".into(), 1));
        std::fs::write(&path, "three").unwrap();
        assert_eq!(current(), ("three".into(), 2));
        std::fs::remove_file(&path).unwrap();
    }
}
