use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use mainstay_model::{
    Alert, AlertKey, DependencyName, EntryKind, External, Impact, Incident, IncidentId, IncidentState,
    Landscape, Room, Rule, Subject, Told,
};

use crate::cause::{cause_key, is_availability};
use crate::time::since;
use crate::turn::{About, Turn};
use crate::wording;

/// Alerts of one cause join one incident, and a cause that returns opens it again, within this time. What is broken now joins for as
/// long as the incident is open.
const TOGETHER: SignedDuration = SignedDuration::from_mins(10);

/// As many alerts are one incident; more of the same cause open a further one. Longer lists are read by nobody, and every change
/// writes the whole incident.
const AT_MOST: usize = 200;

impl Turn<'_> {
    /// An alert began: it joins the incident of its cause, opens that again, or opens a new one.
    ///
    /// `siblings` are the other alerts of the same dependency as they were until now.
    pub(crate) fn raised(&mut self, alert: &Alert, siblings: &[Alert]) {
        let key = alert.key.to_string();
        if self.state.index.of_alert(&key).is_some() {
            return self.changed(alert);
        }
        self.make_way(alert);
        let cause = cause_key(alert, &self.state.landscape);
        let id = match self.home(alert, &cause, siblings) {
            Some(id) => {
                self.join(id, alert);
                id
            }
            None => self.open(alert, cause),
        };
        self.state.index.alert(&key, id);
    }

    /// An alert that holds says something else now.
    pub(crate) fn changed(&mut self, alert: &Alert) {
        let key = alert.key.to_string();
        let Some(id) = self.state.index.of_alert(&key) else { return self.raised(alert, &[]) };
        let Some(incident) = self.incident_mut(id) else { return };
        let is_worse = incident.alerts.get(&key).is_some_and(|before| is_worse(alert, before));
        if is_worse && !incident.is_open() {
            // Whoever closed it did so when less was at stake.
            return self.goes_on(id, alert);
        }
        let before = incident.alerts.insert(key, alert.clone());
        let kind = |alert: &Alert| alert.failure.as_ref().map(|failure| failure.kind);
        let is_open = incident.is_open();
        let news = self.news(id);
        if is_open && before.is_some_and(|before| kind(&before) != kind(alert)) {
            news.lines.push(format!("Now {}.", wording::clause(alert)));
        }
    }

    /// What goes on after its incident was closed by hand is a matter of its own now: the incident opens again, or another one does.
    pub(crate) fn goes_on(&mut self, closed: IncidentId, alert: &Alert) {
        let key = alert.key.to_string();
        if let Some(incident) = self.incident_mut(closed) {
            incident.alerts.remove(&key);
        }
        self.state.index.alert_ended(&key);
        self.raised(alert, &[]);
    }

    /// An alert ended.
    pub(crate) fn ended(&mut self, key: &AlertKey, why: &str) {
        self.ended_in_words(key, |alert| wording::ended(alert, why));
    }

    /// The same with a sentence of its own.
    pub(crate) fn ended_saying(&mut self, key: &AlertKey, sentence: String) {
        self.ended_in_words(key, |_| sentence);
    }

    fn ended_in_words(&mut self, key: &AlertKey, say: impl FnOnce(&Alert) -> String) {
        let text = key.to_string();
        let Some(id) = self.state.index.of_alert(&text) else { return };
        self.state.index.alert_ended(&text);
        let Some(incident) = self.incident_mut(id) else { return };
        let Some(alert) = incident.alerts.remove(&text) else { return };
        incident.changes = incident.changes.saturating_add(1);
        let quiet = is_damped(incident, &alert);
        let is_open = incident.is_open();
        // What was announced has happened: that is said where it broke, and is no good news here.
        let came_true = alert.breaks_at.is_some_and(|at| at <= self.now);
        let sentence = if came_true { wording::came_true(key) } else { say(&alert) };
        self.write(EntryKind::AlertEnded, About::incident(id).of(dependency_of(&alert)), sentence.clone());
        let news = self.news(id);
        if is_open && !quiet && !came_true {
            news.lines.push(sentence);
        }
    }

    /// The incident that an alert belongs to, if there is one.
    fn home(&self, alert: &Alert, cause: &str, siblings: &[Alert]) -> Option<IncidentId> {
        siblings
            .iter()
            .find_map(|sibling| self.home_of_sibling(alert, cause, sibling))
            .or_else(|| {
                let incident = self.state.incidents.get(&self.state.index.of_cause(cause)?)?;
                if incident.alerts.len() >= AT_MOST {
                    return None;
                }
                let latest = incident.resolved_at().or(incident.joined_at).unwrap_or(incident.opened_at);
                let is_near = since(latest, self.now).abs() <= TOGETHER;
                (is_near || incident.is_open() && is_looked_for(alert)).then_some(incident.id)
            })
            .or_else(|| self.home_between_systems(alert))
    }

    /// What another system says of something that we found broken, and what we find of something that it spoke of before, is one
    /// trouble seen twice.
    fn home_between_systems(&self, alert: &Alert) -> Option<IncidentId> {
        let real = |incident: &&Arc<Incident>| incident.is_open() && !incident.is_drill();
        let open = self.state.incidents.values().filter(real);
        let fits = |incident: &&Arc<Incident>| {
            incident.alerts.len() < AT_MOST
                && incident.alerts.values().any(|other| is_same_trouble(alert, other, &self.state.landscape))
        };
        open.filter(fits).max_by_key(|incident| incident.opened_at).map(|incident| incident.id)
    }

    /// One trouble of one dependency stays one incident, however long it takes from its announcement to the break.
    fn home_of_sibling(&self, alert: &Alert, cause: &str, sibling: &Alert) -> Option<IncidentId> {
        let id = self.state.index.of_alert(&sibling.key.to_string())?;
        let incident = self.state.incidents.get(&id).filter(|incident| incident.is_open())?;
        let both = is_availability(&alert.key.rule) && is_availability(&sibling.key.rule);
        (both || cause_key(sibling, &self.state.landscape) == cause).then_some(incident.id)
    }

    fn join(&mut self, id: IncidentId, alert: &Alert) {
        let now = self.now;
        let Some(incident) = self.incident_mut(id) else { return };
        let returned = !incident.is_open();
        let impending = incident.breaks_at.is_some() && !returned;
        let broke = impending && alert.key.rule == Rule::Down;
        let announced = incident.alerts.values().any(|one| one.key.subject == alert.key.subject);
        let quiet = is_damped(incident, alert);
        if returned {
            incident.state = IncidentState::Open;
            incident.room.merged_into = None;
        }
        incident.joined_at = Some(now);
        incident.changes = incident.changes.saturating_add(1);
        incident.alerts.insert(alert.key.to_string(), alert.clone());
        let clause = wording::clause(alert);
        let (kind, sentence) = match (returned, broke) {
            (true, _) => (EntryKind::Opened, format!("It is back: {clause}.")),
            (_, true) if announced => {
                (EntryKind::Broke, format!("What was announced has happened: {clause}."))
            }
            _ => (wording::entry_for(&alert.key.rule), format!("{clause}.")),
        };
        let about = About::incident(id).of(dependency_of(alert)).shown_by(shown(alert));
        self.write(kind, about, sentence.clone());
        if returned {
            self.customers_hear_of_return(id);
        }
        if broke {
            // A severity was chosen for what was only announced.
            if let Some(incident) = self.incident_mut(id) {
                incident.room.severity = None;
            }
            self.needs_people_again(id, "before it broke");
        }
        let news = self.news(id);
        news.urgent |= returned || broke;
        if returned || broke || !quiet {
            news.lines.push(sentence);
        }
    }

    pub(crate) fn open(&mut self, alert: &Alert, cause_key: String) -> IncidentId {
        let id = IncidentId::new(self.now, self.random);
        let clause = wording::clause(alert);
        let incident = Incident {
            id,
            title: clause.clone(),
            severity: alert.severity,
            state: IncidentState::Open,
            cause_key,
            opened_at: self.now,
            since: alert.since,
            breaks_at: alert.breaks_at,
            alerts: BTreeMap::from([(alert.key.to_string(), alert.clone())]),
            dependencies: Vec::new(),
            providers: Vec::new(),
            components: Vec::new(),
            impact: Impact::None,
            failure: alert.failure.clone(),
            diagnosis: alert.diagnosis.clone(),
            changes: 0,
            publication: None,
            broke_at: None,
            told: Told::default(),
            widest: None,
            escalations: BTreeMap::new(),
            hushed: None,
            room: Room::default(),
            joined_at: Some(self.now),
            drill: self.echo_of(alert),
        };
        self.state.index.cause(&incident.cause_key, id);
        self.state.incidents.insert(id, Arc::new(incident));
        self.news(id).opened = true;
        let about = About::incident(id).of(dependency_of(alert)).shown_by(shown(alert));
        self.write(EntryKind::Opened, about, format!("{clause}."));
        id
    }
}

/// Whether an alert is found when it is looked for, and not when it begins: of a provider that is away, what is checked seldom is seen
/// long after the rest. What is announced or judged by degrees is a matter of its own, so that its becoming more urgent is not lost in
/// an incident that is more urgent already.
fn is_looked_for(alert: &Alert) -> bool {
    is_availability(&alert.key.rule) || alert.key.rule == Rule::Stale
}

/// Whether an alert is more urgent than it was, or what it announced has begun.
fn is_worse(alert: &Alert, before: &Alert) -> bool {
    alert.severity > before.severity || before.breaks_at.is_some() && alert.breaks_at.is_none()
}

/// Single changes of something that flaps are not told, only that it flaps.
pub(crate) fn is_damped(incident: &Incident, alert: &Alert) -> bool {
    let Subject::Dependency(_) = &alert.key.subject else { return false };
    let flapping = AlertKey { subject: alert.key.subject.clone(), rule: Rule::Flapping.into() };
    alert.key.rule != Rule::Flapping && incident.alerts.contains_key(&flapping.to_string())
}

pub(crate) fn dependency_of(alert: &Alert) -> Option<&DependencyName> {
    match &alert.key.subject {
        Subject::Dependency(name) | Subject::Drill(name) => Some(name),
        Subject::External { .. } => alert.external.as_ref()?.dependency.as_ref(),
        Subject::Channel(_)
        | Subject::Heartbeat(_)
        | Subject::Incident(_)
        | Subject::Schedule(_)
        | Subject::Mainstay => None,
    }
}

/// Whether one is of another system, the other too or about how well a dependency can be reached, and both name the same.
fn is_same_trouble(one: &Alert, other: &Alert, landscape: &Landscape) -> bool {
    let (external, own) = match (&one.external, &other.external) {
        (Some(external), None) => (external, other),
        (None, Some(external)) => (external, one),
        (Some(one), Some(other)) => return name_the_same(one, other),
        (None, None) => return false,
    };
    let Some(name) = dependency_of(own).filter(|_| is_availability(&own.key.rule)) else { return false };
    let provider = landscape.dependencies.get(name).and_then(|one| one.provider.as_ref());
    match &external.dependency {
        Some(named) => named == name,
        None => external.provider.is_some() && external.provider.as_ref() == provider,
    }
}

fn name_the_same(one: &External, other: &External) -> bool {
    match (&one.dependency, &other.dependency) {
        (Some(one), Some(other)) => one == other,
        _ => one.provider.is_some() && one.provider == other.provider,
    }
}

fn shown(alert: &Alert) -> Vec<String> {
    std::iter::once(&alert.diagnosis.cause).chain(&alert.diagnosis.evidence).cloned().collect()
}
