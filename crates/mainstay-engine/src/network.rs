use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Alert, AlertKey, Blame, CheckReport, Dependency, DependencyName, Diagnosis, EntryKind, Failure,
    FailureKind, Observation, Phase, Protocol, ProviderName, Rule, Severity, Subject, Target, Verdict,
    in_words,
};

use crate::agenda::Due;
use crate::time::{clock, earlier, later, since};
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

/// Losses that are too old are forgotten this often: going through all of them for each would take too long when all are lost.
const FORGET_EVERY: SignedDuration = SignedDuration::from_secs(1);

/// What is suspected of our own network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Network {
    lost: Lost,
    /// When the references were asked and have not answered yet.
    asked_at: Option<Timestamp>,
    /// Whether they are to be asked with the next tick.
    to_ask: bool,
    /// Whether one of them ever answered. Those that never did may be blocked here, so that their silence proves nothing.
    proven: bool,
    /// Those whose break is believed only once the references have answered; at most every dependency.
    held_back: BTreeSet<DependencyName>,
}

impl Network {
    /// Times of a clock that was ahead count as now.
    pub(crate) fn clock_went_back(&mut self, now: Timestamp) {
        let times = self.lost.by_owner.values_mut().flat_map(BTreeMap::values_mut);
        times.chain(&mut self.asked_at).for_each(|at| *at = now.min(*at));
    }
}

/// Those that were fine and were lost since the last sign of life, with the time of the check; at most every dependency.
#[derive(Debug, Clone, Default)]
struct Lost {
    by_owner: BTreeMap<Owner, BTreeMap<DependencyName, Timestamp>>,
    forgot_at: Option<Timestamp>,
}

/// Whose fault it could be that several are lost at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Provider(ProviderName),
    Host(String),
}

impl Lost {
    fn add(&mut self, dependency: &Dependency, at: Timestamp) {
        let owner = match &dependency.provider {
            Some(provider) => Owner::Provider(provider.clone()),
            None => Owner::Host(dependency.target.host.clone()),
        };
        self.by_owner.entry(owner).or_default().entry(dependency.name.clone()).or_insert(at);
    }

    fn forget_before(&mut self, begin: Timestamp, now: Timestamp) {
        let lately = |at: &Timestamp| *at <= now && since(*at, now) < FORGET_EVERY;
        if self.forgot_at.as_ref().is_some_and(lately) {
            return;
        }
        self.forgot_at = Some(now);
        self.by_owner.retain(|_, names| {
            names.retain(|_, at| *at >= begin);
            !names.is_empty()
        });
    }

    /// How many there are, where more than [`MANY`] need not be told apart.
    fn count(&self) -> usize {
        self.by_owner.values().take(MANY).map(BTreeMap::len).sum()
    }

    /// Whether no single provider, or host of nobody's, can be at fault.
    fn are_unrelated(&self) -> bool {
        self.by_owner.len() > 1
    }

    fn all(&self) -> BTreeMap<&DependencyName, Timestamp> {
        self.by_owner.values().flatten().map(|(name, at)| (name, *at)).collect()
    }
}

/// Whether a check failed in a way in which everything fails when our own network is gone. A refused connection is an answer, and
/// a check that we ourselves were too busy for is not the network's fault; that we have no route is.
pub(crate) fn is_lost(report: &CheckReport) -> bool {
    report.failure.as_ref().is_some_and(is_lost_by)
}

/// The same of the failure alone.
pub(crate) fn is_lost_by(failure: &Failure) -> bool {
    use FailureKind::*;
    let ours = failure.blame == Blame::Us;
    match failure.kind {
        NetworkUnreachable | Offline => true,
        ConnectTimedOut | NameNotResolved => !ours,
        TimedOut => !ours && failure.phase <= Phase::Connect,
        _ => false,
    }
}

/// The text form of [`offline_key`].
pub(crate) const OFFLINE: &str = "mainstay/offline";

/// The one alert about our own network.
pub(crate) fn offline_key() -> AlertKey {
    AlertKey { subject: Subject::Mainstay, rule: Rule::Offline.into() }
}

impl Turn<'_> {
    /// References that are new have to show first that they can be reached at all. Until they did, nothing that is lost is believed.
    pub(crate) fn meet_references(&mut self) {
        let any = !self.state.landscape.references.is_empty();
        let network = &mut self.state.network;
        network.proven = false;
        network.to_ask = any;
        network.asked_at = any.then_some(self.now);
        self.state.agenda.by(later(self.now, SignedDuration::from_secs(1)), Due::Network);
    }

    /// Takes a check as a sign of life or of its absence.
    pub(crate) fn network_saw(&mut self, dependency: &Dependency, report: &CheckReport) {
        if is_alive(&dependency.target, report) {
            self.network_lives(&format!("{} answers", dependency.name));
        } else if is_lost(report)
            && reach(&dependency.target, Some(report)) == Reach::Beyond
            && self.was_not_down(&dependency.name)
        {
            self.network_lost(dependency, report.checked_at.min(self.now));
        }
    }

    /// Whether the belief in this break waits for the references.
    pub(crate) fn is_held_back(&mut self, name: &DependencyName) -> bool {
        let waits = self.state.network.asked_at.is_some();
        if waits {
            self.state.network.held_back.insert(name.clone());
        }
        waits
    }

    /// The references answered, or did not.
    pub(crate) fn references_checked(&mut self, reachable: usize, tried: usize) {
        if reachable > 0 {
            self.state.network.proven = true;
            return self.network_lives(&format!("{reachable} of {tried} reference targets answer"));
        }
        // Without an open question the answer is old: a sign of life came meanwhile.
        if self.state.network.asked_at.take().is_none() || self.state.offline_since().is_some() {
            return;
        }
        if self.state.network.proven {
            self.go_offline(vec![format!("None of {tried} reference targets answers.")]);
        } else if self.are_many_lost() {
            self.suspect_alone();
        }
        self.release();
    }

    /// The time for an answer is over, or the next question is due.
    pub(crate) fn look_at_network(&mut self) {
        if self.state.offline_since().is_some() {
            self.effects.check_references = !self.state.landscape.references.is_empty();
            return self.state.agenda.by(later(self.now, ASK_AGAIN), Due::Network);
        }
        if std::mem::take(&mut self.state.network.to_ask) {
            self.effects.check_references = true;
        }
        let until = self.state.network.asked_at.map(|at| later(at, PATIENCE));
        if let Some(until) = until.filter(|until| self.now < *until) {
            return self.state.agenda.by(until, Due::Network);
        }
        self.state.network.asked_at = None;
        self.release();
    }

    fn was_not_down(&self, name: &DependencyName) -> bool {
        self.state.dependencies.get(name).is_some_and(|state| state.verdict != Verdict::Down)
    }

    fn network_lost(&mut self, dependency: &Dependency, at: Timestamp) {
        let begin = earlier(self.now, AT_ONCE.max(longest(dependency)));
        let network = &mut self.state.network;
        network.lost.forget_before(begin, self.now);
        network.lost.add(dependency, at);
        let idle = network.asked_at.is_none() && self.state.offline_since().is_none();
        if idle && self.are_many_lost() {
            self.suspect();
        }
    }

    fn suspect(&mut self) {
        if self.state.network.proven {
            self.state.network.asked_at = Some(self.now);
            self.effects.check_references = true;
            self.state.agenda.by(later(self.now, PATIENCE), Due::Network);
        } else {
            self.suspect_alone();
        }
    }

    /// Without references that can tell, two that are lost are too few.
    fn suspect_alone(&mut self) {
        if self.state.network.lost.count() < MANY {
            return;
        }
        let why = if self.state.landscape.references.is_empty() {
            "No reference targets are configured that could tell better."
        } else {
            "No reference target has ever answered from here, so their silence does not tell more."
        };
        self.go_offline(vec![why.into()]);
    }

    fn are_many_lost(&self) -> bool {
        let lost = &self.state.network.lost;
        let count = lost.count();
        lost.are_unrelated() && (count >= MANY || count >= 2 && count >= self.remotes(MANY))
    }

    /// How many dependencies lie beyond our own network, counted up to a limit.
    fn remotes(&self, limit: usize) -> usize {
        let all = self.state.landscape.dependencies.values();
        let last =
            |one: &Dependency| self.state.dependencies.get(&one.name).and_then(|state| state.last.as_ref());
        all.filter(|one| reach(&one.target, last(one)) == Reach::Beyond).take(limit).count()
    }

    fn go_offline(&mut self, evidence: Vec<String>) {
        let lost = std::mem::take(&mut self.state.network.lost);
        let all = lost.all();
        let mut withdrawn = std::mem::take(&mut self.state.network.held_back);
        withdrawn.extend(all.keys().copied().cloned());
        let at = all.values().min().copied().unwrap_or(self.now);
        self.raised(&offline_alert(at, self.urgency(all.keys().copied()), &all, evidence), &[]);
        for name in &withdrawn {
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
        self.state.network.lost = Lost::default();
        self.state.network.asked_at = None;
        self.release();
        let Some(gone_since) = self.state.offline_since() else { return };
        self.state.awake_since = Some(self.now);
        let lasted = in_words(since(gone_since, self.now).max(SignedDuration::ZERO));
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

/// How far away something is: what it can say of our way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// On this machine; it takes no network.
    Machine,
    /// In our own network; it works and fails without our way out.
    Near,
    /// Beyond it.
    Beyond,
}

/// Whether a loss may be the fault of our own network.
pub(crate) fn may_be_ours(dependency: &Dependency, report: &CheckReport) -> bool {
    is_lost(report) && reach(&dependency.target, Some(report)) != Reach::Machine
}

/// The farthest of the addresses that a check saw. Without any, a name is taken for one beyond.
pub(crate) fn reach(target: &Target, report: Option<&CheckReport>) -> Reach {
    if target.protocol == Protocol::File || target.host == "localhost" {
        return Reach::Machine;
    }
    if let Some(ip) = target.ip() {
        return reach_of(ip);
    }
    let seen = report.into_iter().flat_map(|report| &report.addresses);
    seen.filter_map(address).map(reach_of).max().unwrap_or(Reach::Beyond)
}

fn address(observation: &Observation) -> Option<IpAddr> {
    observation.address.parse().ok().map(|address: SocketAddr| address.ip())
}

/// Private addresses are those of RFC 1918, RFC 4193 and RFC 3927, and the link-local ones of RFC 4291.
fn reach_of(ip: IpAddr) -> Reach {
    match ip.to_canonical() {
        ip if ip.is_loopback() => Reach::Machine,
        IpAddr::V4(ip) if ip.is_private() || ip.is_link_local() => Reach::Near,
        IpAddr::V6(ip) if ip.is_unique_local() || ip.is_unicast_link_local() => Reach::Near,
        _ => Reach::Beyond,
    }
}

/// Whether an address beyond our own network said anything: then our way out is there, however bad the answer.
fn is_alive(target: &Target, report: &CheckReport) -> bool {
    let beyond = |one: &Observation| address(one).is_none_or(|ip| reach_of(ip) == Reach::Beyond);
    reach(target, Some(report)) == Reach::Beyond
        && report.addresses.iter().any(|one| beyond(one) && answered(one))
}

fn answered(observation: &Observation) -> bool {
    match (observation.verdict, &observation.failure) {
        (Verdict::Healthy | Verdict::Degraded, _) => true,
        (Verdict::Down, Some(failure)) => is_answer(failure),
        (Verdict::Down, None) | (Verdict::Inconclusive, _) => false,
    }
}

fn is_answer(failure: &Failure) -> bool {
    use FailureKind::*;
    match failure.kind {
        // A refusal may come from our own router.
        ConnectRefused => false,
        ConnectTimedOut | NetworkUnreachable | NameNotResolved | Offline => false,
        TimedOut => failure.blame != Blame::Us && failure.phase > Phase::Connect,
        _ => true,
    }
}

fn offline_alert(
    at: Timestamp,
    severity: Severity,
    lost: &BTreeMap<&DependencyName, Timestamp>,
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
    Alert {
        key: offline_key(),
        severity,
        since: at,
        failure: None,
        diagnosis,
        breaks_at: None,
        external: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_has_its_text_form() {
        assert_eq!(offline_key().to_string(), OFFLINE);
    }
}
