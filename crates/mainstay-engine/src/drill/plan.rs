use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    ChannelName, DrillStep, Escalation, EscalationName, Hours, PersonName, Recipient, Severity,
};

use super::{DrillFault, DrillTerms, drill_failure, severity};
use crate::State;
use crate::audience::{Audience, Topic, next_beginning};
use crate::time::{later, signed};

/// No drill is longer, whatever its escalations say.
const LONGEST: SignedDuration = SignedDuration::from_hours(2);

/// How long it goes on where no escalation says how long people have.
const WITHOUT_ESCALATION: SignedDuration = SignedDuration::from_mins(30);

/// Who would be told of a drill that begins at a moment, as the routes and schedules say then.
#[derive(Debug, Clone, PartialEq)]
pub struct DrillPlan {
    /// How urgent it is: as if the dependency were down.
    pub severity: Severity,
    /// When it ends if nobody takes it up.
    pub until: Timestamp,
    /// In the order of time.
    pub stages: Vec<Stage>,
}

/// Who is told at one moment, if nobody took it up before.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// How long after the beginning.
    pub after: SignedDuration,
    /// By what.
    pub kind: StageKind,
    /// By what means, and who is meant.
    pub called: Vec<Called>,
    /// Why a recipient is reached by no channel, a clause each.
    pub nobody: Vec<String>,
}

/// What tells people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageKind {
    /// Routes, at once.
    Route,
    /// A step of an escalation.
    Step(DrillStep),
    /// The fallback: nobody was reached, or no route takes it.
    Fallback,
}

/// One channel, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// By what means.
    pub channel: ChannelName,
    /// Whom it is meant for, where the channel is a person's.
    pub person: Option<PersonName>,
}

impl DrillPlan {
    /// Whether nobody would be told of it.
    pub fn reaches_nobody(&self) -> bool {
        self.stages.iter().all(|stage| stage.called.is_empty())
    }
}

impl State {
    /// Who would be told of a drill that begins at `at`, and how long it would go on. Steps of further rounds are not listed; they
    /// are told to whom the first round told.
    pub fn plan_drill(&self, terms: &DrillTerms, at: Timestamp) -> Result<DrillPlan, DrillFault> {
        let landscape = &self.landscape;
        let Some(dependency) = landscape.dependencies.get(&terms.dependency) else {
            return Err(DrillFault::Unknown(terms.dependency.clone()));
        };
        let (severity, failure) = (severity(dependency, landscape), drill_failure(terms.failure));
        let topic =
            Topic { severity, failure: Some(&failure), dependencies: vec![dependency], providers: &[] };
        let audience = Audience::of(&topic, landscape, at);
        let begin = Moments { state: self, begin: at };
        let mut stages = Vec::new();
        if audience.is_empty() && severity >= Severity::High {
            stages.push(begin.stage(at, StageKind::Fallback, &landscape.fallback));
        } else if !audience.at_once.is_empty() {
            let stage = begin.stage(at, StageKind::Route, &audience.at_once);
            let unreached = stage.called.is_empty() && audience.escalations.is_empty();
            stages.push(stage);
            if unreached && severity >= Severity::High {
                stages.push(begin.stage(at, StageKind::Fallback, &landscape.fallback));
            }
        }
        let mut exhausted = Vec::new();
        for name in &audience.escalations {
            let Some(policy) = landscape.escalations.get(name) else { continue };
            let (steps, end) = begin.steps(name, policy);
            stages.extend(steps);
            exhausted.push((end, policy.steps.last().map_or(SignedDuration::ZERO, |step| signed(step.wait))));
        }
        if let Some((end, _)) = exhausted.iter().max() {
            stages.push(begin.stage(*end, StageKind::Fallback, &landscape.fallback));
        }
        stages.sort_by_key(|stage| stage.after);
        let by_escalations = exhausted.iter().map(|(end, wait)| later(*end, *wait)).max();
        let usual = by_escalations.unwrap_or_else(|| later(at, WITHOUT_ESCALATION));
        let until = terms.lasts.map_or(usual, |lasts| later(at, signed(lasts)));
        Ok(DrillPlan { severity, until: until.min(later(at, LONGEST)), stages })
    }
}

/// Moments of a drill that begins at one.
struct Moments<'a> {
    state: &'a State,
    begin: Timestamp,
}

impl Moments<'_> {
    fn stage(&self, at: Timestamp, kind: StageKind, to: &[Recipient]) -> Stage {
        let addresses = self.state.addresses(to, at);
        let called = addresses.all.into_iter().map(|one| Called { channel: one.channel, person: one.person });
        Stage {
            after: at.duration_since(self.begin),
            kind,
            called: called.collect(),
            nobody: addresses.nobody,
        }
    }

    /// The steps of the first round, and when the last one of all rounds has passed.
    fn steps(&self, name: &EscalationName, policy: &Escalation) -> (Vec<Stage>, Timestamp) {
        let mut stages = Vec::new();
        let mut at = self.begin;
        let rounds = (0..=policy.repeat).take_while(|_| !policy.steps.is_empty());
        for round in rounds {
            for (number, step) in (1u32..).zip(&policy.steps) {
                at = within(policy.during.as_ref(), at);
                // What is later than any drill lasts need not be known.
                if at > later(self.begin, LONGEST) {
                    return (stages, at);
                }
                if round == 0 {
                    let kind = StageKind::Step(DrillStep { escalation: name.clone(), number });
                    stages.push(self.stage(at, kind, &step.to));
                }
                at = later(at, signed(step.wait));
            }
        }
        (stages, at)
    }
}

/// The moment itself, or when the hours of a policy begin.
fn within(during: Option<&Hours>, at: Timestamp) -> Timestamp {
    during.and_then(|during| next_beginning(during, at)).unwrap_or(at)
}
