use std::collections::HashMap;

use mainstay_model::{Certificate, DependencyState, Fingerprint, Observation};

use super::{Link, Record};
use crate::StoreError;
use crate::database::Value;

/// A dependency's state in the form of its table: the facts of certificates, which make up most of a report and hardly ever change,
/// are left out and named by their fingerprints.
pub(crate) struct StateRow;

impl StateRow {
    /// The values of one row of `INSERT_STATES`.
    pub(crate) fn values(state: &DependencyState) -> Result<[Value; 3], serde_json::Error> {
        let chains: Vec<Vec<Link>> =
            state.last.iter().flat_map(|report| &report.addresses).map(links).collect();
        let mut bare = state.clone();
        let observations = bare.last.iter_mut().flat_map(|report| &mut report.addresses);
        observations.filter_map(|one| one.tls.as_mut()).for_each(|tls| tls.certificates.clear());
        Ok([
            state.name.as_str().into(),
            serde_json::to_string(&bare)?.into(),
            serde_json::to_string(&chains)?.into(),
        ])
    }
}

fn links(observation: &Observation) -> Vec<Link> {
    let certificates = observation.tls.iter().flat_map(|tls| &tls.certificates);
    certificates.map(|one| Link::to(one, jiff::Timestamp::UNIX_EPOCH)).collect()
}

/// What a row of states says, before its certificates are put back.
pub(crate) struct StoredState {
    state: DependencyState,
    chains: Vec<Vec<Link>>,
    record: Record,
}

impl TryFrom<Record> for StoredState {
    type Error = StoreError;

    fn try_from(record: Record) -> Result<StoredState, StoreError> {
        Ok(StoredState { state: record.json("body")?, chains: record.json("chains")?, record })
    }
}

impl StoredState {
    /// The certificates that its chains name.
    pub(crate) fn names(&self) -> impl Iterator<Item = Fingerprint> + '_ {
        self.chains.iter().flatten().map(|link| link.sha256)
    }

    /// The whole state again.
    pub(crate) fn complete(
        mut self,
        certificates: &HashMap<Fingerprint, Certificate>,
    ) -> Result<DependencyState, StoreError> {
        let addresses = self.state.last.iter_mut().flat_map(|report| &mut report.addresses);
        for (observation, links) in addresses.zip(&self.chains) {
            let placed = links.iter().map(|link| Some(link.placed(certificates.get(&link.sha256)?)));
            let chain = placed.collect::<Option<Vec<_>>>();
            let chain =
                chain.ok_or_else(|| self.record.corrupt("chains", "a certificate it names is not there"))?;
            observation.tls.iter_mut().for_each(|tls| tls.certificates.clone_from(&chain));
        }
        Ok(self.state)
    }
}
