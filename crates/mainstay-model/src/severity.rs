use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How urgently people are needed, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Needs attention in working hours.
    Warn,
    /// Needs attention today.
    High,
    /// Wake somebody.
    Page,
}

impl Severity {
    /// All severities, most urgent first.
    pub const ALL: [Severity; 4] = [Severity::Page, Severity::High, Severity::Warn, Severity::Info];

    /// The word used in JSON and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warn => "warn",
            Severity::High => "high",
            Severity::Page => "page",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Severity::ALL.into_iter().find(|severity| severity.as_str() == text).ok_or(())
    }
}
