use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::kinds;
use crate::{IncidentId, PersonName, Severity};

/// The people around an incident and their work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Room {
    /// Who it was handed to last.
    pub assignee: Option<PersonName>,
    /// Who does what.
    pub roles: BTreeMap<Role, String>,
    /// What there is to do, in the order in which it was written down.
    pub tasks: Vec<Task>,
    /// The severity that a person chose.
    pub severity: Option<ChosenSeverity>,
    /// When somebody took it up first.
    pub acknowledged_at: Option<Timestamp>,
    /// When nothing of it was broken any more; absent while something is.
    pub mitigated_at: Option<Timestamp>,
    /// When the next word to customers or colleagues is due, for as long as somebody wants to be reminded.
    pub update_due_at: Option<Timestamp>,
    /// The incident that its alerts went over to.
    pub merged_into: Option<IncidentId>,
}

/// A severity that a person chose, which holds until the alerts are more urgent than they were then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenSeverity {
    /// The chosen one.
    pub severity: Severity,
    /// The most urgent of the alerts at that time.
    pub instead_of: Severity,
}

kinds! {
    /// What somebody does in an incident.
    Role {
        /// Decides.
        Commander = "commander",
        /// Speaks with customers and colleagues.
        Communications = "communications",
        /// Writes down.
        Scribe = "scribe",
    }
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// What.
    pub text: String,
    /// Who wrote it down.
    pub by: String,
    /// When it was done, and who did it.
    pub done: Option<(Timestamp, String)>,
}
