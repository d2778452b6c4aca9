use std::io;

use sqlx::error::DatabaseError;

use super::Database;
use crate::StoreError;

impl Database {
    /// Says what an error of the engine means for the operator.
    pub(crate) fn fault(&self, error: sqlx::Error) -> StoreError {
        match self {
            Database::Sqlite { location, .. } => sqlite_fault(location.clone(), error),
            Database::Postgres { location, .. } => postgres_fault(location.clone(), error),
        }
    }

    /// Whether the same transaction may succeed when it is tried again at once: another node was faster.
    pub(crate) fn is_conflict(&self, error: &sqlx::Error) -> bool {
        let code = error.as_database_error().and_then(DatabaseError::code);
        matches!(self, Database::Postgres { .. })
            && code.is_some_and(|code| matches!(&*code, "23505" | "40001" | "40P01"))
    }
}

/// The primary result codes of <https://www.sqlite.org/rescode.html>.
pub(crate) fn sqlite_fault(location: String, error: sqlx::Error) -> StoreError {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const READONLY: i32 = 8;
    const CORRUPT: i32 = 11;
    const FULL: i32 = 13;
    const CANTOPEN: i32 = 14;
    const NOTADB: i32 = 26;
    let code =
        error.as_database_error().and_then(DatabaseError::code).and_then(|code| code.parse::<i32>().ok());
    let source = Box::new(error);
    match code.map(|extended| extended & 0xff) {
        Some(BUSY | LOCKED) => StoreError::Busy { location, source },
        Some(READONLY | CANTOPEN) => StoreError::ReadOnly { location, source },
        Some(CORRUPT | NOTADB) => StoreError::Damaged { location, source },
        Some(FULL) => StoreError::Full { location, source },
        _ => StoreError::Refused { location, source },
    }
}

/// The SQLSTATE codes of PostgreSQL's appendix A.
pub(crate) fn postgres_fault(location: String, error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(DatabaseError::code).map(|code| code.into_owned());
    let away = matches!(
        error,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed
    );
    let source = Box::new(error);
    match code.as_deref() {
        None if away => StoreError::Unreachable { location, source },
        Some("53100") => StoreError::Full { location, source },
        Some("25006") => StoreError::ReadOnly { location, source },
        Some("55P03" | "40001" | "40P01") => StoreError::Busy { location, source },
        Some("3D000" | "53300") => StoreError::Unreachable { location, source },
        Some(code) if ["08", "28", "57"].iter().any(|class| code.starts_with(class)) => {
            StoreError::Unreachable { location, source }
        }
        _ => StoreError::Refused { location, source },
    }
}

/// What an error of the file system means for the file that was to be used.
pub(crate) fn file_fault(path: &std::path::Path, source: io::Error) -> StoreError {
    use io::ErrorKind::*;
    let (path, location) = (path.to_owned(), path.display().to_string());
    match source.kind() {
        PermissionDenied | ReadOnlyFilesystem => StoreError::ReadOnly { location, source: Box::new(source) },
        StorageFull | QuotaExceeded => StoreError::Full { location, source: Box::new(source) },
        NotADirectory | AlreadyExists => StoreError::Unusable {
            path,
            hint: "a part of this path is a file where a directory is needed; point `data_dir` elsewhere",
            source,
        },
        IsADirectory => StoreError::Unusable {
            path,
            hint: "there is a directory where the file should be; point `data_dir` elsewhere",
            source,
        },
        _ => {
            StoreError::Unusable { path, hint: "see the reason below, or point `data_dir` elsewhere", source }
        }
    }
}
