use mainstay_model::{Alert, ExternalSource, FailureKind, Landscape, Rule, RuleKey, Subject};

/// What groups alerts into one incident: whose fault area it is, and the family of the fault, such as
/// `provider:acme-db/certificate-ending`.
pub(crate) fn cause_key(alert: &Alert, landscape: &Landscape) -> String {
    format!("{}/{}", owner(alert, landscape), family(alert))
}

/// Whether an alert says how well its dependency can be reached; those of one dependency are one trouble.
pub(crate) fn is_availability(rule: &RuleKey) -> bool {
    matches!(rule.built_in(), Some(Rule::Down | Rule::Degraded | Rule::Flapping))
}

fn owner(alert: &Alert, landscape: &Landscape) -> String {
    match &alert.key.subject {
        // That checks do not run is one trouble of our own, whoever they are about.
        Subject::Dependency(_) if alert.key.rule == Rule::Stale => "mainstay".into(),
        Subject::Dependency(name) => {
            let provider = landscape.dependencies.get(name).and_then(|one| one.provider.as_ref());
            provider.map_or_else(|| format!("dependency:{name}"), |provider| format!("provider:{provider}"))
        }
        Subject::Channel(name) => format!("channel:{name}"),
        Subject::Heartbeat(name) => format!("heartbeat:{name}"),
        Subject::Incident(id) => format!("incident:{id}"),
        Subject::Schedule(name) => format!("schedule:{name}"),
        Subject::External { source, .. } => owner_of_external(alert, source, landscape),
        Subject::Drill(name) => format!("drill:{name}"),
        Subject::Mainstay => "mainstay".into(),
    }
}

/// Whom it names is who it is about; of those that name nobody, the ones that say the same belong together.
fn owner_of_external(alert: &Alert, source: &ExternalSource, landscape: &Landscape) -> String {
    let Some(external) = &alert.external else { return source.to_string() };
    let dependency = external.dependency.as_ref();
    let of_dependency = || landscape.dependencies.get(dependency?).and_then(|one| one.provider.as_ref());
    match (external.provider.as_ref().or_else(of_dependency), dependency) {
        (Some(provider), _) => format!("provider:{provider}"),
        (None, Some(dependency)) => format!("dependency:{dependency}"),
        (None, None) => format!("{source}:{}", external.title),
    }
}

fn family(alert: &Alert) -> String {
    let kind = alert.failure.as_ref().map(|failure| failure.kind);
    match (&alert.key.rule, kind) {
        (RuleKey::BuiltIn(Rule::CertificateExpiring | Rule::RenewalOverdue), _) => {
            "certificate-ending".into()
        }
        (rule, Some(kind)) if is_availability(rule) => family_of(kind).into(),
        (RuleKey::BuiltIn(rule), _) => rule.as_str().into(),
        // So that no name makes it one trouble with what is built in.
        (RuleKey::Own(name), _) => format!("rule:{name}"),
    }
}

/// A provider that goes dark refuses here, times out there and resets elsewhere: that is one cause.
fn family_of(kind: FailureKind) -> &'static str {
    use FailureKind::*;
    match kind {
        CertificateExpired => "certificate-ending",
        ConnectRefused | ConnectTimedOut | ConnectReset | NetworkUnreachable | ProxyFailed | TimedOut => {
            "unreachable"
        }
        other => other.as_str(),
    }
}
