use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::kinds;
use crate::{DependencyName, EntryId, IncidentId};

/// One line of the history: append-only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    /// Its identity.
    pub id: EntryId,
    /// When it happened.
    pub at: Timestamp,
    /// The incident it belongs to.
    pub incident: Option<IncidentId>,
    /// The dependency it is about.
    pub dependency: Option<DependencyName>,
    /// What kind of thing happened.
    pub kind: EntryKind,
    /// Who did it; absent for Mainstay itself.
    pub by: Option<String>,
    /// One sentence for people.
    pub text: String,
    /// What shows it: facts, one each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

kinds! {
    /// What kind of thing happened.
    EntryKind {
        /// The confirmed verdict of a dependency changed.
        VerdictChanged = "verdict-changed",
        /// A certificate was replaced by another.
        CertificateRenewed = "certificate-renewed",
        /// An incident was opened.
        Opened = "opened",
        /// An alert joined the incident.
        AlertJoined = "alert-joined",
        /// An alert of the incident ended.
        AlertEnded = "alert-ended",
        /// The severity of the incident changed.
        SeverityChanged = "severity-changed",
        /// What was announced has happened.
        Broke = "broke",
        /// Somebody took the incident up.
        Acknowledged = "acknowledged",
        /// It became public.
        Published = "published",
        /// Customers were told something.
        PublicUpdate = "public-update",
        /// A message was accepted by its channel.
        Told = "told",
        /// A message could not be delivered and was given up.
        NotTold = "not-told",
        /// Nobody was to be told: no route matches.
        NoRoute = "no-route",
        /// Nobody is told for a while: maintenance, a silence, or a route that mutes.
        Quiet = "quiet",
        /// Nobody took it up in time, so others were told.
        Escalated = "escalated",
        /// Who works on it, or what there is to do, changed.
        Room = "room",
        /// Incidents were merged, or one was split.
        Merged = "merged",
        /// Somebody wrote something down.
        Note = "note",
        /// The incident is over.
        Resolved = "resolved",
        /// A drill began, came to a step, or ended with its score.
        Drill = "drill",
        /// A waiver was asked for, granted, used for the first time, or ended.
        Waiver = "waiver",
        /// Somebody stands in on call, or does so no longer.
        OnCall = "on-call",
        /// Mainstay went offline or came back, or its configuration changed.
        Mainstay = "mainstay",
    }
}
