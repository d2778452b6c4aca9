use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use mainstay_model::{DependencyName, HeartbeatName, IncidentId, ScheduleName, WaiverId};

/// Whom the passing of time alone may concern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// Not checked in time, a certificate nearer its end, calm after flapping.
    Dependency(DependencyName),
    /// A damped message, a step of an escalation, the end of a quiet time, or one that may be forgotten.
    Incident(IncidentId),
    /// What is told once a day.
    Digest,
    /// Channels that nothing has shown to work lately.
    Channels,
    /// A sign of life that did not come.
    Heartbeat(HeartbeatName),
    /// An unanswered question to the references, or the next one.
    Network,
    /// A drill that was planned.
    Drills,
    /// A gap that comes nearer, begins or ends; an override that may be forgotten.
    Schedule(ScheduleName),
    /// A waiver or a request for one whose time is up, or one that may be forgotten.
    Waiver(WaiverId),
}

/// Who is to be looked at when, so that a tick costs only what is due.
///
/// An entry may be early: whoever is looked at too soon is entered anew. A check that moves a deadline
/// away therefore costs nothing here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agenda {
    queue: BTreeSet<(Timestamp, Due)>,
    entered: BTreeMap<Due, Timestamp>,
}

impl Agenda {
    /// Makes sure that somebody is looked at by then.
    pub(crate) fn by(&mut self, at: Timestamp, due: Due) {
        match self.entered.get(&due) {
            Some(earlier) if *earlier <= at => return,
            Some(later) => {
                self.queue.remove(&(*later, due.clone()));
            }
            None => {}
        }
        self.entered.insert(due.clone(), at);
        self.queue.insert((at, due));
    }

    /// Takes out whoever is due first.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<Due> {
        let (at, _) = self.queue.first()?;
        if *at > now {
            return None;
        }
        let (_, due) = self.queue.pop_first()?;
        self.entered.remove(&due);
        Some(due)
    }

    /// When somebody is due next.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Forgets somebody who is gone.
    pub(crate) fn forget(&mut self, due: &Due) {
        if let Some((due, at)) = self.entered.remove_entry(due) {
            self.queue.remove(&(at, due));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn the_earlier_deadline_holds_and_each_is_due_once() {
        let mut agenda = Agenda::default();
        let db = Due::Dependency("db".parse().unwrap());
        agenda.by(second(10), db.clone());
        agenda.by(second(20), db.clone());
        agenda.by(second(5), db.clone());
        agenda.by(second(7), Due::Network);
        assert_eq!(agenda.next(second(4)), None);
        assert_eq!(agenda.next(second(9)), Some(db.clone()));
        assert_eq!(agenda.next(second(9)), Some(Due::Network));
        assert_eq!(agenda.next(second(99)), None);
        agenda.by(second(1), db.clone());
        agenda.forget(&db);
        assert_eq!(agenda.next(second(99)), None);
    }
}
