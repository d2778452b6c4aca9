use jiff::{SignedDuration, Timestamp};
use mainstay_model::{Fingerprint, Incident, KeptOverride};

use super::{all, certificates};
use crate::database::Database;
use crate::reading::{MOST_ROWS, Restored};
use crate::record::{Record, StoredState};
use crate::roll_up::mark;
use crate::write::WRITTEN;
use crate::{StoreError, sql};

/// Incidents and waivers that ended within this time are restored as well: their cause may come back, relays may tell late of what
/// they admitted, and pages still show them.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

pub(crate) async fn restore(database: &Database, now: Timestamp) -> Result<Restored, StoreError> {
    let states: Vec<StoredState> =
        all(database.rows(sql::STATES, vec![]).await?, "dependency_state", "name")?;
    let named = states.iter().flat_map(StoredState::names).collect();
    let certificates = certificates::facts(database, named).await?;
    let since = now.saturating_sub(RECENT).unwrap_or(Timestamp::MIN);
    let last_written = mark(database, WRITTEN).await?.map(Timestamp::from_microsecond);
    Ok(Restored {
        dependencies: states
            .into_iter()
            .map(|state| state.complete(&certificates))
            .collect::<Result<_, _>>()?,
        incidents: incidents(database, since).await?,
        channels: all(database.rows(sql::CHANNEL_RECORDS, vec![]).await?, "channel_record", "name")?,
        heartbeats: all(database.rows(sql::HEARTBEAT_RECORDS, vec![]).await?, "heartbeat_record", "name")?,
        silences: all(database.rows(sql::SILENCES, vec![now.into()]).await?, "silence", "id")?,
        waivers: all(database.rows(sql::WAIVERS, vec![since.into()]).await?, "waiver", "id")?,
        revoked: revoked(database).await?,
        overrides: overrides(database).await?,
        last_written: last_written.and_then(Result::ok),
    })
}

pub(crate) async fn overrides(database: &Database) -> Result<Vec<KeptOverride>, StoreError> {
    all(database.rows(sql::OVERRIDES, vec![]).await?, "schedule_override", "id")
}

async fn revoked(database: &Database) -> Result<Vec<Fingerprint>, StoreError> {
    let records = database.rows(sql::REVOKED, vec![]).await?.into_iter();
    let records = records.map(Record::of("revoked_certificate", "sha256"));
    let read = |record: Record| {
        let fingerprint = Fingerprint::parse(&record.text("sha256")?);
        fingerprint.ok_or_else(|| record.corrupt("sha256", "is no fingerprint"))
    };
    records.map(read).collect()
}

async fn incidents(database: &Database, since: Timestamp) -> Result<Vec<Incident>, StoreError> {
    let open = database.rows(sql::OPEN_INCIDENTS, vec![MOST_ROWS.into()]).await?;
    let mut incidents: Vec<Incident> = all(open, "incident", "id")?;
    let resolved = database.rows(sql::INCIDENTS_RESOLVED_SINCE, vec![since.into()]).await?;
    incidents.extend(all::<Incident>(resolved, "incident", "id")?);
    incidents.sort_by_key(|incident| (incident.opened_at, incident.id));
    Ok(incidents)
}
