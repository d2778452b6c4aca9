//! The sentence that each page begins with.

use jiff::Timestamp;
use mainstay_engine::short_cause;
use mainstay_model::{
    Alert, ComponentName, DependencyState, FailureKind, Incident, IncidentState, Landscape, Match, Otherwise,
    Subject, Verdict,
};

use super::known::Known;
use crate::show::{Sign, When, clock_time, grouped, plural};

/// Everything in one sentence.
pub(super) fn overview(known: &Known) -> String {
    let all = known.dependencies.len();
    let needing: Vec<_> = known.needing().take(2).collect();
    if let Some(since) = known.offline_since {
        return format!("Mainstay is cut off since {}.", clock_time(since, known.now));
    }
    match needing.as_slice() {
        _ if all == 0 => "Nothing is watched yet.".into(),
        [] => calm(known),
        [one] if all > 1 => format!("1 of {} dependencies needs you: {}.", grouped(all), one.name),
        [one] => format!("{} needs you.", one.name),
        _ => format!("{} of {} dependencies need you.", grouped(known.needing().count()), grouped(all)),
    }
}

fn calm(known: &Known) -> String {
    let any = |is_it: fn(&Subject) -> bool| {
        known.in_earnest().any(|incident| incident.alerts.values().any(|alert| is_it(&alert.key.subject)))
    };
    let about_mainstay = any(|subject| {
        matches!(
            subject,
            Subject::Channel(_) | Subject::Incident(_) | Subject::Heartbeat(_) | Subject::Mainstay
        )
    });
    let about_people = any(|subject| matches!(subject, Subject::Schedule(_)));
    let unanswered = any(|subject| matches!(subject, Subject::Drill(_)));
    let from_outside = any(|subject| matches!(subject, Subject::External { .. }));
    let unchecked = known.dependencies.iter().filter(|state| state.last.is_none()).count();
    match (about_mainstay, unchecked, known.count(Sign::Unknown)) {
        (true, _, _) => "What is watched is in order, but Mainstay itself needs you.".into(),
        _ if about_people => "What is watched is in order, but somebody is missing on call.".into(),
        _ if unanswered => "What is watched is in order, but nobody answered a drill.".into(),
        (false, 0, _) if from_outside => {
            "What is watched is in order, but another system has alerts that hold.".into()
        }
        (false, ..) if from_outside => "Another system has alerts that hold.".into(),
        (false, 0, 0) => "Everything is in order.".into(),
        (false, 0, unknown) => format!(
            "Nothing is known to be wrong, but for {} it could not be told.",
            plural(unknown, "dependency", "dependencies")
        ),
        (false, unchecked, _) if unchecked == known.dependencies.len() => {
            "The first checks are on their way.".into()
        }
        (false, unchecked, _) => {
            format!("Nothing is known to be wrong; {} not been checked yet.", unchecked_words(unchecked))
        }
    }
}

fn unchecked_words(count: usize) -> String {
    if count == 1 { "1 dependency has".into() } else { format!("{} dependencies have", grouped(count)) }
}

/// A dependency in a sentence: its state, since when, and the cause where few words tell it.
pub(super) fn dependency(state: &DependencyState, now: Timestamp) -> String {
    let (name, since) = (&state.name, clock_time(state.since, now));
    if state.last.is_none() {
        return format!("{name} has not been checked yet.");
    }
    let why = failure(state).map(|kind| format!(": {}", short_cause(kind))).unwrap_or_default();
    match (state.verdict, breaks_at(state)) {
        (Verdict::Healthy, _) if state.alerts.is_empty() => {
            format!("{name} is in order, and has been for {}.", When::length(state.since, now).text())
        }
        (Verdict::Healthy, _) => format!("{name} works, but needs you."),
        (Verdict::Inconclusive, _) => format!("Nothing could be told about {name} since {since}{why}."),
        (Verdict::Degraded, Some(at)) if at > now => {
            let when = When::relative(at, now).text();
            format!("{name} will break {when}, at {}.", clock_time(at, now))
        }
        (Verdict::Degraded, _) if !why.is_empty() => format!("{name} works only in part since {since}{why}."),
        (Verdict::Degraded, _) => format!("{name} works, but needs you since {since}."),
        (Verdict::Down, _) => format!("{name} is down since {since}{why}."),
    }
}

/// What there is to say after that sentence: the cause in full, and what holds all the same.
pub(super) fn explanation(state: &DependencyState) -> String {
    let cause = match state.verdict {
        Verdict::Healthy | Verdict::Degraded => first_cause(state),
        Verdict::Down | Verdict::Inconclusive => cause(state),
    };
    format!("{cause}{}", remainder(state)).trim().to_owned()
}

fn failure(state: &DependencyState) -> Option<FailureKind> {
    Some(state.last.as_ref()?.failure.as_ref()?.kind)
}

fn breaks_at(state: &DependencyState) -> Option<Timestamp> {
    state.alerts.iter().filter_map(|alert| alert.breaks_at).min()
}

/// The cause of the most urgent alert, which is what the people were told; without one, what the latest check says.
fn first_cause(state: &DependencyState) -> String {
    let alert = most_urgent(state);
    alert
        .map(|alert| alert.diagnosis.cause.clone())
        .filter(|cause| !cause.is_empty())
        .unwrap_or_else(|| cause(state))
}

/// The cause as the latest check found it.
pub(super) fn cause(state: &DependencyState) -> String {
    let Some(last) = &state.last else { return String::new() };
    let diagnosed =
        last.diagnosis.as_ref().map(|diagnosis| diagnosis.cause.clone()).filter(|cause| !cause.is_empty());
    let failed = || last.failure.as_ref().map(|failure| failure.message.clone());
    let found =
        || last.findings.iter().max_by_key(|finding| finding.severity).map(|finding| finding.message.clone());
    diagnosed.or_else(failed).or_else(found).map(full_stop).unwrap_or_default()
}

/// What holds apart from the expired certificate, unless the cause has said it.
fn remainder(state: &DependencyState) -> &'static str {
    let expired =
        state.last.as_ref().and_then(|last| last.failure.as_ref()).and_then(|one| one.expired.as_ref());
    let said = ["else", "only fault", "nothing but"].iter().any(|words| cause(state).contains(words));
    match expired.map(|expired| &expired.otherwise) {
        Some(Otherwise::Yes) if !said => " Everything else about it is in order.",
        _ => "",
    }
}

/// A sentence ends with a full stop, whoever wrote it.
pub(super) fn full_stop(text: String) -> String {
    if text.ends_with(['.', '!', '?']) { text } else { text + "." }
}

/// The alert that people are to look at first.
pub(super) fn most_urgent(state: &DependencyState) -> Option<&Alert> {
    state.alerts.iter().max_by_key(|alert| alert.severity)
}

/// Where an incident stands, in a sentence to follow its title.
pub(super) fn standing(incident: &Incident, now: Timestamp) -> String {
    let began = broke(incident);
    let announced = if incident.since < began {
        format!(" It was announced {} before.", When::length(incident.since, began).text())
    } else {
        String::new()
    };
    match (&incident.state, incident.breaks_at) {
        (IncidentState::Resolved { at, by }, _) => {
            let lasted = When::length(*at, began).text();
            let by_hand = by.as_ref().map_or(String::new(), |by| format!(" by hand ({by})"));
            format!("Resolved{by_hand} at {}, after {lasted}.{announced}", clock_time(*at, now))
        }
        (state, Some(breaks_at)) if breaks_at > now => {
            let when = When::relative(breaks_at, now).text();
            format!(
                "Nothing is broken yet: it will be {when}, at {}. {}",
                clock_time(breaks_at, now),
                taken_up(state)
            )
        }
        (state, _) => {
            let length = When::length(began, now).text();
            format!("Since {}, for {length}.{announced} {}", clock_time(began, now), taken_up(state))
        }
    }
}

/// Since when it is felt, or existed where nobody felt it.
pub(in crate::operator) fn broke(incident: &Incident) -> Timestamp {
    incident.broke_at.unwrap_or(incident.since)
}

fn taken_up(state: &IncidentState) -> String {
    match state {
        IncidentState::Acknowledged { by, .. } => format!("Taken up by {by}."),
        _ => "Nobody has taken it up.".into(),
    }
}

/// What a condition is about, as a sentence of its own.
pub(super) fn matched(what: &Match, landscape: &Landscape) -> String {
    capitalised(&matching(what, landscape))
}

/// What a condition is about, in words: all of its parts must hold.
pub(super) fn matching(what: &Match, landscape: &Landscape) -> String {
    let any = |names: Vec<String>| (!names.is_empty()).then(|| names.join(" or "));
    let strings = |list: &[String]| list.to_vec();
    let dependencies = any(what.dependency.iter().map(ToString::to_string).collect());
    let providers = any(what.provider.iter().map(|name| landscape.provider_title(name).to_owned()).collect());
    let titled = |name: &ComponentName| {
        landscape.components.get(name).map_or_else(|| name.to_string(), |one| one.title.clone())
    };
    let components = any(what.component.iter().map(titled).collect());
    let severities = any(what.severity.iter().map(ToString::to_string).collect());
    let criticalities = any(what.criticality.iter().map(ToString::to_string).collect());
    let failures = any(what.failure.iter().map(ToString::to_string).collect());
    let blames = any(what.blame.iter().map(ToString::to_string).collect());
    let parts = [
        dependencies,
        providers.map(|names| format!("what is of {names}")),
        components.map(|names| format!("what {names} uses")),
        any(strings(&what.tags)).map(|tags| format!("what is tagged {tags}")),
        criticalities.map(|words| format!("what is {words} for us")),
        severities.map(|words| format!("severity {words}")),
        failures.map(|kinds| format!("failure {kinds}")),
        blames.map(|blames| format!("fault of {blames}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "everything".into() } else { parts.join(", ") }
}

/// A sentence begins with a capital, but a name stays as it is.
fn capitalised(text: &str) -> String {
    match text
        .strip_prefix("what ")
        .map(|rest| format!("What {rest}"))
        .or_else(|| text.strip_prefix("severity ").map(|rest| format!("Severity {rest}")))
    {
        Some(text) => text,
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use mainstay_model::{CheckReport, Expired, Failure, FailureKind, Phase};

    use super::*;

    fn state(verdict: Verdict, failure: Option<Failure>) -> DependencyState {
        let now = now();
        let mut state = DependencyState::unchecked("orders-db".parse().unwrap(), now);
        state.verdict = verdict;
        state.since = "2026-11-22T22:29:05Z".parse().unwrap();
        state.last = Some(CheckReport {
            endpoint: None,
            target: "mysql://db.acme.example".into(),
            dependency: None,
            verdict,
            failure,
            addresses: vec![],
            findings: vec![],
            diagnosis: None,
            resolve_ms: None,
            checked_at: now,
        });
        state
    }

    fn now() -> Timestamp {
        "2026-11-22T22:41:00Z".parse().unwrap()
    }

    #[test]
    fn an_expired_certificate_and_nothing_else() {
        let mut failure =
            Failure::new(FailureKind::CertificateExpired, Phase::Tls, "The server's certificate has expired");
        failure.expired =
            Some(Expired { position: 0, subject: "CN=db".into(), since: now(), otherwise: Otherwise::Yes });
        let state = state(Verdict::Down, Some(failure));
        assert_eq!(dependency(&state, now()), "orders-db is down since 22:29 UTC: its certificate expired.");
        assert_eq!(
            explanation(&state),
            "The server's certificate has expired. Everything else about it is in order."
        );
    }

    #[test]
    fn the_other_verdicts() {
        let unchecked = DependencyState::unchecked("orders-db".parse().unwrap(), now());
        assert_eq!(dependency(&unchecked, now()), "orders-db has not been checked yet.");
        assert_eq!(
            dependency(&state(Verdict::Healthy, None), now()),
            "orders-db is in order, and has been for 11 min."
        );
        let refused = Failure::new(FailureKind::Offline, Phase::Connect, "No reference target answers");
        assert_eq!(
            dependency(&state(Verdict::Inconclusive, Some(refused)), now()),
            "Nothing could be told about orders-db since 22:29 UTC: our own network is gone."
        );
    }
}
