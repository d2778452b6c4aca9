//! Proofs of coverage: the latest with its matrix, and how many holes there were before.

use jiff::Timestamp;
use mainstay_model::{Coverage, Hole};

use crate::database::{Database, Value};
use crate::reading::CoveragePoint;
use crate::record::Record;
use crate::{StoreError, sql};

/// So many are kept.
pub(crate) const KEPT: u32 = 400;

pub(crate) async fn keep(database: &Database, at: Timestamp, coverage: &Coverage) -> Result<(), StoreError> {
    let holes = coverage.holes.iter().filter(|hole| Hole::is_one(hole)).count();
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let body = serde_json::to_string(&coverage.clone().brief()).map_err(|error| StoreError::CorruptRow {
        table: "coverage",
        column: "body",
        key: at.to_string(),
        reason: format!("cannot be written: {error}"),
    })?;
    let values: Vec<Value> = vec![at.into(), count(holes).into(), count(coverage.ways()).into(), body.into()];
    database.execute(sql::INSERT_COVERAGE, values).await?;
    database.execute(sql::DELETE_COVERAGE, vec![i64::from(KEPT).into()]).await?;
    Ok(())
}

pub(crate) async fn latest(database: &Database) -> Result<Option<(Timestamp, Coverage)>, StoreError> {
    let row = database.rows(sql::LATEST_COVERAGE, vec![]).await?.into_iter().next();
    row.map(|row| {
        let record = Record::of("coverage", "at")(row);
        Ok((record.time("at")?, record.json("body")?))
    })
    .transpose()
}

pub(crate) async fn history(database: &Database, limit: u32) -> Result<Vec<CoveragePoint>, StoreError> {
    let rows = database.rows(sql::COVERAGES, vec![i64::from(limit.min(KEPT)).into()]).await?;
    rows.into_iter().map(|row| CoveragePoint::try_from(Record::of("coverage", "at")(row))).collect()
}

impl TryFrom<Record> for CoveragePoint {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<CoveragePoint, StoreError> {
        Ok(CoveragePoint {
            at: record.time("at")?,
            holes: record.count("holes")?,
            ways: record.count("ways")?,
        })
    }
}
