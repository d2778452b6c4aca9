//! The words of Mainstay as types: what is watched, what was seen, what it means, who is told.
//!
//! No input or output, no clock and no randomness live here: whoever needs the time or a random
//! number gets it as an argument.

#![warn(missing_docs)]

mod alert;
mod audit;
mod bounce;
mod certificate;
mod channel;
mod commit;
mod coverage;
mod diagnosis;
mod drill;
mod duration;
mod escalation;
mod expiry;
mod external;
mod failure;
mod histogram;
mod id;
mod incident;
mod landscape;
mod lookup;
mod message;
mod name;
mod nearest;
mod observation;
mod person;
mod policy;
mod proof;
mod quiet;
mod random;
mod recurrence;
mod relay;
mod room;
mod route;
mod rule;
mod runbook;
mod schedule;
mod secret;
mod severity;
mod state;
mod target;
mod timeline;
mod verdict;
mod waiver;

pub use alert::{Alert, AlertKey, Rule, Subject};
pub use audit::{AuditAct, AuditEntry, WaiverAct};
pub use bounce::{Bounce, BounceKind};
pub use certificate::{Certificate, Fingerprint};
pub use channel::{Alertmanager, HttpRequest, Login, Ntfy, PagerDuty, Program, SlackBot, Telegram, Twilio};
pub use commit::{Commit, DeliveryOutcome};
pub use coverage::{
    Breaking, BreakingGroup, Course, Cover, Coverage, Covered, Heard, Hole, HoleCode, Leads, Stretch, Way,
};
pub use diagnosis::Diagnosis;
pub use drill::{
    Answer, Call, Drill, DrillEnd, DrillResult, DrillStep, Fate, Occurrence, PlannedDrill, Rehearsal,
};
pub use duration::{DurationError, HumanDuration, in_words};
pub use escalation::{Escalating, Escalation, Progress, Step};
pub use expiry::{ExpiryGrade, expiry_steps, grade_expiry};
pub use external::{External, ExternalSource, Receive};
pub use failure::{Blame, Expired, Failure, FailureKind, Otherwise, Phase};
pub use histogram::Histogram;
pub use id::{DeliveryId, EntryId, IncidentId, OverrideId, QuietId, UpdateId, WaiverId};
pub use incident::{
    Hushed, Impact, Incident, IncidentState, PublicStatus, PublicUpdate, Publication, Told, Widest,
};
pub use landscape::{
    Channel, ChannelKind, ClientIdentity, Component, Confirmation, Criticality, Dependency, GapWarning,
    Heartbeat, Landscape, MailSecurity, MailServer, ProvenWithin, Provider, StatusPage, TlsMode, TlsPolicy,
    WaiverTerms,
};
pub use lookup::{LookedUp, Lookup, Resolved};
pub use message::{
    Attempt, AttemptResult, Delivery, DeliveryState, LATE_AFTER, Message, MessageDependency, MessageFailure,
    MessageIncident, MessageKind,
};
pub use name::{
    ChannelName, ComponentName, DependencyName, EscalationName, ExternalKey, HeaderName, HeartbeatName,
    NameError, PersonName, ProviderName, RuleName, ScheduleName,
};
pub use nearest::nearest;
pub use observation::{CheckReport, Finding, FindingKind, Observation, Phases, TlsFacts};
pub use person::Person;
pub use policy::{PolicyWaiver, RelayPolicy};
pub use proof::{ChannelRecord, HeartbeatRecord};
pub use quiet::{Quiet, QuietKind, QuietTime, Silence};
pub use random::Random;
pub use recurrence::{Dates, Recurrence, RecurrenceError, moment};
pub use relay::{
    Admission, AdmissionDecision, LatestDecision, Network, RefusalReason, Relay, RelayFigures, RelayLeg,
    RelayListen, RelayReport, ShadowFinding,
};
pub use room::{ChosenSeverity, Role, Room, Task};
pub use route::{DigestTime, Hours, Manner, Match, Recipient, Route};
pub use rule::{BuiltInRule, OwnRule, RuleKey, Rules};
pub use runbook::{Placeholder, Runbook, RunbookError, fill_in};
pub use schedule::{KeptOverride, Layer, Override, Restriction, Schedule, Weekdays};
pub use secret::Secret;
pub use severity::Severity;
pub use state::{DependencyState, LatencyBaseline, NearestEnd, RenewalHistory, SeenValid, Streak};
pub use target::{Credentials, Protocol, Target, TargetError, Upgrade, is_secret_parameter};
pub use timeline::{EntryKind, TimelineEntry};
pub use verdict::Verdict;
pub use waiver::{Act, Pin, Waiver, WaiverEnd, WaiverState, WaiverUses};
