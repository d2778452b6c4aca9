//! What the engine knows of a dependency, as facts of expressions.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Certificate, CheckReport, Dependency, DependencyState, Failure, NearestEnd, Observation, Phases,
    Protocol, TlsFacts, Verdict,
};

use crate::expr::{Fact, Found, Source, Texts, Value};
use crate::latency;
use crate::time::{signed, since};

/// Everything that expressions may ask about one dependency at one moment.
pub(crate) struct Known<'a> {
    pub(crate) dependency: &'a Dependency,
    pub(crate) state: &'a DependencyState,
    /// What is believed of it, the latest judgement included.
    pub(crate) verdict: Verdict,
    pub(crate) now: Timestamp,
}

impl Source for Known<'_> {
    fn find(&self, fact: Fact) -> Found<'_> {
        let Dependency { name, provider, target, criticality, used_by, every, .. } = self.dependency;
        match fact {
            Fact::DependencyName => Found::Known(name.as_str().into()),
            Fact::Provider => Found::or_none(provider.as_ref().map(|provider| provider.as_str().into())),
            Fact::Protocol => Found::Known(protocol(target.protocol).into()),
            Fact::Host => {
                Found::or_none(Some(target.host.as_str()).filter(|host| !host.is_empty()).map(Value::from))
            }
            Fact::Port => {
                Found::or_none(Some(target.port).filter(|port| *port > 0).map(|port| Value::Int(port.into())))
            }
            Fact::Criticality => Found::Known(criticality.as_str().into()),
            Fact::UsedBy => Found::Known(Value::Texts(Texts::Components(used_by))),
            Fact::Every => Found::Known(Value::Duration(signed(*every))),
            Fact::Verdict => Found::Known(self.verdict.as_str().into()),
            Fact::DownFor => Found::Known(Value::Duration(self.down_for())),
            Fact::LastCheckedAgo => Found::Known(Value::Duration(self.last_checked_ago())),
            Fact::Now => Found::Known(Value::Timestamp(self.now)),
            Fact::Hour => Found::Known(Value::Int(TimeZone::UTC.to_datetime(self.now).hour().into())),
            Fact::Weekday => Found::Known(weekday(TimeZone::UTC.to_datetime(self.now).weekday()).into()),
            _ => self.learned(fact),
        }
    }
}

impl Known<'_> {
    /// What checks have shown.
    fn learned(&self, fact: Fact) -> Found<'_> {
        match fact {
            Fact::FailureKind => self.failure(|failure| failure.kind.as_str().into()),
            Fact::FailureBlame => self.failure(|failure| failure.blame.as_str().into()),
            Fact::FailurePhase => self.failure(|failure| failure.phase.as_str().into()),
            Fact::FailureMessage => self.failure(|failure| failure.message.as_str().into()),
            Fact::TlsVerified => self.tls(|tls| Some(Value::Bool(tls.verified))),
            Fact::TlsVersion => self.tls(|tls| tls.version.as_deref().map(Value::from)),
            Fact::TlsCipher => self.tls(|tls| tls.cipher.as_deref().map(Value::from)),
            Fact::TlsIssuer => self.tls(|tls| Some(server(tls)?.issuer.as_str().into())),
            Fact::TlsSubject => self.tls(|tls| Some(server(tls)?.subject.as_str().into())),
            Fact::TlsNames => self.tls(|tls| Some(Value::Texts(Texts::Plain(&server(tls)?.names)))),
            Fact::TlsKey => self.tls(|tls| Some(server(tls)?.key.as_str().into())),
            Fact::TlsDaysLeft => self.end(|end| Value::Int(self.left(end).as_secs().div_euclid(86_400))),
            Fact::TlsHoursLeft => self.end(|end| Value::Int(self.left(end).as_secs().div_euclid(3_600))),
            Fact::TlsLifetimeDays => self.end(|end| Value::Int(lifetime(end).as_secs().div_euclid(86_400))),
            Fact::TlsLifetimeLeft => self.end(|end| Value::Double(self.part_left(end))),
            Fact::TlsEndsAt => self.end(|end| Value::Timestamp(end.not_after)),
            Fact::ResolveMs => self.timed(|report| report.resolve_ms),
            Fact::ConnectMs => self.phase(|phases| phases.connect_ms),
            Fact::UpgradeMs => self.phase(|phases| phases.upgrade_ms),
            Fact::TlsMs => self.phase(|phases| phases.tls_ms),
            Fact::ReadyMs => self.phase(|phases| phases.ready_ms),
            Fact::LoginMs => self.phase(|phases| phases.login_ms),
            Fact::QueryMs => self.phase(|phases| phases.query_ms),
            // How long it took to fail says nothing about how fast it is.
            Fact::TotalMs => self.timed(|report| report.total_ms().filter(|_| is_good(report))),
            Fact::UsualMs => Found::or_unknown(latency::usual_ms(&self.state.latency).map(Value::Double)),
            Fact::AddressesTotal => self.addresses(|_| true),
            Fact::AddressesDown => self.addresses(|one| one.verdict == Verdict::Down),
            _ => Found::Unknown,
        }
    }

    /// The latest check, if it told anything.
    fn told(&self) -> Option<&CheckReport> {
        self.state.last.as_ref().filter(|report| report.verdict != Verdict::Inconclusive)
    }

    fn down_for(&self) -> SignedDuration {
        match self.verdict {
            Verdict::Down => since(self.state.since, self.now).max(SignedDuration::ZERO),
            _ => SignedDuration::ZERO,
        }
    }

    fn last_checked_ago(&self) -> SignedDuration {
        let last = self.state.last_conclusive_at.unwrap_or(self.state.since);
        since(last, self.now).max(SignedDuration::ZERO)
    }

    fn failure<'a>(&'a self, part: impl Fn(&'a Failure) -> Value<'a>) -> Found<'a> {
        self.told().map_or(Found::Unknown, |report| Found::or_none(report.failure.as_ref().map(part)))
    }

    fn tls<'a>(&'a self, part: impl Fn(&'a TlsFacts) -> Option<Value<'a>>) -> Found<'a> {
        self.of_check(|report| report.tls().and_then(&part))
    }

    fn phase(&self, phase: impl Fn(&Phases) -> Option<f64>) -> Found<'_> {
        let slowest = |report: &CheckReport| {
            report.addresses.iter().filter_map(|one| phase(&one.phases)).reduce(f64::max)
        };
        self.timed(slowest)
    }

    fn timed(&self, ms: impl Fn(&CheckReport) -> Option<f64>) -> Found<'_> {
        self.of_check(|report| ms(report).map(Value::Double))
    }

    fn addresses(&self, counts: impl Fn(&Observation) -> bool) -> Found<'_> {
        let count = |report: &CheckReport| report.addresses.iter().filter(|one| counts(one)).count();
        Found::or_unknown(
            self.told().map(|report| Value::Int(i64::try_from(count(report)).unwrap_or(i64::MAX))),
        )
    }

    fn end<'a>(&'a self, part: impl Fn(&'a NearestEnd) -> Value<'a>) -> Found<'a> {
        match &self.state.nearest_end {
            Some(end) => Found::Known(part(end)),
            None => self.of_check(|_| None),
        }
    }

    /// What a check that worked does not show is not there; one that failed may not have come so far.
    fn of_check<'a>(&'a self, part: impl Fn(&'a CheckReport) -> Option<Value<'a>>) -> Found<'a> {
        let Some(report) = self.told() else { return Found::Unknown };
        match part(report) {
            Some(value) => Found::Known(value),
            None if is_good(report) => Found::None,
            None => Found::Unknown,
        }
    }

    fn left(&self, end: &NearestEnd) -> SignedDuration {
        since(self.now, end.not_after)
    }

    fn part_left(&self, end: &NearestEnd) -> f64 {
        let whole = lifetime(end).as_secs_f64();
        if whole > 0.0 { (self.left(end).as_secs_f64() / whole).clamp(0.0, 1.0) } else { 0.0 }
    }
}

fn is_good(report: &CheckReport) -> bool {
    matches!(report.verdict, Verdict::Healthy | Verdict::Degraded)
}

fn lifetime(end: &NearestEnd) -> SignedDuration {
    since(end.not_before, end.not_after)
}

fn server(tls: &TlsFacts) -> Option<&Certificate> {
    tls.certificates.iter().find(|certificate| certificate.position == 0)
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Postgres(_) => "postgres",
        Protocol::MySql(_) => "mysql",
        Protocol::Redis(_) => "redis",
        Protocol::Http(_) => "http",
        Protocol::Smtp(_) => "smtp",
        Protocol::Tls => "tls",
        Protocol::Tcp => "tcp",
        Protocol::File => "file",
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}
