use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::kinds;
use crate::{DependencyName, ProviderName, Secret};

kinds! {
    /// A system that hands its alerts to us.
    ExternalSource {
        /// Prometheus Alertmanager, or whoever speaks its webhook.
        Alertmanager = "alertmanager",
    }
}

/// What is known of an alert of another system beside what every alert has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// What it says, in a few words.
    pub title: String,
    /// The configured dependency that it names.
    pub dependency: Option<DependencyName>,
    /// The configured provider that it names.
    pub provider: Option<ProviderName>,
    /// When its source said last that it holds.
    pub heard_at: Timestamp,
    /// Whether people were told that its source is silent about it since.
    #[serde(default)]
    pub silence_told: bool,
}

/// What is taken from other systems, and from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receive {
    /// What Alertmanager has to say who it is with. Absent: whoever reaches the operator's listener may hand in alerts.
    pub alertmanager_token: Option<Secret>,
    /// How often Alertmanager repeats what still holds, its `repeat_interval`.
    pub alertmanager_repeat: Duration,
    /// What whoever hands in bounces has to say who it is with. Absent: whoever reaches the operator's listener may.
    pub bounce_token: Option<Secret>,
    /// What a relay that runs elsewhere has to say who it is with. Absent: whoever reaches the operator's listener may.
    pub relay_token: Option<Secret>,
}

impl Default for Receive {
    fn default() -> Receive {
        // Alertmanager's own default.
        let alertmanager_repeat = Duration::from_secs(4 * 3600);
        Receive { alertmanager_token: None, alertmanager_repeat, bounce_token: None, relay_token: None }
    }
}
