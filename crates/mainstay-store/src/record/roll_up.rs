use mainstay_model::Histogram;

use super::Record;
use crate::database::Value;
use crate::{RollUp, StoreError};

/// Sums of one dependency over an hour or a day in the form of their table: times in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RollUpRow {
    pub(crate) dependency: String,
    pub(crate) start: i64,
    pub(crate) healthy: i64,
    pub(crate) degraded: i64,
    pub(crate) down: i64,
    pub(crate) inconclusive: i64,
    pub(crate) observed_us: i64,
    pub(crate) down_us: i64,
    pub(crate) latency: Histogram,
}

impl RollUpRow {
    /// The values of one row of `INSERT_HOURLY` and `INSERT_DAILY`.
    pub(crate) fn values(&self) -> [Value; 9] {
        [
            self.dependency.as_str().into(),
            self.start.into(),
            self.healthy.into(),
            self.degraded.into(),
            self.down.into(),
            self.inconclusive.into(),
            self.observed_us.into(),
            self.down_us.into(),
            Some(self.latency.encode()).into(),
        ]
    }

    /// Adds the sums of another stretch of time.
    pub(crate) fn add(&mut self, other: &RollUpRow) {
        self.healthy += other.healthy;
        self.degraded += other.degraded;
        self.down += other.down;
        self.inconclusive += other.inconclusive;
        self.observed_us += other.observed_us;
        self.down_us += other.down_us;
        self.latency.merge(&other.latency);
    }
}

impl TryFrom<Record> for RollUpRow {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<RollUpRow, StoreError> {
        let latency = record.bytes("latency")?.and_then(|bytes| Histogram::decode(&bytes));
        Ok(RollUpRow {
            dependency: record.text("dependency")?,
            start: record.int("start")?,
            healthy: record.int("healthy")?,
            degraded: record.int("degraded")?,
            down: record.int("down")?,
            inconclusive: record.int("inconclusive")?,
            observed_us: record.int("observed_us")?,
            down_us: record.int("down_us")?,
            latency: latency.ok_or_else(|| record.corrupt("latency", "these bytes are no histogram"))?,
        })
    }
}

impl TryFrom<Record> for RollUp {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<RollUp, StoreError> {
        let counted = |column| record.count::<u64>(column);
        let [healthy, degraded, down, inconclusive] =
            ["healthy", "degraded", "down", "inconclusive"].map(counted);
        let (healthy, degraded, down, inconclusive) = (healthy?, degraded?, down?, inconclusive?);
        Ok(RollUp {
            start: record.time("start")?,
            checks: healthy + degraded + down + inconclusive,
            healthy,
            degraded,
            down,
            inconclusive,
            observed_seconds: counted("observed_us")? / 1_000_000,
            down_seconds: counted("down_us")? / 1_000_000,
            latency: RollUpRow::try_from(record)?.latency,
        })
    }
}
