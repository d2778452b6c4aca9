use mainstay_model::{Expired, Failure, FailureKind, Finding, Otherwise, Verdict};

use super::{Case, at, sentence, short};

/// One sentence, two at most: what is wrong, since when where that is known, what still holds.
pub(super) fn of(case: &Case<'_>) -> String {
    let report = case.report;
    match (&report.failure, report.findings.first()) {
        (Some(failure), _) if report.verdict == Verdict::Degraded => partly(case, failure),
        (Some(failure), _) => of_failure(case, failure),
        (None, Some(finding)) => of_finding(case, finding),
        (None, None) => format!("{} needs attention.", case.subject()),
    }
}

fn partly(case: &Case<'_>, failure: &Failure) -> String {
    let addresses = &case.report.addresses;
    let conclusive = addresses.iter().filter(|one| one.verdict != Verdict::Inconclusive).count();
    let down: Vec<&str> =
        addresses.iter().filter(|one| one.verdict == Verdict::Down).map(|one| one.address.as_str()).collect();
    let verb = if down.len() == 1 { "fails" } else { "fail" };
    format!(
        "{} of the {conclusive} addresses of {} {verb} ({}): {}",
        down.len(),
        case.subject(),
        down.join(", "),
        sentence(&failure.message)
    )
}

fn of_failure(case: &Case<'_>, failure: &Failure) -> String {
    if let Some(expired) = &failure.expired {
        return of_expired(case, expired);
    }
    let (subject, message) = (case.subject(), &failure.message);
    let text = match failure.kind {
        // A wrong password is no trouble of certificates, and the word would send people the wrong way.
        FailureKind::LoginRejected => format!("{subject} can be reached, but {message}"),
        FailureKind::ConnectRefused if failure.phase == mainstay_model::Phase::Connect => {
            format!("Nothing listens on port {} of {subject}", case.target.port)
        }
        FailureKind::QueryFailed | FailureKind::StatusUnexpected | FailureKind::ContentUnexpected
            if verified(case) =>
        {
            format!("{subject} can be reached and its certificate holds, but {message}")
        }
        // The message names it already.
        FailureKind::NameNotResolved => capital(message),
        _ => format!("{subject}: {message}"),
    };
    sentence(&text)
}

fn of_expired(case: &Case<'_>, expired: &Expired) -> String {
    let subject = case.subject();
    let which = match expired.position {
        0 if case.target.file.is_some() => {
            format!("The certificate {} in {subject}", short(&expired.subject))
        }
        0 if short(&expired.subject) == subject => format!("The certificate of {subject}"),
        0 => format!("The certificate of {subject} ({})", short(&expired.subject)),
        _ => format!("The certificate {} in the chain of {subject}", short(&expired.subject)),
    };
    let rest = match &expired.otherwise {
        Otherwise::Yes => "Everything else about it is in order.".to_owned(),
        Otherwise::NotJudged { what } => not_judged(what),
        Otherwise::No { message, .. } => format!("That is not all: {}", sentence(message)),
    };
    // The time alone: this sentence is kept with the incident, where "2 min ago" would soon be wrong.
    format!("{which} expired at {}. {rest}", at(expired.since))
}

/// Of a certificate about which not everything was asked.
pub(super) fn not_judged(what: &str) -> String {
    format!("Its dates were judged, and not its {what}.")
}

fn of_finding(case: &Case<'_>, finding: &Finding) -> String {
    format!("{} works, but needs attention: {}", case.subject(), sentence(&finding.message))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn verified(case: &Case<'_>) -> bool {
    case.report.tls().is_some_and(|tls| tls.verified)
}
