use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::failure::kinds;
use crate::{
    Blame, ChannelName, ComponentName, DeliveryId, DependencyName, FailureKind, IncidentId, IncidentState,
    PersonName, ProviderName, Severity,
};

/// One message to one recipient: a row of the outbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Stable over retries; the `webhook-id` and the mail's `Message-ID` come from it.
    pub id: DeliveryId,
    /// By what means.
    pub channel: ChannelName,
    /// Place in the order of messages of this channel about this incident, from 1.
    pub sequence: u32,
    /// When it was decided.
    pub created_at: Timestamp,
    /// What is to be said.
    pub message: Message,
    /// The message that it repeats, because somebody wanted that one sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_of: Option<DeliveryId>,
    /// Where it stands.
    pub state: DeliveryState,
}

/// A message that waited for so long comes late.
pub const LATE_AFTER: SignedDuration = SignedDuration::from_mins(10);

impl Delivery {
    /// The incident that it is about: digests and trials are about none.
    pub fn about(&self) -> Option<IncidentId> {
        let about_none =
            matches!(self.message.kind, MessageKind::Digest | MessageKind::Probe | MessageKind::Test);
        (!about_none).then_some(self.message.incident.id)
    }

    /// Whether it waits and is no news any more.
    pub fn is_late(&self, now: Timestamp) -> bool {
        let waits = matches!(self.state, DeliveryState::Queued { .. });
        waits && now.duration_since(self.created_at) >= LATE_AFTER
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum DeliveryState {
    /// To be tried.
    Queued {
        /// Not before.
        next_attempt_at: Timestamp,
        /// How often it was tried in vain.
        attempts: u32,
        /// What the last attempt said.
        last_error: Option<String>,
    },
    /// The channel accepted it.
    Delivered {
        /// When.
        at: Timestamp,
        /// The service's own identifier for it, where it gives one.
        receipt: Option<String>,
    },
    /// It will not be tried again.
    GivenUp {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// It waited until a later message about the same incident told it as well.
    Merged {
        /// When.
        at: Timestamp,
        /// The later message.
        into: DeliveryId,
    },
    /// The service had accepted it, and said later that it did not arrive.
    Bounced {
        /// When that was heard.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// One try to hand a message over, or what its service said of it later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it ended.
    pub at: Timestamp,
    /// How.
    #[serde(flatten)]
    pub result: AttemptResult,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum AttemptResult {
    /// The service accepted the message.
    Accepted {
        /// The service's own identifier for it, where it gives one.
        receipt: Option<String>,
    },
    /// It did not.
    Failed {
        /// Why.
        error: String,
    },
    /// It had, and said later that it did not arrive.
    Bounced {
        /// Why.
        reason: String,
    },
    /// It had, and said later that it is still trying.
    Delayed {
        /// Why.
        reason: String,
    },
}

kinds! {
    /// What a message says; the words are the `type` of the webhook contract.
    MessageKind {
        /// An incident was opened.
        Opened = "incident.opened",
        /// Something about it changed: severity, a dependency joined, what was announced happened.
        Updated = "incident.updated",
        /// Nobody took it up in time, so others are told.
        Escalated = "incident.escalated",
        /// Somebody took it up: it changes what a service shows, and tells nobody anew.
        TakenUp = "incident.acknowledged",
        /// It is over.
        Resolved = "incident.resolved",
        /// What happened in a day and was not urgent.
        Digest = "digest",
        /// A trial of the channel that nobody is to notice where the service allows it.
        Probe = "channel.probe",
        /// A trial of the channel; nothing is wrong.
        Test = "channel.test",
    }
}

/// What is said about an incident at one moment, complete in itself. Its JSON, without `kind` and `at`, is the `data` of the webhook contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Opened, updated or resolved.
    pub kind: MessageKind,
    /// The moment it describes.
    pub at: Timestamp,
    /// The incident.
    pub incident: MessageIncident,
    /// Its dependencies.
    pub dependencies: Vec<MessageDependency>,
    /// The components that use them, by title for people.
    pub components: Vec<ComponentName>,
    /// One sentence: why.
    pub cause: String,
    /// The failure behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<MessageFailure>,
    /// What shows it.
    pub evidence: Vec<String>,
    /// What to do next.
    pub actions: Vec<String>,
    /// What changed since the last message, for `incident.updated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// Whether this is a rehearsal.
    pub drill: bool,
    /// Who is meant, where the channel is a person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonName>,
}

impl Message {
    /// Whether its reader can take the incident up, so that it goes out with a link for that.
    pub fn asks_to_be_taken_up(&self) -> bool {
        let asks = matches!(self.kind, MessageKind::Opened | MessageKind::Updated | MessageKind::Escalated);
        asks && matches!(self.incident.state.as_str(), "open" | "impending")
    }

    /// What concerns Mainstay itself and no dependency: it speaks of no incident that is kept, and `id` only tells it from others.
    pub fn about_itself(
        kind: MessageKind,
        id: IncidentId,
        severity: Severity,
        title: String,
        cause: String,
        operator_url: &str,
        now: Timestamp,
    ) -> Message {
        Message {
            kind,
            at: now,
            incident: MessageIncident {
                id,
                title,
                state: IncidentState::Open.as_str().into(),
                severity,
                opened_at: now,
                since: now,
                resolved_at: None,
                breaks_at: None,
                url: operator_url.to_owned(),
                ack_url: None,
            },
            dependencies: Vec::new(),
            components: Vec::new(),
            cause,
            failure: None,
            evidence: Vec::new(),
            actions: Vec::new(),
            change: None,
            drill: false,
            person: None,
        }
    }
}

/// The incident as a message shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in Incident")]
pub struct MessageIncident {
    pub id: IncidentId,
    pub title: String,
    /// `impending`, `open`, `acknowledged` or `resolved`.
    pub state: String,
    pub severity: Severity,
    pub opened_at: Timestamp,
    /// Since when the trouble existed.
    pub since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Timestamp>,
    /// When things will break, while nothing is broken yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaks_at: Option<Timestamp>,
    /// Its operator page.
    pub url: String,
    /// Where whoever reads this can take it up. Put in when it is sent, and never kept: who has it can act in their name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack_url: Option<String>,
}

/// A dependency as a message shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in Dependency")]
pub struct MessageDependency {
    pub name: DependencyName,
    pub provider: Option<ProviderName>,
    /// The target without its password.
    pub target: String,
}

/// A failure as a message shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in Failure")]
pub struct MessageFailure {
    pub kind: FailureKind,
    pub blame: Blame,
    pub message: String,
}
