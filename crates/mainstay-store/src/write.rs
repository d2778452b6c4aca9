//! A commit becomes rows here, in one transaction.

mod checks;
mod memory;
mod outcomes;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use mainstay_model::{Commit, DependencyState, Incident, KeptOverride, Silence, Waiver};

use crate::database::{Database, Transaction, Value, portions};
use crate::record::{DeliveryRow, StateRow};
use crate::sql;
use crate::{StoreError, audit};

pub(crate) use memory::Memory;

/// When anything was last written, in the table of marks.
pub(crate) const WRITTEN: &str = "written";

/// Why a commit was not written.
pub(crate) enum Trouble {
    /// The engine refused.
    Engine(sqlx::Error),
    /// A value has no JSON: a number that is not finite as the key of a map, say.
    Json(serde_json::Error),
    /// A row that was needed says what it should not.
    Row(StoreError),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Trouble {
        Trouble::Engine(error)
    }
}

impl From<serde_json::Error> for Trouble {
    fn from(error: serde_json::Error) -> Trouble {
        Trouble::Json(error)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Trouble::Row(error)
    }
}

/// Writes everything or nothing. The memory is what is known to be stored; it is lost when this fails or is abandoned half-way, and
/// then read again.
pub(crate) async fn commit(
    database: &Database,
    memory: &mut Memory,
    commit: &Commit,
) -> Result<(), StoreError> {
    match attempt(database, memory, commit).await {
        // Another node chose the same number for another address, or was faster; it has finished by now.
        Err(Trouble::Engine(error)) if database.is_conflict(&error) => {
            let again = attempt(database, memory, commit).await;
            again.map_err(|trouble| explain(database, trouble))
        }
        outcome => outcome.map_err(|trouble| explain(database, trouble)),
    }
}

fn explain(database: &Database, trouble: Trouble) -> StoreError {
    match trouble {
        Trouble::Engine(error) => database.fault(error),
        Trouble::Json(error) => database.fault(sqlx::Error::Encode(Box::new(error))),
        Trouble::Row(error) => error,
    }
}

async fn attempt(database: &Database, memory: &mut Memory, commit: &Commit) -> Result<(), Trouble> {
    let mut known = std::mem::take(memory);
    let mut transaction = database.begin().await?;
    checks::write(&mut transaction, &mut known, commit).await?;
    write_decisions(&mut transaction, commit).await?;
    outcomes::write(&mut transaction, &commit.outcomes).await?;
    write_overrides(&mut transaction, commit).await?;
    write_waivers(&mut transaction, commit).await?;
    audit::append(&mut transaction, &commit.audit).await?;
    if let Some(latest) = latest_moment(commit) {
        transaction.execute(sql::SET_MARK, vec![WRITTEN.into(), latest.into()]).await?;
    }
    transaction.commit().await?;
    *memory = known;
    Ok(())
}

async fn write_decisions(transaction: &mut Transaction, commit: &Commit) -> Result<(), Trouble> {
    // The later one holds where one stands twice.
    let states: BTreeMap<_, _> = commit.dependencies.iter().map(|state| (&state.name, state)).collect();
    let incidents: BTreeMap<_, _> = commit.incidents.iter().map(|incident| (incident.id, incident)).collect();
    transaction.insert(&sql::INSERT_STATES, rows(states.into_values(), |state| state_values(state))?).await?;
    transaction
        .insert(&sql::INSERT_INCIDENTS, rows(incidents.into_values(), |one| incident_values(one))?)
        .await?;
    transaction.insert(&sql::INSERT_TIMELINE, timeline_values(commit)?).await?;
    let channels: BTreeMap<_, _> = commit.channels.iter().map(|one| (one.name.as_str(), one)).collect();
    transaction.insert(&sql::INSERT_CHANNELS, rows(channels, |(name, one)| named_values(name, one))?).await?;
    let beats: BTreeMap<_, _> = commit.heartbeats.iter().map(|one| (one.name.as_str(), one)).collect();
    transaction.insert(&sql::INSERT_HEARTBEATS, rows(beats, |(name, one)| named_values(name, one))?).await?;
    let silences: BTreeMap<_, _> = commit.silences.iter().map(|silence| (silence.id, silence)).collect();
    transaction.insert(&sql::INSERT_SILENCES, rows(silences.into_values(), silence_values)?).await?;
    let deliveries = rows(&commit.deliveries, |one| Ok(DeliveryRow::values(one)?.to_vec()))?;
    Ok(transaction.insert(&sql::INSERT_DELIVERIES, deliveries).await?)
}

/// The values of many rows, one after the other.
fn rows<T>(
    items: impl IntoIterator<Item = T>,
    values: impl Fn(T) -> Result<Vec<Value>, serde_json::Error>,
) -> Result<Vec<Value>, serde_json::Error> {
    let mut all = Vec::new();
    for item in items {
        all.extend(values(item)?);
    }
    Ok(all)
}

fn state_values(state: &DependencyState) -> Result<Vec<Value>, serde_json::Error> {
    Ok(StateRow::values(state)?.to_vec())
}

fn incident_values(incident: &Incident) -> Result<Vec<Value>, serde_json::Error> {
    Ok(vec![
        incident.id.to_string().into(),
        incident.opened_at.into(),
        incident.resolved_at().into(),
        incident.publication.as_ref().map(|publication| publication.at).into(),
        incident.rehearsal().map(|drill| drill.dependency.as_str().to_owned()).into(),
        serde_json::to_string(incident)?.into(),
    ])
}

/// A name, and what is remembered of it as JSON.
fn named_values(name: &str, body: &impl serde::Serialize) -> Result<Vec<Value>, serde_json::Error> {
    Ok(vec![name.into(), serde_json::to_string(body)?.into()])
}

fn silence_values(silence: &Silence) -> Result<Vec<Value>, serde_json::Error> {
    Ok(vec![silence.id.to_string().into(), silence.until.into(), serde_json::to_string(silence)?.into()])
}

fn timeline_values(commit: &Commit) -> Result<Vec<Value>, serde_json::Error> {
    rows(commit.timeline.iter().zip(0i64..), |(entry, ordinal)| {
        Ok(vec![
            entry.id.to_string().into(),
            entry.at.into(),
            ordinal.into(),
            entry.incident.map(|id| id.to_string()).into(),
            entry.dependency.as_ref().map(|name| name.as_str().to_owned()).into(),
            serde_json::to_string(entry)?.into(),
        ])
    })
}

/// The later one holds where one stands twice; what is forgotten is gone, whatever was written of it.
async fn write_overrides(transaction: &mut Transaction, commit: &Commit) -> Result<(), Trouble> {
    let kept: BTreeMap<_, _> = commit.overrides.iter().map(|one| (one.id, one)).collect();
    transaction.insert(&sql::INSERT_OVERRIDES, rows(kept.into_values(), override_values)?).await?;
    for values in portions(&[], &commit.forgotten_overrides, |id| id.to_string().into()) {
        transaction.execute(sql::DELETE_OVERRIDES.sql(), values).await?;
    }
    Ok(())
}

/// The later one holds where one stands twice.
async fn write_waivers(transaction: &mut Transaction, commit: &Commit) -> Result<(), Trouble> {
    let waivers: BTreeMap<_, _> = commit.waivers.iter().map(|one| (one.id, one)).collect();
    transaction.insert(&sql::INSERT_WAIVERS, rows(waivers.into_values(), |one| waiver_values(one))?).await?;
    let revoked: BTreeSet<_> = commit.revoked.iter().collect();
    let revoked = revoked.into_iter().map(|one| one.to_string().into()).collect();
    Ok(transaction.insert(&sql::INSERT_REVOKED, revoked).await?)
}

fn waiver_values(waiver: &Waiver) -> Result<Vec<Value>, serde_json::Error> {
    Ok(vec![
        waiver.id.to_string().into(),
        waiver.dependency.as_str().into(),
        waiver.requested.at.into(),
        waiver.ended_at().into(),
        serde_json::to_string(waiver)?.into(),
    ])
}

fn override_values(kept: &KeptOverride) -> Result<Vec<Value>, serde_json::Error> {
    Ok(vec![kept.id.to_string().into(), serde_json::to_string(kept)?.into()])
}

/// The latest moment that is spoken of, so that a restart knows for how long nobody watched.
fn latest_moment(commit: &Commit) -> Option<Timestamp> {
    let reports = commit.reports.iter().map(|report| report.checked_at);
    let entries = commit.timeline.iter().map(|entry| entry.at);
    let deliveries = commit.deliveries.iter().map(|delivery| delivery.created_at);
    reports.chain(entries).chain(deliveries).max()
}
