use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Alert, EntryKind, Hushed, Incident, IncidentId, Landscape, Match, Quiet, QuietId, QuietKind, QuietTime,
    Rule, Silence,
};

use crate::agenda::Due;
use crate::incident::dependency_of;
use crate::time::{clock, later, signed};
use crate::turn::{About, Turn};

/// Nothing that recurs is quiet for longer than this at a time; the configuration refuses more.
pub(crate) const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// A stretch in which it is quiet, and why.
#[derive(Debug, Clone, PartialEq)]
struct Stretch<'a> {
    kind: QuietKind,
    reason: &'a str,
    until: Option<Timestamp>,
}

impl Stretch<'_> {
    /// One without an end ends last.
    fn ends(&self) -> Timestamp {
        self.until.unwrap_or(Timestamp::MAX)
    }
}

/// When the quiet that holds at a moment ends: `None` when it does not hold then, `Some(None)` when it never ends.
pub fn quiet_until(when: &QuietTime, at: Timestamp) -> Option<Option<Timestamp>> {
    match when {
        QuietTime::Once { from, until } => {
            let begun = from.is_none_or(|from| from <= at);
            (begun && until.is_none_or(|until| at < until)).then_some(*until)
        }
        QuietTime::Recurring { start, recurrence, length, timezone } => {
            let length = signed(*length).min(LONGEST);
            let before = crate::time::earlier(at, length);
            let begins = recurrence.occurrences(*start, timezone, before).take_while(|begin| *begin <= at);
            begins.last().map(|begin| later(begin, length)).filter(|until| at < *until).map(Some)
        }
    }
}

impl Turn<'_> {
    /// Whether nobody is to be told of an open incident now; what that rests on is noted in it, and the end is waited for.
    pub(crate) fn is_hushed(&mut self, id: IncidentId) -> bool {
        let landscape = self.state.landscape.clone();
        let Some(incident) = self.state.incidents.get(&id) else { return false };
        if incident.rehearsal().is_some_and(|drill| !drill.respects_quiet) {
            return false;
        }
        let hushed = self.hush_of(incident, &landscape);
        if hushed != incident.hushed {
            self.note_hush(id, hushed.clone());
        }
        if let Some(until) = hushed.as_ref().and_then(|hushed| hushed.until) {
            self.state.agenda.by(until, Due::Incident(id));
        }
        hushed.is_some()
    }

    fn note_hush(&mut self, id: IncidentId, hushed: Option<Hushed>) {
        let Some(incident) = self.incident_mut(id) else { return };
        incident.hushed.clone_from(&hushed);
        let text = match hushed {
            None => "It is no longer quiet: whoever should know is told.".to_owned(),
            Some(Hushed { kind, reason, until: Some(until) }) => {
                format!("Nobody is told until {}: {kind}, {reason}.", clock(until))
            }
            Some(Hushed { kind, reason, until: None }) => format!("Nobody is told: {kind}, {reason}."),
        };
        self.write(EntryKind::Quiet, About::incident(id), text);
    }

    /// Quiet for every alert of it; the first that ends counts.
    fn hush_of(&self, incident: &Incident, landscape: &Landscape) -> Option<Hushed> {
        let each = incident.alerts.values().map(|alert| self.quiet_of(alert, landscape));
        let all: Option<Vec<Stretch<'_>>> = each.collect();
        let first = all?.into_iter().min_by_key(Stretch::ends)?;
        Some(Hushed { kind: first.kind, reason: first.reason.to_owned(), until: first.until })
    }

    /// What keeps an alert quiet now; of several the one that ends last.
    fn quiet_of<'b>(&'b self, alert: &Alert, landscape: &'b Landscape) -> Option<Stretch<'b>> {
        // That nobody answers is no trouble of the dependency that was expected.
        if alert.key.rule == Rule::DrillUnanswered {
            return None;
        }
        let dependency = dependency_of(alert).and_then(|name| landscape.dependencies.get(name));
        let provider = alert.external.as_ref().and_then(|external| external.provider.as_ref());
        // What concerns Mainstay itself is never quiet.
        if dependency.is_none() && provider.is_none() {
            return None;
        }
        let takes = |what: &Match| {
            let providers = provider.map_or(&[][..], std::slice::from_ref);
            what.takes(alert.severity, alert.failure.as_ref(), dependency.into_iter(), providers)
        };
        let configured = landscape.quiets.iter().filter(|quiet| takes(&quiet.what));
        let made = self.state.silences.values().filter(|silence| takes(&silence.what));
        let configured = configured.filter_map(|quiet| stretch(quiet, self.now));
        let made = made.filter_map(|silence| stretch_made(silence, self.now));
        configured.chain(made).max_by_key(Stretch::ends)
    }

    /// Somebody does not want to be told of something for a while.
    pub(crate) fn silence(&mut self, by: &str, reason: String, what: Match, until: Timestamp) {
        let id = QuietId::new(self.now, self.random);
        let silence = Silence { id, reason, by: by.to_owned(), what, from: self.now, until };
        let text = format!("{by} wants quiet until {}: {}.", clock(until), silence.reason);
        self.write(EntryKind::Quiet, About::default().by(by), text);
        self.keep_silence(silence);
    }

    /// It is told again before the time.
    pub(crate) fn end_silence(&mut self, by: &str, id: QuietId) {
        let Some(silence) = self.state.silences.get(&id) else { return };
        let silence = Silence { until: self.now, ..silence.clone() };
        let text = format!("{by} ended the quiet of {}: {}.", silence.by, silence.reason);
        self.write(EntryKind::Quiet, About::default().by(by), text);
        self.keep_silence(silence);
    }

    fn keep_silence(&mut self, silence: Silence) {
        self.effects.commit.silences.push(silence.clone());
        self.state.silences.remove(&silence.id);
        self.state.silences.retain(|_, one| one.until > self.now);
        if silence.until > self.now {
            self.state.silences.insert(silence.id, silence);
        }
        // At once, so that whoever silences something sees that it is silent.
        self.open_incidents().into_iter().for_each(|id| _ = self.news(id));
    }

    /// Whoever is told of them may have changed.
    pub(crate) fn look_at_open_incidents(&mut self) {
        for id in self.open_incidents() {
            self.state.agenda.by(self.now, Due::Incident(id));
        }
    }

    fn open_incidents(&self) -> Vec<IncidentId> {
        self.state
            .incidents
            .values()
            .filter(|incident| incident.is_open())
            .map(|incident| incident.id)
            .collect()
    }
}

fn stretch(quiet: &Quiet, at: Timestamp) -> Option<Stretch<'_>> {
    let until = quiet_until(&quiet.when, at)?;
    Some(Stretch { kind: quiet.kind, reason: &quiet.reason, until })
}

fn stretch_made(silence: &Silence, at: Timestamp) -> Option<Stretch<'_>> {
    let holds = silence.from <= at && at < silence.until;
    holds.then_some(Stretch { kind: QuietKind::Silence, reason: &silence.reason, until: Some(silence.until) })
}
