use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::{DependencyName, DependencyState, Incident, IncidentId, Landscape, Random};

use crate::{Effects, Event};

/// Everything the engine remembers.
#[derive(Debug, Clone, Default)]
pub struct State {
    landscape: Arc<Landscape>,
    dependencies: BTreeMap<DependencyName, Arc<DependencyState>>,
    incidents: BTreeMap<IncidentId, Arc<Incident>>,
}

impl State {
    /// The state as it was when it was last written, to be followed by [`Event::Configured`].
    pub fn restored(dependencies: Vec<DependencyState>, incidents: Vec<Incident>) -> State {
        State {
            landscape: Arc::default(),
            dependencies: dependencies.into_iter().map(|one| (one.name.clone(), Arc::new(one))).collect(),
            incidents: incidents.into_iter().map(|one| (one.id, Arc::new(one))).collect(),
        }
    }

    /// One step: the only way in which the state changes.
    pub fn step(&mut self, event: Event, now: Timestamp, random: &mut Random) -> Effects {
        let _ = (event, now, random);
        Effects::default()
    }

    /// The configuration in force.
    pub fn landscape(&self) -> &Arc<Landscape> {
        &self.landscape
    }

    /// Every configured dependency, by name.
    pub fn dependencies(&self) -> impl Iterator<Item = &Arc<DependencyState>> {
        self.dependencies.values()
    }

    /// One dependency.
    pub fn dependency(&self, name: &str) -> Option<&Arc<DependencyState>> {
        self.dependencies.get(name)
    }

    /// Every incident that is open or was resolved lately, oldest first.
    pub fn incidents(&self) -> impl Iterator<Item = &Arc<Incident>> {
        self.incidents.values()
    }

    /// One of those.
    pub fn incident(&self, id: IncidentId) -> Option<&Arc<Incident>> {
        self.incidents.get(&id)
    }

    /// Since when our own network is believed to be gone.
    pub fn offline_since(&self) -> Option<Timestamp> {
        None
    }
}
