use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Certificate, CheckReport, Dependency, DependencyName, Failure, Fingerprint, Observation, Phase, Protocol,
    TlsFacts, Verdict,
};

use super::all;
use crate::database::Database;
use crate::reading::{MOST_ROWS, ObservedPoint};
use crate::record::{Link, PartOfCheck, Record};
use crate::{StoreError, sql};

/// The chains that the addresses of one dependency presented, each from its time on.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    by_endpoint: HashMap<i64, BTreeMap<i64, Vec<Link>>>,
    certificates: HashMap<Fingerprint, Certificate>,
}

pub(crate) async fn chains(database: &Database, name: &DependencyName) -> Result<Chains, StoreError> {
    let rows = database.rows(sql::CHAINS_OF, vec![name.as_str().into(), MOST_ROWS.into()]).await?;
    let mut chains = Chains::default();
    for record in rows.into_iter().map(Record::of("chain", "endpoint_id")) {
        let links: Vec<Link> = record.json("links")?;
        let of_endpoint = chains.by_endpoint.entry(record.int("endpoint_id")?).or_default();
        of_endpoint.insert(record.int("since")?, links);
    }
    let links = chains.by_endpoint.values().flat_map(BTreeMap::values).flatten();
    let named: BTreeSet<_> = links.map(|link| link.sha256).collect();
    chains.certificates = super::facts(database, named).await?;
    Ok(chains)
}

/// The latest check between two moments, or the latest in which something was wrong; with the certificates of its time.
pub(crate) async fn latest_check(
    database: &Database,
    dependency: &Dependency,
    (from, to): (Timestamp, Timestamp),
    in_trouble: bool,
) -> Result<Option<CheckReport>, StoreError> {
    let sql = if in_trouble { sql::LATEST_TROUBLE } else { sql::LATEST_CHECK };
    let values = vec![dependency.name.as_str().into(), from.into(), to.into()];
    let Some(row) = database.rows(sql, values).await?.into_iter().next() else { return Ok(None) };
    let at = Record::of("observation", "at")(row).time("at")?;
    let after = at.saturating_add(SignedDuration::from_micros(1)).unwrap_or(Timestamp::MAX);
    let chains = chains(database, &dependency.name).await?;
    let (checks, _) = checks_from(database, dependency, &chains, (at, after), MOST_ROWS).await?;
    Ok(checks.into_iter().next())
}

/// Checks from one moment to another, oldest first, of at most so many rows; and whether there were so many.
pub(crate) async fn checks_from(
    database: &Database,
    dependency: &Dependency,
    chains: &Chains,
    (from, to): (Timestamp, Timestamp),
    rows: u32,
) -> Result<(Vec<CheckReport>, bool), StoreError> {
    let values = vec![dependency.name.as_str().into(), from.into(), to.into(), rows.into()];
    let parts: Vec<PartOfCheck> =
        all(database.rows(sql::CHECKS_FROM, values).await?, "observation", "endpoint_id")?;
    let is_full = parts.len() == rows as usize;
    let mut checks: Vec<CheckReport> = Vec::new();
    for part in parts {
        let at = part.point.at;
        if checks.last().is_none_or(|check| check.checked_at != at) {
            checks.push(empty(dependency, at));
        }
        if let Some(check) = checks.last_mut() {
            add(check, part, dependency, chains);
        }
    }
    Ok((checks, is_full))
}

fn empty(dependency: &Dependency, at: Timestamp) -> CheckReport {
    CheckReport {
        endpoint: None,
        target: dependency.target.to_string(),
        dependency: Some(dependency.name.clone()),
        verdict: Verdict::Inconclusive,
        failure: None,
        addresses: Vec::new(),
        findings: Vec::new(),
        diagnosis: None,
        resolve_ms: None,
        checked_at: at,
    }
}

fn add(check: &mut CheckReport, part: PartOfCheck, dependency: &Dependency, chains: &Chains) {
    let tls = chains.presented(part.endpoint, &part.point, dependency);
    let ObservedPoint { at: _, address, verdict, failure, phases } = part.point;
    if let Some(whole) = part.whole {
        check.verdict = whole;
        check.resolve_ms = part.resolve_ms;
        check.failure.clone_from(&failure);
    }
    // A name without addresses has one row with an empty one.
    if !address.is_empty() {
        check.addresses.push(Observation { address, verdict, failure, also: Vec::new(), phases, tls });
    }
}

impl Chains {
    /// The chain that an address presented in a check, if the check came so far.
    fn presented(&self, endpoint: i64, point: &ObservedPoint, dependency: &Dependency) -> Option<TlsFacts> {
        let phase = point.failure.as_ref().map(|failure| failure.phase);
        let is_file = dependency.target.protocol == Protocol::File;
        let shook_hands = point.phases.tls_ms.is_some() || phase == Some(Phase::Tls) || is_file;
        if !shook_hands || phase.is_some_and(|phase| phase < Phase::Tls) {
            return None;
        }
        let of_endpoint = self.by_endpoint.get(&endpoint)?;
        let (_, links) = of_endpoint.range(..=point.at.as_microsecond()).next_back()?;
        let placed = |link: &Link| Some(link.placed(self.certificates.get(&link.sha256)?));
        let certificates: Vec<_> = links.iter().filter_map(placed).collect();
        let verified =
            certificates.iter().any(|one| one.in_path) && !is_of_certificates(point.failure.as_ref());
        Some(TlsFacts { version: None, cipher: None, verified, certificates })
    }
}

fn is_of_certificates(failure: Option<&Failure>) -> bool {
    failure.is_some_and(|failure| failure.kind.is_certificate() || failure.phase == Phase::Tls)
}
