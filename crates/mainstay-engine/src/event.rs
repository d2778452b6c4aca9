use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{
    ChannelName, CheckReport, Commit, Coverage, Delivery, DeliveryId, DependencyName, Diagnosis, ExternalKey,
    ExternalSource, Fingerprint, HeartbeatName, IncidentId, Landscape, ProviderName, Severity, WaiverId,
};

mod action;

pub use action::Action;

/// Something that happened and may change the state.
#[derive(Debug, Clone)]
pub enum Event {
    /// A configuration was loaded: at start, and whenever a new version was accepted.
    Configured(Arc<Landscape>),
    /// A new version of the configuration was refused; the old one goes on.
    ConfigurationRefused {
        /// The errors, one a line, with file, line and column.
        problems: Vec<String>,
    },
    /// A check ended.
    Checked(Box<CheckReport>),
    /// The reference targets were tried.
    ReferencesChecked {
        /// How many answered.
        reachable: usize,
        /// How many were tried, at least 1.
        tried: usize,
    },
    /// A channel accepted a message.
    Delivered {
        /// Which message.
        id: DeliveryId,
        /// By which channel.
        channel: ChannelName,
        /// About which incident.
        incident: Option<IncidentId>,
        /// The service's own identifier for it.
        receipt: Option<String>,
    },
    /// A channel accepted a message, but not for all of its recipients.
    DeliveredInPart {
        /// Which message.
        id: DeliveryId,
        /// By which channel.
        channel: ChannelName,
        /// About which incident.
        incident: Option<IncidentId>,
        /// The service's own identifier for it.
        receipt: Option<String>,
        /// The recipients that were refused for good, each with the reason.
        refused: Vec<String>,
    },
    /// What a service shows of an incident was changed, of which nobody is notified; or it shows nothing that could be changed.
    Shown {
        /// By which message.
        id: DeliveryId,
        /// The service's own identifier for what it shows.
        receipt: Option<String>,
    },
    /// A service answered a quiet trial, which posts nothing: it lets us in, and would take a message as far as it can be asked.
    Probed {
        /// Which trial.
        id: DeliveryId,
        /// By which channel.
        channel: ChannelName,
    },
    /// An attempt failed and is to be repeated.
    DeliveryDelayed {
        /// Which message.
        id: DeliveryId,
        /// By which channel.
        channel: ChannelName,
        /// About which incident.
        incident: Option<IncidentId>,
        /// Why, and for how long.
        delay: Delay,
    },
    /// A message was given up.
    DeliveryGivenUp {
        /// Which message.
        id: DeliveryId,
        /// By which channel.
        channel: ChannelName,
        /// About which incident.
        incident: Option<IncidentId>,
        /// Why.
        reason: String,
    },
    /// Messages of one channel about one incident, in their order, have waited for long, and the channel is asked again.
    DeliveriesLate {
        /// All that wait, the one that is tried first.
        waiting: Vec<Delivery>,
    },
    /// A message that its service had accepted came back.
    DeliveryBounced {
        /// Which message.
        id: DeliveryId,
        /// By which channel.
        channel: ChannelName,
        /// About which incident.
        incident: Option<IncidentId>,
        /// Why.
        reason: String,
    },
    /// A service that had accepted a message says that it is still trying.
    DeliveryStillTrying {
        /// Which message.
        id: DeliveryId,
        /// Why it is not there yet.
        reason: String,
    },
    /// The recorder could write again after it could not.
    StoreRecovered {
        /// Since when it could not.
        since: Timestamp,
        /// What the store said.
        error: String,
    },
    /// Another system handed in alerts.
    External {
        /// Which system.
        source: ExternalSource,
        /// What it said of each.
        alerts: Vec<ExternalAlert>,
    },
    /// It was rehearsed who would be told.
    Rehearsed(Box<Coverage>),
    /// A person did something.
    Operator {
        /// Who.
        by: String,
        /// What.
        action: Action,
    },
    /// Relays admitted connections under a waiver; said now and then, not for each.
    WaiverUsed {
        /// Which waiver.
        waiver: WaiverId,
        /// How many since it was said last.
        count: u64,
        /// When the latest was.
        at: Timestamp,
    },
    /// A relay made a connection that passed full verification while this waiver was in force.
    FullyVerified {
        /// Which waiver.
        waiver: WaiverId,
    },
    /// A relay refused the server of this dependency, or could not reach it.
    RelayRefused(DependencyName),
    /// Certificates were found revoked.
    RevocationSeen {
        /// Which.
        fingerprints: Vec<Fingerprint>,
    },
    /// A sign of life of somebody else came.
    Heartbeat(HeartbeatName),
    /// Nothing but the passing of time.
    Tick,
}

/// That a message waits which its service did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delay {
    /// When the message was decided.
    pub created_at: Timestamp,
    /// It is not tried again before.
    pub next_attempt_at: Timestamp,
    /// What may help.
    pub remedy: Remedy,
    /// Why the attempt failed.
    pub error: String,
}

/// What may help a message that its service did not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Time may be enough: the service is away, overloaded, or asked for a pause.
    Time,
    /// Somebody has to mend the credentials, here or at the service.
    Hands,
}

/// What another system says of one of its alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAlert {
    /// What it calls it.
    pub key: ExternalKey,
    /// Whether it holds; if not, it is over.
    pub firing: bool,
    /// What it says, in a few words.
    pub title: String,
    /// How urgent it is.
    pub severity: Severity,
    /// Since when it holds.
    pub since: Timestamp,
    /// The dependency that it names, configured or not.
    pub dependency: Option<DependencyName>,
    /// The provider that it names, configured or not.
    pub provider: Option<ProviderName>,
    /// Cause, evidence and next actions.
    pub diagnosis: Diagnosis,
}

/// What a step wants done.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    /// To be written in one transaction, before anything else is done.
    pub commit: Commit,
    /// Checks to run outside the schedule.
    pub rechecks: Vec<Recheck>,
    /// Whether the reference targets are to be tried now.
    pub check_references: bool,
    /// Whether what customers see may have changed.
    pub publish: bool,
}

/// A check to run outside the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recheck {
    /// Which dependency.
    pub dependency: DependencyName,
    /// How long to wait first.
    pub after: Duration,
}
