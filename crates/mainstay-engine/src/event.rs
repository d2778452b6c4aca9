use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mainstay_model::{
    ChannelName, CheckReport, Commit, Coverage, Delivery, DeliveryId, DependencyName, Diagnosis, ExternalKey,
    ExternalSource, HeartbeatName, IncidentId, Landscape, Match, Override, OverrideId, PersonName,
    ProviderName, PublicStatus, QuietId, Role, ScheduleName, Severity,
};

use crate::DrillTerms;

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
    /// An attempt failed and is to be repeated.
    DeliveryDelayed {
        /// Which message.
        id: DeliveryId,
        /// Not before.
        next_attempt_at: Timestamp,
        /// Why it failed.
        error: String,
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
    /// A sign of life of somebody else came.
    Heartbeat(HeartbeatName),
    /// Nothing but the passing of time.
    Tick,
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

/// What a person can do about an incident, or about who is on call.
#[derive(Debug, Clone)]
pub enum Action {
    /// Take it up.
    Acknowledge(IncidentId),
    /// Take it up until then; if it is still open, it counts as taken up by nobody again.
    Snooze {
        /// Which incident.
        incident: IncidentId,
        /// Until when.
        until: Timestamp,
    },
    /// Hand it to somebody, who is told; until they take it up, it counts as taken up by nobody.
    Assign {
        /// Which incident.
        incident: IncidentId,
        /// Who.
        to: PersonName,
    },
    /// Choose another severity than its alerts have.
    SetSeverity {
        /// Which incident.
        incident: IncidentId,
        /// The severity.
        severity: Severity,
    },
    /// Say who does what.
    SetRole {
        /// Which incident.
        incident: IncidentId,
        /// What.
        role: Role,
        /// Who; absent: nobody any more.
        who: Option<String>,
    },
    /// Write down what there is to do.
    AddTask {
        /// Which incident.
        incident: IncidentId,
        /// What.
        text: String,
    },
    /// Say that something is done.
    FinishTask {
        /// Which incident.
        incident: IncidentId,
        /// Its place in the list, from 0.
        task: usize,
    },
    /// Be reminded that an update is due.
    Remind {
        /// Which incident.
        incident: IncidentId,
        /// When; absent: no more.
        at: Option<Timestamp>,
    },
    /// Let an incident go on as a part of another.
    Merge {
        /// The one that ends.
        incident: IncidentId,
        /// The one that goes on.
        into: IncidentId,
    },
    /// Let one alert of several go on as an incident of its own.
    Split {
        /// Which incident.
        incident: IncidentId,
        /// The alert's key in text form.
        alert: String,
    },
    /// Have nobody told of something for a while.
    Silence {
        /// Why.
        reason: String,
        /// What.
        what: Match,
        /// Until when.
        until: Timestamp,
    },
    /// Have people told again.
    EndSilence(QuietId),
    /// Close it by hand. It opens again when its cause shows up anew after having ended.
    Resolve(IncidentId),
    /// Make it public.
    Publish {
        /// Which incident.
        incident: IncidentId,
        /// Title for customers; absent: one that Mainstay words.
        title: Option<String>,
        /// First text for customers; absent: one that Mainstay words.
        body: Option<String>,
    },
    /// Tell customers more about a public incident.
    Update {
        /// Which incident.
        incident: IncidentId,
        /// Where it stands.
        status: PublicStatus,
        /// The text.
        body: String,
    },
    /// Write something down, for the team only.
    Note {
        /// Which incident.
        incident: IncidentId,
        /// The text.
        text: String,
        /// What shows it, one each: links, log lines.
        evidence: Vec<String>,
    },
    /// Have somebody stand in on call.
    Override {
        /// In which schedule.
        schedule: ScheduleName,
        /// Who, when, and instead of whom. `by` is the person who does this, whatever it says.
        terms: Override,
    },
    /// Play trouble, to see who answers. The incident that this opens is the drill.
    Drill(DrillTerms),
    /// Take such an override back. What of it has passed stays as it was.
    RemoveOverride(OverrideId),
    /// Try a waiting message now.
    TryNow(DeliveryId),
    /// Send a message that did not arrive once more, as a new one.
    SendAgain(Box<Delivery>),
    /// Send a trial by a channel.
    TryChannel {
        /// Which channel.
        channel: ChannelName,
        /// As a message that people see, and not in the way that nobody notices.
        loudly: bool,
    },
}

impl Action {
    /// The incident that it is about.
    pub fn incident(&self) -> Option<IncidentId> {
        match self {
            Action::Acknowledge(id) | Action::Resolve(id) => Some(*id),
            Action::Publish { incident, .. }
            | Action::Update { incident, .. }
            | Action::Note { incident, .. }
            | Action::Snooze { incident, .. }
            | Action::Assign { incident, .. }
            | Action::SetSeverity { incident, .. }
            | Action::SetRole { incident, .. }
            | Action::AddTask { incident, .. }
            | Action::FinishTask { incident, .. }
            | Action::Remind { incident, .. }
            | Action::Merge { incident, .. }
            | Action::Split { incident, .. } => Some(*incident),
            Action::Silence { .. }
            | Action::EndSilence(_)
            | Action::Drill(_)
            | Action::Override { .. }
            | Action::RemoveOverride(_)
            | Action::TryNow(_)
            | Action::SendAgain(_)
            | Action::TryChannel { .. } => None,
        }
    }
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
