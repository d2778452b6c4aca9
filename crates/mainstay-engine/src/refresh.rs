use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Alert, ComponentName, Criticality, DependencyName, EntryKind, EscalationName, Impact, Incident,
    IncidentId, IncidentState, Landscape, ProviderName, Rule, RuleKey, Severity, Subject, Widest,
};

use crate::agenda::Due;
use crate::incident::{dependency_of, is_damped};
use crate::rules::{self, Facts};
use crate::time::later;
use crate::turn::{About, Turn};
use crate::wording;

/// Resolved incidents stay at hand this long, for the pages and for causes that return.
pub(crate) const REMEMBERED: SignedDuration = SignedDuration::from_hours(14 * 24);

impl Turn<'_> {
    /// Brings every incident that something happened to in line with its alerts.
    pub(crate) fn refresh_incidents(&mut self) {
        let mut refreshed = BTreeSet::new();
        // What ends with one may be what another is about: that nobody was reached is over with what nobody was reached about.
        loop {
            let is_over =
                |id| self.state.incidents.get(id).is_some_and(|one| one.is_open() && one.alerts.is_empty());
            let fresh = self.news.keys().filter(|id| is_over(*id) || !refreshed.contains(*id));
            let fresh = fresh.copied().collect::<Vec<_>>();
            if fresh.is_empty() {
                return;
            }
            refreshed.extend(fresh.iter().copied());
            fresh.into_iter().for_each(|id| self.refresh(id));
        }
    }

    /// What the passing of time asks of an incident: damped messages, and to be forgotten.
    pub(crate) fn look_at_incident(&mut self, id: IncidentId) {
        let Some(incident) = self.state.incidents.get(&id) else { return };
        if let Some(at) = incident.resolved_at() {
            let until = later(at, REMEMBERED);
            if until <= self.now {
                self.state.index.forget(incident);
                self.state.incidents.remove(&id);
            } else {
                self.state.agenda.by(until, Due::Incident(id));
            }
        } else {
            self.look_at_snooze(id);
            self.look_at_drill(id);
            self.look_at_promise(id);
            self.look_at_silence(id);
            self.news(id);
        }
    }

    fn refresh(&mut self, id: IncidentId) {
        self.renew_words(id);
        let Some(incident) = self.state.incidents.get(&id) else { return };
        match lead(incident).cloned() {
            _ if !incident.is_open() => {}
            None => self.resolve(id, None),
            Some(lead) => self.follow(id, &lead),
        }
    }

    /// What rules of one's own say has the values of now whenever something is told.
    fn renew_words(&mut self, id: IncidentId) {
        let landscape = self.state.landscape.clone();
        let Some(incident) = self.state.incidents.get(&id).filter(|one| one.is_open()).cloned() else {
            return;
        };
        for (key, alert) in &incident.alerts {
            let (Subject::Dependency(name), RuleKey::Own(rule)) = (&alert.key.subject, &alert.key.rule)
            else {
                continue;
            };
            let (Some(dependency), Some(state)) =
                (landscape.dependencies.get(name), self.state.dependencies.get(name).cloned())
            else {
                continue;
            };
            let facts = Facts { whole: self.state, dependency, state: &state, now: self.now, offline: false };
            let words = rules::words(&facts, rule).filter(|words| *words != alert.diagnosis);
            let Some(words) = words else { continue };
            if let Some(alert) = self.incident_mut(id).and_then(|one| one.alerts.get_mut(key)) {
                alert.diagnosis = words.clone();
            }
            let alerts = self.dependency_mut(name).map(|state| &mut state.alerts);
            if let Some(alert) = alerts.and_then(|all| all.iter_mut().find(|one| one.key == alert.key)) {
                alert.diagnosis = words;
            }
            self.keep(name);
        }
    }

    /// Ends an incident, by hand or because nothing of it holds any more.
    pub(crate) fn resolve(&mut self, id: IncidentId, by: Option<&str>) {
        let now = self.now;
        self.close_drill(id, by);
        if by.is_some() {
            self.take_as_usual(id);
        }
        let Some(incident) = self.incident_mut(id) else { return };
        let still_broken = incident.alerts.values().any(is_broken);
        incident.state = IncidentState::Resolved { at: now, by: by.map(str::to_owned) };
        incident.breaks_at = None;
        incident.hushed = None;
        if incident.broke_at.is_some() && !still_broken {
            incident.room.mitigated_at.get_or_insert(now);
        }
        // Dependencies recover one by one, and the last of them is not what it was about.
        if let Some(widest) = &incident.widest {
            incident.title.clone_from(&widest.title);
        }
        let about = About::incident(id);
        match by {
            Some(who) => self.write(EntryKind::Resolved, about.by(who), format!("Resolved by {who}.")),
            None => self.write(EntryKind::Resolved, about, "It is over."),
        }
        let news = self.news(id);
        news.resolved = true;
        if let Some(who) = by.filter(|_| still_broken) {
            news.lines.push(format!("{who} closed it by hand; it was not over."));
        }
        self.end_escalations(id, "it is over");
        self.customers_hear_of_end(id);
        self.forget_later(id);
    }

    /// What is over stays at hand for a while.
    pub(crate) fn forget_later(&mut self, id: IncidentId) {
        self.state.agenda.by(later(self.now, REMEMBERED), Due::Incident(id));
    }

    /// The most telling of its alerts speaks for the incident.
    fn follow(&mut self, id: IncidentId, lead: &Alert) {
        let landscape = self.state.landscape.clone();
        let (opened, now) = (self.news(id).opened, self.now);
        let in_hand = self.policies_in_hand(id);
        let eased = self.state.incidents.get(&id).is_some_and(|incident| self.state.is_eased(incident, now));
        let Some(incident) = self.incident_mut(id) else { return };
        gather(incident, &landscape);
        let before = incident.severity;
        let urgent = most_urgent(incident, lead).clone();
        incident.severity = severity(incident, urgent.severity);
        incident.failure = lead.failure.clone();
        incident.diagnosis = lead.diagnosis.clone();
        incident.since =
            incident.alerts.values().map(|alert| alert.since).fold(incident.since, Timestamp::min);
        incident.breaks_at = breaks_at(incident);
        incident.impact = incident.impact.max(impact(incident, &landscape));
        incident.broke_at = broke_at(incident, &landscape);
        note_mitigation(incident, eased, now);
        incident.title = wording::title(incident, lead, &landscape);
        widen(incident, lead);
        let after = incident.severity;
        if before < after && !opened {
            self.became_more_urgent(id, before, after, &urgent);
        }
        if in_hand.is_some_and(|before| self.policies(id).iter().any(|name| !before.contains(name))) {
            self.needs_people_again(id, "when it did not concern everybody that it concerns now");
        }
        self.customers_hear_by_policy(id);
    }

    /// The policies that an incident leads to that somebody took up.
    fn policies_in_hand(&self, id: IncidentId) -> Option<Vec<EscalationName>> {
        let incident = self.state.incidents.get(&id)?;
        matches!(incident.state, IncidentState::Acknowledged { .. }).then(|| self.policies(id))
    }

    fn policies(&self, id: IncidentId) -> Vec<EscalationName> {
        let routed = self.state.incidents.get(&id).and_then(|incident| self.routed(incident));
        routed.map(|audience| audience.escalations).unwrap_or_default()
    }

    /// Whoever took it up did so when less was at stake: as it is now, nobody has.
    pub(crate) fn needs_people_again(&mut self, id: IncidentId, taken_up: &str) {
        let Some(incident) = self.state.incidents.get(&id) else { return };
        if let IncidentState::Acknowledged { by, .. } = &incident.state {
            let text = format!("{by} took it up {taken_up}; whoever is responsible now is told anew.");
            if let Some(incident) = self.incident_mut(id) {
                incident.state = IncidentState::Open;
            }
            self.write(EntryKind::Room, About::incident(id), text);
        }
        // Policies that are exhausted or far along begin anew: what is at stake has changed.
        if let Some(incident) = self.incident_mut(id) {
            incident.escalations.clear();
        }
    }

    fn became_more_urgent(&mut self, id: IncidentId, before: Severity, after: Severity, urgent: &Alert) {
        let text = format!("Severity {after}, was {before}.");
        self.needs_people_again(id, "when it was less urgent");
        let about = About::incident(id).shown_by(vec![urgent.diagnosis.cause.clone()]);
        self.write(EntryKind::SeverityChanged, about, text.clone());
        let news = self.news(id);
        news.urgent = true;
        if news.lines.is_empty() {
            news.lines.push(format!("{text} {}", urgent.diagnosis.cause));
        }
    }
}

/// The most urgent of its alerts so far, unless a person chose another and the alerts are no more urgent than they were then.
fn severity(incident: &mut Incident, of_alerts: Severity) -> Severity {
    match incident.room.severity {
        Some(chosen) if of_alerts <= chosen.instead_of => chosen.severity,
        chosen => {
            incident.room.severity = None;
            let before = if chosen.is_some() { of_alerts } else { incident.severity };
            before.max(of_alerts)
        }
    }
}

/// `eased`: whether what is broken works all the same for those who rely on it.
fn note_mitigation(incident: &mut Incident, eased: bool, now: Timestamp) {
    if incident.alerts.values().any(is_broken) && !eased {
        incident.room.mitigated_at = None;
    } else if incident.broke_at.is_some() {
        incident.room.mitigated_at.get_or_insert(now);
    }
}

fn widen(incident: &mut Incident, lead: &Alert) {
    let alike = incident.alerts.values().filter(|alert| alert.key.rule == lead.key.rule).count();
    let alerts = u32::try_from(alike).unwrap_or(u32::MAX);
    let now = Widest { broken: is_broken(lead), alerts, title: incident.title.clone() };
    let wider =
        incident.widest.as_ref().is_none_or(|was| (was.broken, was.alerts) <= (now.broken, now.alerts));
    if wider {
        incident.widest = Some(now);
    }
}

/// What is broken before what is announced, then the most urgent, then the oldest. Of a dependency that flaps, only that is told.
fn lead(incident: &Incident) -> Option<&Alert> {
    let rank = |alert: &&Alert| (is_broken(alert), alert.severity, std::cmp::Reverse(alert.since));
    incident.alerts.values().filter(|alert| !is_damped(incident, alert)).max_by_key(rank)
}

/// The alert that gives the incident its severity; the leading one unless another is more urgent.
fn most_urgent<'a>(incident: &'a Incident, lead: &'a Alert) -> &'a Alert {
    let most = incident.alerts.values().max_by_key(|alert| alert.severity);
    most.filter(|most| most.severity > lead.severity).unwrap_or(lead)
}

/// Whether something does not work now, rather than soon or for others.
pub(crate) fn is_broken(alert: &Alert) -> bool {
    matches!(alert.key.rule.built_in(), Some(Rule::Down | Rule::Degraded | Rule::Flapping))
}

/// Who is part of it: whoever joined once stays.
fn gather(incident: &mut Incident, landscape: &Landscape) {
    let names: Vec<DependencyName> = incident.alerts.values().filter_map(dependency_of).cloned().collect();
    let named = incident.alerts.values().filter_map(|alert| alert.external.as_ref()?.provider.clone());
    for provider in named.collect::<Vec<_>>() {
        add::<ProviderName>(&mut incident.providers, &provider);
    }
    for name in names {
        if let Some(dependency) = landscape.dependencies.get(&name) {
            if let Some(provider) = &dependency.provider {
                add::<ProviderName>(&mut incident.providers, provider);
            }
            for component in &dependency.used_by {
                add::<ComponentName>(&mut incident.components, component);
            }
        }
        add(&mut incident.dependencies, &name);
    }
}

fn add<T: PartialEq + Clone>(all: &mut Vec<T>, one: &T) {
    if !all.contains(one) {
        all.push(one.clone());
    }
}

/// When things will break, while nothing is broken.
fn breaks_at(incident: &Incident) -> Option<Timestamp> {
    if incident.alerts.values().any(is_broken) {
        return None;
    }
    incident.alerts.values().filter_map(|alert| alert.breaks_at).min()
}

/// What customers feel of what is broken now.
fn impact(incident: &Incident, landscape: &Landscape) -> Impact {
    incident.alerts.values().map(|alert| felt(alert, landscape)).max().unwrap_or(Impact::None)
}

/// Since when customers could feel it.
fn broke_at(incident: &Incident, landscape: &Landscape) -> Option<Timestamp> {
    let felt = incident.alerts.values().filter(|alert| felt(alert, landscape) > Impact::None);
    felt.map(|alert| alert.since).chain(incident.broke_at).min()
}

/// What customers feel of one alert: nothing where no component uses the dependency.
fn felt(alert: &Alert, landscape: &Landscape) -> Impact {
    // A drill is of a dependency and says nothing of how it does.
    if matches!(alert.key.subject, Subject::Drill(_)) {
        return Impact::None;
    }
    let dependency = dependency_of(alert).and_then(|name| landscape.dependencies.get(name));
    let Some(dependency) = dependency.filter(|dependency| !dependency.used_by.is_empty()) else {
        return Impact::None;
    };
    // What a rule of one's own says is for the team: nobody knows here whether a customer feels it.
    let Some(rule) = alert.key.rule.built_in() else { return Impact::None };
    match (rule, dependency.criticality) {
        (Rule::Down, Criticality::Critical) => Impact::Critical,
        (Rule::Down, Criticality::High | Criticality::Normal) => Impact::Major,
        (Rule::Down | Rule::Degraded | Rule::Flapping | Rule::TooSlow, _) => Impact::Minor,
        _ => Impact::None,
    }
}
