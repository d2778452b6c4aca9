use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::kinds;
use crate::{
    ChannelName, DependencyName, Diagnosis, External, ExternalKey, ExternalSource, Failure, HeartbeatName,
    IncidentId, RuleKey, ScheduleName, Severity,
};

kinds! {
    /// The built-in conditions.
    Rule {
        /// The connection that the application would make does not work.
        Down = "down",
        /// It works in part: some addresses do not.
        Degraded = "degraded",
        /// A certificate is near its end.
        CertificateExpiring = "certificate-expiring",
        /// A certificate should have been renewed by now, judged by earlier renewals.
        RenewalOverdue = "renewal-overdue",
        /// The chain works here and would fail for a strict client.
        ChainProblem = "chain-problem",
        /// Addresses of one name serve different certificates.
        AddressesDiffer = "addresses-differ",
        /// It answers slower than allowed or than usual.
        TooSlow = "too-slow",
        /// It was not checked when it should have been.
        Stale = "stale",
        /// It changes between good and bad too often to follow.
        Flapping = "flapping",
        /// Our own network is gone.
        Offline = "offline",
        /// The new configuration was refused; the old one goes on.
        ConfigurationRefused = "configuration-refused",
        /// A channel gave up on a message.
        ChannelFailing = "channel-failing",
        /// A channel was not shown to work for too long.
        ChannelUnproven = "channel-unproven",
        /// A sign of life that somebody else sends did not come.
        HeartbeatMissing = "heartbeat-missing",
        /// Nobody took an incident up, or no message about it arrived.
        NobodyReached = "nobody-reached",
        /// Mainstay cannot write what it sees.
        StoreFailing = "store-failing",
        /// Nobody is on call, or will be soon.
        ScheduleGap = "schedule-gap",
        /// Another system says that something is wrong.
        External = "external",
        /// Nobody took a drill up in time.
        DrillUnanswered = "drill-unanswered",
        /// A rehearsal found that somebody would not be told.
        CoverageHole = "coverage-hole",
    }
}

impl Rule {
    /// Whether it is judged for each dependency. The others guard Mainstay itself and its surroundings.
    pub fn is_about_dependencies(self) -> bool {
        use Rule::*;
        match self {
            Down | Degraded | CertificateExpiring | RenewalOverdue | ChainProblem | AddressesDiffer
            | TooSlow | Stale | Flapping => true,
            Offline | ConfigurationRefused | ChannelFailing | ChannelUnproven | HeartbeatMissing
            | NobodyReached | StoreFailing | ScheduleGap | External | DrillUnanswered | CoverageHole => false,
        }
    }
}

impl Rule {
    /// What it tells, as the end of a sentence: `somebody is told when a dependency is down`.
    pub fn in_words(self) -> &'static str {
        use Rule::*;
        match self {
            Down => "a dependency is down",
            Degraded => "some addresses of a dependency are down",
            CertificateExpiring => "a certificate comes near its end",
            RenewalOverdue => "a certificate should have been renewed",
            ChainProblem => "strict clients would refuse a chain",
            AddressesDiffer => "addresses serve different certificates",
            TooSlow => "a dependency is slow",
            Stale => "a dependency is not checked",
            Flapping => "a dependency keeps changing between good and bad",
            Offline => "our own network is gone",
            ConfigurationRefused => "a new configuration is refused",
            ChannelFailing => "a channel does not take a message",
            ChannelUnproven => "nothing has shown for long that a channel works",
            HeartbeatMissing => "an expected sign of life does not come",
            NobodyReached => "nobody takes an incident up",
            StoreFailing => "Mainstay cannot write what it sees",
            ScheduleGap => "nobody is on call, or will be soon",
            External => "another system says that something is wrong",
            DrillUnanswered => "nobody takes a drill up",
            CoverageHole => "a rehearsal finds that somebody would not be told",
        }
    }
}

/// What an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// A dependency.
    Dependency(DependencyName),
    /// A channel that people are told by.
    Channel(ChannelName),
    /// A sign of life that somebody else sends.
    Heartbeat(HeartbeatName),
    /// An incident that people should have taken up.
    Incident(IncidentId),
    /// An on-call schedule.
    Schedule(ScheduleName),
    /// The rehearsal of a dependency's trouble, which says nothing of the dependency itself.
    Drill(DependencyName),
    /// Mainstay itself or its surroundings.
    Mainstay,
    /// Whatever an alert of another system is about.
    External {
        /// Which system.
        source: ExternalSource,
        /// What it calls the alert.
        key: ExternalKey,
    },
}

/// The stable identity of an alert: it exists at most once at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlertKey {
    /// What it is about.
    pub subject: Subject,
    /// Which condition holds.
    pub rule: RuleKey,
}

impl fmt::Display for AlertKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Dependency(name) => write!(f, "{name}/{}", self.rule),
            Subject::Channel(name) => write!(f, "channel:{name}/{}", self.rule),
            Subject::Heartbeat(name) => write!(f, "heartbeat:{name}/{}", self.rule),
            Subject::Incident(id) => write!(f, "incident:{id}/{}", self.rule),
            Subject::Schedule(name) => write!(f, "schedule:{name}/{}", self.rule),
            Subject::Drill(name) => write!(f, "drill:{name}/{}", self.rule),
            Subject::Mainstay => write!(f, "mainstay/{}", self.rule),
            Subject::External { source, key } => write!(f, "{source}:{key}/{}", self.rule),
        }
    }
}

/// A condition that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its identity.
    pub key: AlertKey,
    /// How urgent it is now.
    pub severity: Severity,
    /// Since when the condition holds: the first observation that showed it, not when it was believed.
    pub since: Timestamp,
    /// The failure behind it, when there is one.
    pub failure: Option<Failure>,
    /// Cause, evidence and next actions.
    pub diagnosis: Diagnosis,
    /// When things will break, for conditions that announce it.
    pub breaks_at: Option<Timestamp>,
    /// Set exactly when it comes from another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<External>,
}
