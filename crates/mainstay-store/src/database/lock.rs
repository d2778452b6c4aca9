use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::file_fault;
use crate::StoreError;

/// The right to use a data directory alone, for as long as it lives. The system gives it back even after `kill -9`.
///
/// It is a lock on a file of its own beside the database: SQLite's locks let several processes in, and two servers that both
/// check, decide and deliver would tell everything twice.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(database: &Path) -> Result<Lock, StoreError> {
        let path = beside(database);
        let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let mut file = open.map_err(|error| file_fault(&path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { path: database.to_owned(), pid: holder(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(file_fault(&path, error)),
        }
        note_holder(&mut file).map_err(|error| file_fault(&path, error))?;
        Ok(Lock { _file: file })
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn note_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
