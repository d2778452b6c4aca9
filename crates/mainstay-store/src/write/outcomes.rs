//! What became of messages: where each stands afterwards, and a line for each try.

use jiff::Timestamp;
use mainstay_model::{DeliveryId, DeliveryOutcome};

use super::Trouble;
use crate::database::{Transaction, Value};
use crate::record::{ACCEPTED, CAME_BACK, DELAYED, FAILED};
use crate::sql;

pub(super) async fn write(
    transaction: &mut Transaction,
    outcomes: &[DeliveryOutcome],
) -> Result<(), Trouble> {
    for outcome in outcomes {
        for (sql, values) in statements(outcome)? {
            transaction.execute(sql, values).await?;
        }
    }
    Ok(())
}

type Statement = (&'static str, Vec<Value>);

fn statements(outcome: &DeliveryOutcome) -> Result<Vec<Statement>, serde_json::Error> {
    Ok(match outcome {
        DeliveryOutcome::Delivered { id, at, receipt } => vec![
            (sql::DELIVERED, noted(*id, *at, receipt.as_deref())),
            (sql::HURRY_OTHERS, vec![id.to_string().into(), (*at).into()]),
            tried(*id, *at, ACCEPTED, receipt.as_deref()),
        ],
        DeliveryOutcome::Retry { id, at, next_attempt_at, error } => vec![
            (sql::RETRY, noted(*id, *next_attempt_at, Some(error))),
            tried(*id, *at, FAILED, Some(error)),
        ],
        DeliveryOutcome::GivenUp { id, at, reason } => {
            vec![(sql::GIVEN_UP, noted(*id, *at, Some(reason))), tried(*id, *at, FAILED, Some(reason))]
        }
        DeliveryOutcome::Merged { id, at, into } => {
            vec![(sql::MERGED, noted(*id, *at, Some(&into.to_string())))]
        }
        DeliveryOutcome::Reworded { id, next_attempt_at, attempts, message } => {
            let message = serde_json::to_string(message)?;
            let values =
                vec![id.to_string().into(), (*next_attempt_at).into(), (*attempts).into(), message.into()];
            vec![(sql::REWORDED, values)]
        }
        DeliveryOutcome::Hurried { id, at } => {
            vec![(sql::HURRIED, vec![id.to_string().into(), (*at).into()])]
        }
        DeliveryOutcome::Bounced { id, at, reason } => {
            vec![(sql::BOUNCED, noted(*id, *at, Some(reason))), tried(*id, *at, CAME_BACK, Some(reason))]
        }
        DeliveryOutcome::StillTrying { id, at, reason } => vec![tried(*id, *at, DELAYED, Some(reason))],
    })
}

fn noted(id: DeliveryId, at: Timestamp, note: Option<&str>) -> Vec<Value> {
    vec![id.to_string().into(), at.into(), note.map(str::to_owned).into()]
}

fn tried(id: DeliveryId, at: Timestamp, result: i64, note: Option<&str>) -> Statement {
    (
        sql::INSERT_ATTEMPT,
        vec![id.to_string().into(), at.into(), result.into(), note.map(str::to_owned).into()],
    )
}
