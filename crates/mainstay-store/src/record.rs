//! Rows become the types of the model here and nowhere else. What a row should not say is an error that names the place.

mod delivery;
mod duty;
mod observation;
mod roll_up;
mod state;

use std::str::FromStr;

use jiff::Timestamp;
use mainstay_model::{
    ChannelRecord, HeartbeatRecord, Incident, KeptOverride, Silence, TimelineEntry, Waiver,
};
use serde::de::DeserializeOwned;

pub(crate) use delivery::{ACCEPTED, CAME_BACK, DELAYED, DeliveryRow, FAILED};
pub(crate) use duty::{Duty, Link};
pub(crate) use observation::{CheckRow, PartOfCheck, Tally};
pub(crate) use roll_up::RollUpRow;
pub(crate) use state::{StateRow, StoredState};

use crate::StoreError;
use crate::database::Row;

/// A row, its table, and the column that says which one it is.
pub(crate) struct Record {
    row: Row,
    table: &'static str,
    key: &'static str,
}

impl Record {
    pub(crate) fn of(table: &'static str, key: &'static str) -> impl Fn(Row) -> Record {
        move |row| Record { row, table, key }
    }

    pub(crate) fn int(&self, column: &'static str) -> Result<i64, StoreError> {
        self.maybe_int(column)?.ok_or_else(|| self.corrupt(column, "is empty"))
    }

    pub(crate) fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, StoreError> {
        self.row.int(column).map_err(|error| self.corrupt(column, error))
    }

    /// A number that cannot be negative.
    pub(crate) fn count<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, StoreError> {
        let number = self.int(column)?;
        T::try_from(number).map_err(|_| self.corrupt(column, format!("says {number}, which is out of range")))
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.maybe_time(column)?.ok_or_else(|| self.corrupt(column, "is empty"))
    }

    pub(crate) fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let time = self.maybe_int(column)?.map(Timestamp::from_microsecond).transpose();
        time.map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn text(&self, column: &'static str) -> Result<String, StoreError> {
        self.maybe_text(column)?.ok_or_else(|| self.corrupt(column, "is empty"))
    }

    pub(crate) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, StoreError> {
        self.row.text(column).map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        self.row.bytes(column).map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        let text = self.text(column)?;
        text.parse().map_err(|_| self.corrupt(column, format!("says {text:?}, which is not understood")))
    }

    pub(crate) fn maybe_parsed<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        self.maybe_text(column)?.map(|_| self.parsed(column)).transpose()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn maybe_json<T: DeserializeOwned>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let read = self.maybe_text(column)?.map(|text| serde_json::from_str(&text)).transpose();
        read.map_err(|error| self.corrupt(column, error))
    }

    /// The error for a column that says what it should not.
    pub(crate) fn corrupt(&self, column: &'static str, reason: impl ToString) -> StoreError {
        let key = self.row.text(self.key).ok().flatten();
        let key = key.or_else(|| self.row.int(self.key).ok().flatten().map(|number| number.to_string()));
        let reason = format!("cannot be read: {}", reason.to_string());
        StoreError::CorruptRow { table: self.table, column, key: key.unwrap_or_default(), reason }
    }
}

/// What a row says, where one that cannot be read may be left out: nothing new waits for it to be mended.
pub(crate) fn readable<T>(read: Result<T, StoreError>) -> Option<T> {
    read.inspect_err(|error| tracing::warn!("a damaged row is left out: {error}")).ok()
}

impl TryFrom<Record> for Incident {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Incident, StoreError> {
        record.json("body")
    }
}

impl TryFrom<Record> for ChannelRecord {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<ChannelRecord, StoreError> {
        record.json("body")
    }
}

impl TryFrom<Record> for HeartbeatRecord {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<HeartbeatRecord, StoreError> {
        record.json("body")
    }
}

impl TryFrom<Record> for Silence {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Silence, StoreError> {
        record.json("body")
    }
}

impl TryFrom<Record> for Waiver {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Waiver, StoreError> {
        record.json("body")
    }
}

impl TryFrom<Record> for KeptOverride {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<KeptOverride, StoreError> {
        record.json("body")
    }
}

impl TryFrom<Record> for TimelineEntry {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<TimelineEntry, StoreError> {
        record.json("body")
    }
}
