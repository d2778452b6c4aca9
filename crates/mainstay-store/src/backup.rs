use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use sqlx::Connection as _;

use crate::database::open_to_read;
use crate::error::Source;
use crate::{Location, StoreError};

/// Copies the database as it is at one moment into a new file, while whoever writes goes on.
pub(crate) async fn backup(location: &Location, path: &Path) -> Result<(), StoreError> {
    let Location::Sqlite(database) = location else { return Err(StoreError::BackupOfPostgres) };
    if path.symlink_metadata().is_ok() {
        return Err(StoreError::BackupExists { path: path.to_owned() });
    }
    let partial = partial(path);
    let outcome = match write(database, &partial).await {
        Ok(()) => put_in_place(&partial, path),
        Err(Failed::Database(error)) => Err(error),
        Err(Failed::Copy(source)) => Err(StoreError::BackupFailed { path: path.to_owned(), source }),
    };
    // Whether it was put in place or not; what was never made need not be removed.
    let _ = fs::remove_file(&partial);
    outcome
}

enum Failed {
    Database(StoreError),
    Copy(Source),
}

/// The name under which the copy is written: a backup that was cut off never looks like a whole one.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

async fn write(database: &Path, partial: &Path) -> Result<(), Failed> {
    // Left over from a backup that was cut off; SQLite would refuse to write over it.
    let _ = fs::remove_file(partial);
    make_private(partial).map_err(|error| Failed::Copy(error.into()))?;
    let name = partial.to_str().ok_or_else(|| Failed::Copy("its name is not valid Unicode".into()))?;
    let mut connection = open_to_read(database).await.map_err(Failed::Database)?;
    let copied = sqlx::query("VACUUM INTO $1").bind(name).execute(&mut connection).await;
    let closed = connection.close().await;
    copied.map_err(|error| Failed::Copy(error.into()))?;
    closed.map_err(|error| Failed::Copy(error.into()))?;
    File::open(partial).and_then(|file| file.sync_all()).map_err(|error| Failed::Copy(error.into()))
}

/// SQLite copies into an empty file, whose mode it keeps: the copy is the operator's alone, as the original is.
fn make_private(partial: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(partial).map(drop)
}

/// Gives the copy its name. A hard link, unlike a renaming, never replaces a file that appeared in the meantime.
fn put_in_place(partial: &Path, path: &Path) -> Result<(), StoreError> {
    let linked = fs::hard_link(partial, path).or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Err(error),
        _ => rename_to_new(partial, path),
    });
    linked.and_then(|()| sync_directory(path)).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => StoreError::BackupExists { path: path.to_owned() },
        _ => StoreError::BackupFailed { path: path.to_owned(), source: source.into() },
    })
}

/// For file systems without hard links: the name is taken with an empty file first, so that what is replaced is never somebody else's.
fn rename_to_new(partial: &Path, path: &Path) -> io::Result<()> {
    File::create_new(path)?;
    fs::rename(partial, path)
}

/// A new name is safe on the disk only once its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renaming_replaces_nothing() {
        let directory = std::env::temp_dir().join(format!("mainstay-store-rename-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (partial, path) = (directory.join("copy.partial"), directory.join("copy"));
        fs::write(&partial, "copy").unwrap();
        rename_to_new(&partial, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"copy");
        fs::write(&partial, "another").unwrap();
        let error = rename_to_new(&partial, &path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"copy");
        fs::remove_dir_all(directory).unwrap();
    }
}
