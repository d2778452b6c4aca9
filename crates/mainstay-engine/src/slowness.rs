use mainstay_model::{
    CheckReport, Dependency, DependencyName, DependencyState, IncidentId, LatencyBaseline, Rule, Subject,
    Verdict,
};

use crate::latency::{self, Took};
use crate::turn::Turn;

impl Turn<'_> {
    /// Whoever ends an incident although something of it is still slow says that this is how it is from now on: what is usual is learned
    /// anew. A limit that the configuration sets stays.
    pub(crate) fn take_as_usual(&mut self, id: IncidentId) {
        let landscape = self.state.landscape.clone();
        let usual =
            |name: &DependencyName| landscape.dependencies.get(name).is_some_and(|one| one.slow.is_none());
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let slow = incident.alerts.values().filter(|alert| alert.key.rule == Rule::TooSlow);
        for key in slow.map(|alert| alert.key.clone()).collect::<Vec<_>>() {
            let Subject::Dependency(name) = &key.subject else { continue };
            let Some(state) = self.dependency_mut(name).filter(|_| usual(name)) else { continue };
            state.latency = LatencyBaseline::default();
            state.alerts.retain(|alert| alert.key != key);
            self.keep(name);
            self.ended_saying(&key, format!("How long {name} takes now counts as usual."));
            self.judge(name);
        }
    }
}

/// Notes how long a check took that worked.
pub(crate) fn note(state: &mut DependencyState, dependency: &Dependency, report: &CheckReport) {
    let good = matches!(report.verdict, Verdict::Healthy | Verdict::Degraded);
    if let Some(ms) = report.total_ms().filter(|_| good) {
        let allowed_ms = dependency.slow.map(|slow| slow.as_secs_f64() * 1_000.0);
        let is_told = state.alerts.iter().any(|alert| alert.key.rule == Rule::TooSlow);
        latency::note(&mut state.latency, &Took { ms, allowed_ms, every: dependency.every, is_told });
    }
}
