use jiff::Timestamp;

use crate::{
    AuditEntry, ChannelRecord, CheckReport, Delivery, DeliveryId, DependencyState, Fingerprint,
    HeartbeatRecord, Incident, KeptOverride, Message, OverrideId, Silence, TimelineEntry, Waiver,
};

/// Everything that one or more steps decided, to be written in one transaction or not at all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Commit {
    /// Facts to append.
    pub reports: Vec<CheckReport>,
    /// States to replace, by dependency; where one stands twice, the later one holds.
    pub dependencies: Vec<std::sync::Arc<DependencyState>>,
    /// Incidents to insert or replace; where one stands twice, the later one holds.
    pub incidents: Vec<std::sync::Arc<Incident>>,
    /// History to append.
    pub timeline: Vec<TimelineEntry>,
    /// What is remembered of channels, to insert or replace.
    pub channels: Vec<ChannelRecord>,
    /// What is remembered of heartbeats, to insert or replace.
    pub heartbeats: Vec<HeartbeatRecord>,
    /// Silences to insert or replace; where one stands twice, the later one holds.
    pub silences: Vec<Silence>,
    /// Waivers to insert or replace; where one stands twice, the later one holds.
    pub waivers: Vec<std::sync::Arc<Waiver>>,
    /// Certificates that were seen revoked, to be remembered for ever.
    pub revoked: Vec<Fingerprint>,
    /// What people did, to append to the audit log.
    pub audit: Vec<AuditEntry>,
    /// Messages to put into the outbox.
    pub deliveries: Vec<Delivery>,
    /// What became of messages.
    pub outcomes: Vec<DeliveryOutcome>,
    /// Overrides of on-call schedules to keep.
    pub overrides: Vec<KeptOverride>,
    /// Overrides to forget.
    pub forgotten_overrides: Vec<OverrideId>,
}

impl Commit {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self == &Commit::default()
    }

    /// Adds what a later step decided.
    pub fn append(&mut self, later: Commit) {
        self.reports.extend(later.reports);
        self.dependencies.extend(later.dependencies);
        self.incidents.extend(later.incidents);
        self.timeline.extend(later.timeline);
        self.channels.extend(later.channels);
        self.heartbeats.extend(later.heartbeats);
        self.silences.extend(later.silences);
        self.waivers.extend(later.waivers);
        self.revoked.extend(later.revoked);
        self.audit.extend(later.audit);
        self.deliveries.extend(later.deliveries);
        self.outcomes.extend(later.outcomes);
        self.overrides.extend(later.overrides);
        self.forgotten_overrides.extend(later.forgotten_overrides);
    }
}

/// What became of one attempt to deliver a message.
#[derive(Debug, Clone, PartialEq)]
pub enum DeliveryOutcome {
    /// The channel accepted it.
    Delivered {
        /// Which message.
        id: DeliveryId,
        /// When.
        at: Timestamp,
        /// The service's own identifier for it.
        receipt: Option<String>,
    },
    /// It failed and is to be tried again.
    Retry {
        /// Which message.
        id: DeliveryId,
        /// When it failed.
        at: Timestamp,
        /// Not before.
        next_attempt_at: Timestamp,
        /// Why it failed.
        error: String,
    },
    /// It failed for good.
    GivenUp {
        /// Which message.
        id: DeliveryId,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// A later message about the same incident tells it as well.
    Merged {
        /// Which message.
        id: DeliveryId,
        /// When.
        at: Timestamp,
        /// The later message.
        into: DeliveryId,
    },
    /// It says something else now, and stands in the place of another that was tried already.
    Reworded {
        /// Which message.
        id: DeliveryId,
        /// Not before.
        next_attempt_at: Timestamp,
        /// How often the other one was tried in vain.
        attempts: u32,
        /// What it says now.
        message: Box<Message>,
    },
    /// It is to be tried now, and not when its time comes.
    Hurried {
        /// Which message.
        id: DeliveryId,
        /// Now.
        at: Timestamp,
    },
    /// It was accepted and came back.
    Bounced {
        /// Which message.
        id: DeliveryId,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// It was accepted, and its service says that it still tries.
    StillTrying {
        /// Which message.
        id: DeliveryId,
        /// When it said so.
        at: Timestamp,
        /// Why it is not there yet.
        reason: String,
    },
}
