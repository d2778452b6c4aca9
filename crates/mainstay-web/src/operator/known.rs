use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use mainstay_engine::State;
use mainstay_model::{
    ChannelRecord, Dependency, DependencyState, Incident, IncidentId, Landscape, Severity, Silence, Waiver,
};

use super::context::Context;
use crate::show::Sign;

/// What is known at one moment, taken out of the engine's state so that its lock is held for a moment only.
pub(crate) struct Known {
    pub(super) now: Timestamp,
    pub(super) landscape: Arc<Landscape>,
    pub(super) dependencies: Vec<Arc<DependencyState>>,
    /// Those that are open, the most urgent first and of those the latest.
    pub(super) open: Vec<Arc<Incident>>,
    /// What was silenced at run time and is silent still, oldest first.
    pub(super) silences: Vec<Silence>,
    /// What is remembered of each configured channel.
    pub(super) channels: Vec<ChannelRecord>,
    /// Those that are not over, oldest first.
    pub(super) waivers: Vec<Waived>,
    pub(super) offline_since: Option<Timestamp>,
    /// When it was last decided what is so.
    pub(super) stepped_at: Option<Timestamp>,
    pub(super) version: &'static str,
}

/// A waiver that is not over, and the incident that tells of it.
pub(crate) struct Waived {
    pub(super) waiver: Arc<Waiver>,
    pub(super) incident: Option<IncidentId>,
}

fn waived(state: &State) -> Vec<Waived> {
    let all = state.waivers().filter(|one| !one.is_over());
    all.map(|one| Waived { waiver: Arc::clone(one), incident: state.home_of_waiver(one) }).collect()
}

impl Known {
    pub(super) fn read(context: &Context) -> Known {
        // A poisoned lock means that the recorder died; what it had committed can still be shown.
        let state = context.operator.state.read().unwrap_or_else(PoisonError::into_inner);
        let mut open: Vec<Arc<Incident>> = state.incidents().filter(|one| one.is_open()).cloned().collect();
        open.sort_by_key(|one| (std::cmp::Reverse(one.severity), std::cmp::Reverse(one.opened_at)));
        let now = (context.operator.clock)();
        Known {
            now,
            landscape: Arc::clone(state.landscape()),
            dependencies: state.dependencies().cloned().collect(),
            open,
            silences: state.silences().filter(|one| one.until > now).cloned().collect(),
            channels: state.channels().cloned().collect(),
            waivers: waived(&state),
            offline_since: state.offline_since(),
            stepped_at: state.last_step_at(),
            version: context.operator.version,
        }
    }

    /// The open incidents that are no drills.
    pub(super) fn in_earnest(&self) -> impl Iterator<Item = &Arc<Incident>> {
        self.open.iter().filter(|incident| !incident.is_drill())
    }

    /// How a dependency is configured; `None` when a new configuration has just dropped it.
    pub(super) fn configured(&self, state: &DependencyState) -> Option<&Dependency> {
        self.landscape.dependencies.get(&state.name)
    }

    /// The dependencies that somebody has to look after.
    pub(super) fn needing(&self) -> impl Iterator<Item = &Arc<DependencyState>> {
        self.dependencies.iter().filter(|state| needs_people(state))
    }

    /// How many dependencies are in each state.
    pub(super) fn count(&self, sign: Sign) -> usize {
        self.dependencies.iter().filter(|state| Sign::of(state) == sign).count()
    }
}

/// Whether somebody has to look after it: it does not work as it should, or will soon not.
pub(super) fn needs_people(state: &DependencyState) -> bool {
    Sign::of(state) > Sign::Unknown || state.alerts.iter().any(|alert| alert.severity >= Severity::Warn)
}
