use jiff::Timestamp;
use mainstay_model::{CheckReport, Failure, Observation, Phases, Verdict};

use super::Record;
use crate::database::Value;
use crate::{ObservedPoint, StoreError};

/// The columns of the phases, in the order of [`Phases::named`].
const PHASES: [&str; 6] = ["connect_us", "upgrade_us", "tls_us", "ready_us", "login_us", "query_us"];

/// The number that stands for a verdict: the exit code of the monitoring-plugin convention.
fn verdict_code(verdict: Verdict) -> i64 {
    i64::from(verdict.exit_code())
}

fn verdict_of(code: i64) -> Option<Verdict> {
    use Verdict::*;
    [Healthy, Degraded, Down, Inconclusive].into_iter().find(|verdict| verdict_code(*verdict) == code)
}

/// One address's part of a check in the form of its table. Exactly one row of each check carries the verdict of the whole and the
/// time of name resolution.
pub(crate) struct CheckRow<'a> {
    pub(crate) address: &'a str,
    pub(crate) observation: Option<&'a Observation>,
    pub(crate) failure: Option<&'a Failure>,
    verdict: Verdict,
    whole: Option<&'a CheckReport>,
}

impl<'a> CheckRow<'a> {
    /// The rows of a report, the one that explains its verdict first. A name without addresses has one row with an empty address.
    pub(crate) fn of(report: &'a CheckReport) -> Vec<CheckRow<'a>> {
        let explaining = report.addresses.iter().position(|one| one.failure == report.failure).unwrap_or(0);
        let row = |(index, one): (usize, &'a Observation)| CheckRow {
            address: &one.address,
            observation: Some(one),
            failure: one.failure.as_ref(),
            verdict: one.verdict,
            whole: (index == explaining).then_some(report),
        };
        let rows: Vec<_> = report.addresses.iter().enumerate().map(row).collect();
        if rows.is_empty() { vec![CheckRow::without_address(report)] } else { rows }
    }

    fn without_address(report: &'a CheckReport) -> CheckRow<'a> {
        let failure = report.failure.as_ref();
        CheckRow { address: "", observation: None, failure, verdict: report.verdict, whole: Some(report) }
    }

    /// The values of one row of `INSERT_OBSERVATIONS`.
    pub(crate) fn values(&self, endpoint: i64, at: Timestamp, failure: Option<i64>) -> Vec<Value> {
        let check_verdict = self.whole.map(|report| verdict_code(report.verdict));
        let resolve = self.whole.and_then(|report| report.resolve_ms);
        let phases = self.observation.map(|one| one.phases).unwrap_or_default();
        let times = phases.named().map(|(_, ms)| Value::from(ms.map(micros)));
        let first = [endpoint.into(), at.into(), verdict_code(self.verdict).into(), check_verdict.into()];
        first.into_iter().chain([failure.into(), resolve.map(micros).into()]).chain(times).collect()
    }
}

/// The columns are of 32 bits: 35 minutes, longer than any check may take.
fn micros(ms: f64) -> i64 {
    i64::from((ms * 1000.0).round().clamp(0.0, f64::from(i32::MAX)) as i32)
}

impl TryFrom<Record> for ObservedPoint {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<ObservedPoint, StoreError> {
        Ok(ObservedPoint {
            at: record.time("at")?,
            address: record.text("address")?,
            verdict: verdict(&record, "verdict")?,
            failure: failure(&record)?,
            phases: phases(&record)?,
        })
    }
}

fn verdict(record: &Record, column: &'static str) -> Result<Verdict, StoreError> {
    let code = record.int(column)?;
    verdict_of(code).ok_or_else(|| record.corrupt(column, format!("{code} is no verdict")))
}

fn failure(record: &Record) -> Result<Option<Failure>, StoreError> {
    let failure = record.maybe_json("failure")?;
    if failure.is_none() && record.maybe_int("failure_id")?.is_some() {
        return Err(record.corrupt("failure_id", "names a failure that is not there"));
    }
    Ok(failure)
}

fn phases(record: &Record) -> Result<Phases, StoreError> {
    let ms = |column| Ok(record.maybe_int(column)?.map(|micros| micros as f64 / 1000.0));
    let [connect_ms, upgrade_ms, tls_ms, ready_ms, login_ms, query_ms] = PHASES.map(ms);
    Ok(Phases {
        connect_ms: connect_ms?,
        upgrade_ms: upgrade_ms?,
        tls_ms: tls_ms?,
        ready_ms: ready_ms?,
        login_ms: login_ms?,
        query_ms: query_ms?,
    })
}

/// One row with what of the whole check it carries.
pub(crate) struct PartOfCheck {
    pub(crate) endpoint: i64,
    pub(crate) point: ObservedPoint,
    /// Present in the one row that speaks for the whole check.
    pub(crate) whole: Option<Verdict>,
    pub(crate) resolve_ms: Option<f64>,
}

impl TryFrom<Record> for PartOfCheck {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<PartOfCheck, StoreError> {
        let speaks = record.maybe_int("check_verdict")?.is_some();
        Ok(PartOfCheck {
            endpoint: record.int("endpoint_id")?,
            whole: if speaks { Some(verdict(&record, "check_verdict")?) } else { None },
            resolve_ms: record.maybe_int("resolve_us")?.map(|micros| micros as f64 / 1000.0),
            point: ObservedPoint::try_from(record)?,
        })
    }
}

/// What counts of one row for sums over checks: rows of one check are put together by their time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tally {
    pub(crate) endpoint: i64,
    pub(crate) at: i64,
    /// Present in the one row that speaks for the whole check.
    pub(crate) verdict: Option<Verdict>,
    pub(crate) failure: Option<Failure>,
    pub(crate) resolve_us: Option<i64>,
    /// The sum of the phases.
    pub(crate) phases_us: Option<i64>,
}

impl Tally {
    /// Reads a row without a message.
    pub(crate) fn bare(record: Record) -> Result<Tally, StoreError> {
        Tally::read(&record, None)
    }

    /// Reads a row with its message.
    pub(crate) fn telling(record: Record) -> Result<Tally, StoreError> {
        let failure = failure(&record)?;
        Tally::read(&record, failure)
    }

    fn read(record: &Record, failure: Option<Failure>) -> Result<Tally, StoreError> {
        let speaks = record.maybe_int("check_verdict")?.is_some();
        let mut phases_us = None;
        for column in PHASES {
            let time = record.maybe_int(column)?;
            phases_us = time.map_or(phases_us, |time| Some(phases_us.unwrap_or(0) + time));
        }
        Ok(Tally {
            endpoint: record.int("endpoint_id")?,
            at: record.int("at")?,
            verdict: if speaks { Some(verdict(record, "check_verdict")?) } else { None },
            failure,
            resolve_us: record.maybe_int("resolve_us")?,
            phases_us,
        })
    }
}
