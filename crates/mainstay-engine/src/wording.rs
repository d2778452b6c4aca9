use mainstay_model::{
    Alert, AlertKey, CheckReport, DependencyName, Diagnosis, EntryKind, Failure, FailureKind, Incident,
    Landscape, Provider, ProviderName, Rule, RuleKey, Subject,
};

use crate::channels::is_in_part;
use crate::time::clock;

/// The incident's title: what is wrong, with what. It makes sense by its first 60 characters.
pub(crate) fn title(incident: &Incident, lead: &Alert, landscape: &Landscape) -> String {
    let alike = incident.alerts.values().filter(|alert| alert.key.rule == lead.key.rule).count();
    match (&lead.key.subject, alike) {
        (Subject::Dependency(name), 0 | 1) => of_one(name, lead),
        (Subject::Dependency(_), several) => {
            let of = common_provider(incident, landscape)
                .map_or_else(String::new, |one| format!(" of {}", landscape.provider_title(one)));
            format!("{several} dependencies{of} {}", condition(lead, true))
        }
        (Subject::Channel(name), _) => format!("{name} {}", of_channel(lead)),
        (Subject::Heartbeat(name), _) => format!("{name} gives no sign of life"),
        (Subject::Incident(_), _) => unreached(lead),
        (Subject::Schedule(name), _) => format!("{name} {}", nobody_on_call(lead)),
        (Subject::Drill(name), _) => of_drill(name, lead),
        (Subject::Mainstay, _) => mainstay_title(&lead.key.rule).to_owned(),
        (Subject::External { .. }, 0 | 1) => said_by(lead),
        (Subject::External { .. }, several) => format!("{} (and {} more)", said_by(lead), several - 1),
    }
}

/// The provider of all of its dependencies.
fn common_provider<'a>(incident: &'a Incident, landscape: &Landscape) -> Option<&'a ProviderName> {
    let [one] = incident.providers.as_slice() else { return None };
    let theirs = |name| landscape.dependencies.get(name).is_none_or(|all| all.provider.as_ref() == Some(one));
    incident.dependencies.iter().all(theirs).then_some(one)
}

/// A short clause for one alert: `orders-db is down: its certificate expired`.
pub(crate) fn clause(alert: &Alert) -> String {
    match &alert.key.subject {
        Subject::Dependency(name) => of_one(name, alert),
        Subject::Channel(name) => format!("{name} {}", of_channel(alert)),
        Subject::Heartbeat(name) => format!("{name} gives no sign of life"),
        Subject::Incident(_) => unreached(alert),
        Subject::Schedule(name) => format!("{name} {}", nobody_on_call(alert)),
        Subject::Drill(name) => of_drill(name, alert),
        Subject::Mainstay => mainstay_title(&alert.key.rule).to_owned(),
        Subject::External { .. } => said_by(alert),
    }
}

/// The mark is part of what is played, so that it stands wherever a title does. That nobody answered is not played.
fn of_drill(name: &DependencyName, alert: &Alert) -> String {
    match alert.key.rule == Rule::DrillUnanswered {
        true => format!("nobody answered the drill of {name}"),
        false => format!("DRILL: {name} {}", condition(alert, false)),
    }
}

/// What a rule of one's own says is a sentence that may name the dependency already.
fn of_one(name: &DependencyName, alert: &Alert) -> String {
    match &alert.key.rule {
        RuleKey::BuiltIn(_) => format!("{name} {}", condition(alert, false)),
        RuleKey::Own(_) => named(name, alert.diagnosis.cause.trim_end_matches('.')),
    }
}

/// What another system says, in its own words.
pub(crate) fn said_by(alert: &Alert) -> String {
    let title = alert.external.as_ref().map(|external| external.title.trim_end_matches('.'));
    title.unwrap_or("Another system sees a problem").to_owned()
}

/// What is said when an alert ends.
pub(crate) fn ended(alert: &Alert, why: &str) -> String {
    let key = &alert.key;
    let what = match &key.subject {
        // That it ended for another reason says nothing of the certificate.
        Subject::Dependency(name) if !why.is_empty() && is_ending(&key.rule) => {
            format!("The end of {name}'s certificate is no longer announced")
        }
        Subject::Dependency(name) => format!("{name} {}", over(&key.rule)),
        Subject::Channel(name) if key.rule == Rule::ChannelUnproven => format!("{name} was shown to work"),
        Subject::Channel(name) if is_in_part(alert) => format!("{name} reaches everybody again"),
        Subject::Channel(name) => format!("{name} takes messages again"),
        Subject::Heartbeat(name) => format!("{name} gives signs of life again"),
        Subject::Incident(_) => "Nobody else needs to be reached".to_owned(),
        Subject::Schedule(name) => format!("{name} has somebody on call without a gap again"),
        Subject::Drill(name) => format!("The drill of {name} is settled"),
        Subject::Mainstay => mainstay_over(&key.rule).to_owned(),
        Subject::External { .. } => format!("No longer: {}", said_by(alert)),
    };
    if why.is_empty() { format!("{what}.") } else { format!("{what}: {why}.") }
}

/// What is said when what an alert announced has happened.
pub(crate) fn came_true(key: &AlertKey) -> String {
    match &key.subject {
        Subject::Dependency(name) => format!("What was announced for {name} has happened."),
        Subject::Schedule(name) => format!("The gap of {name} that was announced has passed."),
        Subject::Channel(_)
        | Subject::Heartbeat(_)
        | Subject::Incident(_)
        | Subject::Drill(_)
        | Subject::Mainstay
        | Subject::External { .. } => "What was announced has happened.".to_owned(),
    }
}

/// What is wrong with a channel, after its name.
fn of_channel(alert: &Alert) -> &'static str {
    match alert.key.rule == Rule::ChannelUnproven {
        true => "was not shown to work for long",
        false if is_in_part(alert) => "does not reach everybody",
        false => "does not take messages",
    }
}

/// The cause says which incident; its identifier would tell nobody anything.
fn unreached(alert: &Alert) -> String {
    alert.diagnosis.cause.trim_end_matches('.').to_owned()
}

/// What is wrong with a schedule, after its name.
fn nobody_on_call(alert: &Alert) -> String {
    match alert.breaks_at {
        Some(at) => format!("will have nobody on call from {}", clock(at)),
        None => "has nobody on call".into(),
    }
}

/// Whether an alert announces the end of a certificate.
pub(crate) fn is_ending(rule: &RuleKey) -> bool {
    matches!(rule.built_in(), Some(Rule::CertificateExpiring | Rule::RenewalOverdue))
}

fn condition(alert: &Alert, several: bool) -> String {
    let (is, its, has) = if several { ("are", "their", "have") } else { ("is", "its", "has") };
    let kind = alert.failure.as_ref().map(|failure| failure.kind);
    let rule = match &alert.key.rule {
        RuleKey::BuiltIn(rule) => *rule,
        RuleKey::Own(name) => return format!("{} the rule {name}", if several { "meet" } else { "meets" }),
    };
    match rule {
        Rule::Down => format!("{is} down: {}", because(kind, its)),
        Rule::Degraded => format!("{is} down on some addresses: {}", because(kind, its)),
        Rule::CertificateExpiring => format!("will break: {its} certificate ends soon"),
        Rule::RenewalOverdue => {
            format!("{} overdue for renewal", if several { "have certificates" } else { "has a certificate" })
        }
        Rule::ChainProblem => format!("{has} a certificate chain that strict clients refuse"),
        Rule::AddressesDiffer => format!("{has} different certificates on different addresses"),
        Rule::TooSlow => format!("{is} slow"),
        Rule::Stale => format!("{} not checked", if several { "were" } else { "was" }),
        Rule::Flapping => {
            format!("{} between good and bad", if several { "keep changing" } else { "keeps changing" })
        }
        other => other.as_str().replace('-', " "),
    }
}

/// Why something does not work, as the end of a sentence about it: `its certificate expired`.
pub fn short_cause(kind: FailureKind) -> String {
    because(Some(kind), "its")
}

/// Why something is down, as the end of a title.
fn because(kind: Option<FailureKind>, its: &str) -> String {
    use FailureKind::*;
    let text = match kind {
        Some(NameNotResolved) => "{its} name is not resolved",
        Some(ConnectRefused) => "the connection is refused",
        Some(ConnectTimedOut) => "nothing answers",
        Some(ConnectReset) => "the connection is cut",
        Some(NetworkUnreachable) => "there is no way to {its} network",
        Some(ProxyFailed) => "the proxy on the way refuses",
        Some(WrongProtocol) => "something else answers on {its} port",
        Some(TlsNotOffered) => "TLS is not offered",
        Some(TlsVersionUnsupported) => "there is no TLS version in common",
        Some(TlsHandshakeFailed) => "the TLS handshake fails",
        Some(ClientCertificateRequired) => "a client certificate is required",
        Some(CertificateExpired) => "{its} certificate expired",
        Some(CertificateNotYetValid) => "{its} certificate is not valid yet",
        Some(CertificateUntrusted) => "{its} certificate is not trusted",
        Some(CertificateNameMismatch) => "{its} certificate is for another name",
        Some(CertificateRevoked) => "{its} certificate was revoked",
        Some(CertificateInvalid) => "{its} certificate is malformed",
        Some(LoginRejected) => "our log-in is refused",
        Some(QueryFailed) => "the query fails",
        Some(StatusUnexpected) => "the answer has an unexpected status",
        Some(ContentUnexpected) => "the answer has unexpected content",
        Some(TimedOut) => "no answer comes in time",
        Some(TooSlow) => "the answer comes too late",
        Some(ClockWrong) => "our clock is wrong",
        Some(Offline) => "our own network is gone",
        None => "the connection does not work",
    };
    text.replace("{its}", its)
}

fn over(rule: &RuleKey) -> String {
    match rule {
        RuleKey::BuiltIn(rule) => over_built_in(*rule).to_owned(),
        RuleKey::Own(name) => format!("no longer meets the rule {name}"),
    }
}

fn over_built_in(rule: Rule) -> &'static str {
    match rule {
        Rule::Down => "works again",
        Rule::Degraded => "works on all addresses again",
        Rule::CertificateExpiring | Rule::RenewalOverdue => {
            "has a certificate that is no longer near its end"
        }
        Rule::ChainProblem => "sends a certificate chain that is in order",
        Rule::AddressesDiffer => "serves the same certificate on all addresses",
        Rule::TooSlow => "is as fast as usual",
        Rule::Stale => "is checked again",
        Rule::Flapping => "is stable again",
        _ => "is in order again",
    }
}

fn mainstay_title(rule: &RuleKey) -> &'static str {
    match rule.built_in() {
        Some(Rule::Offline) => "Mainstay is offline: our own network is gone",
        Some(Rule::ConfigurationRefused) => "The new configuration was refused; the old one goes on",
        Some(Rule::StoreFailing) => "Mainstay could not write what it saw",
        Some(Rule::CoverageHole) => "Somebody would not be told: a rehearsal found a hole",
        _ => "Mainstay needs attention",
    }
}

fn mainstay_over(rule: &RuleKey) -> &'static str {
    match rule.built_in() {
        Some(Rule::Offline) => "Mainstay is online again",
        Some(Rule::ConfigurationRefused) => "A good configuration was loaded",
        Some(Rule::StoreFailing) => "Mainstay can write again",
        Some(Rule::CoverageHole) => "A rehearsal found no hole any more",
        _ => "Mainstay is in order again",
    }
}

/// The cause, evidence and actions that came with a check, with what only those who know the landscape can add.
pub(crate) fn diagnosis(
    report: &CheckReport,
    failure: &Failure,
    added: Vec<String>,
    provider: Option<&Provider>,
) -> Diagnosis {
    let mut diagnosis = report.diagnosis.clone().unwrap_or_default();
    if diagnosis.cause.is_empty() {
        diagnosis.cause = failure.message.clone();
    }
    diagnosis.evidence.extend(added);
    diagnosis.actions.extend(provider_actions(provider));
    diagnosis
}

/// Where to turn to.
pub(crate) fn provider_actions(provider: Option<&Provider>) -> Vec<String> {
    let Some(provider) = provider else { return Vec::new() };
    let contacts = provider.contacts.join(", ");
    let tell = (!contacts.is_empty()).then(|| format!("Tell {}: {contacts}.", provider.title));
    let look = provider.status_page.as_ref().map(|page| format!("See what {} says: {page}", provider.title));
    tell.into_iter().chain(look).collect()
}

/// The first line of an incident's history.
pub(crate) fn entry_for(rule: &RuleKey) -> EntryKind {
    match rule.built_in() {
        Some(Rule::Offline | Rule::ConfigurationRefused | Rule::StoreFailing | Rule::CoverageHole) => {
            EntryKind::Mainstay
        }
        _ => EntryKind::AlertJoined,
    }
}

/// `a`, `a and b`, `a, b and c`; more than five are counted.
pub(crate) fn list<T: std::fmt::Display>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if names.len() <= 5 => format!("{} and {last}", first.join(", ")),
        more => format!(
            "{} and {} more",
            more.iter().take(4).cloned().collect::<Vec<_>>().join(", "),
            more.len() - 4
        ),
    }
}

/// Names of dependencies in a sentence about them.
pub(crate) fn named(name: &DependencyName, sentence: &str) -> String {
    if sentence.contains(name.as_str()) { sentence.to_owned() } else { format!("{name}: {sentence}") }
}
