use jiff::{SignedDuration, Timestamp};
use mainstay_model::{CheckReport, Dependency, Fingerprint};

use crate::database::Database;
use crate::read::{self, Chains};
use crate::{AuditWalk, Location, StoreError, audit};

/// Rows that are read at a time, so that years of checks need no more memory than a page of them.
const PAGE: u32 = 5_000;

/// What is kept, to be read only: also while another process writes to it.
#[derive(Debug, Clone)]
pub struct Archive {
    database: Database,
}

impl Archive {
    /// Opens what is there.
    ///
    /// # Errors
    /// When there is nothing, or it is not Mainstay's, or of a newer version.
    pub async fn open(location: &Location) -> Result<Archive, StoreError> {
        Ok(Archive { database: Database::open_to_read(location).await? })
    }

    /// The checks of a dependency that began from `from` (inclusive) to `to` (exclusive), to be read page by page.
    pub async fn past<'a>(
        &'a self,
        dependency: &'a Dependency,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Past<'a>, StoreError> {
        let chains = read::chains(&self.database, &dependency.name).await?;
        Ok(Past { database: &self.database, dependency, chains, from: Some(from), to, page: PAGE })
    }

    /// Walks through the audit log, and looks for a hash that somebody noted before.
    pub async fn walk_audit_log(&self, expected: Option<Fingerprint>) -> Result<AuditWalk, StoreError> {
        audit::walk(&self.database, expected).await
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

/// The checks of one dependency, oldest first.
#[derive(Debug)]
pub struct Past<'a> {
    database: &'a Database,
    dependency: &'a Dependency,
    chains: Chains,
    /// Where the next page begins; `None` after the last.
    from: Option<Timestamp>,
    to: Timestamp,
    page: u32,
}

impl Past<'_> {
    /// The next checks; none at the end.
    ///
    /// They have what is kept: verdicts, failures, times, and the certificates that an address presented, with whether they verified.
    /// Findings, versions of TLS and cipher suites are not kept.
    pub async fn next_page(&mut self) -> Result<Vec<CheckReport>, StoreError> {
        let Some(from) = self.from.take() else { return Ok(Vec::new()) };
        let (mut checks, is_full) =
            read::checks_from(self.database, self.dependency, &self.chains, (from, self.to), self.page)
                .await?;
        if is_full {
            // The last one may have been cut, unless it alone fills the page.
            let cut = if checks.len() > 1 { checks.pop() } else { None };
            let after =
                checks.last().map(|check| check.checked_at.saturating_add(SignedDuration::from_micros(1)));
            self.from = cut.map(|check| check.checked_at).or(after.and_then(Result::ok));
        }
        Ok(checks)
    }

    /// The same with fewer rows a page.
    #[cfg(test)]
    fn in_pages_of(self, rows: u32) -> Self {
        Past { page: rows, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mainstay_model::{Commit, Observation, Phases, Target, Verdict};

    use super::*;
    use crate::Store;

    fn dependency() -> Dependency {
        Dependency::new("db".parse().unwrap(), Target::parse("tcp://db.example.com:1").unwrap())
    }

    fn check(second: i64) -> CheckReport {
        let one = |last: u8| Observation {
            address: format!("192.0.2.{last}:1"),
            verdict: Verdict::Healthy,
            failure: None,
            also: Vec::new(),
            phases: Phases { connect_ms: Some(f64::from(last)), ..Phases::default() },
            tls: None,
        };
        CheckReport {
            endpoint: None,
            target: "tcp://db.example.com:1".into(),
            dependency: Some("db".parse().unwrap()),
            verdict: Verdict::Healthy,
            failure: None,
            addresses: vec![one(1), one(2)],
            findings: Vec::new(),
            diagnosis: None,
            resolve_ms: Some(0.5),
            checked_at: Timestamp::from_second(second).unwrap(),
        }
    }

    /// Whatever the length of a page, each check comes once and whole; and nothing can be written.
    #[tokio::test]
    async fn pages_cut_no_check() {
        let directory = std::env::temp_dir().join(format!("mainstay-store-archive-{}", std::process::id()));
        let location = Location::Sqlite(directory.join("mainstay.db"));
        let store = Store::open(&location).await.unwrap();
        let checks: Vec<_> = (100..110).map(check).collect();
        store.commit(&Commit { reports: checks.clone(), ..Commit::default() }).await.unwrap();
        let archive = Archive::open(&location).await.unwrap();
        let dependency = Arc::new(dependency());
        let (from, to) = (Timestamp::from_second(100).unwrap(), Timestamp::from_second(109).unwrap());
        for rows in [2, 3, 4, 7, 1_000] {
            let mut past = archive.past(&dependency, from, to).await.unwrap().in_pages_of(rows);
            let mut read = Vec::new();
            loop {
                let page = past.next_page().await.unwrap();
                if page.is_empty() {
                    break;
                }
                assert!(page.len() <= rows as usize);
                read.extend(page);
            }
            assert_eq!(read, checks[..9], "in pages of {rows}");
        }
        assert!(archive.database.execute("DELETE FROM observation", vec![]).await.is_err());
        archive.close().await;
        std::fs::remove_dir_all(directory).unwrap();
    }
}
