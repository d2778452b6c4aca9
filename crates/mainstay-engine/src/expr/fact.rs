use mainstay_model::{Blame, Criticality, FailureKind, Phase};

/// What a fact is made of.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction.
    Double,
    /// Any text.
    Text,
    /// One of these words.
    Choice(fn() -> Vec<&'static str>),
    /// A length of time.
    Duration,
    /// A moment.
    Timestamp,
    /// A list of texts.
    Texts,
}

impl Kind {
    /// The type's name in CEL.
    pub fn cel_type(self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Double => "double",
            Kind::Text | Kind::Choice(_) => "string",
            Kind::Duration => "duration",
            Kind::Timestamp => "timestamp",
            Kind::Texts => "list(string)",
        }
    }
}

/// Whether a fact is there for every dependency at every time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Always,
    /// It may not be known, or not exist.
    Sometimes,
}

/// What there is to know about a fact.
#[derive(Debug)]
pub struct About {
    /// How expressions and messages name it.
    pub name: &'static str,
    /// What it is made of.
    pub kind: Kind,
    /// Whether it is always there.
    pub presence: Presence,
    /// Whether the passing of time alone changes it.
    pub follows_time: bool,
    /// Whether it was learned from one server, so that it says nothing about the next one that the name is given to.
    pub of_the_endpoint: bool,
    /// What it says, in a sentence for the documentation.
    pub doc: &'static str,
}

macro_rules! facts {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal: $kind:expr, $presence:ident $(, $flag:ident)*;)*) => {
        /// Something that an expression or a message can name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fact { $($(#[doc = $doc])* $name,)* }

        impl Fact {
            /// Every fact, in the order of the documentation.
            pub const ALL: &'static [Fact] = &[$(Fact::$name,)*];

            /// What there is to know about it.
            pub fn about(self) -> &'static About {
                match self {
                    $(Fact::$name => {
                        const ABOUT: About = facts!(@flags About {
                            name: $text,
                            kind: $kind,
                            presence: Presence::$presence,
                            follows_time: false,
                            of_the_endpoint: false,
                            doc: concat!($($doc),*),
                        }, $($flag)*);
                        &ABOUT
                    })*
                }
            }
        }
    };
    (@flags $about:expr,) => { $about };
    (@flags $about:expr, $($flag:ident)+) => {{
        let mut about = $about;
        $(about.$flag = true;)+
        about
    }};
}

facts! {
    /// The dependency's name, its key in the configuration.
    DependencyName = "dependency.name": Kind::Text, Always;
    /// The key of its provider; empty for something of your own.
    Provider = "dependency.provider": Kind::Text, Sometimes;
    /// The protocol of its URL.
    Protocol = "dependency.protocol": Kind::Choice(protocols), Always;
    /// The host of its URL; empty for a file.
    Host = "dependency.host": Kind::Text, Sometimes;
    /// The port that is connected to; absent for a file.
    Port = "dependency.port": Kind::Int, Sometimes;
    /// How much depends on it.
    Criticality = "dependency.criticality": Kind::Choice(criticalities), Always;
    /// The components that need it.
    UsedBy = "dependency.used_by": Kind::Texts, Always;
    /// The time between its checks.
    Every = "dependency.every": Kind::Duration, Always;
    /// What is believed of it after confirmation. Alerts of rules of your own do not change it.
    Verdict = "verdict": Kind::Choice(verdicts), Always;
    /// For how long it is down; `0s` while it is not.
    DownFor = "down_for": Kind::Duration, Always, follows_time;
    /// How long ago the latest check that told anything began; before the first, since when it is watched.
    LastCheckedAgo = "last_checked_ago": Kind::Duration, Always, follows_time;
    /// What went wrong in the latest check; empty when nothing did.
    FailureKind = "failure.kind": Kind::Choice(failure_kinds), Sometimes, of_the_endpoint;
    /// Who is at fault; empty when nothing went wrong.
    FailureBlame = "failure.blame": Kind::Choice(blames), Sometimes, of_the_endpoint;
    /// In which phase it went wrong; empty when nothing did.
    FailurePhase = "failure.phase": Kind::Choice(phases), Sometimes, of_the_endpoint;
    /// The failure in a sentence; empty when nothing went wrong.
    FailureMessage = "failure.message": Kind::Text, Sometimes, of_the_endpoint;
    /// Whether the latest handshake verified in full.
    TlsVerified = "tls.verified": Kind::Bool, Sometimes, of_the_endpoint;
    /// The version of TLS that was agreed on.
    TlsVersion = "tls.version": Kind::Choice(tls_versions), Sometimes, of_the_endpoint;
    /// The cipher suite that was agreed on, such as `TLS13_AES_256_GCM_SHA384`.
    TlsCipher = "tls.cipher": Kind::Text, Sometimes, of_the_endpoint;
    /// Whole days until the end of the certificate that matters most: of the chain that verified last, the one that is nearest to its end by its own lifetime. Negative after it.
    TlsDaysLeft = "tls.days_left": Kind::Int, Sometimes, follows_time, of_the_endpoint;
    /// The same in whole hours.
    TlsHoursLeft = "tls.hours_left": Kind::Int, Sometimes, follows_time, of_the_endpoint;
    /// For how many days that certificate was issued.
    TlsLifetimeDays = "tls.lifetime_days": Kind::Int, Sometimes, of_the_endpoint;
    /// Which part of its life is left, from `1.0` when it begins to `0.0` at its end.
    TlsLifetimeLeft = "tls.lifetime_left": Kind::Double, Sometimes, follows_time, of_the_endpoint;
    /// When that certificate ends.
    TlsEndsAt = "tls.ends_at": Kind::Timestamp, Sometimes, of_the_endpoint;
    /// Who issued the server's certificate, as a distinguished name.
    TlsIssuer = "tls.issuer": Kind::Text, Sometimes, of_the_endpoint;
    /// The subject of the server's certificate, as a distinguished name.
    TlsSubject = "tls.subject": Kind::Text, Sometimes, of_the_endpoint;
    /// The names and addresses that the server's certificate is for.
    TlsNames = "tls.names": Kind::Texts, Sometimes, of_the_endpoint;
    /// Kind and size of the server's key, such as `RSA 2048` or `EC P-256`.
    TlsKey = "tls.key": Kind::Text, Sometimes, of_the_endpoint;
    /// Milliseconds that the resolution of the name took in the latest check.
    ResolveMs = "phase.resolve_ms": Kind::Double, Sometimes, of_the_endpoint;
    /// Milliseconds to open the connection; of several addresses the slowest counts, here and below.
    ConnectMs = "phase.connect_ms": Kind::Double, Sometimes, of_the_endpoint;
    /// Milliseconds for the protocol's own way to TLS.
    UpgradeMs = "phase.upgrade_ms": Kind::Double, Sometimes, of_the_endpoint;
    /// Milliseconds for the handshake.
    TlsMs = "phase.tls_ms": Kind::Double, Sometimes, of_the_endpoint;
    /// Milliseconds until the protocol's greeting.
    ReadyMs = "phase.ready_ms": Kind::Double, Sometimes, of_the_endpoint;
    /// Milliseconds to log in.
    LoginMs = "phase.login_ms": Kind::Double, Sometimes, of_the_endpoint;
    /// Milliseconds for the query.
    QueryMs = "phase.query_ms": Kind::Double, Sometimes, of_the_endpoint;
    /// Milliseconds for everything.
    TotalMs = "phase.total_ms": Kind::Double, Sometimes, of_the_endpoint;
    /// Milliseconds that everything usually takes, once 30 checks have worked.
    UsualMs = "phase.usual_ms": Kind::Double, Sometimes, of_the_endpoint;
    /// How many addresses the latest check tried.
    AddressesTotal = "addresses.total": Kind::Int, Sometimes, of_the_endpoint;
    /// How many of them did not work.
    AddressesDown = "addresses.down": Kind::Int, Sometimes, of_the_endpoint;
    /// The moment at which the rule is judged.
    Now = "now": Kind::Timestamp, Always, follows_time;
    /// The hour of the day in UTC, from 0 to 23.
    Hour = "hour": Kind::Int, Always, follows_time;
    /// The day of the week in UTC.
    Weekday = "weekday": Kind::Choice(weekdays), Always, follows_time;
}

impl Fact {
    /// The fact of this name.
    pub fn named(name: &str) -> Option<Fact> {
        Fact::ALL.iter().copied().find(|fact| fact.about().name == name)
    }
}

fn protocols() -> Vec<&'static str> {
    vec!["postgres", "mysql", "redis", "http", "smtp", "tls", "tcp", "file"]
}

fn verdicts() -> Vec<&'static str> {
    use mainstay_model::Verdict::*;
    [Healthy, Degraded, Down, Inconclusive].map(mainstay_model::Verdict::as_str).into()
}

fn tls_versions() -> Vec<&'static str> {
    vec!["TLSv1.2", "TLSv1.3"]
}

fn weekdays() -> Vec<&'static str> {
    vec!["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
}

fn criticalities() -> Vec<&'static str> {
    Criticality::ALL.iter().map(|one| one.as_str()).collect()
}

fn failure_kinds() -> Vec<&'static str> {
    FailureKind::ALL.iter().map(|one| one.as_str()).collect()
}

fn blames() -> Vec<&'static str> {
    Blame::ALL.iter().map(|one| one.as_str()).collect()
}

fn phases() -> Vec<&'static str> {
    Phase::ALL.iter().map(|one| one.as_str()).collect()
}
