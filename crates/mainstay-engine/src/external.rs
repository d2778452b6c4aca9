use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Alert, AlertKey, EntryKind, External, ExternalSource, IncidentId, Rule, Subject, in_words,
};

use crate::agenda::Due;
use crate::time::{clock, later, signed, since};
use crate::turn::{About, Turn};
use crate::wording;
use crate::{ExternalAlert, State};

/// So many alerts of other systems hold at once. A rule that matches everything must not fill the memory; whoever hands in more
/// is refused before, and what comes all the same is written down and left out.
pub const MOST_EXTERNAL: usize = 2_000;

impl Turn<'_> {
    /// Another system handed in alerts.
    pub(crate) fn external(&mut self, source: ExternalSource, alerts: Vec<ExternalAlert>) {
        for alert in alerts {
            match alert.firing {
                true => self.external_fires(source, alert),
                false => self.ended(&key(source, &alert), ""),
            }
        }
    }

    /// That it still holds is no news; it is only noted when it was heard.
    fn external_fires(&mut self, source: ExternalSource, alert: ExternalAlert) {
        let alert = self.known_names(source, alert);
        let text = alert.key.to_string();
        if self.state.index.of_alert(&text).is_some() {
            self.changed(&alert);
        } else if self.state.external_alerts() < MOST_EXTERNAL {
            self.raised(&alert, &[]);
        } else {
            let said = wording::said_by(&alert);
            let text = format!(
                "More than {MOST_EXTERNAL} alerts of other systems hold; this one was left out: {said}."
            );
            return self.write(EntryKind::Mainstay, About::default(), text);
        }
        if let Some(id) = self.state.index.of_alert(&text) {
            self.state.agenda.by(self.silent_at(self.now), Due::Incident(id));
        }
    }

    /// As an alert of ours, with only the names that are configured.
    fn known_names(&self, source: ExternalSource, alert: ExternalAlert) -> Alert {
        let landscape = &self.state.landscape;
        let key = key(source, &alert);
        let dependency = alert.dependency.filter(|name| landscape.dependencies.contains_key(name));
        let provider = alert.provider.filter(|name| landscape.providers.contains_key(name));
        Alert {
            key,
            severity: alert.severity,
            // Its clock may be ahead of ours.
            since: alert.since.min(self.now),
            failure: None,
            diagnosis: alert.diagnosis,
            breaks_at: None,
            external: Some(External {
                title: alert.title,
                dependency,
                provider,
                heard_at: self.now,
                silence_told: false,
            }),
        }
    }

    /// An alert whose source fell silent is not over: its end may have been lost on the way. It stays, and people are told once, since
    /// only they can find out.
    pub(crate) fn look_at_silence(&mut self, id: IncidentId) {
        let Some(incident) = self.state.incidents.get(&id) else { return };
        let waiting = incident.alerts.values().filter_map(|alert| {
            let external = alert.external.as_ref().filter(|external| !external.silence_told)?;
            Some((alert.key.to_string(), self.silent_at(external.heard_at)))
        });
        let (silent, still): (Vec<_>, Vec<_>) = waiting.partition(|(_, at)| *at <= self.now);
        for (key, _) in silent {
            self.tell_silence(id, &key);
        }
        if let Some(next) = still.into_iter().map(|(_, at)| at).min() {
            self.state.agenda.by(next, Due::Incident(id));
        }
    }

    fn tell_silence(&mut self, id: IncidentId, key: &str) {
        let now = self.now;
        let Some(alert) = self.incident_mut(id).and_then(|incident| incident.alerts.get_mut(key)) else {
            return;
        };
        let said = wording::said_by(alert);
        let Some(external) = &mut alert.external else { return };
        external.silence_told = true;
        let text = format!(
            "Nothing was heard for {} of this alert, which neither was repeated nor ended: {said}. It stays open; see at its source \
             whether it still holds, and resolve the incident if not.",
            in_words(since(external.heard_at, now))
        );
        let heard = format!("Heard last at {}.", clock(external.heard_at));
        self.write(EntryKind::Note, About::incident(id).shown_by(vec![heard]), text.clone());
        self.news(id).lines.push(text);
    }

    /// Two intervals: Alertmanager repeats with the next group after the first one.
    fn silent_at(&self, heard_at: Timestamp) -> Timestamp {
        /// However short the interval, a restart of the source takes as long.
        const AT_LEAST: SignedDuration = SignedDuration::from_mins(10);
        let repeat = signed(self.state.landscape.receive.alertmanager_repeat);
        later(heard_at, repeat.saturating_mul(2).max(AT_LEAST))
    }
}

impl State {
    /// Whether this alert of another system holds already.
    pub fn holds_external(&self, source: ExternalSource, alert: &ExternalAlert) -> bool {
        self.index.of_alert(&key(source, alert).to_string()).is_some()
    }
}

fn key(source: ExternalSource, alert: &ExternalAlert) -> AlertKey {
    AlertKey { subject: Subject::External { source, key: alert.key.clone() }, rule: Rule::External.into() }
}
