use std::collections::BTreeMap;
use std::sync::Arc;

use mainstay_model::{Incident, IncidentId};

/// Where alerts and causes are found among the incidents; derived, so it is never stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    by_alert: BTreeMap<String, IncidentId>,
    by_cause: BTreeMap<String, IncidentId>,
}

impl Index {
    /// The same index from the incidents alone.
    pub(crate) fn of<'a>(incidents: impl Iterator<Item = &'a Arc<Incident>>) -> Index {
        let mut index = Index::default();
        let mut incidents: Vec<_> = incidents.collect();
        incidents.sort_by_key(|incident| incident.joined_at.unwrap_or(incident.opened_at));
        let merged: BTreeMap<_, _> =
            incidents.iter().filter_map(|one| Some((one.id, one.room.merged_into?))).collect();
        for incident in incidents {
            index.cause(&incident.cause_key, goes_on_in(incident.id, &merged));
            for key in incident.alerts.keys() {
                index.alert(key, incident.id);
            }
        }
        index
    }

    /// The incident that has this alert now.
    pub(crate) fn of_alert(&self, key: &str) -> Option<IncidentId> {
        self.by_alert.get(key).copied()
    }

    /// The latest incident of this cause.
    pub(crate) fn of_cause(&self, key: &str) -> Option<IncidentId> {
        self.by_cause.get(key).copied()
    }

    /// Every alert that belongs to an incident now.
    pub(crate) fn alerts(&self) -> impl Iterator<Item = (&str, IncidentId)> {
        self.by_alert.iter().map(|(key, id)| (key.as_str(), *id))
    }

    pub(crate) fn alert(&mut self, key: &str, id: IncidentId) {
        self.by_alert.insert(key.to_owned(), id);
    }

    pub(crate) fn alert_ended(&mut self, key: &str) {
        self.by_alert.remove(key);
    }

    /// Makes an incident the latest of its cause.
    pub(crate) fn cause(&mut self, key: &str, id: IncidentId) {
        self.by_cause.insert(key.to_owned(), id);
    }

    pub(crate) fn forget(&mut self, incident: &Incident) {
        if self.by_cause.get(&incident.cause_key) == Some(&incident.id) {
            self.by_cause.remove(&incident.cause_key);
        }
        for key in incident.alerts.keys() {
            if self.by_alert.get(key) == Some(&incident.id) {
                self.by_alert.remove(key);
            }
        }
    }
}

/// The incident as a part of which one goes on, through as many merges as there were. No merge leads back: what is over takes none in,
/// and what opened again is no longer merged.
fn goes_on_in(id: IncidentId, merged: &BTreeMap<IncidentId, IncidentId>) -> IncidentId {
    let next = |id: &IncidentId| merged.get(id).copied();
    std::iter::successors(Some(id), next).take(merged.len() + 1).last().unwrap_or(id)
}
