use std::fmt;
use std::path::PathBuf;

/// Why the store could not do what was asked. The message says what happened and what to do; the source says what the database said.
///
/// Whatever the error, nothing that was stored before is harmed: a transaction that fails leaves nothing behind, and a file
/// that is not understood is not written to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database was written by a later version.
    #[error(
        "{location} was last used by a newer Mainstay (its format is {found}, this version knows up to {known}): \
         install that version or a later one, or point `data_dir` or `database` elsewhere; nothing was changed"
    )]
    Newer {
        /// Which database.
        location: String,
        /// Its format.
        found: i64,
        /// The latest format that this build knows.
        known: i64,
    },
    /// The database holds something, and not Mainstay's.
    #[error(
        "{location} is not a Mainstay database ({what}): point `data_dir` or `database` elsewhere; nothing was changed"
    )]
    Foreign {
        /// Which database.
        location: String,
        /// What it seems to be.
        what: String,
    },
    /// The file is damaged.
    #[error(
        "the database {location} is damaged: stop Mainstay, keep a copy of the file, and put the latest backup in its \
         place, or save what can be read with `sqlite3 {location} .recover`; nothing was changed"
    )]
    Damaged {
        /// Which file.
        location: String,
        /// What the database said.
        #[source]
        source: Source,
    },
    /// The file or its directory cannot be written.
    #[error(
        "{location} cannot be written: give the user that runs Mainstay write access to it and to its directory, or \
         point `data_dir` elsewhere"
    )]
    ReadOnly {
        /// Which file or database.
        location: String,
        /// What the system said.
        #[source]
        source: Source,
    },
    /// The directory cannot be made or the file not opened.
    #[error("{} cannot be used to keep data: {hint}", path.display())]
    Unusable {
        /// Which file or directory.
        path: PathBuf,
        /// What to do.
        hint: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No room is left.
    #[error(
        "there is no room left to write {location}: free some space or move it to a larger disk; Mainstay tries again by \
         itself, and nothing stored is lost"
    )]
    Full {
        /// Which file or database.
        location: String,
        /// What the database said.
        #[source]
        source: Source,
    },
    /// Another Mainstay uses the same data directory.
    #[error(
        "another Mainstay{} already uses {}: stop that one first, or give this one a `data_dir` of its own",
        Process(*pid), path.display()
    )]
    InUse {
        /// The database file.
        path: PathBuf,
        /// The process that uses it, as far as it can be told.
        pid: Option<u32>,
    },
    /// Another Mainstay uses the same database on a server.
    #[error(
        "another Mainstay already uses {location}: stop that one first, or give this one a database or a schema of its \
         own; when the machine or the network of the other one broke down, wait a minute and try again"
    )]
    InUseElsewhere {
        /// Which database, without its password.
        location: String,
    },
    /// Somebody else holds a lock for too long.
    #[error("{location} is locked by another program for too long: end that program, or wait and try again")]
    Busy {
        /// Which file or database.
        location: String,
        /// What the database said.
        #[source]
        source: Source,
    },
    /// The address of the database is not understood.
    #[error(
        "the address of the database is not understood: it should read like \
         postgres://user:password@host:5432/name?sslmode=verify-full"
    )]
    Address {
        /// What is wrong with it. Never the address itself: it may hold a password.
        #[source]
        source: Source,
    },
    /// The database server cannot be reached or does not let us in.
    #[error("{location} cannot be used: see that the server runs, is reachable, and lets this user in")]
    Unreachable {
        /// Which database, without its password.
        location: String,
        /// What was tried.
        #[source]
        source: Source,
    },
    /// A row does not say what it should.
    #[error(
        "the row {key} of table {table} is damaged: its column {column} {reason}; restore the latest backup, or delete \
         that row to go on without it"
    )]
    CorruptRow {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: &'static str,
        /// The primary key of the row, as text.
        key: String,
        /// What is wrong with its value.
        reason: String,
    },
    /// The tables could not be brought up to date.
    #[error(
        "the tables of {location} could not be brought up to date: nothing was changed; see the reason below"
    )]
    Migration {
        /// Which database.
        location: String,
        /// What the database said.
        #[source]
        source: Source,
    },
    /// There is nothing to copy or to read.
    #[error(
        "there is no database {}: see that `data_dir` is the one that Mainstay runs with; it is made at the first start",
        path.display()
    )]
    NotThere {
        /// The database file.
        path: PathBuf,
    },
    /// A backup is never written over.
    #[error("{} exists already: name a file that does not exist yet, a backup is never overwritten", path.display())]
    BackupExists {
        /// The file.
        path: PathBuf,
    },
    /// The backup could not be written.
    #[error("the backup {} could not be written: see that its directory exists, is writable and has room", path.display())]
    BackupFailed {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Source,
    },
    /// PostgreSQL has its own tool for this.
    #[error(
        "the data is kept in PostgreSQL: back it up with `pg_dump --format=custom`, which takes a consistent copy while \
         Mainstay runs"
    )]
    BackupOfPostgres,
    /// Anything else.
    #[error("the database {location} refused: nothing of it was written; see the reason below")]
    Refused {
        /// Which database.
        location: String,
        /// What the database said.
        #[source]
        source: Source,
    },
}

/// What the database or the system said, kept for the log.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

impl StoreError {
    /// Whether the same may work later without anybody changing the stored data: no room, no connection, locked.
    pub fn may_pass(&self) -> bool {
        use StoreError::*;
        matches!(
            self,
            Full { .. }
                | Busy { .. }
                | Unreachable { .. }
                | ReadOnly { .. }
                | Refused { .. }
                | InUseElsewhere { .. }
        )
    }
}

struct Process(Option<u32>);

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |pid| write!(f, " (process {pid})"))
    }
}
