//! A small language for scenes: dependencies, checks at moments, and what was told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_engine::{Action, Effects, Event, State};
use mainstay_model::*;

pub(crate) struct Scene {
    pub(crate) state: State,
    pub(crate) now: Timestamp,
    pub(crate) landscape: Landscape,
    pub(crate) written: Commit,
    pub(crate) last: Effects,
    /// Whether quiet trials of channels are part of the scene; in most they would only be in the way.
    pub(crate) shows_trials: bool,
    begin: Timestamp,
    random: Random,
    told: Vec<String>,
}

/// What a check found.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    Good,
    Bad(FailureKind),
    /// Down, because we were too busy to look.
    Busy,
    Unclear(FailureKind),
    /// One of two addresses fails.
    Partly,
    /// Good, after so many milliseconds.
    Took(f64),
    /// Good, with a certificate of this life.
    Life(Timestamp, Timestamp),
    /// The same of a file whose trust and name were not judged.
    InFile(Timestamp, Timestamp),
    /// Down, because a certificate ended.
    Expired(Timestamp, Timestamp),
}
pub(crate) use Found::*;

pub(crate) fn begin() -> Timestamp {
    "2026-06-06T00:00:00Z".parse().unwrap()
}

pub(crate) fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

pub(crate) fn dependency(text: &str) -> Dependency {
    let (name, provider) = text.split_once('@').map_or((text, None), |(name, by)| (name, Some(by)));
    Dependency {
        provider: provider.map(|provider| provider.parse().unwrap()),
        used_by: vec!["checkout".parse().unwrap()],
        criticality: Criticality::Critical,
        ..Dependency::new(
            name.parse().unwrap(),
            Target::parse(&format!("mysql://monitor:hush@{name}.example.com/x")).unwrap(),
        )
    }
}

fn channel() -> Channel {
    Channel { kind: ChannelKind::Email { to: vec!["oncall@example.com".into()] }, provider: None }
}

/// A route of these severities to these channels.
pub(crate) fn route(severity: &[Severity], to: &[&str]) -> Route {
    Route {
        when: Match { severity: severity.to_vec(), ..Match::default() },
        to: to.iter().map(|name| Recipient::Channel(name.parse().unwrap())).collect(),
        ..Route::default()
    }
}

fn landscape(dependencies: &[&str]) -> Landscape {
    let provider = Provider {
        title: "Acme".into(),
        status_page: None,
        contacts: vec!["support@acme.example".into()],
        sla_percent: None,
        review_every: None,
    };
    let all = dependencies.iter().map(|text| dependency(text));
    Landscape {
        providers: [("acme".parse().unwrap(), provider)].into(),
        dependencies: all.map(|one| (one.name.clone(), one)).collect(),
        components: [(
            "checkout".parse().unwrap(),
            Component { title: "Checkout".into(), group: None, description: None },
        )]
        .into(),
        channels: [("ops".parse().unwrap(), channel()), ("phone".parse().unwrap(), channel())].into(),
        routes: vec![route(&[], &["ops"]), route(&[Severity::Page], &["phone"])],
        operator_url: "https://ops.example.com".into(),
        proven_within: ProvenWithin(Duration::from_secs(100 * 365 * 86_400)),
        ..Landscape::default()
    }
}

impl Scene {
    /// Begins with these dependencies, written `name` or `name@provider`.
    pub(crate) fn with(dependencies: &[&str]) -> Scene {
        Scene::changed(dependencies, |_| {})
    }

    /// The same with a change to the configuration.
    pub(crate) fn changed(dependencies: &[&str], change: impl FnOnce(&mut Landscape)) -> Scene {
        let mut landscape = landscape(dependencies);
        change(&mut landscape);
        let mut scene = Scene {
            state: State::default(),
            now: begin(),
            begin: begin(),
            landscape,
            written: Commit::default(),
            last: Effects::default(),
            shows_trials: false,
            random: Random::seeded(7),
            told: Vec::new(),
        };
        scene.configure();
        scene
    }

    /// Has everything checked so seldom that nothing is told as unchecked while time passes.
    pub(crate) fn seldom(mut self) -> Scene {
        for dependency in self.landscape.dependencies.values_mut() {
            dependency.every = Duration::from_secs(30 * 86_400);
        }
        self.configure();
        self
    }

    pub(crate) fn configure(&mut self) -> &mut Scene {
        let landscape = Arc::new(self.landscape.clone());
        self.step(Event::Configured(landscape))
    }

    pub(crate) fn step(&mut self, event: Event) -> &mut Scene {
        let mut effects = self.state.step(event, self.now, &mut self.random);
        if !self.shows_trials {
            effects.commit.deliveries.retain(|one| one.message.kind != MessageKind::Probe);
        }
        for delivery in &effects.commit.deliveries {
            self.told.push(self.line(delivery));
        }
        self.written.append(effects.commit.clone());
        self.last = effects;
        self
    }

    fn line(&self, delivery: &Delivery) -> String {
        let message = &delivery.message;
        let kind = message.kind.as_str().trim_start_matches("incident.");
        let seconds = self.now.duration_since(self.begin).as_secs();
        let severity = message.incident.severity;
        let title = &message.incident.title;
        let change = message.change.as_ref().map(|change| format!(" | {change}")).unwrap_or_default();
        format!("{seconds} {}#{} {kind} {severity}: {title}{change}", delivery.channel, delivery.sequence)
    }

    /// Lets time pass with a tick a second, or as few as are needed for long stretches.
    pub(crate) fn pass(&mut self, seconds: i64) -> &mut Scene {
        self.pass_by(seconds, if seconds > 600 { 30 } else { 1 })
    }

    /// The same, with a tick every so many seconds.
    pub(crate) fn pass_by(&mut self, seconds: i64, stride: i64) -> &mut Scene {
        let end = self.now + SignedDuration::from_secs(seconds);
        while self.now < end {
            self.now = (self.now + SignedDuration::from_secs(stride)).min(end);
            self.step(Event::Tick);
        }
        self
    }

    /// The same, with a good check of everything twice a minute.
    pub(crate) fn pass_checking(&mut self, seconds: i64, found: &Found) -> &mut Scene {
        let end = self.now + SignedDuration::from_secs(seconds);
        let names: Vec<_> = self.landscape.dependencies.keys().cloned().collect();
        while self.now < end {
            self.now = (self.now + SignedDuration::from_secs(30)).min(end);
            names.iter().for_each(|name| {
                self.check(name.as_str(), found.clone());
            });
            self.step(Event::Tick);
        }
        self
    }

    pub(crate) fn check(&mut self, name: &str, found: Found) -> &mut Scene {
        let report = self.report(name, found);
        self.step(Event::Checked(Box::new(report)))
    }

    /// A check, and the repetitions that the engine asks for, with the same outcome.
    pub(crate) fn check_fully(&mut self, name: &str, found: Found) -> &mut Scene {
        self.check(name, found.clone());
        for _ in 0..8 {
            let Some(again) = self.last.rechecks.first().cloned() else { break };
            self.now += again.after;
            self.check(name, found.clone());
        }
        self
    }

    pub(crate) fn act(&mut self, action: Action) -> &mut Scene {
        self.step(Event::Operator { by: "ana".into(), action })
    }

    pub(crate) fn verdict(&self, name: &str) -> Verdict {
        self.state.dependency(name).unwrap().verdict
    }

    pub(crate) fn incident(&self, index: usize) -> Incident {
        self.state.incidents().nth(index).unwrap().as_ref().clone()
    }

    /// The kinds of the timeline of one incident.
    pub(crate) fn timeline(&self, id: IncidentId) -> String {
        let of_it = self.written.timeline.iter().filter(|entry| entry.incident == Some(id));
        of_it.map(|entry| entry.kind.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    pub(crate) fn told(&mut self, expected: &[&str]) -> &mut Scene {
        let told = std::mem::take(&mut self.told);
        assert_eq!(told, expected, "\n{}", told.join("\n"));
        self
    }

    /// What was told so far, for scenes of which not every line matters.
    pub(crate) fn take_told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    /// What was told to one channel.
    #[track_caller]
    pub(crate) fn ops(&mut self, expected: &[&str]) -> &mut Scene {
        self.told.retain(|line| line.contains(" ops#"));
        self.told.iter_mut().for_each(|line| *line = line.replace(" ops#", " #"));
        self.told(expected)
    }

    pub(crate) fn report(&self, name: &str, found: Found) -> CheckReport {
        let known = self.landscape.dependencies.get(&name.parse::<DependencyName>().unwrap());
        let target = known.cloned().unwrap_or_else(|| dependency(name)).target;
        let address = target.ip().map(|ip| SocketAddr::new(ip, target.port).to_string());
        let mut report = CheckReport {
            endpoint: None,
            target: target.to_string(),
            dependency: Some(name.parse().unwrap()),
            verdict: Verdict::Healthy,
            failure: None,
            addresses: vec![observation(Verdict::Healthy, 10.0)],
            findings: Vec::new(),
            diagnosis: None,
            resolve_ms: None,
            checked_at: self.now,
        };
        let fail = |kind: FailureKind| {
            let phase = if kind.is_certificate() { Phase::Tls } else { Phase::Connect };
            Failure::new(kind, phase, format!("It failed: {kind}."))
        };
        if let Some(address) = address {
            report.addresses[0].address = address;
        }
        match found {
            Good => {}
            Took(ms) => report.addresses = vec![observation(Verdict::Healthy, ms)],
            Bad(kind) => spoil(&mut report, Verdict::Down, fail(kind)),
            Busy => {
                let busy = fail(FailureKind::TimedOut).blamed_on(Blame::Us);
                spoil(&mut report, Verdict::Down, busy);
            }
            Unclear(kind) => spoil(&mut report, Verdict::Inconclusive, fail(kind)),
            Partly => {
                report.verdict = Verdict::Degraded;
                let mut bad = observation(Verdict::Down, 1.0);
                bad.failure = Some(fail(FailureKind::ConnectRefused));
                report.addresses.push(bad);
                report.findings = vec![Finding {
                    kind: FindingKind::AddressDown,
                    severity: Severity::Warn,
                    message: "One of 2 addresses does not work.".into(),
                }];
            }
            Life(not_before, not_after) => {
                report.addresses[0].tls = Some(tls(true, not_before, not_after));
            }
            InFile(not_before, not_after) => {
                report.addresses[0].tls = Some(tls(false, not_before, not_after));
            }
            Expired(not_before, not_after) => {
                let mut failure = fail(FailureKind::CertificateExpired);
                failure.expired = Some(mainstay_model::Expired {
                    position: 0,
                    subject: "CN=db.example.com".into(),
                    since: not_after,
                    otherwise: Otherwise::Yes,
                });
                spoil(&mut report, Verdict::Down, failure);
                report.addresses[0].tls = Some(tls(false, not_before, not_after));
            }
        }
        report
    }
}

fn observation(verdict: Verdict, ms: f64) -> Observation {
    Observation {
        address: "192.0.2.1:3306".into(),
        verdict,
        failure: None,
        also: Vec::new(),
        phases: Phases { connect_ms: Some(ms), ..Phases::default() },
        tls: None,
    }
}

fn spoil(report: &mut CheckReport, verdict: Verdict, failure: Failure) {
    report.verdict = verdict;
    report.addresses[0].verdict = verdict;
    report.addresses[0].failure = Some(failure.clone());
    report.failure = Some(failure);
}

fn tls(verified: bool, not_before: Timestamp, not_after: Timestamp) -> TlsFacts {
    let mut sha256 = [0; 32];
    sha256[..8].copy_from_slice(&not_after.as_second().to_be_bytes());
    let certificate = Certificate {
        position: 0,
        sent: true,
        in_path: verified,
        subject: "CN=db.example.com".into(),
        issuer: "CN=Acme CA".into(),
        names: vec!["db.example.com".into()],
        serial: "01".into(),
        not_before,
        not_after,
        sha256: Fingerprint(sha256),
        spki_sha256: Fingerprint([1; 32]),
        key: "EC P-256".into(),
        der: None,
    };
    TlsFacts { version: None, cipher: None, verified, certificates: vec![certificate] }
}
