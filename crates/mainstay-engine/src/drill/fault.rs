use std::fmt;

use mainstay_model::{DependencyName, FailureKind, Incident, Rule, Severity};
use std::sync::Arc;

use super::{DrillTerms, key};
use crate::State;

/// Why a drill cannot be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DrillFault {
    /// No dependency of that name is configured.
    Unknown(DependencyName),
    /// A dependency is not down by this.
    NotDown(FailureKind),
    /// One of this dependency goes on.
    Running(DependencyName),
    /// Something urgent and real is wrong with this dependency.
    Real(DependencyName),
    /// In earnest nobody would be told, because the rule is switched off.
    SwitchedOff,
}

impl fmt::Display for DrillFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DrillFault::Unknown(name) => write!(f, "no dependency is called {name}"),
            DrillFault::NotDown(kind) => {
                write!(f, "a dependency is not down by {kind}, so that nobody would be told")
            }
            DrillFault::Running(name) => {
                write!(f, "a drill of {name} goes on; take it up, or resolve it to call it off")
            }
            DrillFault::Real(name) => {
                write!(f, "something real is wrong with {name}, which must not be confused with a drill")
            }
            DrillFault::SwitchedOff => {
                write!(f, "the rule {} is switched off, so that in earnest nobody would be told", Rule::Down)
            }
        }
    }
}

impl std::error::Error for DrillFault {}

impl State {
    /// Whether a drill can begin now. The error says why not, as the end of a sentence.
    pub fn check_drill(&self, terms: &DrillTerms) -> Result<(), DrillFault> {
        let name = &terms.dependency;
        if !self.landscape.dependencies.contains_key(name) {
            return Err(DrillFault::Unknown(name.clone()));
        }
        if !is_down_by(terms.failure) {
            return Err(DrillFault::NotDown(terms.failure));
        }
        if !self.landscape.rules.is_enabled(&Rule::Down.into()) {
            return Err(DrillFault::SwitchedOff);
        }
        if self.running_drill(name).is_some() {
            return Err(DrillFault::Running(name.clone()));
        }
        if self.has_real_trouble(name) {
            return Err(DrillFault::Real(name.clone()));
        }
        Ok(())
    }

    /// The drill of a dependency that goes on now.
    pub fn running_drill(&self, name: &DependencyName) -> Option<&Arc<Incident>> {
        let id = self.index.of_alert(&key(name).to_string())?;
        self.incidents.get(&id).filter(|incident| incident.is_open())
    }

    fn has_real_trouble(&self, name: &DependencyName) -> bool {
        let mut real = self.incidents.values().filter(|one| one.is_open() && !one.is_drill());
        real.any(|one| {
            let urgent = one.severity >= Severity::High && one.dependencies.contains(name);
            urgent && !one.alerts.values().all(|alert| alert.key.rule == Rule::DrillUnanswered)
        })
    }
}

/// Whether this makes a dependency down, rather than slow or not to be judged: only that can be drilled.
pub fn is_down_by(failure: FailureKind) -> bool {
    !matches!(failure, FailureKind::TooSlow | FailureKind::ClockWrong | FailureKind::Offline)
}
