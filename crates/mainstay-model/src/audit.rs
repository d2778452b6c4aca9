use std::sync::Arc;

use jiff::Timestamp;

use crate::failure::kinds;
use crate::{IncidentId, Landscape, Waiver};

/// Something that a person did, or that changed what Mainstay goes by: a line of the audit log, which proves itself unchanged.
///
/// It has no identity beside what it says: the same said of the same microsecond is the same.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// Who; absent for Mainstay itself.
    pub by: Option<String>,
    /// What.
    pub act: AuditAct,
}

/// What was done.
#[derive(Debug, Clone, PartialEq)]
pub enum AuditAct {
    /// A configuration came into force. The log keeps its fingerprint.
    ConfigurationLoaded(Arc<Landscape>),
    /// Something was done about a waiver, which stands like this afterwards.
    Waiver {
        /// What.
        act: WaiverAct,
        /// The waiver as it stands afterwards.
        waiver: Arc<Waiver>,
    },
    /// Somebody wanted something else done; the history tells what came of it.
    Asked {
        /// A stable word for what, such as `acknowledge`.
        what: &'static str,
        /// It in words.
        wanted: String,
        /// The incident that it is about.
        incident: Option<IncidentId>,
    },
}

kinds! {
    /// What was done about a waiver; words of the audit log.
    WaiverAct {
        /// Somebody asked for it.
        Requested = "waiver-requested",
        /// It came into force.
        Granted = "waiver-granted",
        /// The second person did not agree.
        Refused = "waiver-refused",
        /// The first connection was admitted under it.
        Used = "waiver-used",
        /// The clock was set right, and it ends earlier for that.
        Shortened = "waiver-shortened",
        /// It is over.
        Ended = "waiver-ended",
    }
}
