//! The sentence that each page begins with.

use jiff::Timestamp;
use mainstay_model::{DependencyState, Incident, IncidentState, Otherwise, Subject, Verdict};

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
    let about_mainstay = known.open.iter().find(|incident| {
        incident.alerts.values().any(|alert| !matches!(alert.key.subject, Subject::Dependency(_)))
    });
    let unchecked = known.dependencies.iter().filter(|state| state.last.is_none()).count();
    match (about_mainstay, unchecked, known.count(Sign::Unknown)) {
        (Some(_), _, _) => "What is watched is in order, but Mainstay itself needs you.".into(),
        (None, 0, 0) => "Everything is in order.".into(),
        (None, 0, unknown) => format!(
            "Nothing is known to be wrong, but for {} it could not be told.",
            plural(unknown, "dependency", "dependencies")
        ),
        (None, unchecked, _) if unchecked == known.dependencies.len() => {
            "The first checks are on their way.".into()
        }
        (None, unchecked, _) => {
            format!("Nothing is known to be wrong; {} not been checked yet.", unchecked_words(unchecked))
        }
    }
}

fn unchecked_words(count: usize) -> String {
    if count == 1 { "1 dependency has".into() } else { format!("{} dependencies have", grouped(count)) }
}

/// A dependency in a sentence or two: its state, since when, why.
pub(super) fn dependency(state: &DependencyState, now: Timestamp) -> String {
    let (name, since) = (&state.name, clock_time(state.since, now));
    if state.last.is_none() {
        return format!("{name} has not been checked yet.");
    }
    match state.verdict {
        Verdict::Healthy if state.alerts.is_empty() => {
            format!("{name} is in order, and has been for {}.", When::length(state.since, now).text())
        }
        Verdict::Healthy => format!("{name} works. {}", first_cause(state)),
        Verdict::Inconclusive => {
            format!("Nothing could be told about {name} since {since}. {}", cause(state)).trim_end().into()
        }
        Verdict::Degraded => format!("{name} works, but needs you. {}", first_cause(state)).trim_end().into(),
        Verdict::Down => {
            format!("{name} is down since {since}. {}{}", cause(state), remainder(state)).trim_end().into()
        }
    }
}

/// The cause of the most urgent alert, which is what the people were told; without one, what the latest check says.
fn first_cause(state: &DependencyState) -> String {
    let alert = state.alerts.iter().max_by_key(|alert| alert.severity);
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
fn full_stop(text: String) -> String {
    if text.ends_with(['.', '!', '?']) { text } else { text + "." }
}

/// Where an incident stands, in a sentence to follow its title.
pub(super) fn standing(incident: &Incident, now: Timestamp) -> String {
    let since = clock_time(incident.since, now);
    match (&incident.state, incident.breaks_at) {
        (IncidentState::Resolved { at, by }, _) => {
            let lasted = When::length(*at, incident.since).text();
            let by_hand = by.as_ref().map_or(String::new(), |by| format!(" by hand ({by})"));
            format!("Resolved{by_hand} at {}, after {lasted}.", clock_time(*at, now))
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
            format!("Since {since}, {}. {}", When::length(incident.since, now).text(), taken_up(state))
        }
    }
}

fn taken_up(state: &IncidentState) -> String {
    match state {
        IncidentState::Acknowledged { by, .. } => format!("Taken up by {by}."),
        _ => "Nobody has taken it up.".into(),
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
        assert_eq!(
            dependency(&state(Verdict::Down, Some(failure)), now()),
            "orders-db is down since 22:29 UTC. The server's certificate has expired. Everything else about it is in order."
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
            "Nothing could be told about orders-db since 22:29 UTC. No reference target answers."
        );
    }
}
