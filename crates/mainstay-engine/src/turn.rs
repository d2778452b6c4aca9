use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    AuditAct, AuditEntry, ChannelName, DeliveryId, DependencyName, DependencyState, EntryId, EntryKind,
    Incident, IncidentId, Random, TimelineEntry, in_words,
};

use crate::agenda::Due;
use crate::time::since;
use crate::{Effects, Event, State};

/// Ticks come every second or so; a longer silence than this means that this process was stopped or its machine asleep.
pub(crate) const PAUSE: SignedDuration = SignedDuration::from_mins(2);

/// After a gap this long between two steps, the checks of that time still wait to be handed in, as they do after a store that
/// took nothing: while they come, nobody may be called unchecked by their age.
const BACKLOG: SignedDuration = SignedDuration::from_secs(10);

/// So many are looked at in one tick, so that 100,000 that are due at once do not hold up a check's alert; the rest follow with
/// the next tick.
const LOOKS_A_TICK: usize = 5_000;

/// A state that did not change in substance is written this often, each at a moment of its own, so that 100,000 of them are 28 a
/// second; a restart needs them only to know roughly when the last check was and how fast it is usually.
const KEEP_EVERY_SECONDS: i64 = 3_600;

/// One step in the making: the state, the arguments, and what has been decided so far.
pub(crate) struct Turn<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) now: Timestamp,
    pub(crate) random: &'a mut Random,
    pub(crate) effects: Effects,
    /// What happened to incidents in this step, to be told at its end.
    pub(crate) news: BTreeMap<IncidentId, News>,
    /// The latest message that this step decided for each channel and incident.
    pub(crate) sent: BTreeMap<(IncidentId, ChannelName), DeliveryId>,
    changed: BTreeSet<IncidentId>,
    keep: BTreeSet<DependencyName>,
}

/// What happened to one incident in one step.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) opened: bool,
    /// To be told without waiting: it is back, it broke, it is more urgent.
    pub(crate) urgent: bool,
    pub(crate) resolved: bool,
    /// What changed, a sentence each.
    pub(crate) lines: Vec<String>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(state: &'a mut State, now: Timestamp, random: &'a mut Random) -> Turn<'a> {
        Turn {
            state,
            now,
            random,
            effects: Effects::default(),
            news: BTreeMap::new(),
            sent: BTreeMap::new(),
            changed: BTreeSet::new(),
            keep: BTreeSet::new(),
        }
    }

    pub(crate) fn take(mut self, event: Event) -> Effects {
        self.notice_clock();
        self.notice_pause(&event);
        match event {
            Event::Configured(landscape) => self.configured(landscape),
            Event::ConfigurationRefused { problems } => self.configuration_refused(problems),
            Event::Checked(report) => self.checked(*report),
            Event::ReferencesChecked { reachable, tried } => self.references_checked(reachable, tried),
            Event::Delivered { id, channel, incident, receipt } => {
                self.delivered(id, channel, incident, receipt)
            }
            Event::DeliveredInPart { id, channel, incident, receipt, refused } => {
                self.delivered_in_part(id, &channel, incident, receipt, refused)
            }
            Event::Shown { id, receipt } => self.shown(id, receipt),
            Event::Probed { id, channel } => self.probed(id, &channel),
            Event::DeliveryDelayed { id, channel, incident, delay } => {
                self.delivery_delayed(id, channel, incident, delay)
            }
            Event::DeliveryGivenUp { id, channel, incident, reason } => {
                self.delivery_given_up(id, channel, incident, reason)
            }
            Event::DeliveriesLate { waiting } => self.deliveries_late(waiting),
            Event::DeliveryBounced { id, channel, incident, reason } => {
                self.delivery_bounced(id, channel, incident, reason)
            }
            Event::DeliveryStillTrying { id, reason } => self.delivery_still_tried(id, reason),
            Event::StoreRecovered { since, error } => self.store_recovered(since, error),
            Event::External { source, alerts } => self.external(source, alerts),
            Event::Rehearsed(coverage) => self.rehearsed(&coverage),
            Event::Operator { by, action } => self.operated(by, action),
            Event::WaiverUsed { waiver, count, at } => self.waiver_used(waiver, count, at),
            Event::FullyVerified { waiver } => self.fully_verified(waiver),
            Event::RelayRefused(dependency) => self.relay_refused(&dependency),
            Event::RevocationSeen { fingerprints } => self.revocation_seen(fingerprints),
            Event::Heartbeat(name) => self.heartbeat(&name),
            Event::Tick => self.ticked(),
        }
        self.finish()
    }

    /// A clock that was ahead and was set right: times that are yet to come tell nothing, so that everything is counted from now.
    fn notice_clock(&mut self) {
        let back = self.state.last_step_at.map_or(SignedDuration::ZERO, |before| since(self.now, before));
        if back > SignedDuration::ZERO {
            self.waivers_count_from_now();
        }
        if back <= PAUSE {
            return;
        }
        self.state.awake_since = Some(self.now);
        self.state.network.clock_went_back(self.now);
        self.state.drills_settled = Some(self.now);
        self.wait_no_longer();
        self.heartbeats_count_from_now();
        self.look_at_everything();
        let text = format!("The clock was set back by {}.", in_words(back));
        self.write(EntryKind::Mainstay, About::default(), text);
    }

    /// A machine that slept has missed its checks, and that is nobody's fault: they get the time to come in.
    ///
    /// A store that takes nothing stops the steps too; where that is known it is told as such, with what follows from it.
    fn notice_pause(&mut self, event: &Event) {
        let before = self.state.last_step_at.replace(self.now);
        let pause = before.map_or(SignedDuration::ZERO, |before| since(before, self.now));
        if pause > BACKLOG {
            self.state.awake_since = Some(self.now);
        }
        if pause <= PAUSE {
            return;
        }
        if !matches!(event, Event::StoreRecovered { .. }) {
            let text = format!(
                "Mainstay stood still for {}: its machine slept, or its store did not answer. Checks of that time may be \
                 missing, and nobody was told anything.",
                in_words(pause)
            );
            self.write(EntryKind::Mainstay, About::default(), text);
        }
    }

    fn look_at_everything(&mut self) {
        let dependencies = self.state.dependencies.keys().cloned().map(Due::Dependency);
        let incidents = self.state.incidents.keys().copied().map(Due::Incident);
        let schedules = self.state.landscape.schedules.keys().cloned().map(Due::Schedule);
        for due in dependencies.chain(incidents).chain(schedules).chain([Due::Network, Due::Drills]) {
            self.state.agenda.by(self.now, due);
        }
    }

    fn ticked(&mut self) {
        for _ in 0..LOOKS_A_TICK {
            let Some(due) = self.state.agenda.next(self.now) else { return };
            match due {
                Due::Dependency(name) => self.judge(&name),
                Due::Incident(id) => self.look_at_incident(id),
                Due::Digest => self.send_digests(),
                Due::Channels => self.look_at_channels(),
                Due::Heartbeat(name) => self.look_at_heartbeat(&name),
                Due::Network => self.look_at_network(),
                Due::Schedule(name) => self.look_at_schedule(&name),
                Due::Drills => self.look_at_drills(),
                Due::Waiver(id) => self.look_at_waiver(id),
            }
        }
    }

    /// Brings incidents up to date with their alerts, words the messages, and collects what is to be written.
    fn finish(mut self) -> Effects {
        // What is told may itself be news: that nobody was reached is an incident of its own, about which nothing more follows.
        while !self.news.is_empty() {
            self.refresh_incidents();
            for (id, news) in std::mem::take(&mut self.news) {
                self.announce(id, news);
            }
        }
        for id in std::mem::take(&mut self.changed) {
            if let Some(incident) = self.state.incidents.get(&id) {
                self.effects.publish |= incident.publication.is_some();
                self.effects.commit.incidents.push(incident.clone());
            }
        }
        for name in std::mem::take(&mut self.keep) {
            if let Some(state) = self.state.dependencies.get(&name) {
                self.effects.commit.dependencies.push(state.clone());
                self.state.kept.insert(name, self.now);
            }
        }
        self.effects
    }

    /// A dependency's state, to be changed.
    pub(crate) fn dependency_mut(&mut self, name: &DependencyName) -> Option<&mut DependencyState> {
        self.state.dependencies.get_mut(name).map(Arc::make_mut)
    }

    /// An incident, to be changed; it is then part of what is written.
    pub(crate) fn incident_mut(&mut self, id: IncidentId) -> Option<&mut Incident> {
        let incident = self.state.incidents.get_mut(&id)?;
        self.changed.insert(id);
        Some(Arc::make_mut(incident))
    }

    /// What happened to an incident in this step; asking makes it one that is brought up to date at the end.
    pub(crate) fn news(&mut self, id: IncidentId) -> &mut News {
        self.news.entry(id).or_default()
    }

    /// Has a dependency's state written with this step.
    pub(crate) fn keep(&mut self, name: &DependencyName) {
        self.keep.insert(name.clone());
    }

    /// Has it written when its moment has passed since it was written last.
    pub(crate) fn keep_in_time(&mut self, name: &DependencyName) {
        let now = period(name, self.now);
        match self.state.kept.get(name) {
            Some(kept) if period(name, *kept) != now => self.keep(name),
            Some(_) => {}
            // It was restored as it had been written, or is new and nothing is known of it yet.
            None => {
                self.state.kept.insert(name.clone(), self.now);
            }
        }
    }

    /// Adds a line to the audit log.
    pub(crate) fn audit(&mut self, by: Option<&str>, act: AuditAct) {
        let by = by.map(|by| by.trim().to_owned());
        self.effects.commit.audit.push(AuditEntry { at: self.now, by, act });
    }

    /// Adds a line to the history.
    pub(crate) fn write(&mut self, kind: EntryKind, about: About, text: impl Into<String>) {
        let entry = TimelineEntry {
            id: EntryId::new(self.now, self.random),
            at: self.now,
            incident: about.incident,
            dependency: about.dependency,
            kind,
            by: about.by,
            text: text.into(),
            evidence: about.evidence,
        };
        self.effects.commit.timeline.push(entry);
    }
}

/// Counts the periods of [`KEEP_EVERY_SECONDS`], which begin for each name at another moment (FNV-1a of the name).
fn period(name: &DependencyName, at: Timestamp) -> i64 {
    let hash = name
        .as_str()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (at.as_second() + i64::from(hash) % KEEP_EVERY_SECONDS).div_euclid(KEEP_EVERY_SECONDS)
}

/// What a line of the history is about, who did it, and what shows it.
#[derive(Debug, Default)]
pub(crate) struct About {
    pub(crate) incident: Option<IncidentId>,
    pub(crate) dependency: Option<DependencyName>,
    pub(crate) by: Option<String>,
    pub(crate) evidence: Vec<String>,
}

impl About {
    pub(crate) fn incident(id: IncidentId) -> About {
        About { incident: Some(id), ..About::default() }
    }

    pub(crate) fn dependency(name: &DependencyName) -> About {
        About { dependency: Some(name.clone()), ..About::default() }
    }

    pub(crate) fn of(mut self, dependency: Option<&DependencyName>) -> About {
        self.dependency = dependency.cloned();
        self
    }

    pub(crate) fn by(mut self, who: &str) -> About {
        self.by = Some(who.to_owned());
        self
    }

    pub(crate) fn shown_by(mut self, evidence: Vec<String>) -> About {
        self.evidence = evidence;
        self
    }
}
