//! Drills: trouble that is only played, told to real people by real channels.
//!
//! A drill is an incident whose one alert has a subject of its own. So nothing real joins it, and nothing of it reaches the
//! dependency's verdict, its availability or customers.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Alert, AlertKey, Answer, Dependency, DependencyName, Drill, DrillEnd, DrillResult, DrillStep, EntryKind,
    EscalationName, FailureKind, IncidentId, Landscape, Occurrence, Rehearsal, Rule, Severity, Subject,
};

use crate::agenda::Due;
use crate::time::later;
use crate::turn::{About, Turn};
use crate::wording;

mod calls;
mod fault;
mod plan;
mod planned;
mod words;

pub use fault::{DrillFault, is_down_by};
pub use plan::{Called, DrillPlan, Stage, StageKind};
pub use planned::NextDrill;
pub use words::{drill_failure, drill_score};

/// Whoever took it up still sees it for so long, and messages that are under way arrive.
const LINGERS: SignedDuration = SignedDuration::from_mins(1);

/// What is to be played.
#[derive(Debug, Clone, PartialEq)]
pub struct DrillTerms {
    /// The dependency that is played to be down.
    pub dependency: DependencyName,
    /// By what.
    pub failure: FailureKind,
    /// Whether a maintenance or a silence keeps it quiet as it would the real thing.
    pub respects_quiet: bool,
    /// How long it goes on if nobody takes it up. `None`: as long as its escalations and the last wait once more.
    pub lasts: Option<Duration>,
}

impl Turn<'_> {
    /// A person begins a drill.
    pub(crate) fn drill_wanted(&mut self, by: &str, terms: DrillTerms) {
        if let Err(fault) = self.begin_drill(terms.clone(), Some(by), None) {
            let DrillTerms { dependency, .. } = terms;
            let text = format!("{by} wanted a drill of {dependency}, which was not begun: {fault}.");
            self.write(EntryKind::Drill, About::default().by(by), text);
        }
    }

    fn begin_drill(
        &mut self,
        terms: DrillTerms,
        by: Option<&str>,
        planned: Option<Occurrence>,
    ) -> Result<IncidentId, DrillFault> {
        self.state.check_drill(&terms)?;
        let plan = self.state.plan_drill(&terms, self.now)?;
        let DrillTerms { dependency, failure, respects_quiet, .. } = terms;
        let landscape = self.state.landscape.clone();
        let alert = alert(&dependency, failure, plan.severity, by, self.now, &landscape);
        let id = self.open(&alert, crate::cause::cause_key(&alert, &landscape));
        self.state.index.alert(&alert.key.to_string(), id);
        let rehearsal = Rehearsal {
            dependency: dependency.clone(),
            failure,
            respects_quiet,
            by: by.map(str::to_owned),
            planned,
            until: plan.until,
            messages: Default::default(),
            unanswered_at: None,
            answer: None,
            end: None,
        };
        if let Some(incident) = self.incident_mut(id) {
            incident.drill = Some(Drill::Rehearsal(Box::new(rehearsal)));
        }
        let now = self.now;
        if let Some(state) = self.dependency_mut(&dependency) {
            state.drilled_at = Some(now);
        }
        self.keep(&dependency);
        let text = words::begun(&dependency, failure, by, plan.until);
        self.write(EntryKind::Drill, About { by: by.map(str::to_owned), ..About::incident(id) }, text);
        self.state.agenda.by(plan.until, Due::Incident(id));
        Ok(id)
    }

    /// What the passing of time asks of a drill.
    pub(crate) fn look_at_drill(&mut self, id: IncidentId) {
        let Some(incident) = self.state.incidents.get(&id).filter(|one| one.is_open()) else { return };
        let Some(rehearsal) = incident.rehearsal() else { return };
        let (ends_at, end) = match &rehearsal.answer {
            Some(answer) => (later(answer.at, LINGERS), DrillEnd::Answered),
            None => (rehearsal.until, DrillEnd::TimedOut),
        };
        if ends_at > self.now {
            return self.state.agenda.by(ends_at, Due::Incident(id));
        }
        if end == DrillEnd::TimedOut {
            self.unanswered(id);
        }
        self.end_drill(id, end);
    }

    /// Somebody took it up: how far the policies had come is told before they end.
    pub(crate) fn drill_answered(&mut self, id: IncidentId, by: &str) {
        let Some(incident) = self.state.incidents.get(&id) else { return };
        if incident.rehearsal().is_none_or(|one| one.answer.is_some()) {
            return;
        }
        let steps = incident
            .escalations
            .iter()
            .map(|(name, one)| DrillStep { escalation: name.clone(), number: one.taken });
        let answer = Answer { by: by.to_owned(), at: self.now, steps: steps.collect() };
        let ends_at = later(self.now, LINGERS);
        if let Some(rehearsal) = self.rehearsal_mut(id) {
            rehearsal.answer = Some(answer);
        }
        self.state.agenda.by(ends_at, Due::Incident(id));
    }

    /// All steps of a policy passed. When no other one goes on, nobody has answered.
    pub(crate) fn drill_exhausted(&mut self, id: IncidentId) {
        use mainstay_model::Progress;
        let goes_on = self.state.incidents.get(&id).is_none_or(|incident| {
            let mut running = incident.escalations.values();
            running.any(|one| matches!(one.progress, Progress::Waiting { .. }))
        });
        if !goes_on {
            self.unanswered(id);
        }
    }

    /// A first step, which is no escalation yet and is told of a drill all the same.
    pub(crate) fn drill_steps_first(&mut self, id: IncidentId, policy: &EscalationName) {
        if self.state.incidents.get(&id).is_some_and(|one| one.rehearsal().is_some()) {
            self.write(EntryKind::Drill, About::incident(id), format!("Step 1 of {policy} is told."));
        }
    }

    /// Something real of this dependency happens: whatever is played of it must not stand in its way.
    pub(crate) fn make_way(&mut self, alert: &Alert) {
        if matches!(alert.key.subject, Subject::Drill(_)) {
            return;
        }
        let Some(name) = crate::incident::dependency_of(alert) else { return };
        if let Some(id) = self.state.running_drill(name).map(|incident| incident.id) {
            let why = format!("it makes way for something real: {}", wording::clause(alert));
            self.end_drill(id, DrillEnd::Interrupted { why });
        }
    }

    /// The dependency is gone, and with it what was said of its drills.
    pub(crate) fn drop_drills(&mut self, name: &DependencyName) {
        let why = "it was removed from the configuration";
        if let Some(id) = self.state.running_drill(name).map(|incident| incident.id) {
            self.end_drill(id, DrillEnd::Interrupted { why: format!("{name} is gone, {why}") });
        }
        self.ended(&unanswered(name), why);
    }

    fn end_drill(&mut self, id: IncidentId, end: DrillEnd) {
        if let Some(rehearsal) = self.rehearsal_mut(id) {
            rehearsal.end.get_or_insert(end);
        }
        self.resolve(id, None);
    }

    /// The incident of a drill is being resolved, by its time or by hand: what it showed is written down, and its alert ends with it.
    pub(crate) fn close_drill(&mut self, id: IncidentId, by: Option<&str>) {
        let Some(rehearsal) = self.rehearsal_mut(id) else { return };
        rehearsal.end.get_or_insert(match (&rehearsal.answer, by) {
            (None, Some(by)) => DrillEnd::CalledOff { by: by.to_owned() },
            _ => DrillEnd::Answered,
        });
        let rehearsal = rehearsal.clone();
        let Some(incident) = self.incident_mut(id) else { return };
        let keys: Vec<String> = std::mem::take(&mut incident.alerts).into_keys().collect();
        let opened_at = incident.opened_at;
        keys.iter().for_each(|key| self.state.index.alert_ended(key));
        let score = drill_score(&rehearsal, opened_at);
        self.write(EntryKind::Drill, About::incident(id).shown_by(words::told(&rehearsal)), score.clone());
        self.news(id).lines.push(score.clone());
        if rehearsal.result() == DrillResult::Answered {
            self.ended_saying(&unanswered(&rehearsal.dependency), score);
        }
    }

    /// Nobody took it up, which is no rehearsal any more. It is told once for each drill.
    fn unanswered(&mut self, id: IncidentId) {
        let now = self.now;
        let Some(rehearsal) = self.rehearsal_mut(id) else { return };
        if rehearsal.answer.is_some() || rehearsal.unanswered_at.is_some() {
            return;
        }
        rehearsal.unanswered_at = Some(now);
        let rehearsal = rehearsal.clone();
        let Some(opened_at) = self.state.incidents.get(&id).map(|one| one.opened_at) else { return };
        let alert = unanswered_alert(id, &rehearsal, opened_at, now, &self.state.landscape.operator_url);
        let key = alert.key.to_string();
        let said_before = self.state.index.of_alert(&key);
        if said_before.is_some_and(|before| !self.is_open(before)) {
            // It was resolved by hand, and that was about an earlier drill.
            self.state.index.alert_ended(&key);
        }
        self.raised(&alert, &[]);
        if let Some(before) = said_before.filter(|before| self.is_open(*before)) {
            let news = self.news(before);
            news.urgent = true;
            news.lines.push(alert.diagnosis.cause);
        }
    }

    /// What is played in an incident, to be changed.
    fn rehearsal_mut(&mut self, id: IncidentId) -> Option<&mut Rehearsal> {
        self.state.incidents.get(&id)?.rehearsal()?;
        match self.incident_mut(id)?.drill.as_mut()? {
            Drill::Rehearsal(rehearsal) => Some(rehearsal),
            Drill::Echo { .. } => None,
        }
    }

    /// That nobody was reached in a drill belongs to the drill.
    pub(crate) fn echo_of(&self, alert: &Alert) -> Option<Drill> {
        let Subject::Incident(of) = alert.key.subject else { return None };
        let is_drill = self.state.incidents.get(&of).is_some_and(|one| one.is_drill());
        is_drill.then_some(Drill::Echo { of })
    }
}

/// What is played, as it would be if it were so.
fn alert(
    name: &DependencyName,
    failure: FailureKind,
    severity: Severity,
    by: Option<&str>,
    now: Timestamp,
    landscape: &Landscape,
) -> Alert {
    let provider = landscape.dependencies.get(name).and_then(|one| one.provider.as_ref());
    let provider = provider.map(|provider| landscape.provider_title(provider).to_owned());
    Alert {
        key: key(name),
        severity,
        since: now,
        failure: Some(drill_failure(failure)),
        diagnosis: words::diagnosis(name, failure, by, provider.as_deref(), now),
        breaks_at: None,
        external: None,
    }
}

fn unanswered_alert(
    id: IncidentId,
    rehearsal: &Rehearsal,
    opened_at: Timestamp,
    now: Timestamp,
    operator_url: &str,
) -> Alert {
    Alert {
        key: unanswered(&rehearsal.dependency),
        severity: Severity::High,
        since: now,
        failure: None,
        diagnosis: words::nobody_answered(id, rehearsal, opened_at, operator_url),
        breaks_at: None,
        external: None,
    }
}

/// How urgent it would be if it were so.
fn severity(dependency: &Dependency, landscape: &Landscape) -> Severity {
    let changed = landscape.rules.severity_of(Rule::Down);
    changed.unwrap_or_else(|| dependency.criticality.severity_when_down())
}

pub(crate) fn key(name: &DependencyName) -> AlertKey {
    AlertKey { subject: Subject::Drill(name.clone()), rule: Rule::Down.into() }
}

fn unanswered(name: &DependencyName) -> AlertKey {
    AlertKey { subject: Subject::Drill(name.clone()), rule: Rule::DrillUnanswered.into() }
}
