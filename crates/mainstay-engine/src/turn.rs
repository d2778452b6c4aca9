use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    DependencyName, DependencyState, EntryId, EntryKind, Incident, IncidentId, Random, TimelineEntry,
    in_words,
};

use crate::agenda::Due;
use crate::time::{later, since};
use crate::{Effects, Event, State};

/// Ticks come every second or so; a longer silence than this means that this process was stopped or its machine asleep.
const PAUSE: SignedDuration = SignedDuration::from_mins(2);

/// So many are looked at in one tick, so that 100,000 that are due at once do not hold up a check's alert; the rest follow with
/// the next tick.
const LOOKS_A_TICK: usize = 5_000;

/// A state that did not change in substance is written this often, so that a restart knows roughly when the last check was.
const KEEP_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// One step in the making: the state, the arguments, and what has been decided so far.
pub(crate) struct Turn<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) now: Timestamp,
    pub(crate) random: &'a mut Random,
    pub(crate) effects: Effects,
    /// What happened to incidents in this step, to be told at its end.
    pub(crate) news: BTreeMap<IncidentId, News>,
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
            changed: BTreeSet::new(),
            keep: BTreeSet::new(),
        }
    }

    pub(crate) fn take(mut self, event: Event) -> Effects {
        self.notice_pause();
        match event {
            Event::Configured(landscape) => self.configured(landscape),
            Event::ConfigurationRefused { problems } => self.configuration_refused(problems),
            Event::Checked(report) => self.checked(*report),
            Event::ReferencesChecked { reachable, tried } => self.references_checked(reachable, tried),
            Event::Delivered { id, channel, incident, receipt } => {
                self.delivered(id, channel, incident, receipt)
            }
            Event::DeliveryDelayed { id, next_attempt_at, error } => {
                self.delivery_delayed(id, next_attempt_at, error)
            }
            Event::DeliveryGivenUp { id, channel, incident, reason } => {
                self.delivery_given_up(id, channel, incident, reason)
            }
            Event::StoreRecovered { since, error } => self.store_recovered(since, error),
            Event::Operator { by, action } => self.operated(by, action),
            Event::Tick => self.ticked(),
        }
        self.finish()
    }

    /// A machine that slept has missed its checks, and that is nobody's fault: they get the time to come in.
    fn notice_pause(&mut self) {
        let before = self.state.last_step_at.replace(self.now);
        let pause = before.map_or(SignedDuration::ZERO, |before| since(before, self.now));
        if pause > PAUSE {
            self.state.awake_since = Some(self.now);
            let text = format!("Mainstay was paused for {}; nothing was checked meanwhile.", in_words(pause));
            self.write(EntryKind::Mainstay, About::default(), text);
        }
    }

    fn ticked(&mut self) {
        for _ in 0..LOOKS_A_TICK {
            let Some(due) = self.state.agenda.next(self.now) else { return };
            match due {
                Due::Dependency(name) => self.judge(&name),
                Due::Incident(id) => self.look_at_incident(id),
                Due::Network => self.look_at_network(),
            }
        }
    }

    /// Brings incidents up to date with their alerts, words the messages, and collects what is to be written.
    fn finish(mut self) -> Effects {
        self.refresh_incidents();
        for (id, news) in std::mem::take(&mut self.news) {
            self.announce(id, news);
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

    /// Has it written when it was not for a while.
    pub(crate) fn keep_in_time(&mut self, name: &DependencyName) {
        let kept = self.state.kept.get(name);
        if kept.is_none_or(|kept| *kept > self.now || later(*kept, KEEP_EVERY) <= self.now) {
            self.keep(name);
        }
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
