use std::fmt;

use serde::{Deserialize, Serialize};

/// What one check, or the sum of the latest checks, says about a dependency.
///
/// The order is from best to worst, with "could not tell" between: it is never worse than down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything that was asked for worked.
    Healthy,
    /// It could not be told: our own network is gone, our clock is wrong, nothing was checked yet.
    Inconclusive,
    /// It works, but something about it needs attention.
    Degraded,
    /// The connection that the application would make does not work.
    Down,
}

impl Verdict {
    /// The word used in JSON, metrics and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Healthy => "healthy",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Degraded => "degraded",
            Verdict::Down => "down",
        }
    }

    /// The same in words for people: "could not tell" rather than "inconclusive".
    pub fn in_words(self) -> &'static str {
        match self {
            Verdict::Inconclusive => "could not tell",
            other => other.as_str(),
        }
    }

    /// The shape that stands for the verdict wherever colour may be missing.
    pub fn symbol(self) -> char {
        match self {
            Verdict::Healthy => '●',
            Verdict::Inconclusive => '◇',
            Verdict::Degraded => '▲',
            Verdict::Down => '■',
        }
    }

    /// The exit code of the monitoring-plugin convention: 0 healthy, 1 degraded, 2 down, 3 could not tell.
    pub fn exit_code(self) -> u8 {
        match self {
            Verdict::Healthy => 0,
            Verdict::Degraded => 1,
            Verdict::Down => 2,
            Verdict::Inconclusive => 3,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
