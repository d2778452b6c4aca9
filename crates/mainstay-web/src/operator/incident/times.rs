use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{Incident, IncidentState};

use crate::operator::words::broke;

/// The moments by which it is judged how an incident was dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// When it was felt first, or began where nobody felt it.
    pub(crate) began: Timestamp,
    /// When it was opened. What is announced is detected before it begins.
    pub(crate) detected: Timestamp,
    /// When somebody took it up first.
    pub(crate) taken_up: Option<Timestamp>,
    /// When nothing of it was broken any more.
    pub(crate) mitigated: Option<Timestamp>,
    /// When it was over.
    pub(crate) resolved: Option<Timestamp>,
}

impl Times {
    pub(crate) fn of(incident: &Incident) -> Times {
        let taken_up = incident.room.acknowledged_at.or(match incident.state {
            // Incidents from before that was kept.
            IncidentState::Acknowledged { at, .. } => Some(at),
            _ => None,
        });
        Times {
            began: broke(incident),
            detected: incident.opened_at,
            taken_up,
            mitigated: incident.room.mitigated_at,
            resolved: incident.resolved_at(),
        }
    }

    /// Time to detect: from the beginning until it was opened.
    pub(crate) fn to_detect(self) -> Option<Duration> {
        Some(between(self.began, self.detected))
    }

    /// Time to acknowledge: from when it was opened until somebody took it up.
    pub(crate) fn to_take_up(self) -> Option<Duration> {
        self.taken_up.map(|at| between(self.detected, at))
    }

    /// Time to mitigate: from the beginning until nothing was broken any more.
    pub(crate) fn to_mitigate(self) -> Option<Duration> {
        self.mitigated.map(|at| between(self.began, at))
    }

    /// Time to resolve: from the beginning until it was over.
    pub(crate) fn to_resolve(self) -> Option<Duration> {
        self.resolved.map(|at| between(self.began, at))
    }
}

/// Nothing where the later moment came first, as with what was announced.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
