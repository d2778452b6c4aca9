use std::path::{Path, PathBuf};

use anyhow::Context;

/// The directory of one demo. A temporary one goes away with it.
pub(super) struct Home {
    directory: PathBuf,
    temporary: bool,
}

impl Home {
    pub(super) fn make(asked: Option<PathBuf>) -> anyhow::Result<Home> {
        let temporary = asked.is_none();
        let name = format!("mainstay-demo-{}", std::process::id());
        let directory = asked.unwrap_or_else(|| std::env::temp_dir().join(name));
        std::fs::create_dir_all(&directory)
            .with_context(|| format!("cannot make the directory {}", directory.display()))?;
        let mut entries = std::fs::read_dir(&directory)?;
        anyhow::ensure!(
            entries.next().is_none(),
            "{} is not empty: name a new directory with --dir, or none",
            directory.display()
        );
        Ok(Home { directory, temporary })
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.temporary {
            // What cannot be removed is in the directory for temporary files, where it harms nobody.
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}
