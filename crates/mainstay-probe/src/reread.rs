use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What some files mean, worked out again only when one of them has changed.
///
/// A change is seen by what a `stat` tells, so that a check does not cost a parse.
pub(crate) struct Reread<T> {
    files: Box<dyn Fn() -> Vec<PathBuf> + Send + Sync>,
    /// They are not looked at more often than this.
    every: Duration,
    kept: Mutex<Option<Kept<T>>>,
}

struct Kept<T> {
    looked: Instant,
    stamps: Vec<Option<Stamp>>,
    meaning: T,
}

/// What changes with a file. Time and length are not enough: a file can be replaced by one as long as itself within the
/// clock's grain, and tools that copy set the time of modification back. The time of the change of status cannot be set.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    place: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl<T: Clone> Reread<T> {
    /// Of one file, looked at each time.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Reread<T> {
        let path = path.into();
        Reread::of(move || vec![path.clone()], Duration::ZERO)
    }

    /// Of several files or directories, looked at every so often; which ones is asked each time.
    pub(crate) fn of(files: impl Fn() -> Vec<PathBuf> + Send + Sync + 'static, every: Duration) -> Reread<T> {
        Reread { files: Box::new(files), every, kept: Mutex::new(None) }
    }

    /// The meaning as it was when last looked at, if that is not long ago. Touches no file.
    pub(crate) fn recent(&self, now: Instant) -> Option<T> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|kept| now < kept.looked + self.every).map(|kept| kept.meaning.clone())
    }

    /// The present meaning. `read` is asked when a file is new or changed; its error is not kept.
    pub(crate) fn current<E>(&self, now: Instant, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if let Some(meaning) = self.recent(now) {
            return Ok(meaning);
        }
        // Before reading: a change in between is then seen the next time.
        let stamps: Vec<_> = (self.files)().iter().map(|path| stamp(path)).collect();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_mut().filter(|kept| kept.stamps == stamps) {
            kept.looked = now;
            return Ok(kept.meaning.clone());
        }
        let meaning = read()?;
        *kept = Some(Kept { looked: now, stamps, meaning: meaning.clone() });
        Ok(meaning)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp {
        place: (metadata.dev(), metadata.ino()),
        length: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("mainstay-reread-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn current(file: &Reread<String>, path: &Path, now: Instant) -> (String, bool) {
        let mut read = false;
        let Ok(text) = file.current(now, || {
            read = true;
            Ok::<_, Infallible>(std::fs::read_to_string(path).unwrap())
        });
        (text, read)
    }

    #[test]
    fn a_file_is_read_again_only_when_it_changed() {
        let folder = Folder::new("one");
        let path = folder.0.join("file");
        let (file, now) = (Reread::new(&path), Instant::now());
        std::fs::write(&path, "one").unwrap();
        assert_eq!(current(&file, &path, now), ("one".into(), true));
        assert_eq!(current(&file, &path, now), ("one".into(), false));
        std::fs::write(&path, "three").unwrap();
        assert_eq!(current(&file, &path, now), ("three".into(), true));
    }

    #[test]
    fn a_file_is_read_again_when_it_is_replaced_by_one_of_the_same_length_and_time() {
        let folder = Folder::new("replaced");
        let (path, other) = (folder.0.join("file"), folder.0.join("other"));
        let (file, now) = (Reread::new(&path), Instant::now());
        std::fs::write(&path, "old").unwrap();
        let time = std::fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(current(&file, &path, now).0, "old");
        std::fs::write(&other, "new").unwrap();
        std::fs::File::open(&other).unwrap().set_modified(time).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(current(&file, &path, now).0, "new");
    }

    #[test]
    fn files_are_looked_at_every_so_often() {
        let folder = Folder::new("often");
        let path = folder.0.join("file");
        let (listed, minute, now) = (path.clone(), Duration::from_secs(60), Instant::now());
        let file = Reread::of(move || vec![listed.clone()], minute);
        std::fs::write(&path, "one").unwrap();
        assert_eq!(current(&file, &path, now).0, "one");
        std::fs::write(&path, "three").unwrap();
        assert_eq!(current(&file, &path, now + minute / 2).0, "one");
        assert_eq!(file.recent(now + minute), None);
        assert_eq!(current(&file, &path, now + minute), ("three".into(), true));
        assert_eq!(current(&file, &path, now + minute * 2), ("three".into(), false));
        assert_eq!(file.recent(now + minute * 2), Some("three".into()));
    }
}
