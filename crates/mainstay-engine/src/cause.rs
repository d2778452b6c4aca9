use mainstay_model::{Alert, FailureKind, Landscape, Rule, RuleKey, Subject};

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
        Subject::Incident(id) => format!("incident:{id}"),
        Subject::Schedule(name) => format!("schedule:{name}"),
        Subject::Mainstay => "mainstay".into(),
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
