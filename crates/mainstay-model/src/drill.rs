use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::failure::kinds;
use crate::{
    ChannelName, DeliveryId, DependencyName, EscalationName, FailureKind, Hours, IncidentId, Match,
    PersonName, Recurrence,
};

/// What makes an incident a rehearsal: nothing of it is real but the people who are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Drill {
    /// The drill itself.
    Rehearsal(Box<Rehearsal>),
    /// That nobody was reached in a drill, which the fallback is told like in earnest.
    Echo {
        /// The incident of the drill.
        of: IncidentId,
    },
}

/// What is played, and how it went so far. Only facts: the score follows from them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsal {
    /// The dependency that is played to be down.
    pub dependency: DependencyName,
    /// By what.
    pub failure: FailureKind,
    /// Whether a maintenance or a silence keeps it quiet as it would the real thing.
    pub respects_quiet: bool,
    /// Who began it. Absent: the schedule.
    pub by: Option<String>,
    /// The planned time that it was begun for. Absent: somebody wanted it now.
    #[serde(default)]
    pub planned: Option<Occurrence>,
    /// When it ends, if nobody takes it up.
    pub until: Timestamp,
    /// Every message that it decided before its end, at most [`Rehearsal::MESSAGES`].
    #[serde(default)]
    pub messages: BTreeMap<DeliveryId, Call>,
    /// When it was known that nobody had answered: every step of every policy had passed, or its time.
    #[serde(default)]
    pub unanswered_at: Option<Timestamp>,
    /// Who took it up first.
    #[serde(default)]
    pub answer: Option<Answer>,
    /// How it ended. Absent: it goes on.
    #[serde(default)]
    pub end: Option<DrillEnd>,
}

/// One time of a planned drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Which plan, in a text that stays the same while the plan does.
    pub plan: String,
    /// Its time.
    pub at: Timestamp,
}

/// One message of a drill, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// By what means.
    pub channel: ChannelName,
    /// Whom it is meant for, where the channel is a person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonName>,
    /// The step of an escalation that told it, from 1. Absent: a route did at once, or the fallback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<DrillStep>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// What came of it.
    pub fate: Fate,
}

/// A step of an escalation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillStep {
    /// Of which policy.
    pub escalation: EscalationName,
    /// Its place, from 1.
    pub number: u32,
}

/// What came of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Fate {
    /// It is not known yet.
    UnderWay,
    /// The channel accepted it.
    Accepted {
        /// When.
        at: Timestamp,
    },
    /// It was given up.
    Failed {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
}

/// Who took a drill up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The steps that policies had come to, from 1. Empty: no policy ran.
    pub steps: Vec<DrillStep>,
}

/// How a drill ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum DrillEnd {
    /// Somebody had taken it up.
    Answered,
    /// Its time was over.
    TimedOut,
    /// Somebody resolved it before anybody took it up.
    CalledOff {
        /// Who.
        by: String,
    },
    /// Something happened that a drill must not stand in the way of.
    Interrupted {
        /// What, as a sentence.
        why: String,
    },
}

kinds! {
    /// What a drill showed.
    DrillResult {
        /// It goes on.
        Running = "running",
        /// Somebody took it up in time.
        Answered = "answered",
        /// Somebody took it up, but only after every step had passed.
        AnsweredLate = "answered-late",
        /// Nobody took it up.
        Unanswered = "unanswered",
        /// It was ended by hand before that could be known.
        CalledOff = "called-off",
        /// Something real happened before that could be known.
        Interrupted = "interrupted",
    }
}

impl Rehearsal {
    /// More messages than any escalation that a person would follow; further ones are sent and not kept here.
    pub const MESSAGES: usize = 500;

    /// What it showed so far.
    pub fn result(&self) -> DrillResult {
        match (&self.answer, self.unanswered_at, &self.end) {
            (Some(answer), Some(late), _) if answer.at >= late => DrillResult::AnsweredLate,
            (Some(_), ..) => DrillResult::Answered,
            (None, Some(_), Some(_)) | (None, _, Some(DrillEnd::TimedOut | DrillEnd::Answered)) => {
                DrillResult::Unanswered
            }
            (None, None, Some(DrillEnd::CalledOff { .. })) => DrillResult::CalledOff,
            (None, None, Some(DrillEnd::Interrupted { .. })) => DrillResult::Interrupted,
            (None, _, None) => DrillResult::Running,
        }
    }

    /// The messages that were given up.
    pub fn failed(&self) -> impl Iterator<Item = &Call> {
        self.messages.values().filter(|call| matches!(call.fate, Fate::Failed { .. }))
    }
}

impl Call {
    /// How long it took from the decision to its acceptance.
    pub fn told_after(&self) -> Option<SignedDuration> {
        match self.fate {
            Fate::Accepted { at } => Some(at.duration_since(self.decided_at).max(SignedDuration::ZERO)),
            Fate::UnderWay | Fate::Failed { .. } => None,
        }
    }
}

/// Drills that begin by themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedDrill {
    /// Which dependencies take turns: whichever was drilled longest ago is next.
    pub what: Match,
    /// What is played.
    pub failure: FailureKind,
    /// The wall-clock time of the first one; every further one is at its time of day.
    pub start: DateTime,
    /// When it begins again.
    pub recurrence: Recurrence,
    /// Whose wall clock.
    pub timezone: TimeZone,
    /// The only hours in which it begins; what is due outside of them is left out. Absent: always.
    pub during: Option<Hours>,
    /// Whether a maintenance or a silence keeps it quiet as it would the real thing.
    pub respects_quiet: bool,
    /// When it ends if nobody takes it up. Absent: with its escalations.
    pub lasts: Option<Duration>,
}

impl PlannedDrill {
    /// The same text for as long as the plan is the same, in every build.
    pub fn key(&self) -> String {
        let dependencies =
            self.what.dependency.iter().map(|name| name.as_str()).collect::<Vec<_>>().join("+");
        let zone = self.timezone.iana_name().unwrap_or("UTC");
        format!("{dependencies}/{}/{}/{}/{zone}", self.failure, self.start, self.recurrence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn rehearsal() -> Rehearsal {
        Rehearsal {
            dependency: "db".parse().unwrap(),
            failure: FailureKind::CertificateExpired,
            respects_quiet: false,
            by: None,
            planned: None,
            until: at(100),
            messages: BTreeMap::new(),
            unanswered_at: None,
            answer: None,
            end: None,
        }
    }

    fn answered(second: i64) -> Option<Answer> {
        Some(Answer { by: "ana".into(), at: at(second), steps: vec![] })
    }

    #[test]
    fn the_result_follows_from_what_happened() {
        let running = rehearsal();
        assert_eq!(running.result(), DrillResult::Running);
        let exhausted = Rehearsal { unanswered_at: Some(at(50)), ..running.clone() };
        assert_eq!(exhausted.result(), DrillResult::Running, "the fallback may still answer");
        let timed_out = Rehearsal { end: Some(DrillEnd::TimedOut), ..exhausted.clone() };
        assert_eq!(timed_out.result(), DrillResult::Unanswered);
        let late = Rehearsal { answer: answered(60), ..exhausted.clone() };
        assert_eq!(late.result(), DrillResult::AnsweredLate);
        let in_time = Rehearsal { answer: answered(40), ..exhausted };
        assert_eq!(in_time.result(), DrillResult::Answered);
        let off = Rehearsal { end: Some(DrillEnd::CalledOff { by: "ana".into() }), ..running.clone() };
        assert_eq!(off.result(), DrillResult::CalledOff);
        let why = "Something real.".to_owned();
        let interrupted = Rehearsal { end: Some(DrillEnd::Interrupted { why }), ..running };
        assert_eq!(interrupted.result(), DrillResult::Interrupted);
    }
}
