use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::kinds;
use crate::{
    Alert, ChannelName, ComponentName, DependencyName, Diagnosis, Drill, Escalating, EscalationName, Failure,
    IncidentId, ProviderName, QuietKind, Rehearsal, Room, Severity, UpdateId,
};

/// One thing that needs people: alerts of one cause, from first sight to resolution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its identity.
    pub id: IncidentId,
    /// A short sentence: what is wrong, with what.
    pub title: String,
    /// How urgent: the most urgent of its alerts so far.
    pub severity: Severity,
    /// Where it stands.
    pub state: IncidentState,
    /// What groups alerts into it: provider and cause, in a stable text form.
    pub cause_key: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Since when the trouble existed: the earliest `since` of its alerts.
    pub since: Timestamp,
    /// When things will break, while nothing is broken yet: the incident is impending.
    pub breaks_at: Option<Timestamp>,
    /// The alerts that hold now, by key in text form.
    pub alerts: BTreeMap<String, Alert>,
    /// Every dependency that was part of it, in the order of joining.
    pub dependencies: Vec<DependencyName>,
    /// The providers of those dependencies.
    pub providers: Vec<ProviderName>,
    /// The components that use those dependencies.
    pub components: Vec<ComponentName>,
    /// What customers of those components feel.
    pub impact: Impact,
    /// The failure behind it, when there is one.
    pub failure: Option<Failure>,
    /// Cause, evidence and next actions.
    pub diagnosis: Diagnosis,
    /// How often an alert joined or left, for damping.
    pub changes: u32,
    /// Present once customers may see it.
    pub publication: Option<Publication>,
    /// Since when customers could feel it: the earliest `since` of an alert with an impact. Absent while it is only announced.
    #[serde(default)]
    pub broke_at: Option<Timestamp>,
    /// The title when it was at its widest: what the incident is called once it is over.
    #[serde(default)]
    pub widest: Option<Widest>,
    /// Who was told what so far.
    #[serde(default)]
    pub told: Told,
    /// When an alert joined last; alerts of the same cause join only shortly after.
    #[serde(default)]
    pub joined_at: Option<Timestamp>,
    /// The escalations that run until somebody takes it up, by policy.
    #[serde(default)]
    pub escalations: BTreeMap<EscalationName, Escalating>,
    /// Why nobody is told of it now, although a route leads to somebody.
    #[serde(default)]
    pub hushed: Option<Hushed>,
    /// Who works on it, and what there is to do.
    #[serde(default)]
    pub room: Room,
    /// Set exactly when it is a rehearsal: it then says nothing of what is watched, and customers never see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<Drill>,
}

/// Why nobody is told of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hushed {
    /// Maintenance or a silence.
    pub kind: QuietKind,
    /// Its reason.
    pub reason: String,
    /// When it ends. Absent: never.
    pub until: Option<Timestamp>,
}

/// An incident at its widest. Broken counts for more than announced, then the number of dependencies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Widest {
    /// Whether something was broken, rather than announced.
    pub broken: bool,
    /// How many alerts of the leading rule held.
    pub alerts: u32,
    /// The title then.
    pub title: String,
}

/// Who was told of an incident, and what is still to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// For each channel, the sequence number of its latest message.
    pub channels: BTreeMap<ChannelName, u32>,
    /// When the latest message was decided.
    pub at: Option<Timestamp>,
    /// Changes that wait for the next message, one sentence each, at most 20.
    pub waiting: Vec<String>,
    /// The channels whose next digest is to speak of it.
    pub digest: BTreeSet<ChannelName>,
}

impl Incident {
    /// Whether it is not resolved.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, IncidentState::Resolved { .. })
    }

    /// Whether it is a rehearsal, or the echo of one.
    pub fn is_drill(&self) -> bool {
        self.drill.is_some()
    }

    /// What is played, where it is a drill itself.
    pub fn rehearsal(&self) -> Option<&Rehearsal> {
        match self.drill.as_ref()? {
            Drill::Rehearsal(rehearsal) => Some(rehearsal),
            Drill::Echo { .. } => None,
        }
    }

    /// When it was resolved, if it was.
    pub fn resolved_at(&self) -> Option<Timestamp> {
        match self.state {
            IncidentState::Resolved { at, .. } => Some(at),
            _ => None,
        }
    }
}

/// Where an incident stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum IncidentState {
    /// Nobody has taken it up.
    Open,
    /// Somebody has.
    Acknowledged {
        /// When.
        at: Timestamp,
        /// Who.
        by: String,
        /// A snooze: when it counts as taken up by nobody again. Absent: for good.
        #[serde(default)]
        until: Option<Timestamp>,
    },
    /// It is over.
    Resolved {
        /// When.
        at: Timestamp,
        /// Who resolved it by hand; absent when its last alert ended.
        by: Option<String>,
    },
}

impl IncidentState {
    /// The word used in JSON and on pages.
    pub fn as_str(&self) -> &'static str {
        match self {
            IncidentState::Open => "open",
            IncidentState::Acknowledged { .. } => "acknowledged",
            IncidentState::Resolved { .. } => "resolved",
        }
    }
}

kinds! {
    /// What customers feel, in Statuspage's terms; later ones are worse.
    Impact {
        /// Nothing yet.
        None = "none",
        /// Slower or less dependable.
        Minor = "minor",
        /// Part of it does not work.
        Major = "major",
        /// It does not work.
        Critical = "critical",
    }
}

/// What customers see of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Since when it is public.
    pub at: Timestamp,
    /// Who made it public; absent when policy did.
    pub by: Option<String>,
    /// The title for customers, without names of hosts or blame.
    pub title: String,
    /// Newest last, at least one.
    pub updates: Vec<PublicUpdate>,
    /// Whether the newest was written by policy because a waiver makes it work all the same.
    #[serde(default)]
    pub eased: bool,
    /// Whether a person wrote the newest: policy does not take that back.
    #[serde(default)]
    pub by_hand: bool,
}

impl Publication {
    /// Where the incident stands for customers.
    pub fn status(&self) -> PublicStatus {
        self.updates.last().map_or(PublicStatus::Investigating, |update| update.status)
    }
}

/// One message to customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicUpdate {
    /// Its identity.
    pub id: UpdateId,
    /// When it was written.
    pub at: Timestamp,
    /// Where the incident stands from then on.
    pub status: PublicStatus,
    /// The text.
    pub body: String,
}

kinds! {
    /// Where an incident stands for customers, in Statuspage's words.
    PublicStatus {
        /// The cause is not known.
        Investigating = "investigating",
        /// The cause is known.
        Identified = "identified",
        /// It is mended and watched.
        Monitoring = "monitoring",
        /// It is over.
        Resolved = "resolved",
    }
}
