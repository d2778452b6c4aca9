use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use mainstay_model::{
    Alert, AlertKey, AuditAct, ChannelName, DependencyName, DependencyState, Diagnosis, EntryKind, Landscape,
    Progress, Rule, Severity, Subject, in_words,
};

mod rules;

use crate::agenda::Due;
use crate::checked::unchecked;
use crate::time::{clock, since};
use crate::turn::{About, PAUSE, Turn};
use crate::wording::list;

impl Turn<'_> {
    /// A configuration was loaded. Dependencies are kept by name; the same configuration again changes nothing.
    pub(crate) fn configured(&mut self, landscape: Arc<Landscape>) {
        self.ended(&mainstay(Rule::ConfigurationRefused), "");
        let at_start = self.state.awake_since.is_none();
        if !at_start && self.state.landscape == landscape {
            return;
        }
        if at_start {
            self.resume_drills();
        } else {
            // What was due by the old plans; the new ones begin now.
            self.look_at_drills();
        }
        let before = std::mem::replace(&mut self.state.landscape, landscape.clone());
        self.state.providers = by_provider(&landscape);
        self.take_rules(&before, &landscape);
        self.state.awake_since.get_or_insert(self.now);
        self.end_rules(&before);
        let removed = self.remove_missing(&landscape);
        let added = self.add_new(&landscape, at_start);
        self.forget_other_endpoints(&landscape);
        self.waivers_meet(&landscape);
        self.forget_channels(&landscape);
        self.forget_schedules();
        self.effects.publish = true;
        if tells_others(&before, &landscape) {
            self.look_at_open_incidents();
        }
        self.meet_heartbeats();
        self.meet_channels();
        self.state.agenda.by(self.now, Due::Channels);
        self.write_blind_time();
        self.write_configured(&before, at_start, &added, &removed);
        self.audit(None, AuditAct::ConfigurationLoaded(landscape.clone()));
        self.enter_deadlines(at_start);
        if at_start || before.references != landscape.references {
            self.meet_references();
        }
    }

    /// A new version was refused.
    pub(crate) fn configuration_refused(&mut self, problems: Vec<String>) {
        let diagnosis = Diagnosis {
            cause: "The new version of the configuration has errors, so it was not taken over.".into(),
            evidence: problems.into_iter().take(50).collect(),
            actions: vec!["Mend what is listed; `mainstay config check` shows it again.".into()],
        };
        self.raised(&alert(Rule::ConfigurationRefused, self.now, diagnosis), &[]);
    }

    /// What happened could not be written for a while. It is told once it can be written.
    pub(crate) fn store_recovered(&mut self, since: Timestamp, error: String) {
        let diagnosis = Diagnosis {
            cause: format!("From {} to {} nothing could be written.", clock(since), clock(self.now)),
            evidence: vec![error],
            actions: vec![
                "See whether the disk of the data directory is full or the database was away.".into(),
            ],
        };
        self.raised(&alert(Rule::StoreFailing, since, diagnosis), &[]);
        self.ended(&mainstay(Rule::StoreFailing), "");
    }

    fn remove_missing(&mut self, landscape: &Landscape) -> Vec<DependencyName> {
        let known = self.state.dependencies.keys();
        let gone: Vec<_> =
            known.filter(|name| !landscape.dependencies.contains_key(*name)).cloned().collect();
        for name in &gone {
            self.change_alerts(name, Vec::new(), "it was removed from the configuration");
            self.drop_drills(name);
            if let Some(state) = self.state.dependencies.remove(name) {
                self.effects.commit.dependencies.push(state);
            }
            self.state.kept.remove(name);
            self.state.agenda.forget(&Due::Dependency(name.clone()));
        }
        gone
    }

    fn add_new(&mut self, landscape: &Landscape, at_start: bool) -> Vec<DependencyName> {
        let names = landscape.dependencies.keys();
        let new: Vec<_> =
            names.filter(|name| !self.state.dependencies.contains_key(*name)).cloned().collect();
        for name in &new {
            self.state.dependencies.insert(name.clone(), unchecked(name, self.now));
            if !at_start {
                // It may have been here before: what was written of it then must not come back.
                self.keep(name);
            }
        }
        new
    }

    /// What was learned of another server, or by another rule of trust, says nothing of the one that is configured now.
    fn forget_other_endpoints(&mut self, landscape: &Landscape) {
        for (name, dependency) in &landscape.dependencies {
            let endpoint = dependency.endpoint();
            let Some(state) = self.state.dependencies.get(name) else { continue };
            if state.endpoint.as_ref() == Some(&endpoint) {
                continue;
            }
            let is_other = state.endpoint.is_some();
            if is_other {
                self.begin_anew(name);
            }
            if let Some(state) = self.dependency_mut(name) {
                state.endpoint = Some(endpoint);
            }
        }
    }

    /// The verdict stays until checks say otherwise, and with it what is told of it.
    fn begin_anew(&mut self, name: &DependencyName) {
        let Some(state) = self.dependency_mut(name) else { return };
        *state = DependencyState {
            verdict: state.verdict,
            since: state.since,
            alerts: std::mem::take(&mut state.alerts),
            changes: std::mem::take(&mut state.changes),
            last_conclusive_at: state.last_conclusive_at,
            drilled_at: state.drilled_at,
            ..DependencyState::unchecked(name.clone(), state.since)
        };
        let alerts = state.alerts.clone();
        let of_before = |alert: &Alert| !self.is_of_the_endpoint(&alert.key.rule);
        let rest = alerts.into_iter().filter(of_before).collect();
        self.change_alerts(name, rest, "it points to another server or verifies differently now");
        self.keep(name);
        let text = format!(
            "{name} points to another server or verifies differently now; what was learned of certificates and speed begins anew."
        );
        self.write(EntryKind::Mainstay, About::dependency(name), text);
    }

    fn forget_channels(&mut self, landscape: &Landscape) {
        let named = self.state.index.alerts().filter_map(|(key, _)| channel_of(key));
        let gone: BTreeSet<_> = named.filter(|name| !landscape.channels.contains_key(name)).collect();
        for name in gone {
            for key in [crate::channels::failing(&name), crate::proof::key(&name)] {
                self.ended(&key, "it was removed from the configuration");
            }
        }
    }

    /// What happened while nobody looked is not known, and the history must not look as if nothing had.
    fn write_blind_time(&mut self) {
        let Some(from) = self.state.blind_since.take() else { return };
        let length = since(from, self.now);
        if length > PAUSE {
            let text = format!(
                "Mainstay was not running from {} to {}, so nothing is known of that time.",
                clock(from),
                clock(self.now)
            );
            let last = format!("The last that it wrote was {} before this start.", in_words(length));
            let evidence = std::iter::once(last).chain(self.not_done(from)).collect();
            self.write(EntryKind::Mainstay, About::default().shown_by(evidence), text);
        }
    }

    /// What would have been done since then, one fact each.
    fn not_done(&self, from: Timestamp) -> Vec<String> {
        let blind = since(from, self.now).unsigned_abs().as_secs_f64();
        let dependencies = &self.state.landscape.dependencies;
        let each = |every: std::time::Duration| (blind / every.as_secs_f64().max(1.0)).floor();
        let checks: f64 = dependencies.values().map(|one| each(one.every)).sum();
        let of = match dependencies.len() {
            1 => "1 dependency".to_owned(),
            count => format!("{count} dependencies"),
        };
        let mut missed = vec![format!("{checks:.0} checks of {of} were not made.")];
        for incident in self.state.incidents.values().filter(|incident| incident.is_open()) {
            for (name, escalating) in &incident.escalations {
                if let Progress::Waiting { until, .. } = &escalating.progress
                    && (from..=self.now).contains(until)
                {
                    let late = in_words(since(*until, self.now));
                    missed.push(format!("{name} is told of “{}” {late} late.", incident.title));
                }
            }
        }
        missed
    }

    fn write_configured(
        &mut self,
        before: &Landscape,
        at_start: bool,
        added: &[DependencyName],
        removed: &[DependencyName],
    ) {
        let text = match (at_start, added, removed) {
            (true, ..) => {
                let count = self.state.dependencies.len();
                format!("Mainstay started and watches {count} dependencies.")
            }
            (_, [], []) => "The configuration changed.".into(),
            (_, added, []) => format!("The configuration changed: {} added.", list(added)),
            (_, [], removed) => format!("The configuration changed: {} removed.", list(removed)),
            (_, added, removed) => {
                format!("The configuration changed: {} added, {} removed.", list(added), list(removed))
            }
        };
        let fewer = before.channels.keys().filter(|name| !self.state.landscape.channels.contains_key(*name));
        let fewer = fewer.map(|name| format!("The channel {name} is gone."));
        let evidence = fewer.chain(self.switched_off(before)).collect();
        self.write(EntryKind::Mainstay, About::default().shown_by(evidence), text);
    }

    /// Everything derived from time is entered anew: intervals, criticality and routes may have changed.
    fn enter_deadlines(&mut self, at_start: bool) {
        for name in self.state.dependencies.keys().cloned().collect::<Vec<_>>() {
            self.judge(&name);
        }
        for name in self.state.landscape.schedules.keys().cloned().collect::<Vec<_>>() {
            self.look_at_schedule(&name);
        }
        self.await_drills();
        if at_start {
            self.state.agenda.by(self.now, Due::Drills);
            let incidents: Vec<_> = self.state.incidents.keys().copied().collect();
            incidents.into_iter().for_each(|id| self.state.agenda.by(self.now, Due::Incident(id)));
            self.state.agenda.by(self.now, Due::Network);
            self.await_digest();
        }
    }
}

/// Whether somebody else may be told of what is open now.
fn tells_others(before: &Landscape, now: &Landscape) -> bool {
    before.routes != now.routes
        || before.quiets != now.quiets
        || before.people != now.people
        || before.schedules != now.schedules
        || before.escalations != now.escalations
        || before.fallback != now.fallback
}

fn by_provider(landscape: &Landscape) -> BTreeMap<mainstay_model::ProviderName, Vec<DependencyName>> {
    let mut all: BTreeMap<_, Vec<DependencyName>> = BTreeMap::new();
    for dependency in landscape.dependencies.values() {
        if let Some(provider) = &dependency.provider {
            all.entry(provider.clone()).or_default().push(dependency.name.clone());
        }
    }
    all
}

fn channel_of(key: &str) -> Option<ChannelName> {
    key.strip_prefix("channel:")?.split_once('/')?.0.parse().ok()
}

fn mainstay(rule: Rule) -> AlertKey {
    AlertKey { subject: Subject::Mainstay, rule: rule.into() }
}

fn alert(rule: Rule, since: Timestamp, diagnosis: Diagnosis) -> Alert {
    Alert {
        key: mainstay(rule),
        severity: Severity::High,
        since,
        failure: None,
        diagnosis,
        breaks_at: None,
        external: None,
    }
}
