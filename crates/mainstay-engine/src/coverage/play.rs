//! One break of one dependency at one moment, played with the engine until everybody was told who would be.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Breaking, Certificate, ChannelName, CheckReport, Delivery, Dependency, DependencyName, Escalating,
    Expired, Failure, FailureKind, Finding, FindingKind, Fingerprint, GapWarning, Heard, Incident,
    IncidentId, Landscape, LatencyBaseline, Leads, MessageKind, Observation, Otherwise, Phases, Progress,
    Protocol, Random, Recipient, Rule, RuleName, Severity, TlsFacts, Verdict, expiry_steps,
};

use super::calendar::Calendar;
use super::{Known, breaks};
use crate::audience::{Audience, Topic};
use crate::rules::FLAPPING_WINDOW;
use crate::time::{earlier, later, signed};
use crate::{Effects, Event, State};

/// Whoever is not told within this of a break, or of the end of what held the message back, counts as not told. It has room for a
/// digest once a day, on the day on which the clock is set back too.
const PATIENCE: SignedDuration = SignedDuration::from_hours(26);

/// An escalation is followed for so long; one that goes on begins its rounds again and reaches nobody new.
pub(crate) const LONGEST: SignedDuration = SignedDuration::from_hours(8 * 24);

/// Nothing is waited for longer than this, quiet times included.
const AT_MOST: SignedDuration = SignedDuration::from_hours(64 * 24);

/// A rule that follows the clock is judged so long after the clock has changed at the latest.
const CLOCK: SignedDuration = SignedDuration::from_secs(61);

/// So long before a break everything is in order.
const BEFORE: SignedDuration = SignedDuration::from_secs(20);

/// As many moments are looked at in one play at most: more than any has, but for a rule of one's own that is judged every minute.
const MOST_MOMENTS: usize = 50_000;

/// The life of a certificate of which nothing is known.
pub(crate) const USUAL_LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What a play shows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Played {
    /// Everybody who is told, in order; the times count from the break.
    pub(crate) told: Vec<Heard>,
    /// Why nobody is told sooner or at all.
    pub(crate) why: Why,
    /// How long after the break anything was decided at a moment that comes so long after every break, and not at one that the calendar
    /// has fixed.
    pub(crate) moments: BTreeSet<SignedDuration>,
    /// For how long after the break it was looked at: what happens later has no part in it.
    pub(crate) length: SignedDuration,
    /// The rules of one's own that fired.
    pub(crate) fired: BTreeSet<RuleName>,
}

/// What became of the incident, as far as it says why somebody was not told.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Why {
    /// Whether there was an incident at all.
    pub(crate) noticed: bool,
    /// How urgent it was when it opened.
    pub(crate) severity: Option<Severity>,
    /// The first route that mutes it, as a path of places from 0.
    pub(crate) muted_by: Option<Vec<usize>>,
    /// Whether no route takes it.
    pub(crate) no_route: bool,
    /// The schedules that it leads to and in which nobody is on call.
    pub(crate) unstaffed: BTreeSet<String>,
    /// The people that it leads to who have no channel.
    pub(crate) unreachable: BTreeSet<String>,
    /// Why it is quiet and until when, where it was.
    pub(crate) hushed: Option<(String, Option<Timestamp>)>,
}

/// What is broken, in which way exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Script {
    /// As [`Breaking`] says; not for a certificate's end.
    Breaks(Breaking),
    /// A certificate of this life reaches this step towards its end, counted from 0.
    Nears { life: SignedDuration, step: usize },
}

/// The stage for plays with one dependency: the configuration with it alone.
///
/// What others do has no part in who is told of it, but for all of them being lost at once, which is told as Mainstay's own trouble.
pub(crate) struct Stage<'a> {
    landscape: Arc<Landscape>,
    pub(crate) dependency: &'a Dependency,
    known: Option<&'a Known>,
    life: SignedDuration,
}

impl<'a> Stage<'a> {
    /// `bare` is the configuration without any dependency.
    pub(crate) fn new(bare: &Landscape, dependency: &'a Dependency, known: Option<&'a Known>) -> Stage<'a> {
        let alone = Landscape {
            dependencies: [(dependency.name.clone(), dependency.clone())].into(),
            // That somebody will be missing is told of its own; to look for it far ahead would only take time here.
            gap_warning: GapWarning(std::time::Duration::from_secs(6 * 3_600)),
            ..bare.clone()
        };
        let life = known.and_then(|known| known.lives.get(&dependency.name)).copied().unwrap_or(USUAL_LIFE);
        Stage { landscape: Arc::new(alone), dependency, known, life }
    }

    /// The life of its certificate, as far as that is known.
    pub(crate) fn life(&self) -> SignedDuration {
        self.life
    }

    /// Everything in order at a moment: the last good check was just then.
    pub(crate) fn prepare(&self, at: Timestamp) -> Prepared<'_> {
        let mut state = State::default();
        if let Some(known) = self.known {
            state = state.with_overrides(known.overrides.clone()).silenced(known.silences.clone());
        }
        let mut play = Prepared { stage: self, state, random: Random::seeded(1), at };
        let begin = earlier(at, BEFORE);
        play.step(Event::Configured(self.landscape.clone()), begin);
        play.step(Event::ReferencesChecked { reachable: 1, tried: 1 }, begin);
        play.step(Event::Tick, later(begin, SignedDuration::from_secs(10)));
        play.keep_usual_latency();
        // A certificate in the first third of its life.
        let certificate = self.certificate(earlier(at, self.life / 4));
        for second in [2, 1, 0] {
            let at = earlier(at, SignedDuration::from_secs(second));
            let good = self.good(at, &certificate);
            play.step(Event::Checked(Box::new(good)), at);
        }
        play
    }

    fn certificate(&self, not_before: Timestamp) -> Option<Certificate> {
        self.certificate_of(not_before, self.life)
    }

    fn certificate_of(&self, not_before: Timestamp, life: SignedDuration) -> Option<Certificate> {
        let ends = breaks::breaks(self.dependency).contains(&Breaking::CertificateEnding);
        let mut sha256 = [0; 32];
        let (first, second) = sha256.split_at_mut(16);
        first[..8].copy_from_slice(&not_before.as_second().to_be_bytes());
        second[..8].copy_from_slice(&life.as_secs().to_be_bytes());
        ends.then(|| Certificate {
            position: 0,
            sent: true,
            in_path: true,
            subject: format!("CN={}", self.dependency.target.host),
            issuer: "CN=Rehearsal".into(),
            names: vec![self.dependency.target.host.clone()],
            serial: "01".into(),
            not_before,
            not_after: later(not_before, life),
            sha256: Fingerprint(sha256),
            spki_sha256: Fingerprint([1; 32]),
            key: "EC P-256".into(),
            der: None,
        })
    }

    fn good(&self, at: Timestamp, certificate: &Option<Certificate>) -> CheckReport {
        let observation = self.observation(Verdict::Healthy, 10.0, certificate, true);
        CheckReport {
            endpoint: None,
            target: self.dependency.target.to_string(),
            dependency: Some(self.dependency.name.clone()),
            verdict: Verdict::Healthy,
            failure: None,
            addresses: vec![observation],
            findings: Vec::new(),
            diagnosis: None,
            resolve_ms: None,
            checked_at: at,
        }
    }

    fn bad(&self, at: Timestamp, failure: Failure, certificate: &Option<Certificate>) -> CheckReport {
        let mut report = self.good(at, certificate);
        report.verdict = Verdict::Down;
        let shows = failure.kind.is_certificate();
        let mut one = self.observation(Verdict::Down, 10.0, if shows { certificate } else { &None }, false);
        one.failure = Some(failure.clone());
        report.addresses = vec![one];
        report.failure = Some(failure);
        report
    }

    fn observation(
        &self,
        verdict: Verdict,
        ms: f64,
        certificate: &Option<Certificate>,
        verified: bool,
    ) -> Observation {
        let target = &self.dependency.target;
        let file = target.file.as_ref().map(|file| file.display().to_string());
        // Of a name, an address that lies beyond one's own network (RFC 5737).
        let address = || match target.ip() {
            Some(ip) => SocketAddr::new(ip, target.port).to_string(),
            None => format!("192.0.2.1:{}", target.port),
        };
        let timed = target.protocol != Protocol::File;
        Observation {
            address: file.unwrap_or_else(address),
            verdict,
            failure: None,
            also: Vec::new(),
            phases: Phases { connect_ms: timed.then_some(ms), ..Phases::default() },
            tls: certificate.clone().map(|certificate| TlsFacts {
                version: timed.then(|| "TLSv1.3".to_owned()),
                cipher: None,
                verified,
                certificates: vec![certificate],
            }),
        }
    }
}

/// A stage on which everything is in order; each break is played from it.
#[derive(Clone)]
pub(crate) struct Prepared<'a> {
    stage: &'a Stage<'a>,
    state: State,
    random: Random,
    at: Timestamp,
}

impl Prepared<'_> {
    /// One step of the engine, as one of a server that has been running all the time.
    fn step(&mut self, event: Event, now: Timestamp) -> Effects {
        if self.state.last_step_at.is_some() {
            self.state.last_step_at = Some(now);
        }
        self.state.step(event, now, &mut self.random)
    }

    /// What is usual was learnt from many good checks, and the slow ones of a play change nothing about it: how many a play makes, and
    /// so how soon slowness would be the new usual, says nothing about a real server.
    fn keep_usual_latency(&mut self) {
        if let Some(state) = self.state.dependencies.get_mut(&self.stage.dependency.name) {
            let latency = &mut Arc::make_mut(state).latency;
            *latency = LatencyBaseline { count: 1_000, mean_ms: 10.0, deviation_ms: 1.0, ..latency.clone() };
        }
    }

    /// Plays a break.
    pub(crate) fn play(&self, script: Script, calendar: &Calendar) -> Played {
        Play::new(self.clone(), script, calendar).run()
    }

    /// Lets a healthy dependency get older, and says at which moments which rules of one's own held.
    pub(crate) fn watch(
        mut self,
        moments: impl Iterator<Item = Timestamp>,
        mut seen: impl FnMut(Timestamp, &BTreeSet<RuleName>),
    ) {
        let begin = earlier(self.at, self.stage.life / 4);
        let certificate = self.stage.certificate(begin);
        for at in moments {
            let good = self.stage.good(at, &certificate);
            self.state.awake_since = Some(at);
            self.step(Event::Checked(Box::new(good)), at);
            self.step(Event::Tick, at);
            seen(at, &own_alerts(&self.state, &self.stage.dependency.name));
        }
    }
}

fn own_alerts(state: &State, name: &DependencyName) -> BTreeSet<RuleName> {
    let alerts = state.dependencies.get(name).into_iter().flat_map(|state| &state.alerts);
    alerts
        .filter_map(|alert| match &alert.key.rule {
            mainstay_model::RuleKey::Own(rule) => Some(rule.clone()),
            mainstay_model::RuleKey::BuiltIn(_) => None,
        })
        .collect()
}

/// A play under way.
struct Play<'a> {
    on: Prepared<'a>,
    script: Script,
    calendar: &'a Calendar,
    /// Moments that are known to come so long after the break, and those that are known to come so long after what the calendar has
    /// fixed.
    free: BTreeSet<Timestamp>,
    fixed: BTreeSet<Timestamp>,
    /// Checks that are still to be made by themselves, and when the next one is.
    checks_left: u32,
    next_check: Timestamp,
    /// Checks that the engine asked for.
    rechecks: Vec<Timestamp>,
    certificate: Option<Certificate>,
    /// The incidents that are about the break, and those that say that nobody was reached about them.
    about: BTreeSet<IncidentId>,
    unreached: BTreeSet<IncidentId>,
    limit: Timestamp,
    told: Vec<Heard>,
    why: Why,
    moments: BTreeSet<SignedDuration>,
    fired: BTreeSet<RuleName>,
}

impl<'a> Play<'a> {
    fn new(mut on: Prepared<'a>, script: Script, calendar: &'a Calendar) -> Play<'a> {
        let stage = on.stage;
        if script != Script::Breaks(Breaking::Unchecked) {
            // Checks go on all the time; those that say nothing new need not be made for nothing to be stale.
            on.state.awake_since = Some(later(on.at, AT_MOST.saturating_mul(2)));
        }
        let every = signed(stage.dependency.every);
        let at = on.at;
        let (certificate, checks_left, next_check) = match script {
            Script::Nears { life, step } => {
                let left = later(at, life);
                let steps = expiry_steps(at, left);
                let until_step = steps.get(step).map_or(life, |(when, _)| when.duration_since(at));
                // At that very moment the certificate of before was seen, and of two checks of one moment the first counts.
                (
                    stage.certificate_of(earlier(at, until_step), life),
                    1,
                    later(at, SignedDuration::from_secs(1)),
                )
            }
            Script::Breaks(Breaking::Unchecked) => (None, 0, at),
            Script::Breaks(breaking) => {
                let confirm = stage.dependency.confirm;
                // Enough to be believed, or to be seen to flap, where it is checked often enough for that.
                let flaps = breaking == Breaking::Flapping && every.saturating_mul(6) < FLAPPING_WINDOW;
                let changes = if flaps { 4 } else { 1 };
                let checks = changes * (confirm.of + confirm.recoveries + 4);
                (stage.certificate(earlier(at, stage.life / 4)), checks, later(at, every))
            }
        };
        Play {
            limit: later(at, PATIENCE.saturating_add(every.saturating_mul(4))),
            on,
            script,
            calendar,
            free: BTreeSet::new(),
            fixed: BTreeSet::new(),
            checks_left,
            next_check,
            rechecks: Vec::new(),
            certificate,
            about: BTreeSet::new(),
            unreached: BTreeSet::new(),
            told: Vec::new(),
            why: Why::default(),
            moments: BTreeSet::new(),
            fired: BTreeSet::new(),
        }
    }

    fn run(mut self) -> Played {
        let begin = self.on.at;
        let mut now = begin;
        for _ in 0..MOST_MOMENTS {
            let Some(next) = self.next_moment().filter(|at| *at <= self.limit) else {
                now = self.limit;
                break;
            };
            now = next.max(now);
            let is_free = self.is_free(now);
            let before = self.decided();
            let checked = self.go(now);
            if is_free && (checked || before != self.decided()) {
                self.moments.insert(now.duration_since(begin));
            }
            self.note_steps(now, is_free);
            if self.is_settled(now) {
                break;
            }
        }
        Played {
            told: self.told,
            why: self.why,
            moments: self.moments,
            length: now.duration_since(begin),
            fired: self.fired,
        }
    }

    /// Whether a moment comes as long after every break. One at which the calendar changes, or a rule is judged that follows the clock,
    /// does not, unless it was known before that something is due just then.
    fn is_free(&self, now: Timestamp) -> bool {
        let check =
            self.checks_left > 0 && self.next_check <= now || self.rechecks.iter().any(|at| *at <= now);
        let changed = || self.calendar.has_change(earlier(now, CLOCK), now);
        check || self.free.contains(&now) || !self.fixed.contains(&now) && !changed()
    }

    /// What tells that something was decided.
    fn decided(&self) -> (usize, usize, Vec<(mainstay_model::EscalationName, Escalating)>) {
        (self.told.len(), self.about.len(), self.escalating())
    }

    /// The next step of an escalation comes as long after the last one as that one waits.
    fn note_steps(&mut self, now: Timestamp, is_free: bool) {
        for (name, how) in self.escalating() {
            let Progress::Waiting { until, .. } = how.progress else { continue };
            let step = usize::try_from(how.taken).ok().and_then(|taken| taken.checked_sub(1));
            let policy = self.on.state.landscape.escalations.get(&name);
            let wait = step.and_then(|place| policy?.steps.get(place)).map(|step| signed(step.wait));
            if wait.is_some_and(|wait| later(now, wait) == until) {
                let known = if is_free { &mut self.free } else { &mut self.fixed };
                known.insert(until);
            }
        }
    }

    fn next_moment(&self) -> Option<Timestamp> {
        let scheduled = (self.checks_left > 0).then_some(self.next_check);
        let asked = self.rechecks.iter().min().copied();
        [scheduled, asked, self.on.state.agenda.next_at()].into_iter().flatten().min()
    }

    /// Whether a check was due then.
    fn go(&mut self, now: Timestamp) -> bool {
        let asked = self.rechecks.iter().position(|at| *at <= now);
        let scheduled = self.checks_left > 0 && self.next_check <= now;
        if let Some(place) = asked {
            self.rechecks.swap_remove(place);
        } else if scheduled {
            self.checks_left -= 1;
            self.next_check = later(now, signed(self.on.stage.dependency.every));
        }
        if self.script != Script::Breaks(Breaking::Unchecked) {
            // Between two moments the checks say what the last one did.
            self.check(now);
        }
        if self.is_believed() {
            self.checks_left = 0;
        }
        self.step(Event::Tick, now);
        asked.is_some() || scheduled
    }

    /// Enough is seen once there is an incident, or for what keeps changing once that is noticed.
    fn is_believed(&self) -> bool {
        let alerts =
            self.on.state.dependencies.get(&self.on.stage.dependency.name).map(|state| &state.alerts);
        let flaps = alerts.is_some_and(|all| all.iter().any(|alert| alert.key.rule == Rule::Flapping));
        let flapping = self.script == Script::Breaks(Breaking::Flapping);
        !self.about.is_empty() && self.rechecks.is_empty() && (flaps || !flapping)
    }

    fn check(&mut self, now: Timestamp) {
        let report = self.report(now);
        self.step(Event::Checked(Box::new(report)), now);
        self.on.keep_usual_latency();
    }

    fn report(&self, at: Timestamp) -> CheckReport {
        let (stage, certificate) = (self.on.stage, &self.certificate);
        let fails = |kind: FailureKind| {
            let mut failure = breaks::failure(stage.dependency, kind);
            if kind == FailureKind::CertificateExpired {
                failure.expired = Some(Expired {
                    position: 0,
                    subject: format!("CN={}", stage.dependency.target.host),
                    since: self.on.at,
                    otherwise: Otherwise::Yes,
                });
            }
            failure
        };
        match self.script {
            Script::Breaks(Breaking::Failure(FailureKind::TooSlow)) => {
                let mut report = stage.good(at, certificate);
                let allowed = stage.dependency.timeout.as_secs_f64() * 1_000.0;
                report.addresses =
                    vec![stage.observation(Verdict::Healthy, 0.99 * allowed, certificate, true)];
                report
            }
            Script::Breaks(Breaking::Failure(kind)) => stage.bad(at, fails(kind), certificate),
            Script::Breaks(Breaking::Flapping) if self.is_in_a_good_phase() => stage.good(at, certificate),
            Script::Breaks(Breaking::Flapping) => {
                stage.bad(at, fails(FailureKind::ConnectReset), certificate)
            }
            Script::Breaks(Breaking::SomeAddresses) => self.partly(at, fails(FailureKind::ConnectRefused)),
            Script::Breaks(Breaking::CertificateEnding | Breaking::Unchecked) | Script::Nears { .. } => {
                stage.good(at, certificate)
            }
        }
    }

    /// It is bad until that is believed, and then good until that is; in the end it stays bad.
    fn is_in_a_good_phase(&self) -> bool {
        if self.checks_left == 0 {
            return false;
        }
        let state = self.on.state.dependencies.get(&self.on.stage.dependency.name);
        state.is_some_and(|state| state.verdict == Verdict::Down)
    }

    fn partly(&self, at: Timestamp, failure: Failure) -> CheckReport {
        let mut report = self.on.stage.good(at, &self.certificate);
        report.verdict = Verdict::Degraded;
        let mut bad = self.on.stage.observation(Verdict::Down, 1.0, &None, false);
        bad.address = format!("192.0.2.2:{}", self.on.stage.dependency.target.port);
        bad.failure = Some(failure);
        report.addresses.push(bad);
        report.findings = vec![Finding {
            kind: FindingKind::AddressDown,
            severity: Severity::Warn,
            message: "One of 2 addresses does not work.".into(),
        }];
        report
    }

    fn step(&mut self, event: Event, now: Timestamp) {
        let before = self.escalating();
        let effects = self.on.step(event, now);
        self.rechecks.extend(effects.rechecks.iter().map(|recheck| later(now, signed(recheck.after))));
        if effects.check_references {
            self.step(Event::ReferencesChecked { reachable: 1, tried: 1 }, now);
        }
        self.fired.extend(own_alerts(&self.on.state, &self.on.stage.dependency.name));
        self.note_incidents();
        for delivery in &effects.commit.deliveries {
            self.note_delivery(delivery, &before, now);
        }
        self.note_why(now);
    }

    fn escalating(&self) -> Vec<(mainstay_model::EscalationName, Escalating)> {
        let about = self.about.iter().filter_map(|id| self.on.state.incidents.get(id));
        about.flat_map(|one| one.escalations.iter().map(|(name, how)| (name.clone(), how.clone()))).collect()
    }

    fn note_incidents(&mut self) {
        let name = &self.on.stage.dependency.name;
        for incident in self.on.state.incidents.values() {
            if incident.dependencies.contains(name) {
                self.about.insert(incident.id);
            }
        }
        // An incident that nobody was reached speaks of one of these, by its key.
        for id in &self.about {
            let key = crate::escalate::unreached(*id).to_string();
            self.unreached.extend(self.on.state.index.of_alert(&key));
        }
    }

    fn note_delivery(
        &mut self,
        delivery: &Delivery,
        before: &[(mainstay_model::EscalationName, Escalating)],
        now: Timestamp,
    ) {
        let message = &delivery.message;
        let id = message.incident.id;
        let (about, unreached) = (self.about.contains(&id), self.unreached.contains(&id));
        // A digest is about no incident in particular; here there is no other that it could be about.
        let digest = message.kind == MessageKind::Digest;
        if !about && !unreached && !digest || message.kind == MessageKind::Resolved {
            return;
        }
        let by = if digest {
            Leads::Digest
        } else if unreached {
            Leads::Fallback
        } else {
            self.leads(id, &delivery.channel, before, now)
        };
        let after = now.duration_since(self.on.at);
        let heard = Heard {
            after_ms: u64::try_from(after.as_millis()).unwrap_or_default(),
            channel: delivery.channel.clone(),
            person: message.person.clone(),
            by,
            severity: message.incident.severity,
        };
        // Further messages of the same step to the same channel say nothing new about who is told.
        let again = self.told.iter().any(|one| one.channel == heard.channel && one.by == heard.by);
        if !again {
            self.told.push(heard);
        }
    }

    /// What led to a message: a step that was just taken, or else a route, or else nothing.
    fn leads(
        &self,
        id: IncidentId,
        channel: &ChannelName,
        before: &[(mainstay_model::EscalationName, Escalating)],
        now: Timestamp,
    ) -> Leads {
        let state = &self.on.state;
        let Some(incident) = state.incidents.get(&id) else { return Leads::Route };
        let routed = self.routed(incident, now);
        let at_once = state.addresses(&routed.at_once, now);
        if at_once.all.iter().any(|one| one.channel == *channel) {
            return Leads::Route;
        }
        for (name, how) in &incident.escalations {
            let was = before.iter().find(|(other, _)| other == name).map(|(_, how)| how);
            let step = usize::try_from(how.taken).ok().and_then(|taken| taken.checked_sub(1));
            let Some(policy) = state.landscape.escalations.get(name) else { continue };
            let Some(step) = step.and_then(|place| policy.steps.get(place)) else { continue };
            let taken = was.is_none_or(|was| (was.rounds, was.taken) != (how.rounds, how.taken));
            let its = || state.addresses(&step.to, now).all.iter().any(|one| one.channel == *channel);
            if taken && its() {
                return Leads::Step { escalation: name.to_string(), step: how.taken, round: how.rounds + 1 };
            }
        }
        if routed.is_empty() { Leads::Fallback } else { Leads::Route }
    }

    fn routed(&self, incident: &Incident, now: Timestamp) -> Audience {
        let landscape = &self.on.state.landscape;
        Audience::of(&Topic::of(incident, landscape), landscape, now)
    }

    /// Looks at what is to be told and is not, until something is; and how long that may still take.
    fn note_why(&mut self, now: Timestamp) {
        let about: Vec<Arc<Incident>> =
            self.about.iter().filter_map(|id| self.on.state.incidents.get(id)).cloned().collect();
        for incident in &about {
            self.wait_for(incident);
        }
        let reached = self.told.iter().any(|one| one.by != Leads::Fallback);
        let Some(incident) = about.first().filter(|_| !reached) else { return };
        let landscape = self.on.state.landscape.clone();
        self.why.noticed = true;
        self.why.severity.get_or_insert(incident.severity);
        if let Some(hushed) = &incident.hushed {
            self.why.hushed = Some((hushed.reason.clone(), hushed.until));
        }
        let topic = Topic::of(incident, &landscape);
        let routed = Audience::of(&topic, &landscape, now);
        self.why.no_route |= routed.is_empty();
        if routed.is_muted && self.why.muted_by.is_none() {
            self.why.muted_by = crate::audience::muted_by(&landscape.routes, &topic, now);
        }
        let policies = routed.escalations.iter().filter_map(|name| landscape.escalations.get(name));
        let steps = policies.flat_map(|policy| &policy.steps).flat_map(|step| &step.to);
        for recipient in routed.at_once.iter().chain(&routed.digest).chain(steps) {
            self.note_missing(recipient, now);
        }
    }

    /// The end of a quiet time and the next step of an escalation are waited for, as far as there is any sense in it.
    fn wait_for(&mut self, incident: &Incident) {
        let quiet = incident.hushed.as_ref().and_then(|hushed| hushed.until);
        let steps = incident.escalations.values().filter_map(|one| match one.progress {
            Progress::Waiting { until, .. } => Some(until),
            Progress::Exhausted { .. } => None,
        });
        let latest = later(self.on.at, AT_MOST);
        for until in steps.chain(quiet).filter(|until| *until < latest) {
            self.limit = self.limit.max(later(until, PATIENCE));
        }
    }

    fn note_missing(&mut self, recipient: &Recipient, now: Timestamp) {
        if self.on.state.addresses([recipient], now).nobody.is_empty() {
            return;
        }
        match recipient {
            Recipient::Schedule(name) => self.why.unstaffed.insert(name.to_string()),
            Recipient::Person(name) => self.why.unreachable.insert(name.to_string()),
            Recipient::Channel(_) => false,
        };
    }

    /// Whether everybody was told who would be, nobody taking it up.
    fn is_settled(&self, now: Timestamp) -> bool {
        if self.told.is_empty() {
            return false;
        }
        let about = || self.about.iter().filter_map(|id| self.on.state.incidents.get(id));
        let mut running = about().flat_map(|incident| incident.escalations.values());
        let escalates = running.any(|one| matches!(one.progress, Progress::Waiting { .. }));
        let followed = now.duration_since(self.on.at) > LONGEST;
        let hushed = about().any(|incident| incident.hushed.is_some());
        !hushed && (!escalates || followed) && self.checks_left == 0
    }
}
