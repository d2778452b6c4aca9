use jiff::Timestamp;
use mainstay_engine::State;
use mainstay_store::{Restored, Store, StoreError};

/// The state as it was when it was last written, to be followed by the configuration. Whoever carried messages then is dead.
pub(crate) async fn restore(store: &Store, now: Timestamp) -> Result<State, StoreError> {
    store.end_claims().await?;
    let Restored {
        dependencies,
        incidents,
        channels,
        heartbeats,
        silences,
        waivers,
        revoked,
        overrides,
        last_written,
    } = store.restore(now).await?;
    Ok(State::restored(dependencies, incidents)
        .remembering(channels, heartbeats)
        .silenced(silences)
        .waived(waivers, revoked)
        .with_overrides(overrides)
        .blind_since(last_written))
}
