use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::failure::kinds;
use crate::{
    Alertmanager, ChannelName, ComponentName, DependencyName, DigestTime, Escalation, EscalationName,
    HeartbeatName, HttpRequest, Ntfy, PagerDuty, Person, PersonName, PlannedDrill, Program, ProviderName,
    Quiet, Receive, Recipient, Relay, Route, Rules, Runbook, Schedule, ScheduleName, Secret, Severity,
    SlackBot, Target, Telegram, Twilio,
};

/// Everything that is watched and everybody who is told, as the configuration says: usable, cross-checked, complete.
///
/// Every name that a part refers to exists; whoever builds a `Landscape` has made sure of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Landscape {
    /// The third parties.
    pub providers: BTreeMap<ProviderName, Provider>,
    /// What is connected to.
    pub dependencies: BTreeMap<DependencyName, Dependency>,
    /// The parts of the own service.
    pub components: BTreeMap<ComponentName, Component>,
    /// By what means people are told.
    pub channels: BTreeMap<ChannelName, Channel>,
    /// Who is told of what, in order; every route that matches is used.
    pub routes: Vec<Route>,
    /// Who is told after whom until somebody takes it up.
    pub escalations: BTreeMap<EscalationName, Escalation>,
    /// Who is told when nobody was reached, or when no route takes what is urgent.
    pub fallback: Vec<Recipient>,
    /// Maintenance and silences.
    pub quiets: Vec<Quiet>,
    /// How long a channel may go without being shown to work before that is told.
    pub proven_within: ProvenWithin,
    /// Signs of life that are expected from elsewhere.
    pub heartbeats: BTreeMap<HeartbeatName, Heartbeat>,
    /// When digests are sent.
    pub digest_at: DigestTime,
    /// The mail server that email channels send through.
    pub mail: Option<MailServer>,
    /// The public page.
    pub status_page: StatusPage,
    /// Address of the operator's pages as people reach them, without a trailing slash.
    pub operator_url: String,
    /// Targets that are expected to be always reachable (`tcp://…`); when none of them is, we are offline.
    pub references: Vec<Target>,
    /// Who can be called.
    pub people: BTreeMap<PersonName, Person>,
    /// Who is on call when.
    pub schedules: BTreeMap<ScheduleName, Schedule>,
    /// How long before nobody will be on call it is told.
    pub gap_warning: GapWarning,
    /// Rules of one's own, and what is changed about the built-in ones.
    pub rules: Rules,
    /// What is taken from other systems.
    pub receive: Receive,
    /// Drills that begin by themselves.
    pub drills: Vec<PlannedDrill>,
    /// How waivers are granted.
    pub waivers: WaiverTerms,
}

/// How long before a gap in a schedule it is told: seven days, unless the configuration says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapWarning(pub Duration);

impl Default for GapWarning {
    fn default() -> Self {
        GapWarning(Duration::from_secs(7 * 86_400))
    }
}

/// How waivers are granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaiverTerms {
    /// How long one lasts when nothing is said.
    pub usual: Duration,
    /// How long one may last, at most 24 hours.
    pub longest: Duration,
    /// Whether a second person has to agree.
    pub second_person: bool,
}

impl Default for WaiverTerms {
    fn default() -> Self {
        WaiverTerms {
            usual: Duration::from_secs(4 * 3_600),
            longest: Duration::from_secs(24 * 3_600),
            second_person: false,
        }
    }
}

/// A third party that is relied on.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// For people.
    pub title: String,
    /// Address of the provider's own status page.
    pub status_page: Option<String>,
    /// Mail addresses or telephone numbers.
    pub contacts: Vec<String>,
    /// Promised availability in percent.
    pub sla_percent: Option<f64>,
    /// How often the provider is reviewed.
    pub review_every: Option<Duration>,
}

/// One thing of a provider's that is connected to.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependency {
    /// Its key in the configuration.
    pub name: DependencyName,
    /// Whose it is; absent for something of one's own, such as a certificate file.
    pub provider: Option<ProviderName>,
    /// Where it is.
    pub target: Target,
    /// How it must verify.
    pub tls: TlsPolicy,
    /// What is asked after log-in. Absent: the protocol's own smallest question.
    pub query: Option<String>,
    /// Time between checks, at least one second.
    pub every: Duration,
    /// Bound on one whole check.
    pub timeout: Duration,
    /// Slower than this is a finding. Absent: judged against its own history.
    pub slow: Option<Duration>,
    /// Which components of one's own need it.
    pub used_by: Vec<ComponentName>,
    /// How much depends on it.
    pub criticality: Criticality,
    /// When a bad check is believed.
    pub confirm: Confirmation,
    /// Words of the user's own to match it by.
    pub tags: Vec<String>,
    /// What to do when it breaks.
    pub runbook: Option<Runbook>,
    /// A local TLS hop in front of it.
    pub relay: Option<Relay>,
    /// Whether an expired certificate of its may be waived.
    pub waivable: bool,
}

impl Dependency {
    /// A dependency of which nothing but its name and place was said.
    pub fn new(name: DependencyName, target: Target) -> Dependency {
        Dependency {
            name,
            provider: None,
            target,
            tls: TlsPolicy::default(),
            query: None,
            every: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            slow: None,
            used_by: Vec::new(),
            criticality: Criticality::Normal,
            confirm: Confirmation::default(),
            tags: Vec::new(),
            runbook: None,
            relay: None,
            waivable: true,
        }
    }

    /// Where it is and how it must verify, in one text without secrets: what is learned of certificates and speed holds for this.
    ///
    /// The text is only compared; user, database and path of the URL are no part of it.
    pub fn endpoint(&self) -> String {
        let Target { protocol, host, port, file, .. } = &self.target;
        let TlsPolicy { mode, ca_file, server_name, identity: _ } = &self.tls;
        format!("{protocol:?} {host} {port} {file:?} {mode:?} {ca_file:?} {server_name:?}")
    }
}

/// How a server's certificate must verify.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TlsPolicy {
    /// Whether TLS is used.
    pub mode: TlsMode,
    /// PEM file of the only roots to trust. Absent: the roots of this system.
    pub ca_file: Option<PathBuf>,
    /// The name that the certificate must be for, when it is not the host of the URL.
    pub server_name: Option<String>,
    /// The certificate to show to a server that asks its clients for one.
    pub identity: Option<ClientIdentity>,
}

/// The files of a client's own certificate.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientIdentity {
    /// PEM of the chain, the client's own certificate first.
    pub certificate: PathBuf,
    /// PEM of the private key.
    pub key: PathBuf,
}

/// Whether TLS is used for a protocol that leaves the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsMode {
    /// TLS with full verification: trust, name, purpose and dates.
    #[default]
    Full,
    /// No TLS, as the application connects without it too. Unverified TLS is not offered.
    Off,
}

/// When a bad check is believed: the first one is repeated at once, and then `failures` of the last `of` must be bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmation {
    /// How many must be bad, at least 1.
    pub failures: u32,
    /// Of how many, at least `failures` and at most 32.
    pub of: u32,
    /// How many good ones in a row end it, at least 1.
    pub recoveries: u32,
}

impl Default for Confirmation {
    fn default() -> Self {
        Confirmation { failures: 2, of: 3, recoveries: 2 }
    }
}

kinds! {
    /// How much depends on a dependency.
    Criticality {
        /// The service is down without it.
        Critical = "critical",
        /// A large part of the service is.
        High = "high",
        /// Something is.
        Normal = "normal",
        /// Nobody would notice soon.
        Low = "low",
    }
}

impl Criticality {
    /// How urgent it is that such a dependency is down.
    pub fn severity_when_down(self) -> Severity {
        match self {
            Criticality::Critical => Severity::Page,
            Criticality::High | Criticality::Normal => Severity::High,
            Criticality::Low => Severity::Warn,
        }
    }
}

/// A part of one's own service as customers know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// For people.
    pub title: String,
    /// Heading under which the status page shows it.
    pub group: Option<String>,
    /// One line for customers.
    pub description: Option<String>,
}

/// A means of telling somebody.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Channel {
    /// Which service, and its address there.
    pub kind: ChannelKind,
    /// Whose service it is, where that is one of the providers: it may fail together with their dependencies.
    pub provider: Option<ProviderName>,
}

/// The services that carry messages. Addresses that grant access are secrets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// Mail to these addresses.
    Email {
        /// Recipients, at least one.
        to: Vec<String>,
    },
    /// A Discord webhook.
    Discord {
        /// Its URL.
        url: Secret,
    },
    /// A Slack incoming webhook.
    Slack {
        /// Its URL.
        url: Secret,
    },
    /// An HTTP endpoint that takes Standard Webhooks.
    Webhook {
        /// Its URL.
        url: Secret,
        /// The signing secret: `whsec_` and base64, or any text, whose bytes are then the key.
        secret: Option<Secret>,
    },
    /// A workflow of Microsoft Teams.
    Teams {
        /// Its URL.
        url: Secret,
    },
    /// A chat of a Telegram bot.
    Telegram(Telegram),
    /// A service of PagerDuty.
    PagerDuty(PagerDuty),
    /// A Prometheus Alertmanager.
    Alertmanager(Alertmanager),
    /// A topic of an ntfy server.
    Ntfy(Ntfy),
    /// Text messages by Twilio.
    TwilioSms(Twilio),
    /// Telephone calls by Twilio.
    TwilioCall(Twilio),
    /// A channel of a Slack workspace, by a bot.
    SlackBot(SlackBot),
    /// An HTTP request of one's own making.
    Http(HttpRequest),
    /// A program on this machine.
    Program(Program),
}

impl ChannelKind {
    /// Whether it can be tried without anything being posted or anybody called. The others post a line, or hand a message to whoever
    /// reads them.
    pub fn is_quiet_to_try(&self) -> bool {
        use ChannelKind::*;
        match self {
            Email { .. }
            | Discord { .. }
            | Slack { .. }
            | SlackBot(_)
            | Telegram(_)
            | PagerDuty(_)
            | Alertmanager(_)
            | TwilioSms(_)
            | TwilioCall(_) => true,
            Webhook { .. } | Http(_) | Program(_) | Teams { .. } | Ntfy(_) => false,
        }
    }

    /// Whether the service shows where an incident stands: what was told by it can be changed without telling it anew.
    pub fn shows_state(&self) -> bool {
        use ChannelKind::*;
        matches!(self, Discord { .. } | SlackBot(_) | Telegram(_) | PagerDuty(_) | Alertmanager(_))
    }

    /// The word used in configuration and pages.
    pub fn as_str(&self) -> &'static str {
        match self {
            ChannelKind::Email { .. } => "email",
            ChannelKind::Discord { .. } => "discord",
            ChannelKind::Slack { .. } => "slack",
            ChannelKind::Webhook { .. } => "webhook",
            ChannelKind::Teams { .. } => "teams",
            ChannelKind::Telegram(_) => "telegram",
            ChannelKind::PagerDuty(_) => "pagerduty",
            ChannelKind::Alertmanager(_) => "alertmanager",
            ChannelKind::Ntfy(_) => "ntfy",
            ChannelKind::TwilioSms(_) => "twilio_sms",
            ChannelKind::TwilioCall(_) => "twilio_call",
            ChannelKind::SlackBot(_) => "slack_bot",
            ChannelKind::Http(_) => "http",
            ChannelKind::Program(_) => "program",
        }
    }
}

/// Where email channels hand in their mail.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MailServer {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is encrypted.
    pub security: MailSecurity,
    /// User and password, when the server wants them.
    pub login: Option<(String, Secret)>,
    /// Sender, `Name <address>` or an address.
    pub from: String,
    /// Where mail that does not arrive comes back to; `{id}` in it stands for the message's identifier. Absent: to the sender.
    pub bounce_address: Option<String>,
    /// PEM file of the only roots to trust for the mail server. Absent: the roots of this system.
    pub ca_file: Option<PathBuf>,
}

/// How the connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailSecurity {
    /// TLS from the first byte (`smtps://`).
    Tls,
    /// STARTTLS, required (`smtp://`).
    StartTls,
    /// Plaintext: only for a server on this machine (`smtp://` to a loopback address without STARTTLS).
    Plaintext,
}

/// The public page.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusPage {
    /// Heading.
    pub title: String,
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Address of the page as customers reach it, without a trailing slash.
    pub public_url: String,
    /// Whether incidents of severity `high` and above become public at once.
    pub auto_publish: bool,
    /// Where customers can ask: label and link, such as `("help@example.com", "mailto:help@example.com")`.
    pub contacts: Vec<(String, String)>,
}

impl Default for StatusPage {
    fn default() -> Self {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8081));
        StatusPage {
            title: "Status".into(),
            listen,
            public_url: format!("http://{listen}"),
            auto_publish: false,
            contacts: Vec::new(),
        }
    }
}

/// How long a channel may go without being shown to work before that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvenWithin(pub Duration);

impl Default for ProvenWithin {
    fn default() -> Self {
        ProvenWithin(Duration::from_secs(30 * 86_400))
    }
}

/// A sign of life that somebody else sends again and again, such as another Mainstay.
#[derive(Debug, Clone, PartialEq)]
pub struct Heartbeat {
    /// For people: what is gone when it does not come.
    pub title: String,
    /// How often it comes.
    pub every: Duration,
    /// How much later it may be.
    pub grace: Duration,
    /// How urgent it is that it does not come.
    pub severity: Severity,
    /// What the sender has to show.
    pub token: Option<Secret>,
}

impl Landscape {
    /// The provider's title for people, or the name of the key when it has none.
    pub fn provider_title<'a>(&'a self, name: &'a ProviderName) -> &'a str {
        self.providers.get(name).map_or(name.as_str(), |provider| &provider.title)
    }
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsMode::Full => "full",
            TlsMode::Off => "off",
        })
    }
}
