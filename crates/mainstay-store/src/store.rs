use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{
    Commit, Delivery, DependencyName, Fingerprint, Incident, IncidentId, TimelineEntry,
};

use crate::{
    CertificateOnDuty, CheckPoint, DeliveryCounts, IncidentFilter, Location, ObservedPoint, Restored, RollUp,
    StoreError, TimelineFilter,
};

/// The data of Mainstay. Cheap to clone; all clones are the same store.
#[derive(Debug, Clone)]
pub struct Store;

/// How long what is kept. Daily roll-ups, the timeline, incidents and certificates are kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Every single observation.
    pub raw: Duration,
    /// Hourly roll-ups.
    pub hourly: Duration,
    /// Messages that were delivered or given up.
    pub deliveries: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Retention { raw: 14 * DAY, hourly: 400 * DAY, deliveries: 90 * DAY }
    }
}

#[allow(unused_variables, reason = "signatures first")]
impl Store {
    /// Opens the store; makes it where there is none, and brings its tables up to date.
    pub async fn open(location: &Location) -> Result<Store, StoreError> { unreachable!() }
    /// Writes everything in one transaction, or nothing. May be repeated after an error whose outcome is unknown.
    pub async fn commit(&self, commit: &Commit) -> Result<(), StoreError> { unreachable!() }
    pub async fn restore(&self, now: Timestamp) -> Result<Restored, StoreError> { unreachable!() }
    pub async fn due_deliveries(&self, now: Timestamp, limit: u32) -> Result<Vec<Delivery>, StoreError> { unreachable!() }
    pub async fn next_delivery_at(&self) -> Result<Option<Timestamp>, StoreError> { unreachable!() }
    pub async fn deliveries(&self, incident: IncidentId) -> Result<Vec<Delivery>, StoreError> { unreachable!() }
    pub async fn delivery_counts(&self) -> Result<DeliveryCounts, StoreError> { unreachable!() }
    /// Oldest first; where there are more than `limit`, the newest `limit`. `from` inclusive, `to` exclusive.
    pub async fn observations(&self, dependency: &DependencyName, from: Timestamp, to: Timestamp, limit: u32) -> Result<Vec<ObservedPoint>, StoreError> { unreachable!() }
    /// Newest first.
    pub async fn recent_reports(&self, dependency: &DependencyName, limit: u32) -> Result<Vec<CheckPoint>, StoreError> { unreachable!() }
    pub async fn timeline(&self, filter: &TimelineFilter) -> Result<Vec<TimelineEntry>, StoreError> { unreachable!() }
    pub async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError> { unreachable!() }
    pub async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> { unreachable!() }
    pub async fn public_incidents(&self, since: Timestamp) -> Result<Vec<Incident>, StoreError> { unreachable!() }
    /// By end of validity, soonest first.
    pub async fn certificates(&self) -> Result<Vec<CertificateOnDuty>, StoreError> { unreachable!() }
    pub async fn certificate_pem(&self, sha256: &Fingerprint) -> Result<Option<String>, StoreError> { unreachable!() }
    /// Oldest first; `from` inclusive, `to` exclusive. The running hour is not among them.
    pub async fn hourly(&self, dependency: &DependencyName, from: Timestamp, to: Timestamp) -> Result<Vec<RollUp>, StoreError> { unreachable!() }
    /// Oldest first; the running day is among them as far as its hours are closed.
    pub async fn daily(&self, dependency: &DependencyName, from: Timestamp, to: Timestamp) -> Result<Vec<RollUp>, StoreError> { unreachable!() }
    pub async fn roll_up(&self, now: Timestamp) -> Result<(), StoreError> { unreachable!() }
    pub async fn retain(&self, now: Timestamp, retention: Retention) -> Result<(), StoreError> { unreachable!() }
    /// A consistent copy into a new file while running. Can be taken by another process than the one that writes.
    pub async fn backup(location: &Location, path: &Path) -> Result<(), StoreError> { unreachable!() }
    pub async fn ping(&self) -> Result<(), StoreError> { unreachable!() }
    pub async fn check_writable(&self, now: Timestamp) -> Result<(), StoreError> { unreachable!() }
    /// Ends all connections, so that everything is in the one file.
    pub async fn close(&self) { unreachable!() }
}
