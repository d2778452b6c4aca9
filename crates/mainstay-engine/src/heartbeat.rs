//! Signs of life that somebody else sends: another Mainstay, a nightly job.

use mainstay_model::{
    Alert, AlertKey, Diagnosis, Heartbeat, HeartbeatName, HeartbeatRecord, Rule, Subject, in_words,
};

use crate::agenda::Due;
use crate::time::{clock, later, signed, since};
use crate::turn::Turn;

impl Turn<'_> {
    /// A sign of life came.
    pub(crate) fn heartbeat(&mut self, name: &HeartbeatName) {
        let landscape = self.state.landscape.clone();
        let Some(heartbeat) = landscape.heartbeats.get(name) else { return };
        let known_since = self.state.heartbeats.get(name).map_or(self.now, |record| record.known_since);
        let (name, last_at) = (name.clone(), Some(self.now));
        self.note_heartbeat(HeartbeatRecord { name: name.clone(), known_since, last_at });
        self.ended(&key(&name), "");
        self.await_heartbeat(&name, heartbeat);
    }

    /// Begins to expect what is new, and forgets what is no longer configured.
    pub(crate) fn meet_heartbeats(&mut self) {
        let landscape = self.state.landscape.clone();
        let known = self.state.heartbeats.keys().filter(|name| !landscape.heartbeats.contains_key(*name));
        for name in known.cloned().collect::<Vec<_>>() {
            self.state.heartbeats.remove(&name);
            self.ended(&key(&name), "it was removed from the configuration");
            self.state.agenda.forget(&Due::Heartbeat(name));
        }
        for (name, heartbeat) in &landscape.heartbeats {
            if !self.state.heartbeats.contains_key(name) {
                let record = HeartbeatRecord { name: name.clone(), known_since: self.now, last_at: None };
                self.note_heartbeat(record);
            }
            self.await_heartbeat(name, heartbeat);
        }
    }

    /// A clock that was ahead was set right: no sign of life can have come later than now.
    pub(crate) fn heartbeats_count_from_now(&mut self) {
        for record in self.state.heartbeats.values().cloned().collect::<Vec<_>>() {
            let known_since = record.known_since.min(self.now);
            let last_at = record.last_at.map(|at| at.min(self.now));
            let name = record.name.clone();
            let now = HeartbeatRecord { known_since, last_at, ..record.clone() };
            if now != record {
                self.note_heartbeat(now);
            }
            self.state.agenda.by(self.now, Due::Heartbeat(name));
        }
    }

    /// The time for a sign of life is over, or was when this was asked for.
    pub(crate) fn look_at_heartbeat(&mut self, name: &HeartbeatName) {
        let landscape = self.state.landscape.clone();
        let Some(heartbeat) = landscape.heartbeats.get(name) else { return };
        let Some(record) = self.state.heartbeats.get(name).cloned() else { return };
        if self.state.index.of_alert(&key(name).to_string()).is_some() {
            return;
        }
        if self.due(&record, heartbeat) > self.now {
            return self.await_heartbeat(name, heartbeat);
        }
        let last = record.last_at.unwrap_or(record.known_since);
        let silent = in_words(since(last, self.now));
        let seen = match record.last_at {
            Some(at) => format!("The last one came at {}, {silent} ago.", clock(at)),
            None => format!("None has come since it is expected, {silent} ago."),
        };
        let diagnosis = Diagnosis {
            cause: format!("{} has not given a sign of life for {silent}.", heartbeat.title),
            evidence: vec![seen, format!("It should come every {}.", in_words(signed(heartbeat.every)))],
            actions: vec![format!("See whether {} runs and reaches this Mainstay.", heartbeat.title)],
        };
        let alert = Alert {
            key: key(name),
            severity: heartbeat.severity,
            since: last,
            failure: None,
            diagnosis,
            breaks_at: None,
            external: None,
        };
        self.raised(&alert, &[]);
    }

    fn await_heartbeat(&mut self, name: &HeartbeatName, heartbeat: &Heartbeat) {
        let Some(record) = self.state.heartbeats.get(name) else { return };
        let due = self.due(record, heartbeat);
        self.state.agenda.by(due, Due::Heartbeat(name.clone()));
    }

    /// When it is missing. Nothing could come before we were awake and online.
    fn due(&self, record: &HeartbeatRecord, heartbeat: &Heartbeat) -> jiff::Timestamp {
        let patience = signed(heartbeat.every.saturating_add(heartbeat.grace));
        let last = record.last_at.unwrap_or(record.known_since);
        later(last.max(self.state.awake_since.unwrap_or(last)), patience)
    }

    fn note_heartbeat(&mut self, record: HeartbeatRecord) {
        self.effects.commit.heartbeats.push(record.clone());
        self.state.heartbeats.insert(record.name.clone(), record);
    }
}

pub(crate) fn key(name: &HeartbeatName) -> AlertKey {
    AlertKey { subject: Subject::Heartbeat(name.clone()), rule: Rule::HeartbeatMissing.into() }
}
