use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Alert, AlertKey, CheckReport, Dependency, DependencyName, Diagnosis, EntryKind, FailureKind, Phase,
    Protocol, Rule, Severity, Subject, Target, Verdict, in_words,
};

use crate::agenda::Due;
use crate::time::{clock, later, since};
use crate::turn::{About, Turn};
use crate::wording::list;

/// So many dependencies that were fine must be lost at once; where fewer are watched, all of them, and at least two.
const MANY: usize = 3;

/// Losses further apart than this are not "at once".
const AT_ONCE: SignedDuration = SignedDuration::from_mins(2);

/// As long as this the answer of the references is waited for, and verdicts that it may overturn are held back.
const PATIENCE: SignedDuration = SignedDuration::from_secs(5);

/// While offline, the references are asked this often.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// More than this many lost ones prove nothing more.
const REMEMBERED: usize = 1_000;

/// What is suspected of our own network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Network {
    /// Those that were fine and were lost since the last sign of life, with the time of the check.
    lost: BTreeMap<DependencyName, Timestamp>,
    /// When the references were asked and have not answered yet.
    asked_at: Option<Timestamp>,
    /// Those whose break is believed only once the references have answered.
    held_back: Vec<DependencyName>,
}

/// Whether a check failed in a way in which everything fails when our own network is gone. A refused connection is an answer.
pub(crate) fn is_lost(report: &CheckReport) -> bool {
    use FailureKind::*;
    let Some(failure) = &report.failure else { return false };
    match failure.kind {
        ConnectTimedOut | NetworkUnreachable | NameNotResolved | Offline => true,
        TimedOut => failure.phase <= Phase::Connect,
        _ => false,
    }
}

/// The text form of [`offline_key`].
pub(crate) const OFFLINE: &str = "mainstay/offline";

/// The one alert about our own network.
pub(crate) fn offline_key() -> AlertKey {
    AlertKey { subject: Subject::Mainstay, rule: Rule::Offline }
}

impl Turn<'_> {
    /// Takes a check as a sign of life or of its absence.
    pub(crate) fn network_saw(&mut self, dependency: &Dependency, report: &CheckReport) {
        if !is_remote(&dependency.target) {
            return;
        }
        if is_alive(report) {
            self.network_lives(&format!("{} answers", dependency.name));
        } else if is_lost(report) && self.was_not_down(&dependency.name) {
            self.network_lost(dependency, report.checked_at);
        }
    }

    /// Whether the belief in this break waits for the references.
    pub(crate) fn is_held_back(&mut self, name: &DependencyName) -> bool {
        let network = &mut self.state.network;
        let waiting = network.asked_at.is_some() && network.lost.contains_key(name);
        if waiting && !network.held_back.contains(name) {
            network.held_back.push(name.clone());
        }
        waiting
    }

    /// The references answered, or did not.
    pub(crate) fn references_checked(&mut self, reachable: usize, tried: usize) {
        if reachable > 0 {
            return self.network_lives(&format!("{reachable} of {tried} reference targets answer"));
        }
        // Without an open question the answer is old: a sign of life came meanwhile.
        if self.state.network.asked_at.take().is_some() && self.state.offline_since().is_none() {
            self.go_offline(vec![format!("None of {tried} reference targets answers.")]);
        }
    }

    /// The time for an answer is over, or the next question is due.
    pub(crate) fn look_at_network(&mut self) {
        if self.state.offline_since().is_some() {
            self.effects.check_references = !self.state.landscape.references.is_empty();
            return self.state.agenda.by(later(self.now, ASK_AGAIN), Due::Network);
        }
        if self.state.network.asked_at.take().is_some() {
            self.release();
        }
    }

    fn was_not_down(&self, name: &DependencyName) -> bool {
        self.state.dependencies.get(name).is_some_and(|state| state.verdict != Verdict::Down)
    }

    fn network_lost(&mut self, dependency: &Dependency, at: Timestamp) {
        let now = self.now;
        let network = &mut self.state.network;
        network.lost.retain(|_, at| since(*at, now) <= AT_ONCE.max(longest(dependency)));
        if network.lost.len() < REMEMBERED {
            network.lost.entry(dependency.name.clone()).or_insert(at);
        }
        let idle = network.asked_at.is_none() && self.state.offline_since().is_none();
        if idle && self.are_many_lost() {
            self.suspect();
        }
    }

    fn suspect(&mut self) {
        if !self.state.landscape.references.is_empty() {
            self.state.network.asked_at = Some(self.now);
            self.effects.check_references = true;
            self.state.agenda.by(later(self.now, PATIENCE), Due::Network);
        } else if self.state.network.lost.len() >= MANY {
            self.go_offline(vec!["No reference targets are configured that could tell better.".into()]);
        }
    }

    fn are_many_lost(&self) -> bool {
        let lost = &self.state.network.lost;
        let enough = lost.len() >= MANY || lost.len() >= 2 && lost.len() >= self.remotes(MANY);
        enough && self.are_unrelated(lost.keys())
    }

    /// How many dependencies lie beyond this machine, counted up to a limit.
    fn remotes(&self, limit: usize) -> usize {
        let all = self.state.landscape.dependencies.values();
        all.filter(|one| is_remote(&one.target)).take(limit).count()
    }

    /// Whether they do not have one provider and one host in common, whose fault it could be.
    fn are_unrelated<'b>(&self, names: impl Iterator<Item = &'b DependencyName>) -> bool {
        let mut all = names.filter_map(|name| self.state.landscape.dependencies.get(name));
        let Some(first) = all.next() else { return false };
        all.any(|one| one.provider != first.provider || one.target.host != first.target.host)
    }

    fn go_offline(&mut self, evidence: Vec<String>) {
        let lost = std::mem::take(&mut self.state.network.lost);
        self.state.network.held_back.clear();
        let at = lost.values().min().copied().unwrap_or(self.now);
        self.raised(&offline_alert(at, self.urgency(lost.keys()), &lost, evidence), &[]);
        for name in lost.keys() {
            self.withdraw(name, "Mainstay could not tell: our own network was gone");
        }
        self.state.agenda.by(later(self.now, ASK_AGAIN), Due::Network);
    }

    fn urgency<'b>(&self, names: impl Iterator<Item = &'b DependencyName>) -> Severity {
        let all = names.filter_map(|name| self.state.landscape.dependencies.get(name));
        all.map(|one| one.criticality.severity_when_down())
            .max()
            .unwrap_or(Severity::High)
            .max(Severity::High)
    }

    fn network_lives(&mut self, sign: &str) {
        self.state.network.lost.clear();
        self.state.network.asked_at = None;
        self.release();
        let Some(gone_since) = self.state.offline_since() else { return };
        self.state.awake_since = Some(self.now);
        let lasted = in_words(since(gone_since, self.now));
        self.ended(&offline_key(), &format!("it was offline for {lasted}; {sign}"));
        self.write(
            EntryKind::Mainstay,
            About::default().shown_by(vec![format!("First sign of life: {sign}.")]),
            format!("Mainstay is online again after {lasted}. That time counts as nobody's downtime."),
        );
        self.look_at_all_again();
    }

    /// Those that were held back are believed now.
    fn release(&mut self) {
        let landscape = self.state.landscape.clone();
        for name in std::mem::take(&mut self.state.network.held_back) {
            if let Some(dependency) = landscape.dependencies.get(&name) {
                self.settle(dependency);
            }
        }
    }

    /// Deadlines of staleness were not kept while offline.
    fn look_at_all_again(&mut self) {
        let at = later(self.now, SignedDuration::from_secs(60));
        for name in self.state.dependencies.keys().cloned().collect::<Vec<_>>() {
            self.state.agenda.by(at, Due::Dependency(name));
        }
    }
}

/// A dependency checked rarely is lost late: two of its intervals still count as at once.
fn longest(dependency: &Dependency) -> SignedDuration {
    crate::time::signed(dependency.every).saturating_mul(2)
}

/// Whether reaching it takes our network.
fn is_remote(target: &Target) -> bool {
    let local = target.host == "localhost" || target.ip().is_some_and(|ip| ip.is_loopback());
    target.protocol != Protocol::File && !local
}

/// Whether the other side said anything: then our network is there, however bad the answer.
fn is_alive(report: &CheckReport) -> bool {
    use FailureKind::*;
    match report.verdict {
        Verdict::Healthy | Verdict::Degraded => true,
        Verdict::Inconclusive => false,
        // A refusal may come from our own router.
        Verdict::Down => {
            !is_lost(report) && report.failure.as_ref().is_none_or(|one| one.kind != ConnectRefused)
        }
    }
}

fn offline_alert(
    at: Timestamp,
    severity: Severity,
    lost: &BTreeMap<DependencyName, Timestamp>,
    mut evidence: Vec<String>,
) -> Alert {
    evidence.insert(0, format!("{} were lost at once, and nothing else answered.", list(lost.keys())));
    let diagnosis = Diagnosis {
        cause: format!("Mainstay reaches nothing since {}: its own network is gone.", clock(at)),
        evidence,
        actions: vec![
            "See whether the machine of Mainstay has its network, its route and its name servers.".into(),
            "Until then nothing is known of the dependencies; none is called down for it.".into(),
        ],
    };
    Alert { key: offline_key(), severity, since: at, failure: None, diagnosis, breaks_at: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_has_its_text_form() {
        assert_eq!(offline_key().to_string(), OFFLINE);
    }
}
