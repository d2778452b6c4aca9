//! The audit log: appended with what it is about, each row chained to the one before by its hash.
//!
//! The hash of a row is SHA-256 over the UTF-8 of the JSON array `[seq, at, who, action, details, previous]` without white space, where
//! `at` counts microseconds since 1970, `details` is a text, and `previous` is the hash of the row before, of the first row 64 zeros.
//! Whoever wants to check it without Mainstay needs no more than that.

use std::fmt::{self, Write as _};

use aws_lc_rs::digest::{self, SHA256};
use jiff::Timestamp;
use mainstay_model::{AuditAct, AuditEntry, Fingerprint, Landscape};
use serde_json::json;

use crate::database::{Database, Row, Transaction, Value};
use crate::record::Record;
use crate::write::Trouble;
use crate::{StoreError, sql};

/// What stands in the place of the hash before the first row.
const NOTHING: Fingerprint = Fingerprint([0; 32]);

/// Rows that are read at a time, so that a long log needs no more memory than a page of it.
const PAGE: i64 = 1_000;

/// What walking through the audit log showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditWalk {
    /// How many rows follow each other without a fault.
    pub rows: u64,
    /// The hash of the last of them; `None` where there is none.
    pub head: Option<Fingerprint>,
    /// When the last of them was written.
    pub head_at: Option<Timestamp>,
    /// What is wrong with the row after them.
    pub broken: Option<AuditBreak>,
    /// Whether the hash that was asked for is the one of a row among them; `None` when none was.
    pub expected_found: Option<bool>,
}

/// The first row that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditBreak {
    /// Its number.
    pub seq: i64,
    /// What is wrong with it, as a sentence.
    pub message: String,
}

/// A row, as it is hashed.
struct Line {
    seq: i64,
    at: i64,
    who: Option<String>,
    action: String,
    details: String,
    previous: Fingerprint,
}

impl Line {
    fn hash(&self) -> Fingerprint {
        let Line { seq, at, who, action, details, previous } = self;
        let text = json!([seq, at, who, action, details, previous]).to_string();
        sha256(text.as_bytes())
    }
}

/// Appends what is not there yet: a commit whose outcome was unknown may be repeated.
pub(crate) async fn append(transaction: &mut Transaction, entries: &[AuditEntry]) -> Result<(), Trouble> {
    if entries.is_empty() {
        return Ok(());
    }
    let (mut seq, mut previous) = last(transaction).await?;
    for entry in entries {
        let (action, details) = written(&entry.act)?;
        // PostgreSQL takes no NUL, and what is hashed has to be what is stored.
        let who = entry.by.as_ref().map(|by| by.replace('\0', "\u{fffd}"));
        let at = entry.at.as_microsecond();
        let same =
            vec![at.into(), action.into(), who.clone().unwrap_or_default().into(), details.clone().into()];
        if !transaction.rows(sql::SAME_AUDITED, same).await?.is_empty() {
            continue;
        }
        seq += 1;
        let line = Line { seq, at, who, action: action.to_owned(), details, previous };
        let hash = line.hash();
        transaction.execute(sql::INSERT_AUDITED, values(line, hash)).await?;
        previous = hash;
    }
    Ok(())
}

fn values(line: Line, hash: Fingerprint) -> Vec<Value> {
    let Line { seq, at, who, action, details, previous } = line;
    vec![
        seq.into(),
        at.into(),
        who.into(),
        action.into(),
        details.into(),
        previous.to_string().into(),
        hash.to_string().into(),
    ]
}

/// The number and the hash of the last row. A hash that cannot be read is chained to as nothing: what is new has to be written, and the
/// walk finds the break.
async fn last(transaction: &mut Transaction) -> Result<(i64, Fingerprint), Trouble> {
    let rows = transaction.rows(sql::LAST_AUDITED, vec![]).await?;
    let Some(record) = rows.into_iter().next().map(Record::of("audit_log", "seq")) else {
        return Ok((0, NOTHING));
    };
    Ok((record.int("seq")?, fingerprint(&record, "hash").unwrap_or(NOTHING)))
}

fn fingerprint(record: &Record, column: &'static str) -> Option<Fingerprint> {
    Fingerprint::parse(&record.text(column).ok()?)
}

/// The word and the details of an act.
fn written(act: &AuditAct) -> Result<(&'static str, String), serde_json::Error> {
    Ok(match act {
        AuditAct::ConfigurationLoaded(landscape) => {
            let details = json!({
                "fingerprint": fingerprint_of(landscape),
                "dependencies": landscape.dependencies.len(),
            });
            ("configuration-loaded", details.to_string())
        }
        AuditAct::Waiver { act, waiver } => (act.as_str(), serde_json::to_string(waiver)?),
        AuditAct::Asked { what, wanted, incident } => {
            (what, json!({ "wanted": wanted, "incident": incident }).to_string())
        }
    })
}

/// Tells configurations apart, of one build: two that read alike are the same. Secrets are no part of it.
fn fingerprint_of(landscape: &Landscape) -> Fingerprint {
    let mut digest = Digest(digest::Context::new(&SHA256));
    // A digest takes everything.
    let _ = write!(digest, "{landscape:?}");
    finished(digest.0)
}

struct Digest(digest::Context);

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

fn sha256(bytes: &[u8]) -> Fingerprint {
    let mut context = digest::Context::new(&SHA256);
    context.update(bytes);
    finished(context)
}

fn finished(context: digest::Context) -> Fingerprint {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    Fingerprint(bytes)
}

/// Walks through the log from its beginning, as far as it holds.
pub(crate) async fn walk(
    database: &Database,
    expected: Option<Fingerprint>,
) -> Result<AuditWalk, StoreError> {
    let mut walk = AuditWalk {
        rows: 0,
        head: None,
        head_at: None,
        broken: None,
        expected_found: expected.map(|_| false),
    };
    if !database.has_table("audit_log").await? {
        return walk.unless_emptied(database).await;
    }
    let mut after = i64::MIN;
    loop {
        let rows = database.rows(sql::AUDITED, vec![after.into(), PAGE.into()]).await?;
        if rows.is_empty() {
            return walk.unless_emptied(database).await;
        }
        for row in rows {
            let record = Record::of("audit_log", "seq")(row);
            match walk.step(&record) {
                Ok(seq) => after = seq,
                Err(broken) => return Ok(AuditWalk { broken: Some(broken), ..walk }),
            }
            if expected.is_some() && walk.head == expected {
                walk.expected_found = Some(true);
            }
        }
    }
}

impl AuditWalk {
    /// A log without a row does not hold where there are waivers: each of them is in it before it is anywhere else.
    async fn unless_emptied(self, database: &Database) -> Result<AuditWalk, StoreError> {
        let is_silent = self.rows == 0 && database.has_table("waiver").await?;
        if !is_silent || database.rows(sql::ANY_WAIVER, vec![]).await?.is_empty() {
            return Ok(self);
        }
        let message = "its rows are gone, though there are waivers, of which it would tell.".to_owned();
        Ok(AuditWalk { broken: Some(AuditBreak { seq: 1, message }), ..self })
    }

    /// Takes the next row, if it follows the one before and is as it was written.
    fn step(&mut self, record: &Record) -> Result<i64, AuditBreak> {
        let next = i64::try_from(self.rows).unwrap_or(i64::MAX).saturating_add(1);
        let seq = record.int("seq").unwrap_or(next);
        let broken = |message: String| AuditBreak { seq, message };
        if seq != next {
            let missing = if self.rows == 0 { "the first row".to_owned() } else { format!("row {next}") };
            return Err(broken(format!("{missing} is not there; the next one has the number {seq}.")));
        }
        let line =
            read(record, seq).map_err(|error| broken(format!("row {seq} cannot be read: {error}.")))?;
        if line.previous != self.head.unwrap_or(NOTHING) {
            return Err(broken(format!("row {seq} does not continue the row before it.")));
        }
        let hash = line.hash();
        if fingerprint(record, "hash") != Some(hash) {
            return Err(broken(format!("row {seq} says something else than when it was written.")));
        }
        self.rows += 1;
        self.head = Some(hash);
        self.head_at = Timestamp::from_microsecond(line.at).ok();
        Ok(seq)
    }
}

fn read(record: &Record, seq: i64) -> Result<Line, StoreError> {
    let previous = fingerprint(record, "previous");
    Ok(Line {
        seq,
        at: record.int("at")?,
        who: record.maybe_text("who")?,
        action: record.text("action")?,
        details: record.text("details")?,
        previous: previous.ok_or_else(|| record.corrupt("previous", "is no hash"))?,
    })
}

impl Database {
    async fn has_table(&self, table: &str) -> Result<bool, StoreError> {
        let known = match self {
            Database::Sqlite { .. } => sql::SQLITE_HAS_TABLE,
            Database::Postgres { .. } => sql::POSTGRES_HAS_TABLE,
        };
        let rows: Vec<Row> = self.rows(known, vec![table.into()]).await?;
        Ok(!rows.is_empty())
    }
}
