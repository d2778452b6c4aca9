use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::{
    DependencyName, DependencyState, Incident, IncidentId, Landscape, ProviderName, Random,
};

use crate::agenda::Agenda;
use crate::index::Index;
use crate::network::{Network, OFFLINE};
use crate::turn::Turn;
use crate::{Effects, Event};

/// Everything the engine remembers.
///
/// What cannot be lost lies in [`DependencyState`] and [`Incident`], which the store keeps; the rest is derived from those or
/// regained within seconds.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(crate) landscape: Arc<Landscape>,
    pub(crate) dependencies: BTreeMap<DependencyName, Arc<DependencyState>>,
    pub(crate) incidents: BTreeMap<IncidentId, Arc<Incident>>,
    pub(crate) index: Index,
    pub(crate) agenda: Agenda,
    pub(crate) network: Network,
    pub(crate) providers: BTreeMap<ProviderName, Vec<DependencyName>>,
    /// When each state was last handed out to be written.
    pub(crate) kept: BTreeMap<DependencyName, Timestamp>,
    /// Since when checks can be expected to arrive: the start, the end of a pause, or the return of the network.
    pub(crate) awake_since: Option<Timestamp>,
    pub(crate) last_step_at: Option<Timestamp>,
    /// Until the first configuration: when the process before this one wrote last.
    pub(crate) blind_since: Option<Timestamp>,
}

impl State {
    /// The state as it was when it was last written, to be followed by [`Event::Configured`].
    pub fn restored(dependencies: Vec<DependencyState>, incidents: Vec<Incident>) -> State {
        let incidents: BTreeMap<_, _> = incidents.into_iter().map(|one| (one.id, Arc::new(one))).collect();
        State {
            dependencies: dependencies.into_iter().map(|one| (one.name.clone(), Arc::new(one))).collect(),
            index: Index::of(incidents.values()),
            incidents,
            ..State::default()
        }
    }

    /// The same, with the latest moment that anything written speaks of; `None` for a new store.
    ///
    /// When that was more than two minutes before the first [`Event::Configured`], the history says that Mainstay was not running.
    pub fn blind_since(self, last_written: Option<Timestamp>) -> State {
        State { blind_since: last_written, ..self }
    }

    /// One step: the only way in which the state changes.
    ///
    /// `random` only makes identifiers: with the same seed, the same events give the same effects.
    pub fn step(&mut self, event: Event, now: Timestamp, random: &mut Random) -> Effects {
        Turn::new(self, now, random).take(event)
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

    /// How many alerts of other systems hold.
    pub fn external_alerts(&self) -> usize {
        let open = self.incidents.values().filter(|incident| incident.is_open());
        open.flat_map(|incident| incident.alerts.values()).filter(|alert| alert.external.is_some()).count()
    }

    /// Since when our own network is believed to be gone.
    pub fn offline_since(&self) -> Option<Timestamp> {
        let incident = self.incidents.get(&self.index.of_alert(OFFLINE)?)?;
        incident.alerts.get(OFFLINE).map(|alert| alert.since)
    }
}
