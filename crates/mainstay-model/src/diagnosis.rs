use serde::{Deserialize, Serialize};

/// Why something is wrong: the cause in one sentence, what shows it, and what to do next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// One sentence, ending with a full stop.
    pub cause: String,
    /// What was seen that leads to the cause, one fact each.
    pub evidence: Vec<String>,
    /// What to do next, the most useful first.
    pub actions: Vec<String>,
}
