use jiff::Timestamp;
use mainstay_model::{
    ChannelName, Delivery, DeliveryId, IncidentId, Match, Override, OverrideId, PersonName, PublicStatus,
    QuietId, Role, ScheduleName, Severity, WaiverId,
};

use crate::{DrillTerms, WaiverWish};

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
    /// Have one expired certificate accepted for a while.
    RequestWaiver(WaiverWish),
    /// Agree to a waiver that somebody else asked for.
    GrantWaiver(WaiverId),
    /// Not agree to it.
    RefuseWaiver(WaiverId),
    /// End a waiver, or take the request back.
    EndWaiver(WaiverId),
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
            | Action::RequestWaiver(_)
            | Action::GrantWaiver(_)
            | Action::RefuseWaiver(_)
            | Action::EndWaiver(_)
            | Action::Drill(_)
            | Action::Override { .. }
            | Action::RemoveOverride(_)
            | Action::TryNow(_)
            | Action::SendAgain(_)
            | Action::TryChannel { .. } => None,
        }
    }
}

impl Action {
    /// Whether it is about a waiver, of which the audit log tells more than of anything else.
    pub(crate) fn is_about_waivers(&self) -> bool {
        use Action::*;
        matches!(self, RequestWaiver(_) | GrantWaiver(_) | RefuseWaiver(_) | EndWaiver(_))
    }

    /// The word of the audit log; stable.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Action::Acknowledge(_) => "acknowledge",
            Action::Snooze { .. } => "snooze",
            Action::Assign { .. } => "assign",
            Action::SetSeverity { .. } => "set-severity",
            Action::SetRole { .. } => "set-role",
            Action::AddTask { .. } => "add-task",
            Action::FinishTask { .. } => "finish-task",
            Action::Remind { .. } => "remind",
            Action::Merge { .. } => "merge",
            Action::Split { .. } => "split",
            Action::Silence { .. } => "silence",
            Action::EndSilence(_) => "end-silence",
            Action::RequestWaiver(_) => "request-waiver",
            Action::GrantWaiver(_) => "grant-waiver",
            Action::RefuseWaiver(_) => "refuse-waiver",
            Action::EndWaiver(_) => "end-waiver",
            Action::Resolve(_) => "resolve",
            Action::Publish { .. } => "publish",
            Action::Update { .. } => "update-customers",
            Action::Note { .. } => "note",
            Action::Override { .. } => "override",
            Action::Drill(_) => "drill",
            Action::RemoveOverride(_) => "remove-override",
            Action::TryNow(_) => "try-now",
            Action::SendAgain(_) => "send-again",
            Action::TryChannel { .. } => "try-channel",
        }
    }
}
