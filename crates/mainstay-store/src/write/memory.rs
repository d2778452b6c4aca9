use std::collections::{HashMap, HashSet};

use mainstay_model::{DependencyName, Fingerprint};

use super::Trouble;
use crate::StoreError;
use crate::database::{Transaction, portions};
use crate::record::{Record, readable};
use crate::sql;

/// Beyond this many addresses everything is forgotten and read again, so that names whose addresses rotate cannot fill the memory.
const MOST_ENDPOINTS: usize = 1_000_000;

/// What the writer knows to be stored, so that a check in its steady state is one insert and nothing is looked up.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    endpoints: HashMap<DependencyName, Vec<Endpoint>>,
    count: usize,
    /// Whether the DER is stored too.
    certificates: HashMap<Fingerprint, bool>,
    last_id: Option<i64>,
}

/// An address of a dependency, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) id: i64,
    pub(crate) address: Box<str>,
    /// When it was last noted that it exists, in microseconds; not after every check.
    pub(crate) last_seen: i64,
    /// Fingerprint of its chain, 0 when it never presented one.
    pub(crate) chain_hash: i64,
}

impl Memory {
    /// Makes sure that everything stored about these dependencies is known.
    pub(crate) async fn recall(
        &mut self,
        transaction: &mut Transaction,
        names: impl Iterator<Item = &DependencyName>,
    ) -> Result<(), Trouble> {
        if self.count > MOST_ENDPOINTS {
            *self = Memory::default();
        }
        let unknown: Vec<_> = names.filter(|name| !self.endpoints.contains_key(*name)).cloned().collect();
        for values in portions(&[], &unknown, |name| name.as_str().into()) {
            for row in transaction.rows(sql::ENDPOINTS_OF.sql(), values).await? {
                let record = Record::of("endpoint", "id")(row);
                if readable(self.learn(&record)).is_none() {
                    forget(transaction, &record).await?;
                }
            }
        }
        for name in unknown {
            self.endpoints.entry(name).or_default();
        }
        Ok(())
    }

    fn learn(&mut self, record: &Record) -> Result<(), StoreError> {
        let endpoint = Endpoint {
            id: record.int("id")?,
            address: record.text("address")?.into(),
            // Where these cannot be read they are written anew with the next check.
            last_seen: readable(record.int("last_seen")).unwrap_or(i64::MIN + 1),
            chain_hash: readable(record.int("chain_hash")).unwrap_or(0),
        };
        let of_one = self.endpoints.entry(record.parsed("dependency")?).or_default();
        of_one.push(endpoint);
        self.count += 1;
        Ok(())
    }

    /// The endpoint, if it is known; see [`Memory::recall`].
    pub(crate) fn endpoint(&mut self, dependency: &DependencyName, address: &str) -> Option<&mut Endpoint> {
        self.endpoints.get_mut(dependency)?.iter_mut().find(|one| &*one.address == address)
    }

    /// Gives an address that is new its number.
    pub(crate) async fn add(
        &mut self,
        transaction: &mut Transaction,
        dependency: &DependencyName,
        address: &str,
    ) -> Result<&mut Endpoint, Trouble> {
        let id = self.next_id(transaction).await?;
        self.count += 1;
        let endpoint = Endpoint { id, address: address.into(), last_seen: i64::MIN, chain_hash: 0 };
        let all = self.endpoints.entry(dependency.clone()).or_default();
        Ok(all.push_mut(endpoint))
    }

    /// Takes back what is known of addresses that are deleted.
    pub(crate) fn forget(&mut self, deleted: &[i64]) {
        if deleted.is_empty() {
            return;
        }
        let deleted: HashSet<_> = deleted.iter().collect();
        self.endpoints.values_mut().for_each(|all| all.retain(|one| !deleted.contains(&one.id)));
        self.endpoints.retain(|_, all| !all.is_empty());
        self.count = self.endpoints.values().map(Vec::len).sum();
    }

    async fn next_id(&mut self, transaction: &mut Transaction) -> Result<i64, Trouble> {
        if self.last_id.is_none() {
            let rows = transaction.rows(sql::LAST_ENDPOINT, vec![]).await?;
            let found = rows.into_iter().next().map(Record::of("endpoint", "id"));
            self.last_id = found.map(|record| record.int("id")).transpose()?;
        }
        let id = self.last_id.unwrap_or(0) + 1;
        self.last_id = Some(id);
        Ok(id)
    }

    /// Which of the certificates are not stored yet, or lack the DER that is here now. They count as stored from now on.
    pub(crate) async fn unknown_certificates(
        &mut self,
        transaction: &mut Transaction,
        offered: &HashMap<Fingerprint, bool>,
    ) -> Result<Vec<Fingerprint>, Trouble> {
        let strange: Vec<_> =
            offered.keys().filter(|one| !self.certificates.contains_key(one)).copied().collect();
        for values in portions(&[], &strange, |one| one.to_string().into()) {
            for row in transaction.rows(sql::KNOWN_CERTIFICATES.sql(), values).await? {
                let record = Record::of("certificate", "sha256")(row);
                let sha256 = readable(record.text("sha256")).and_then(|text| Fingerprint::parse(&text));
                let has_der = readable(record.int("has_der")) == Some(1);
                self.certificates.extend(sha256.map(|sha256| (sha256, has_der)));
            }
        }
        let news = |(one, has_der): &(&Fingerprint, &bool)| match self.certificates.get(*one) {
            None => true,
            Some(stored) => **has_der && !stored,
        };
        let unknown: Vec<_> = offered.iter().filter(news).map(|(one, _)| *one).collect();
        for one in &unknown {
            self.certificates.insert(*one, offered[one]);
        }
        Ok(unknown)
    }
}

/// An address whose number cannot be read has lost its observations anyhow, and would be in the way of the one that takes its place.
async fn forget(transaction: &mut Transaction, record: &Record) -> Result<(), sqlx::Error> {
    let (Ok(dependency), Ok(address)) = (record.text("dependency"), record.text("address")) else {
        return Ok(());
    };
    transaction.execute(sql::FORGET_ENDPOINT, vec![dependency.into(), address.into()]).await.map(drop)
}
