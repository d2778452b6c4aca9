use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::{
    Alert, ChannelName, ChannelRecord, DependencyName, DependencyState, Fingerprint, HeartbeatName,
    HeartbeatRecord, Incident, IncidentId, KeptOverride, Landscape, OverrideId, ProviderName, QuietId,
    Random, Silence, Waiver, WaiverId,
};

use crate::agenda::Agenda;
use crate::channels::{failing, is_in_part};
use crate::index::Index;
use crate::network::{Network, OFFLINE};
use crate::rules::Own;
use crate::turn::Turn;
use crate::{Effects, Event, OnCall, Shift};

/// Everything the engine remembers.
///
/// What cannot be lost lies in [`DependencyState`] and [`Incident`], which the store keeps; the rest is derived from those or
/// regained within seconds.
#[derive(Debug, Clone, Default)]
pub struct State {
    pub(crate) landscape: Arc<Landscape>,
    /// The enabled rules of one's own, compiled from the landscape.
    pub(crate) own: Arc<Vec<Own>>,
    pub(crate) dependencies: BTreeMap<DependencyName, Arc<DependencyState>>,
    pub(crate) incidents: BTreeMap<IncidentId, Arc<Incident>>,
    pub(crate) silences: BTreeMap<QuietId, Silence>,
    pub(crate) waivers: BTreeMap<WaiverId, Arc<Waiver>>,
    /// Certificates that were ever seen revoked.
    pub(crate) revoked: BTreeSet<Fingerprint>,
    pub(crate) channels: BTreeMap<ChannelName, ChannelRecord>,
    pub(crate) heartbeats: BTreeMap<HeartbeatName, HeartbeatRecord>,
    pub(crate) index: Index,
    pub(crate) agenda: Agenda,
    pub(crate) network: Network,
    /// In the order in which they were made, those of each schedule and those of schedules that are gone.
    pub(crate) overrides: BTreeMap<OverrideId, KeptOverride>,
    pub(crate) providers: BTreeMap<ProviderName, Vec<DependencyName>>,
    /// When each state was last handed out to be written.
    pub(crate) kept: BTreeMap<DependencyName, Timestamp>,
    /// Since when checks can be expected to arrive: the start, the end of a pause, or the return of the network.
    pub(crate) awake_since: Option<Timestamp>,
    pub(crate) last_step_at: Option<Timestamp>,
    /// What was planned until then was begun or left out.
    pub(crate) drills_settled: Option<Timestamp>,
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

    /// The same, with the overrides of on-call schedules that were made at run time.
    pub fn with_overrides(self, overrides: Vec<KeptOverride>) -> State {
        State { overrides: overrides.into_iter().map(|one| (one.id, one)).collect(), ..self }
    }

    /// The same, with the latest moment that anything written speaks of; `None` for a new store.
    ///
    /// When that was more than two minutes before the first [`Event::Configured`], the history says that Mainstay was not running.
    pub fn blind_since(self, last_written: Option<Timestamp>) -> State {
        State { blind_since: last_written, ..self }
    }

    /// The same, with the silences that were made at run time and still hold.
    pub fn silenced(self, silences: Vec<Silence>) -> State {
        State { silences: silences.into_iter().map(|one| (one.id, one)).collect(), ..self }
    }

    /// The same, with the waivers that are not over or ended lately, and with every certificate that was ever seen revoked.
    pub fn waived(self, waivers: Vec<Waiver>, revoked: Vec<Fingerprint>) -> State {
        let waivers = waivers.into_iter().map(|one| (one.id, Arc::new(one))).collect();
        State { waivers, revoked: revoked.into_iter().collect(), ..self }
    }

    /// The same, with what is remembered of channels and heartbeats.
    pub fn remembering(self, channels: Vec<ChannelRecord>, heartbeats: Vec<HeartbeatRecord>) -> State {
        State {
            channels: channels.into_iter().map(|one| (one.name.clone(), one)).collect(),
            heartbeats: heartbeats.into_iter().map(|one| (one.name.clone(), one)).collect(),
            ..self
        }
    }

    /// What is remembered of each channel.
    pub fn channels(&self) -> impl Iterator<Item = &ChannelRecord> {
        self.channels.values()
    }

    /// Whether a channel lost or held up a message and has not taken one since.
    pub fn channel_fails(&self, name: &ChannelName) -> bool {
        self.failure_of(name).is_some_and(|alert| !is_in_part(alert))
    }

    /// The alert that a channel fails, or does not reach everybody.
    pub(crate) fn failure_of(&self, name: &ChannelName) -> Option<&Alert> {
        let key = failing(name).to_string();
        self.incidents.get(&self.index.of_alert(&key)?)?.alerts.get(&key)
    }

    /// What is remembered of each heartbeat.
    pub fn heartbeats(&self) -> impl Iterator<Item = &HeartbeatRecord> {
        self.heartbeats.values()
    }

    /// The silences that were made at run time and still hold, oldest first.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.silences.values()
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

    /// The overrides of a schedule that were made at run time, in that order; what ended long ago is forgotten.
    pub fn overrides(&self, schedule: &str) -> impl Iterator<Item = &KeptOverride> {
        self.overrides.values().filter(move |one| one.schedule.as_str() == schedule)
    }

    /// Who is on call by a schedule of the configuration at a moment; `None` when there is no such schedule.
    pub fn on_call(&self, schedule: &str, at: Timestamp) -> Option<OnCall> {
        let known = self.landscape.schedules.get(schedule)?;
        Some(crate::on_call(known, self.overrides(schedule).map(|one| &one.terms), at))
    }

    /// Everybody's time on call by a schedule of the configuration, as [`crate::shifts`] has it; nothing when there is no such schedule.
    pub fn shifts(&self, schedule: &str, from: Timestamp, until: Timestamp) -> Vec<Shift> {
        let Some(known) = self.landscape.schedules.get(schedule) else { return Vec::new() };
        crate::shifts(known, self.overrides(schedule).map(|one| &one.terms), from, until)
    }

    /// When the latest step was taken.
    pub fn last_step_at(&self) -> Option<Timestamp> {
        self.last_step_at
    }

    /// Since when checks can be expected to arrive: the start, the end of a pause, or the return of the network.
    pub fn awake_since(&self) -> Option<Timestamp> {
        self.awake_since
    }

    /// Since when our own network is believed to be gone.
    pub fn offline_since(&self) -> Option<Timestamp> {
        let incident = self.incidents.get(&self.index.of_alert(OFFLINE)?)?;
        incident.alerts.get(OFFLINE).map(|alert| alert.since)
    }
}
