use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::{
    Attempt, ChannelName, CheckReport, Commit, Coverage, Delivery, DeliveryId, Dependency, DependencyName,
    Fingerprint, Incident, IncidentId, KeptOverride, Secret, TimelineEntry, Waiver, WaiverId,
};
use tokio::sync::Mutex;

use crate::database::Database;
use crate::reading::MOST_ROWS;
use crate::roll_up::mark;
use crate::write::Memory;
use crate::{
    Beside, CertificateOnDuty, CheckPoint, Claimant, CoveragePoint, DeliveryCounts, DeliveryFilter,
    IncidentFilter, Location, ObservedPoint, Queue, Restored, Retention, RollUp, StoreError, TimelineFilter,
    backup, coverage, peek, read, retention, roll_up, secret, sql, write,
};

/// When a policy for relays was issued last, in the table of marks.
const POLICY: &str = "policy-issued";

/// The data of Mainstay. Cheap to clone; all clones are the same store.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    /// What the writer knows to be stored; who holds it is the one who writes checks.
    memory: Arc<Mutex<Memory>>,
}

impl Store {
    /// Opens the store; makes it where there is none, and brings its tables up to date.
    ///
    /// A database belongs to one process at a time: one in a file until every clone of the store is dropped, one on a server until
    /// [`Store::close`] or the end of the process. Where a pooler stands before the server, it has to keep sessions together. Engines
    /// without advisory locks let the last one that opens take over; the one before is refused from then on.
    pub async fn open(location: &Location) -> Result<Store, StoreError> {
        Ok(Store { database: Database::open(location).await?, memory: Arc::default() })
    }

    /// Writes everything in one transaction, or nothing.
    ///
    /// When it returns, everything is on the disk. A commit whose outcome is unknown may be repeated: facts, history and messages
    /// that are stored already stay as they are. Reports without a configured dependency are not stored.
    pub async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        if commit.is_empty() {
            return Ok(());
        }
        let mut memory = self.memory.lock().await;
        write::commit(&self.database, &mut memory, commit).await
    }

    /// What the service needs to go on where it stopped.
    pub async fn restore(&self, now: Timestamp) -> Result<Restored, StoreError> {
        read::restore(&self.database, now).await
    }

    /// Messages that can be tried now and that nobody carries, those that are late at the end, and the longest due first: of each channel and incident only the earliest that is not settled, so
    /// that their order is kept. One that is to wait for more than seven hours counts as due: the clock was ahead when it was put off.
    pub async fn due_deliveries(&self, now: Timestamp, limit: u32) -> Result<Vec<Delivery>, StoreError> {
        read::due_deliveries(&self.database, now, limit).await
    }

    /// Takes those of these messages that can be tried now and that nobody else carries, until that time at the latest; says which they
    /// are. What becomes of a message ends the claim; a claim that passes its time counts for nothing, so that a message whose carrier
    /// died is sent again, under the same identifier.
    pub async fn claim(
        &self,
        ids: &[DeliveryId],
        claimant: Claimant,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        read::claim(&self.database, ids, claimant, now, until).await
    }

    /// Keeps what this one carries until then.
    pub async fn renew_claims(&self, claimant: Claimant, until: Timestamp) -> Result<(), StoreError> {
        read::renew_claims(&self.database, claimant, until).await
    }

    /// Ends every claim: for whoever has just opened the store, and so knows that everybody who carried messages before is dead.
    pub async fn end_claims(&self) -> Result<(), StoreError> {
        read::end_claims(&self.database).await
    }

    /// This message and those that wait behind it: of the same channel, about the same incident, in their order.
    pub async fn waiting_behind(&self, first: &Delivery) -> Result<Vec<Delivery>, StoreError> {
        read::waiting_behind(&self.database, first).await
    }

    /// Messages, newest first.
    pub async fn deliveries_where(&self, filter: &DeliveryFilter) -> Result<Vec<Delivery>, StoreError> {
        read::deliveries_where(&self.database, filter).await
    }

    /// One message.
    pub async fn delivery(&self, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        read::delivery(&self.database, id).await
    }

    /// Every try of a message, the oldest first; where there are more than 500, the latest of them.
    pub async fn attempts(&self, id: DeliveryId) -> Result<Vec<Attempt>, StoreError> {
        read::attempts(&self.database, id).await
    }

    /// The latest try of a channel that was accepted, or that was not; with the message that it was of.
    pub async fn latest_attempt(
        &self,
        channel: &ChannelName,
        accepted: bool,
    ) -> Result<Option<(DeliveryId, Attempt)>, StoreError> {
        read::latest_attempt(&self.database, channel, accepted).await
    }

    /// What waits, by channel.
    pub async fn queues(&self) -> Result<Vec<Queue>, StoreError> {
        read::queues(&self.database).await
    }

    /// When anything was seen first: the beginning of the timeline, which is kept for ever.
    pub async fn watched_since(&self) -> Result<Option<Timestamp>, StoreError> {
        read::watched_since(&self.database).await
    }

    /// When the latest policy for relays was issued, by whatever process; `None` when none was.
    pub async fn policies_issued_until(&self) -> Result<Option<Timestamp>, StoreError> {
        let at = mark(&self.database, POLICY).await?;
        Ok(at.and_then(|at| Timestamp::from_microsecond(at).ok()))
    }

    /// A policy was issued; an earlier time than before changes nothing.
    pub async fn policy_issued(&self, at: Timestamp) -> Result<(), StoreError> {
        // Rounded up: what follows has to be later.
        let at = at.as_microsecond().saturating_add(1);
        self.database.execute(sql::SET_MARK, vec![POLICY.into(), at.into()]).await.map(drop)
    }

    /// When the next message can be tried; it may be in the past. `None` when nothing is queued.
    pub async fn next_delivery_at(&self) -> Result<Option<Timestamp>, StoreError> {
        read::next_delivery_at(&self.database).await
    }

    /// Every message about an incident, in the order in which they were decided.
    pub async fn deliveries(&self, incident: IncidentId) -> Result<Vec<Delivery>, StoreError> {
        read::deliveries(&self.database, incident).await
    }

    /// What the service said to the latest message that this channel accepted about this incident, of those before `sequence`: the
    /// name of the thread or of the message that the next one belongs to. `None` when there is none, or the service gives no names.
    pub async fn latest_receipt(
        &self,
        channel: &ChannelName,
        incident: IncidentId,
        sequence: u32,
    ) -> Result<Option<String>, StoreError> {
        read::latest_receipt(&self.database, channel, incident, sequence).await
    }

    /// How many messages stand where.
    pub async fn delivery_counts(&self) -> Result<DeliveryCounts, StoreError> {
        read::delivery_counts(&self.database).await
    }

    /// What each address answered from `from` (inclusive) to `to` (exclusive), oldest first; where there are more than `limit`, the
    /// newest of them.
    pub async fn observations(
        &self,
        dependency: &DependencyName,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<ObservedPoint>, StoreError> {
        read::observations(&self.database, dependency, from, to, limit).await
    }

    /// The latest checks as a whole, newest first.
    pub async fn recent_reports(
        &self,
        dependency: &DependencyName,
        limit: u32,
    ) -> Result<Vec<CheckPoint>, StoreError> {
        read::checks(&self.database, dependency, limit).await
    }

    /// The latest check from `from` (inclusive) to `to` (exclusive) in which something was wrong, with what is kept of it: verdicts,
    /// failures, times, and the certificates that were presented then.
    pub async fn latest_trouble(
        &self,
        dependency: &Dependency,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Option<CheckReport>, StoreError> {
        read::latest_check(&self.database, dependency, (from, to), true).await
    }

    /// The same of the latest check, whatever it found.
    pub async fn latest_check(
        &self,
        dependency: &Dependency,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Option<CheckReport>, StoreError> {
        read::latest_check(&self.database, dependency, (from, to), false).await
    }

    /// History, newest first.
    pub async fn timeline(&self, filter: &TimelineFilter) -> Result<Vec<TimelineEntry>, StoreError> {
        read::timeline(&self.database, filter).await
    }

    /// Incidents, newest first.
    pub async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        read::incidents(&self.database, filter).await
    }

    /// One incident, however old.
    pub async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        read::incident(&self.database, id).await
    }

    /// Drills, the latest first: of one dependency, or of all of them.
    pub async fn drills(&self, of: Option<&DependencyName>, limit: u32) -> Result<Vec<Incident>, StoreError> {
        read::drills(&self.database, of, limit).await
    }

    /// Waivers, the latest first: of one dependency, or of all of them.
    pub async fn waivers(&self, of: Option<&DependencyName>, limit: u32) -> Result<Vec<Waiver>, StoreError> {
        read::waivers(&self.database, of, limit).await
    }

    /// One waiver, however old.
    pub async fn waiver(&self, id: WaiverId) -> Result<Option<Waiver>, StoreError> {
        read::waiver(&self.database, id).await
    }

    /// What customers may see of incidents that were still going on then or later, newest first.
    pub async fn public_incidents(&self, since: Timestamp) -> Result<Vec<Incident>, StoreError> {
        let filter = IncidentFilter {
            public_only: true,
            since: Some(since),
            limit: MOST_ROWS,
            ..IncidentFilter::default()
        };
        self.incidents(&filter).await
    }

    /// The certificates that every address presents now, the one that ends first at the top. Dependencies that are no longer
    /// configured are among them until their observations are too old to keep, as the store does not know what is configured: whoever
    /// shows them leaves those out.
    pub async fn certificates(&self) -> Result<Vec<CertificateOnDuty>, StoreError> {
        read::certificates(&self.database).await
    }

    /// A certificate as PEM, however long ago it was seen; `None` when it never was, or only its facts are known.
    pub async fn certificate_pem(&self, sha256: &Fingerprint) -> Result<Option<String>, StoreError> {
        read::certificate_pem(&self.database, sha256).await
    }

    /// Sums over hours that begin from `from` (inclusive) to `to` (exclusive), oldest first. Hours without checks are left out; the
    /// running one is not there yet.
    pub async fn hourly(
        &self,
        dependency: &DependencyName,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<RollUp>, StoreError> {
        read::hourly(&self.database, dependency, from, to).await
    }

    /// Sums over days (UTC) that begin from `from` (inclusive) to `to` (exclusive), oldest first. The running day is there as far as
    /// its hours are closed.
    pub async fn daily(
        &self,
        dependency: &DependencyName,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<RollUp>, StoreError> {
        read::daily(&self.database, dependency, from, to).await
    }

    /// Sums up the hours that closed since the last time, and their days. May run twice, or be stopped half-way, without harm.
    pub async fn roll_up(&self, now: Timestamp) -> Result<(), StoreError> {
        roll_up::roll_up(&self.database, now).await
    }

    /// Deletes what is too old, a little at a time, so that nobody waits for it. Nothing goes that is not summed up. To be called every
    /// few minutes: a call believes in no more than six hours since the last one, so that a clock that jumps ahead does not empty
    /// the store before somebody sets it right.
    pub async fn retain(&self, now: Timestamp, retention: Retention) -> Result<(), StoreError> {
        retention::retain(&self.database, now, retention).await?;
        let mut memory = self.memory.lock().await;
        // Lost when this fails or is abandoned half-way, and then read again.
        let mut known = std::mem::take(&mut *memory);
        known.forget(&retention::forget_addresses(&self.database, now).await?);
        *memory = known;
        Ok(())
    }

    /// The overrides of on-call schedules that are kept at a location, while another process may be using it: nothing is written, no
    /// table is made, and where there is no store yet there are none.
    pub async fn overrides_at(location: &Location) -> Result<Vec<KeptOverride>, StoreError> {
        peek::overrides(location).await
    }

    /// What a rehearsal wants to know of a Mainstay that may be running, in the same way; `None` where there is no store yet.
    pub async fn known_at(location: &Location) -> Result<Option<Beside>, StoreError> {
        peek::known(location).await
    }

    /// Keeps a proof of coverage, the latest [`Store::COVERAGES_KEPT`] of them, and forgets older ones.
    pub async fn keep_coverage(&self, at: Timestamp, coverage: &Coverage) -> Result<(), StoreError> {
        coverage::keep(&self.database, at, coverage).await
    }

    /// The latest proof of coverage, and when it was made.
    pub async fn coverage(&self) -> Result<Option<(Timestamp, Coverage)>, StoreError> {
        coverage::latest(&self.database).await
    }

    /// The latest proofs of coverage, a line each, newest first.
    pub async fn coverage_history(&self, limit: u32) -> Result<Vec<CoveragePoint>, StoreError> {
        coverage::history(&self.database, limit).await
    }

    /// So many proofs of coverage are kept: a year of daily ones.
    pub const COVERAGES_KEPT: u32 = coverage::KEPT;

    /// Copies a database in a file, as it is at one moment, into the new file `path`, while whoever writes goes on: another process,
    /// usually. The copy is on the disk when this returns, and can be put in the original's place.
    pub async fn backup(location: &Location, path: &Path) -> Result<(), StoreError> {
        backup::backup(location, path).await
    }

    /// The secret that this installation keeps under a name; the fresh one becomes it where there is none yet.
    pub async fn secret(&self, name: &str, fresh: &Secret) -> Result<Secret, StoreError> {
        secret::kept(&self.database, name, fresh).await
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database.rows(sql::PING, vec![]).await.map(drop)
    }

    /// Ends all connections, so that everything is in the one file. The file stays this process's until every clone is dropped.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

#[cfg(test)]
mod tests {
    use mainstay_model::{EntryId, EntryKind, Random};

    use super::*;

    fn history(number: u64) -> Commit {
        let at = Timestamp::UNIX_EPOCH;
        let id = EntryId::new(at, &mut Random::seeded(number));
        let text = "x".repeat(100_000);
        let kind = EntryKind::Note;
        let entry = TimelineEntry {
            id,
            at,
            incident: None,
            dependency: None,
            kind,
            by: None,
            text,
            evidence: vec![],
        };
        Commit { timeline: vec![entry], ..Commit::default() }
    }

    /// SQLite answers a file that may not grow as it answers a full disk.
    async fn allow_pages(store: &Store, more: i64) {
        let Database::Sqlite { writer, .. } = &store.database else { panic!("opened as SQLite") };
        let now: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(writer).await.unwrap();
        let limit = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {}", now + more));
        sqlx::query(limit).execute(writer).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_passes_without_loss() {
        let directory = std::env::temp_dir().join(format!("mainstay-store-full-{}", std::process::id()));
        let store = Store::open(&Location::Sqlite(directory.join("mainstay.db"))).await.unwrap();
        store.commit(&history(1)).await.unwrap();
        allow_pages(&store, 5).await;
        let error = store.commit(&history(2)).await.unwrap_err();
        assert!(matches!(error, StoreError::Full { .. }) && error.may_pass(), "{error:?}");
        assert!(error.to_string().contains("no room left"), "{error}");
        let kept = store.timeline(&TimelineFilter::default()).await.unwrap();
        assert_eq!(kept, history(1).timeline, "what was there is there, and nothing else");
        allow_pages(&store, 1000).await;
        store.commit(&history(2)).await.unwrap();
        assert_eq!(store.timeline(&TimelineFilter::default()).await.unwrap().len(), 2);
        std::fs::remove_dir_all(directory).unwrap();
    }
}
