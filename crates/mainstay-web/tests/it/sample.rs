//! A small world with something of everything: dependencies in each verdict, incidents past and present, messages in each state.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mainstay_model::*;

/// The moment at which the world is looked at.
pub(crate) const NOW: &str = "2026-11-22T22:41:00Z";

pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// Bounces of tests are what became of a message, and its identifier.
pub(crate) fn bounce(message: &[u8]) -> Option<Bounce> {
    let (fate, id) = std::str::from_utf8(message).ok()?.split_once(' ')?;
    let fate = if fate == "lost" { BounceKind::Lost } else { BounceKind::Delayed };
    Some(Bounce { delivery: id.parse().ok()?, fate, reason: "550 no such mailbox".into() })
}

pub(crate) fn ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

/// How a dependency of the sample behaves.
#[derive(Clone, Copy)]
pub(crate) enum Story {
    Fine {
        days_left: i64,
    },
    /// Its certificate expired twelve minutes ago.
    Expired,
    /// One of its two addresses refuses.
    HalfDown,
    /// Its certificate ends in so many days.
    Ending {
        days: i64,
    },
    /// Nobody answers which address it has.
    Unresolved,
    /// It was refused for a quarter of an hour, two days ago.
    WasDown,
    /// It has just been configured.
    New,
}

pub(crate) struct Actor {
    pub(crate) name: &'static str,
    provider: Option<&'static str>,
    url: &'static str,
    used_by: &'static [&'static str],
    criticality: Criticality,
    /// Usual milliseconds of a handshake.
    pace: f64,
    pub(crate) story: Story,
}

const fn actor(
    name: &'static str,
    provider: Option<&'static str>,
    url: &'static str,
    used_by: &'static [&'static str],
    criticality: Criticality,
    pace: f64,
    story: Story,
) -> Actor {
    Actor { name, provider, url, used_by, criticality, pace, story }
}

pub(crate) const ACTORS: &[Actor] = {
    use Criticality::*;
    use Story::*;
    &[
        actor(
            "orders-db",
            Some("acme-db"),
            "mysql://monitor:s3cr3t@eu-west.db.acme.example:3306/orders",
            &["checkout", "account"],
            Critical,
            14.0,
            Expired,
        ),
        actor(
            "reports-db",
            Some("acme-db"),
            "mysql://monitor:s3cr3t@eu-west.db.acme.example:3307/reports",
            &["reports"],
            Normal,
            16.0,
            Expired,
        ),
        actor(
            "catalogue-db",
            Some("acme-db"),
            "postgres://monitor:s3cr3t@eu-north.db.acme.example/catalogue",
            &["shop"],
            High,
            11.0,
            Fine { days_left: 61 },
        ),
        actor(
            "payments-api",
            Some("northwind"),
            "https://api.northwind.example/v2/health",
            &["checkout"],
            Critical,
            38.0,
            HalfDown,
        ),
        actor(
            "payouts",
            Some("northwind"),
            "tls://payouts.northwind.example:8443",
            &[],
            Normal,
            41.0,
            Fine { days_left: 143 },
        ),
        actor(
            "mail-out",
            Some("parcel"),
            "smtp://submission.parcel.example:587",
            &["account"],
            High,
            22.0,
            Ending { days: 3 },
        ),
        actor(
            "sessions",
            Some("cloudline"),
            "rediss://default:s3cr3t@sessions.cache.cloudline.example:6380",
            &["shop", "checkout"],
            Critical,
            3.0,
            Fine { days_left: 40 },
        ),
        actor(
            "pictures",
            Some("cloudline"),
            "https://pictures.store.cloudline.example/health",
            &["shop"],
            Normal,
            19.0,
            WasDown,
        ),
        actor(
            "search",
            Some("cloudline"),
            "https://search.cloudline.example:9243/_cluster/health",
            &["shop"],
            Normal,
            24.0,
            Fine { days_left: 88 },
        ),
        actor(
            "geo-lookup",
            Some("atlas"),
            "https://geo.atlas.example/v1/self",
            &["checkout"],
            Low,
            55.0,
            Unresolved,
        ),
        actor(
            "ingress-certificate",
            None,
            "file:///etc/ingress/tls.crt",
            &["shop", "checkout"],
            High,
            0.2,
            Fine { days_left: 52 },
        ),
        actor(
            "identity",
            Some("keyring"),
            "https://login.keyring.example/.well-known/openid-configuration",
            &["account"],
            High,
            29.0,
            New,
        ),
    ]
};

/// The configuration of the sample.
pub(crate) fn landscape() -> Landscape {
    let mut landscape = Landscape::default();
    for (key, title) in [
        ("acme-db", "Acme Databases"),
        ("northwind", "Northwind Payments"),
        ("parcel", "Parcel Mail"),
        ("cloudline", "Cloudline"),
        ("atlas", "Atlas"),
        ("keyring", "Keyring"),
    ] {
        landscape.providers.insert(name(key), provider(key, title));
    }
    for (key, title, group) in [
        ("checkout", "Checkout", "Shop"),
        ("shop", "Catalogue", "Shop"),
        ("account", "Account and log-in", "Account"),
        ("reports", "Reports", "Account"),
    ] {
        let component = Component { title: title.into(), group: Some(group.into()), description: None };
        landscape.components.insert(name(key), component);
    }
    for one in ACTORS {
        landscape.dependencies.insert(name(one.name), dependency(one));
    }
    channels(&mut landscape);
    on_call(&mut landscape);
    escalations(&mut landscape);
    landscape.operator_url = "https://ops.example.com".into();
    landscape.status_page.public_url = "https://status.example.com".into();
    landscape
}

fn provider(key: &str, title: &str) -> Provider {
    Provider {
        title: title.into(),
        status_page: (key != "parcel").then(|| format!("https://status.{key}.example")),
        contacts: vec![format!("support@{key}.example")],
        sla_percent: Some(99.95),
        review_every: None,
    }
}

fn channels(landscape: &mut Landscape) {
    let url = |text: &str| Secret::new(text.to_owned());
    let kinds: BTreeMap<&str, ChannelKind> = BTreeMap::from([
        ("oncall-mail", ChannelKind::Email { to: vec!["oncall@example.com".into()] }),
        ("ops-discord", ChannelKind::Discord { url: url("https://discord.example/api/webhooks/1/s3cr3t") }),
        ("bot", ChannelKind::Webhook { url: url("https://bot.example.com/s3cr3t"), secret: None }),
    ]);
    for (key, kind) in kinds {
        landscape.channels.insert(name(key), Channel { kind, provider: None });
    }
    for key in ["ben-mail", "anna-mail"] {
        let kind = ChannelKind::Email { to: vec![format!("{key}@example.com")] };
        landscape.channels.insert(name(key), Channel { kind, provider: None });
    }
    let to = |names: &[&str]| names.iter().map(|one| Recipient::Channel(name(one))).collect();
    let urgent = Match { severity: vec![Severity::Page, Severity::High], ..Match::default() };
    landscape.routes = vec![
        Route { when: urgent, to: to(&["oncall-mail", "ops-discord", "bot"]), ..Route::default() },
        Route {
            when: Match { severity: vec![Severity::Page], ..Match::default() },
            escalate: Some(name("database-team")),
            ..Route::default()
        },
        Route { to: to(&["ops-discord"]), ..Route::default() },
    ];
}

/// Two schedules without a gap: weeks around the clock, and months with office hours on top and a holiday.
fn on_call(landscape: &mut Landscape) {
    for (key, title) in [("anna", "Anna"), ("ben", "Ben"), ("carla", "Carla"), ("dina", "Dina")] {
        let of_their_own = matches!(key, "anna" | "ben");
        let channel = if of_their_own { name(&format!("{key}-mail")) } else { name("oncall-mail") };
        let person = Person { title: title.into(), channels: vec![channel], timezone: None };
        landscape.people.insert(name(key), person);
    }
    let carla = landscape.people.get_mut("carla").unwrap();
    carla.timezone = Some(jiff::tz::TimeZone::get("America/Los_Angeles").unwrap());
    let mut office = layer(&["dina"], "weekly", "2026-01-05T09:00");
    office.restriction = Some(Restriction {
        from: jiff::civil::Time::constant(9, 0, 0, 0),
        until: jiff::civil::Time::constant(17, 0, 0, 0),
        days: (0..5).map(|day| jiff::civil::Weekday::from_monday_zero_offset(day).unwrap()).collect(),
    });
    let mut platform = schedule(
        "Platform",
        "Europe/Berlin",
        vec![layer(&["anna", "ben", "carla"], "weekly", "2026-01-05T09:00")],
    );
    platform.overrides.push(Override {
        from: "2026-12-05T08:00:00Z".parse().unwrap(),
        until: "2026-12-07T08:00:00Z".parse().unwrap(),
        person: name("dina"),
        instead_of: Some(name("carla")),
        by: None,
        reason: Some("on holiday".into()),
    });
    let months = layer(&["carla", "anna"], "FREQ=MONTHLY;BYDAY=2TU", "2026-01-13T10:00");
    landscape.schedules.insert(name("platform"), platform);
    landscape
        .schedules
        .insert(name("databases"), schedule("Databases", "America/New_York", vec![months, office]));
}

pub(crate) fn schedule(title: &str, zone: &str, layers: Vec<Layer>) -> Schedule {
    let timezone = jiff::tz::TimeZone::get(zone).unwrap();
    Schedule { title: title.into(), timezone, layers, overrides: vec![] }
}

pub(crate) fn layer(people: &[&str], rotation: &str, start: &str) -> Layer {
    Layer {
        people: people.iter().map(|person| name(person)).collect(),
        rotation: rotation.parse().unwrap(),
        start: start.parse().unwrap(),
        restriction: None,
    }
}

/// Ben is told first, then Anna.
fn escalations(landscape: &mut Landscape) {
    let step = |key: &str, minutes: u64| Step {
        to: vec![Recipient::Person(name(key))],
        wait: Duration::from_secs(minutes * 60),
    };
    let policy = Escalation { steps: vec![step("ben", 45), step("anna", 30)], repeat: 0, during: None };
    landscape.escalations.insert(name("database-team"), policy);
}

pub(crate) fn name<T: std::str::FromStr<Err = NameError>>(text: &str) -> T {
    text.parse().unwrap()
}

fn dependency(one: &Actor) -> Dependency {
    Dependency {
        provider: one.provider.map(name),
        query: one.url.starts_with("mysql").then(|| "SELECT 1".into()),
        every: Duration::from_secs(60),
        used_by: one.used_by.iter().map(|key| name(key)).collect(),
        criticality: one.criticality,
        ..Dependency::new(name(one.name), Target::parse(one.url).unwrap())
    }
}

impl Actor {
    /// What a check at that time says; `None` before the dependency was configured.
    pub(crate) fn report(&self, at: Timestamp, random: &mut Random) -> Option<CheckReport> {
        let mut report = self.healthy(at, random);
        match self.story {
            Story::New => return None,
            Story::Expired if at > expiry() => self.expire(&mut report, at),
            Story::HalfDown if at > ago(47) => half_down(&mut report),
            Story::Ending { days } if days < 30 => ending(&mut report, days),
            Story::Unresolved if at > ago(26) => unresolved(&mut report, self.host()),
            Story::WasDown if at > ago(2880) && at < ago(2865) => refused(&mut report),
            _ => {}
        }
        Some(report)
    }

    fn host(&self) -> String {
        Target::parse(self.url).unwrap().host
    }

    fn healthy(&self, at: Timestamp, random: &mut Random) -> CheckReport {
        let target = Target::parse(self.url).unwrap();
        let count = if matches!(self.story, Story::HalfDown) { 2 } else { 1 };
        CheckReport {
            endpoint: None,
            target: target.to_string(),
            dependency: Some(name(self.name)),
            verdict: Verdict::Healthy,
            failure: None,
            addresses: (0..count).map(|index| self.address(&target, index, random)).collect(),
            findings: vec![],
            diagnosis: None,
            resolve_ms: (target.protocol != Protocol::File).then(|| 0.4 + random.fraction()),
            checked_at: at,
        }
    }

    fn address(&self, target: &Target, index: u32, random: &mut Random) -> Observation {
        let mut some = |share: f64| {
            Some(((self.pace * share * (0.85 + random.fraction() * 0.4)) * 1000.0).round() / 1000.0)
        };
        let database = self.url.starts_with("mysql")
            || self.url.starts_with("postgres")
            || self.url.starts_with("redis");
        let file = target.protocol == Protocol::File;
        let phases = Phases {
            connect_ms: if file { None } else { some(0.35) },
            upgrade_ms: if matches!(
                target.protocol,
                Protocol::Postgres(_) | Protocol::MySql(_) | Protocol::Smtp(_)
            ) {
                some(0.2)
            } else {
                None
            },
            tls_ms: if file { None } else { some(1.0) },
            ready_ms: if file { some(1.0) } else { some(0.25) },
            login_ms: if database { some(0.5) } else { None },
            query_ms: if database { some(0.15) } else { None },
        };
        let tls = TlsFacts {
            version: (!file).then(|| "TLSv1.3".into()),
            cipher: (!file).then(|| "TLS13_AES_256_GCM_SHA384".into()),
            verified: true,
            certificates: self.chain(),
        };
        let address = match &target.file {
            Some(path) => path.display().to_string(),
            None => format!("192.0.2.{}:{}", 10 + index + self.name.len() as u32, target.port),
        };
        Observation {
            address,
            verdict: Verdict::Healthy,
            failure: None,
            also: vec![],
            phases,
            tls: Some(tls),
        }
    }

    fn chain(&self) -> Vec<Certificate> {
        let (from, to) = match self.story {
            Story::Expired => (expiry() - days(90), expiry()),
            Story::Ending { days: left } => {
                (now() - days(87), now() + days(left) + SignedDuration::from_hours(4))
            }
            Story::Fine { days_left } => (now() - days(90 - days_left % 90), now() + days(days_left)),
            _ => (now() - days(29), now() + days(61)),
        };
        let host = Target::parse(self.url).unwrap().host;
        let host = if host.is_empty() { "shop.example.com".to_owned() } else { host };
        let seed = host.bytes().fold(0u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        let authority = "CN=Example TLS Authority R3,O=Example Trust";
        let root = "CN=Example Root X1,O=Example Trust,C=CH";
        vec![
            certificate(0, &format!("CN={host}"), authority, from, to, seed),
            certificate(1, authority, root, now() - days(700), now() + days(1100), 201),
            Certificate {
                sent: false,
                ..certificate(2, root, root, now() - days(3000), now() + days(4200), 202)
            },
        ]
    }

    fn expire(&self, report: &mut CheckReport, at: Timestamp) {
        let ended = in_words(at.duration_since(expiry()));
        let subject = format!("CN={}", self.host());
        let mut failure = Failure::new(
            FailureKind::CertificateExpired,
            Phase::Tls,
            format!("The server's certificate ({}) expired {ended} ago, at 22:29 UTC.", self.host()),
        );
        failure.expired = Some(Expired { position: 0, subject, since: expiry(), otherwise: Otherwise::Yes });
        for address in &mut report.addresses {
            address.tls.as_mut().unwrap().verified = false;
            address.phases = Phases { ready_ms: None, login_ms: None, query_ms: None, ..address.phases };
        }
        fail(
            report,
            failure,
            Diagnosis {
                cause: format!(
                    "The certificate of {} expired at 22:29 UTC and was not renewed.",
                    self.host()
                ),
                evidence: vec![
                    "Everything else about the chain holds: name, trust, purpose and signatures.".into(),
                    "All addresses serve the same certificate.".into(),
                ],
                actions: vec!["Have it renewed. Do not switch verification off in the application.".into()],
            },
        );
    }
}

fn expiry() -> Timestamp {
    "2026-11-22T22:29:00Z".parse().unwrap()
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count * 24)
}

fn fail(report: &mut CheckReport, failure: Failure, diagnosis: Diagnosis) {
    for address in &mut report.addresses {
        address.verdict = Verdict::Down;
        address.failure = Some(failure.clone());
    }
    report.verdict = Verdict::Down;
    report.failure = Some(failure);
    report.diagnosis = Some(diagnosis);
}

fn half_down(report: &mut CheckReport) {
    let failure =
        Failure::new(FailureKind::ConnectRefused, Phase::Connect, "192.0.2.23:443 refuses the connection.");
    let bad = report.addresses.last_mut().unwrap();
    *bad = Observation {
        verdict: Verdict::Down,
        failure: Some(failure.clone()),
        phases: Phases { connect_ms: Some(12.0), ..Phases::default() },
        tls: None,
        ..bad.clone()
    };
    report.verdict = Verdict::Degraded;
    report.failure = Some(failure);
    report.findings.push(Finding {
        kind: FindingKind::AddressDown,
        severity: Severity::High,
        message: "1 of 2 addresses refuses the connection.".into(),
    });
    report.diagnosis = Some(Diagnosis {
        cause: "1 of 2 addresses of api.northwind.example refuses the connection.".into(),
        evidence: vec!["192.0.2.22:443 works.".into(), "192.0.2.23:443 refuses the connection.".into()],
        actions: vec!["Tell the provider which address it is; clients reach it every second time.".into()],
    });
}

fn ending(report: &mut CheckReport, left: i64) {
    report.verdict = Verdict::Degraded;
    let message = format!("The server's certificate ends in {left} days and is not renewed.");
    report.findings.push(Finding {
        kind: FindingKind::CertificateExpiring,
        severity: Severity::High,
        message,
    });
}

fn unresolved(report: &mut CheckReport, host: String) {
    let message = format!("No resolver answered for {host}.");
    let failure = Failure::new(FailureKind::NameNotResolved, Phase::Resolve, message.clone());
    report.addresses.clear();
    report.verdict = Verdict::Inconclusive;
    report.failure = Some(failure);
    report.diagnosis = Some(Diagnosis {
        cause: message,
        evidence: vec!["Other names are resolved.".into()],
        actions: vec!["Look at the resolver of this machine.".into()],
    });
}

fn refused(report: &mut CheckReport) {
    let failure = Failure::new(FailureKind::ConnectRefused, Phase::Connect, "The connection is refused.");
    for address in &mut report.addresses {
        address.phases = Phases { connect_ms: Some(4.0), ..Phases::default() };
        address.tls = None;
    }
    fail(
        report,
        failure,
        Diagnosis {
            cause: "pictures.store.cloudline.example refuses connections.".into(),
            evidence: vec!["The name is resolved, and the address answers.".into()],
            actions: vec!["Look at https://status.cloudline.example.".into()],
        },
    );
}

/// Whether that dependency has just been configured.
pub(crate) fn is_new(dependency: &str) -> bool {
    ACTORS.iter().any(|actor| actor.name == dependency && matches!(actor.story, Story::New))
}

/// A check of that dependency that nobody answered.
pub(crate) fn unreachable(dependency: &str, at: Timestamp) -> CheckReport {
    let actor = ACTORS.iter().find(|actor| actor.name == dependency).unwrap();
    let mut report = actor.healthy(at, &mut Random::seeded(3));
    let failure = Failure::new(FailureKind::ConnectTimedOut, Phase::Connect, "Nothing answers.");
    for address in &mut report.addresses {
        address.phases = Phases::default();
        address.tls = None;
    }
    fail(&mut report, failure, Diagnosis { cause: "Nothing answers.".into(), ..Diagnosis::default() });
    report
}

fn certificate(
    position: u32,
    subject: &str,
    issuer: &str,
    from: Timestamp,
    to: Timestamp,
    seed: u8,
) -> Certificate {
    let bytes = |salt: u8| {
        let mut random = Random::seeded(u64::from(seed) << 8 | u64::from(salt));
        let mut bytes = [0; 32];
        bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&random.next_u64().to_be_bytes()));
        Fingerprint(bytes)
    };
    let host = subject.trim_start_matches("CN=");
    Certificate {
        position,
        sent: true,
        in_path: true,
        subject: subject.into(),
        issuer: issuer.into(),
        names: if position == 0 { vec![host.into()] } else { vec![] },
        serial: format!("04{seed:02x}9c51e7"),
        not_before: from,
        not_after: to,
        sha256: bytes(position as u8),
        spki_sha256: bytes(100 + position as u8),
        key: if position == 0 { "EC P-256".into() } else { "RSA 4096".into() },
        der: None,
    }
}
