use std::time::Duration;

use crate::{Hours, Recipient};

/// Who is told after whom, until somebody takes an incident up.
#[derive(Debug, Clone, PartialEq)]
pub struct Escalation {
    /// In their order, at least one.
    pub steps: Vec<Step>,
    /// How often the steps are gone through again after the first time.
    pub repeat: u32,
    /// The hours in which steps are taken; what is due outside of them waits for their beginning. Absent: always.
    pub during: Option<Hours>,
}

/// One step of an escalation.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Who is told, at least one.
    pub to: Vec<Recipient>,
    /// How long they have to take it up before the next step.
    pub wait: Duration,
}
