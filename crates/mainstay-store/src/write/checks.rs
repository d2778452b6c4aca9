use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use mainstay_model::{Certificate, CheckReport, Commit, DependencyName, Failure, Fingerprint, Observation};

use super::memory::Endpoint;
use super::{Memory, Trouble};
use crate::database::{Transaction, Value};
use crate::record::{CheckRow, Link, Record, readable};
use crate::roll_up::hour_of;
use crate::sql;

/// How often it is noted that an address still exists, in microseconds: once a day. What retention deletes is older by far.
const NOTE_AGAIN_AFTER: i64 = 86_400_000_000;

/// Writes the observations, and what they refer to: addresses, failures, certificates and chains, each only where it is new.
pub(super) async fn write(
    transaction: &mut Transaction,
    memory: &mut Memory,
    commit: &Commit,
) -> Result<(), Trouble> {
    write_certificates(transaction, memory, commit).await?;
    let reports: Vec<_> =
        commit.reports.iter().filter_map(|one| Some((one.dependency.as_ref()?, one))).collect();
    let names: BTreeSet<&DependencyName> = reports.iter().map(|(name, _)| *name).collect();
    memory.recall(transaction, names.into_iter()).await?;
    let mut rows = Rows::default();
    for (name, report) in &reports {
        for row in CheckRow::of(report) {
            rows.take(transaction, memory, name, report, row).await?;
        }
    }
    rows.write(transaction).await?;
    match reports.iter().map(|(_, report)| hour_of(report.checked_at)).min() {
        None => Ok(()),
        Some(earliest) => {
            Ok(transaction.execute(sql::EXPECT_ROLL_UP, vec![earliest.into()]).await.map(drop)?)
        }
    }
}

/// The rows of one commit, by table.
#[derive(Default)]
struct Rows {
    new_endpoints: BTreeMap<i64, Vec<Value>>,
    noted_endpoints: BTreeMap<i64, Vec<Value>>,
    chains: BTreeMap<(i64, i64), Vec<Link>>,
    failures: BTreeMap<i64, Vec<Value>>,
    observations: Vec<Value>,
}

impl Rows {
    async fn take(
        &mut self,
        transaction: &mut Transaction,
        memory: &mut Memory,
        name: &DependencyName,
        report: &CheckReport,
        row: CheckRow<'_>,
    ) -> Result<(), Trouble> {
        let at = report.checked_at;
        let endpoint = match memory.endpoint(name, row.address) {
            Some(endpoint) => endpoint,
            None => memory.add(transaction, name, row.address).await?,
        };
        let is_new = endpoint.last_seen == i64::MIN;
        let mut is_news = at.as_microsecond() > endpoint.last_seen.saturating_add(NOTE_AGAIN_AFTER);
        if let Some((hash, certificates)) = row.observation.and_then(presented)
            && hash != endpoint.chain_hash
        {
            self.take_chain(transaction, endpoint, certificates, at).await?;
            (endpoint.chain_hash, is_news) = (hash, true);
        }
        if is_news {
            endpoint.last_seen = endpoint.last_seen.max(at.as_microsecond());
            let is_new = is_new || self.new_endpoints.contains_key(&endpoint.id);
            let rows = if is_new { &mut self.new_endpoints } else { &mut self.noted_endpoints };
            rows.insert(endpoint.id, endpoint_values(endpoint, name));
        }
        let failure = row.failure.map(|failure| self.take_failure(failure, at)).transpose()?;
        self.observations.extend(row.values(endpoint.id, at, failure));
        Ok(())
    }

    /// The new chain; a certificate that stood in the same place before keeps its beginning.
    async fn take_chain(
        &mut self,
        transaction: &mut Transaction,
        endpoint: &Endpoint,
        certificates: &[Certificate],
        at: Timestamp,
    ) -> Result<(), Trouble> {
        let of_this_commit = self.chains.range((endpoint.id, i64::MIN)..=(endpoint.id, i64::MAX)).next_back();
        let before = match of_this_commit {
            Some((_, links)) => links.clone(),
            None if endpoint.chain_hash == 0 => Vec::new(),
            None => stored_chain(transaction, endpoint.id).await?,
        };
        let links = certificates.iter().map(|one| kept(Link::to(one, at), &before));
        self.chains.insert((endpoint.id, at.as_microsecond()), links.collect());
        Ok(())
    }

    fn take_failure(&mut self, failure: &Failure, at: Timestamp) -> Result<i64, serde_json::Error> {
        let body = serde_json::to_string(failure)?;
        let id = hash(body.as_bytes());
        self.failures.entry(id).or_insert_with(|| vec![id.into(), body.into(), at.into()]);
        Ok(id)
    }

    async fn write(self, transaction: &mut Transaction) -> Result<(), Trouble> {
        let flat = |rows: Vec<Vec<Value>>| rows.into_iter().flatten().collect::<Vec<_>>();
        transaction.insert(&sql::ADD_ENDPOINTS, flat(self.new_endpoints.into_values().collect())).await?;
        transaction.insert(&sql::NOTE_ENDPOINTS, flat(self.noted_endpoints.into_values().collect())).await?;
        let mut chains = Vec::with_capacity(self.chains.len() * sql::INSERT_CHAINS.columns);
        for ((endpoint, since), links) in self.chains {
            chains.extend([endpoint.into(), since.into(), serde_json::to_string(&links)?.into()]);
        }
        transaction.insert(&sql::INSERT_CHAINS, chains).await?;
        transaction.insert(&sql::INSERT_FAILURES, flat(self.failures.into_values().collect())).await?;
        Ok(transaction.insert(&sql::INSERT_OBSERVATIONS, self.observations).await?)
    }
}

fn endpoint_values(endpoint: &Endpoint, name: &DependencyName) -> Vec<Value> {
    vec![
        endpoint.id.into(),
        name.as_str().into(),
        (*endpoint.address).into(),
        endpoint.last_seen.into(),
        endpoint.chain_hash.into(),
    ]
}

/// The chain that an address presented, and its hash; a check that did not get so far says nothing about it.
fn presented(observation: &Observation) -> Option<(i64, &[Certificate])> {
    let certificates = observation.tls.as_ref()?.certificates.as_slice();
    let one = |certificate: &Certificate| {
        let place = [u8::from(certificate.sent), u8::from(certificate.in_path)];
        [&certificate.sha256.0[..], &certificate.position.to_le_bytes(), &place].concat()
    };
    let all = certificates.iter().flat_map(one).collect::<Vec<_>>();
    (!certificates.is_empty()).then(|| (hash(&all), certificates))
}

fn kept(link: Link, before: &[Link]) -> Link {
    let same = before.iter().find(|one| (one.position, one.sha256) == (link.position, link.sha256));
    Link { since: same.map_or(link.since, |one| one.since), ..link }
}

/// The chain before this one. One that cannot be read counts as none: what it is needed for, since when a certificate stands there, is
/// worth less than going on. The new one takes its place, so that it is not met again.
async fn stored_chain(transaction: &mut Transaction, endpoint: i64) -> Result<Vec<Link>, sqlx::Error> {
    let rows = transaction.rows(sql::CURRENT_CHAIN, vec![endpoint.into()]).await?;
    let record = rows.into_iter().next().map(Record::of("chain", "endpoint_id"));
    Ok(record.and_then(|record| readable(record.json("links"))).unwrap_or_default())
}

/// Stores certificates that were not seen before: those of the reports, and those that the states refer to.
async fn write_certificates(
    transaction: &mut Transaction,
    memory: &mut Memory,
    commit: &Commit,
) -> Result<(), Trouble> {
    let last = commit.dependencies.iter().filter_map(|state| state.last.as_ref());
    let observations = commit.reports.iter().chain(last).flat_map(|report| &report.addresses);
    let mut offered: HashMap<Fingerprint, &Certificate> = HashMap::new();
    for certificate in observations.filter_map(|one| one.tls.as_ref()).flat_map(|tls| &tls.certificates) {
        let best = offered.entry(certificate.sha256).or_insert(certificate);
        *best = if best.der.is_some() { best } else { certificate };
    }
    let has_der = offered.iter().map(|(sha256, one)| (*sha256, one.der.is_some())).collect();
    let unknown = memory.unknown_certificates(transaction, &has_der).await?;
    let mut values = Vec::new();
    for certificate in unknown.iter().filter_map(|sha256| offered.get(sha256)) {
        values.extend([
            certificate.sha256.to_string().into(),
            certificate.not_after.into(),
            serde_json::to_string(certificate)?.into(),
            certificate.der.as_ref().map(|der| der.to_vec()).into(),
        ]);
    }
    Ok(transaction.insert(&sql::INSERT_CERTIFICATES, values).await?)
}

/// FNV-1a of 64 bits: stable over versions and machines, which the standard library's hash is not. Zero is kept for "none".
fn hash(bytes: &[u8]) -> i64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, step);
    hash.max(1).cast_signed()
}
