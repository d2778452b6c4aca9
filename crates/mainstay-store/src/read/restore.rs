use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Incident, KeptOverride};

use super::{all, certificates};
use crate::database::Database;
use crate::reading::{MOST_ROWS, Restored};
use crate::record::StoredState;
use crate::roll_up::mark;
use crate::write::WRITTEN;
use crate::{StoreError, sql};

/// Incidents that ended within this time are restored as well: their cause may come back, and pages still show them.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

pub(crate) async fn restore(database: &Database, now: Timestamp) -> Result<Restored, StoreError> {
    let states: Vec<StoredState> =
        all(database.rows(sql::STATES, vec![]).await?, "dependency_state", "name")?;
    let named = states.iter().flat_map(StoredState::names).collect();
    let certificates = certificates::facts(database, named).await?;
    let last_written = mark(database, WRITTEN).await?.map(Timestamp::from_microsecond);
    Ok(Restored {
        dependencies: states
            .into_iter()
            .map(|state| state.complete(&certificates))
            .collect::<Result<_, _>>()?,
        incidents: incidents(database, now).await?,
        channels: all(database.rows(sql::CHANNEL_RECORDS, vec![]).await?, "channel_record", "name")?,
        heartbeats: all(database.rows(sql::HEARTBEAT_RECORDS, vec![]).await?, "heartbeat_record", "name")?,
        silences: all(database.rows(sql::SILENCES, vec![now.into()]).await?, "silence", "id")?,
        overrides: overrides(database).await?,
        last_written: last_written.and_then(Result::ok),
    })
}

pub(crate) async fn overrides(database: &Database) -> Result<Vec<KeptOverride>, StoreError> {
    all(database.rows(sql::OVERRIDES, vec![]).await?, "schedule_override", "id")
}

async fn incidents(database: &Database, now: Timestamp) -> Result<Vec<Incident>, StoreError> {
    let since = now.saturating_sub(RECENT).unwrap_or(Timestamp::MIN);
    let open = database.rows(sql::OPEN_INCIDENTS, vec![MOST_ROWS.into()]).await?;
    let mut incidents: Vec<Incident> = all(open, "incident", "id")?;
    let resolved = database.rows(sql::INCIDENTS_RESOLVED_SINCE, vec![since.into()]).await?;
    incidents.extend(all::<Incident>(resolved, "incident", "id")?);
    incidents.sort_by_key(|incident| (incident.opened_at, incident.id));
    Ok(incidents)
}
