use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{DeliveryId, Hours, Recipient};

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

/// How far an escalation of one incident has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalating {
    /// How many of its steps were taken in this round; the place of the next one, from 0.
    pub taken: u32,
    /// How often all steps were gone through before this round.
    pub rounds: u32,
    /// What it waits for.
    pub progress: Progress,
}

/// What an escalation waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Progress {
    /// That somebody takes the incident up.
    Waiting {
        /// When the next step is due.
        until: Timestamp,
        /// Messages of the last step of which it is not known yet whether they arrived.
        under_way: BTreeSet<DeliveryId>,
        /// Whether one of the step arrived, or none had to.
        arrived: bool,
        /// Those of the step that were accepted: what was accepted may still come back.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        accepted: BTreeSet<DeliveryId>,
    },
    /// Nothing more: all steps passed, and nobody took it up.
    Exhausted {
        /// Since when.
        at: Timestamp,
    },
}
