use mainstay_model::{Delivery, DeliveryState};

use super::Record;
use crate::StoreError;
use crate::database::Value;

/// The codes of the column `state`.
const QUEUED: i64 = 0;
const DELIVERED: i64 = 1;
const GIVEN_UP: i64 = 2;

/// A message in the form of its table.
pub(crate) struct DeliveryRow;

impl DeliveryRow {
    /// The values of one row of `INSERT_DELIVERIES`.
    pub(crate) fn values(delivery: &Delivery) -> Result<[Value; 11], serde_json::Error> {
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
        other => Err(record.corrupt("state", format!("{other} is no state of a message"))),
    }
}
