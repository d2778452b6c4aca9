use mainstay_model::{Attempt, AttemptResult, Delivery, DeliveryState};

use super::Record;
use crate::StoreError;
use crate::database::Value;
use crate::reading::Standing;

/// The codes of the column `state`.
const QUEUED: i64 = 0;
const DELIVERED: i64 = 1;
const GIVEN_UP: i64 = 2;
const MERGED: i64 = 3;
const BOUNCED: i64 = 4;

/// The codes of the column `result`.
pub(crate) const ACCEPTED: i64 = 0;
pub(crate) const FAILED: i64 = 1;
pub(crate) const CAME_BACK: i64 = 2;
pub(crate) const DELAYED: i64 = 3;

/// A message in the form of its table.
pub(crate) struct DeliveryRow;

impl DeliveryRow {
    pub(crate) fn code(standing: Standing) -> i64 {
        match standing {
            Standing::Queued => QUEUED,
            Standing::Delivered => DELIVERED,
            Standing::GivenUp => GIVEN_UP,
            Standing::Merged => MERGED,
            Standing::Bounced => BOUNCED,
        }
    }

    pub(crate) fn standing(code: i64) -> Option<Standing> {
        use Standing::*;
        [Queued, Delivered, GivenUp, Merged, Bounced].into_iter().find(|one| DeliveryRow::code(*one) == code)
    }

    /// The values of one row of `INSERT_DELIVERIES`.
    pub(crate) fn values(delivery: &Delivery) -> Result<[Value; 12], serde_json::Error> {
        let (state, next, attempts, ended, note) = columns(&delivery.state);
        Ok([
            delivery.id.to_string().into(),
            delivery.channel.as_str().into(),
            delivery.message.incident.id.to_string().into(),
            delivery.sequence.into(),
            delivery.created_at.into(),
            state.into(),
            next,
            attempts.into(),
            ended,
            note.into(),
            serde_json::to_string(&delivery.message)?.into(),
            delivery.again_of.map(|id| id.to_string()).into(),
        ])
    }
}

fn columns(state: &DeliveryState) -> (i64, Value, u32, Value, Option<String>) {
    let nothing = || Value::Int(None);
    match state {
        DeliveryState::Queued { next_attempt_at, attempts, last_error } => {
            (QUEUED, (*next_attempt_at).into(), *attempts, nothing(), last_error.clone())
        }
        DeliveryState::Delivered { at, receipt } => (DELIVERED, nothing(), 0, (*at).into(), receipt.clone()),
        DeliveryState::GivenUp { at, reason } => (GIVEN_UP, nothing(), 0, (*at).into(), Some(reason.clone())),
        DeliveryState::Merged { at, into } => (MERGED, nothing(), 0, (*at).into(), Some(into.to_string())),
        DeliveryState::Bounced { at, reason } => (BOUNCED, nothing(), 0, (*at).into(), Some(reason.clone())),
    }
}

impl TryFrom<Record> for Delivery {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Delivery, StoreError> {
        Ok(Delivery {
            id: record.parsed("id")?,
            channel: record.parsed("channel")?,
            sequence: record.count("sequence")?,
            created_at: record.time("created_at")?,
            message: record.json("message")?,
            again_of: record.maybe_parsed("again_of")?,
            state: state(&record)?,
        })
    }
}

fn state(record: &Record) -> Result<DeliveryState, StoreError> {
    let note = record.maybe_text("note")?;
    match record.int("state")? {
        QUEUED => Ok(DeliveryState::Queued {
            next_attempt_at: record.time("next_attempt_at")?,
            attempts: record.count("attempts")?,
            last_error: note,
        }),
        DELIVERED => Ok(DeliveryState::Delivered { at: record.time("ended_at")?, receipt: note }),
        GIVEN_UP => {
            Ok(DeliveryState::GivenUp { at: record.time("ended_at")?, reason: note.unwrap_or_default() })
        }
        MERGED => Ok(DeliveryState::Merged { at: record.time("ended_at")?, into: record.parsed("note")? }),
        BOUNCED => {
            Ok(DeliveryState::Bounced { at: record.time("ended_at")?, reason: note.unwrap_or_default() })
        }
        other => Err(record.corrupt("state", format!("{other} is no state of a message"))),
    }
}

impl TryFrom<Record> for Attempt {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<Attempt, StoreError> {
        let note = record.maybe_text("note")?;
        let words = note.clone().unwrap_or_default();
        let result = match record.int("result")? {
            ACCEPTED => AttemptResult::Accepted { receipt: note },
            FAILED => AttemptResult::Failed { error: words },
            CAME_BACK => AttemptResult::Bounced { reason: words },
            DELAYED => AttemptResult::Delayed { reason: words },
            other => return Err(record.corrupt("result", format!("{other} is no result of a try"))),
        };
        Ok(Attempt { at: record.time("at")?, result })
    }
}
