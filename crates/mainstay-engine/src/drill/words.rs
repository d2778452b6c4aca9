use jiff::Timestamp;
use mainstay_model::{
    Answer, Call, DependencyName, Diagnosis, DrillEnd, DrillResult, DrillStep, Failure, FailureKind, Fate,
    IncidentId, Phase, Rehearsal, in_words,
};

use crate::time::clock;
use crate::wording::{list, short_cause};

/// The failure that is played.
pub fn drill_failure(kind: FailureKind) -> Failure {
    let message = format!("It is played, and not so: {}.", short_cause(kind));
    Failure::new(kind, phase_of(kind), message)
}

/// Where in a check it would show.
fn phase_of(kind: FailureKind) -> Phase {
    use FailureKind::*;
    match kind {
        NameNotResolved => Phase::Resolve,
        ConnectRefused | ConnectTimedOut | ConnectReset | NetworkUnreachable | ProxyFailed | Offline
        | ClockWrong | TimedOut => Phase::Connect,
        WrongProtocol | TlsNotOffered => Phase::Upgrade,
        LoginRejected => Phase::Login,
        QueryFailed | StatusUnexpected | ContentUnexpected | TooSlow => Phase::Query,
        _ => Phase::Tls,
    }
}

pub(super) fn diagnosis(
    name: &DependencyName,
    failure: FailureKind,
    by: Option<&str>,
    provider: Option<&str>,
    now: Timestamp,
) -> Diagnosis {
    let whose = provider.map_or_else(String::new, |provider| format!(" of {provider}"));
    let begun = by.map_or_else(|| "It was planned".to_owned(), |by| format!("{by} began it"));
    Diagnosis {
        cause: format!(
            "This is a drill. Nothing is wrong with {name}{whose}: {} only in play.",
            short_cause(failure)
        ),
        evidence: vec![
            format!("{begun}, at {}.", clock(now)),
            "Who is told, after whom and by what means is as it would be in earnest.".into(),
        ],
        actions: vec![
            "Take it up as you would in earnest: that is all that is asked, and it is measured.".into(),
            "Then leave everything as it is: there is nothing to mend, and customers see nothing of it."
                .into(),
        ],
    }
}

pub(super) fn begun(
    name: &DependencyName,
    failure: FailureKind,
    by: Option<&str>,
    until: Timestamp,
) -> String {
    let begun = by.map_or_else(|| "A planned drill began".to_owned(), |by| format!("{by} began a drill"));
    format!(
        "{begun}: it is played that {name} is down, {}. It ends at {} if nobody takes it up.",
        short_cause(failure),
        clock(until)
    )
}

/// What is told in earnest when nobody took a drill up.
pub(super) fn nobody_answered(
    id: IncidentId,
    rehearsal: &Rehearsal,
    opened_at: Timestamp,
    operator_url: &str,
) -> Diagnosis {
    let name = &rehearsal.dependency;
    let evidence = told(rehearsal);
    let evidence = if evidence.is_empty() { vec!["No message was decided at all.".into()] } else { evidence };
    let begun = format!("The drill began at {}.", clock(opened_at));
    Diagnosis {
        cause: format!("Nobody answered the drill of {name}: in earnest nobody would have taken it up."),
        evidence: std::iter::once(begun).chain(evidence).collect(),
        actions: vec![
            format!("See who was told and whether it arrived: {operator_url}/incidents/{id}"),
            "See who was on call, and whether they can be reached at this time of day.".into(),
            format!("Then drill it again: `mainstay drill {name}`. One that is answered in time ends this."),
        ],
    }
}

/// What a drill showed, in one line.
pub fn drill_score(rehearsal: &Rehearsal, opened_at: Timestamp) -> String {
    let outcome = outcome(rehearsal, opened_at);
    let accepted = rehearsal.messages.values().filter(|call| call.told_after().is_some()).count();
    let failed = rehearsal.failed().count();
    let of_all = match (accepted, failed, rehearsal.messages.len()) {
        (_, _, 0) => "no message was sent".to_owned(),
        (arrived, 0, all) if arrived == all => format!("all messages arrived ({all})"),
        (arrived, 0, all) => format!("{arrived} of {all} messages arrived, the others are under way"),
        (arrived, failed, all) => format!("{arrived} of {all} messages arrived, {failed} failed"),
    };
    format!("{outcome}; {of_all}.")
}

fn outcome(rehearsal: &Rehearsal, opened_at: Timestamp) -> String {
    let took = |answer: &Answer| {
        let after = in_words(answer.at.duration_since(opened_at));
        let step = list(answer.steps.iter().map(step_in_words));
        let step = if step.is_empty() { step } else { format!(", at {step}") };
        format!("{} took the drill of {} up after {after}{step}", answer.by, rehearsal.dependency)
    };
    match (rehearsal.result(), &rehearsal.answer, &rehearsal.end) {
        (DrillResult::AnsweredLate, Some(answer), _) => format!("Too late: {}", took(answer)),
        (_, Some(answer), _) => took(answer),
        (_, None, Some(DrillEnd::CalledOff { by })) => {
            format!("{by} ended the drill of {} before anybody took it up", rehearsal.dependency)
        }
        (_, None, Some(DrillEnd::Interrupted { why })) => {
            format!("The drill of {} ended early, {why}", rehearsal.dependency)
        }
        (DrillResult::Running, None, _) => format!("The drill of {} goes on", rehearsal.dependency),
        (_, None, _) => format!("Nobody took the drill of {} up", rehearsal.dependency),
    }
}

fn step_in_words(step: &DrillStep) -> String {
    format!("step {} of {}", step.number, step.escalation)
}

/// Each message and what came of it, one a line, in the order in which they were decided.
pub(super) fn told(rehearsal: &Rehearsal) -> Vec<String> {
    rehearsal.messages.values().map(line).collect()
}

fn line(call: &Call) -> String {
    let who = match &call.person {
        Some(person) => format!("{person} by {}", call.channel),
        None => call.channel.to_string(),
    };
    let step = call.step.as_ref().map_or_else(String::new, |step| format!(" ({})", step_in_words(step)));
    match &call.fate {
        Fate::Accepted { at } => {
            format!("{who}{step}: accepted after {}.", in_words(at.duration_since(call.decided_at)))
        }
        Fate::Failed { reason, .. } => format!("{who}{step}: given up: {reason}."),
        Fate::UnderWay => format!("{who}{step}: neither accepted nor given up."),
    }
}
