use jiff::{SignedDuration, Timestamp};
use mainstay_model::{
    Diagnosis, ExpiryGrade, Failure, NearestEnd, Phase, Rule, Severity, Verdict, expiry_steps, grade_expiry,
    in_words,
};

use super::{Facts, Outcome};
use crate::time::{clock, earlier, later, since};
use crate::wording::provider_actions;

/// One renewal may have been an accident; two agree on a habit.
const RENEWALS_THAT_MAKE_A_HABIT: usize = 2;

/// A certificate of the path is near its end.
pub(super) fn expiring(facts: &Facts<'_>) -> Outcome {
    if let Some(unseen) = unseen(facts) {
        return unseen;
    }
    let Some(end) = &facts.state.nearest_end else { return Outcome::Over };
    let severity = match grade_expiry(end.not_before, end.not_after, facts.now) {
        ExpiryGrade::Fine => return Outcome::Over,
        ExpiryGrade::Expiring(severity) => severity,
        ExpiryGrade::Expired => Severity::Page,
    };
    let mut alert = facts.holds(Rule::CertificateExpiring, severity, facts.now, diagnosis(facts, end));
    alert.breaks_at = Some(end.not_after);
    Outcome::Holds(alert)
}

/// The server's certificate should have been renewed by now, judged by earlier renewals.
pub(super) fn overdue(facts: &Facts<'_>) -> Outcome {
    if let Some(unseen) = unseen(facts) {
        return unseen;
    }
    let Some((at, habit)) = overdue_at(facts) else { return Outcome::Over };
    if facts.now < at {
        return Outcome::Over;
    }
    let Some(end) = facts.state.renewals.current_ends_at else { return Outcome::Over };
    let seen = facts.state.renewals.left_seconds.len();
    let diagnosis = Diagnosis {
        cause: format!(
            "The certificate ends at {} and was not renewed, though the {seen} renewals seen so far came with at least {} left.",
            clock(end),
            in_words(habit)
        ),
        evidence: vec![what_is_left(since(facts.now, end))],
        actions: ["Ask whether the automatic renewal still runs.".to_owned()]
            .into_iter()
            .chain(provider_actions(facts.provider()))
            .collect(),
    };
    let mut alert = facts.holds(Rule::RenewalOverdue, Severity::Warn, at, diagnosis);
    alert.breaks_at = Some(end);
    Outcome::Holds(alert)
}

/// When the certificate's grade rises next.
pub(super) fn next_step(facts: &Facts<'_>) -> Option<Timestamp> {
    let end = facts.state.nearest_end.as_ref()?;
    let steps = expiry_steps(end.not_before, end.not_after).into_iter().map(|(at, _)| at);
    steps.chain([later(end.not_after, SignedDuration::from_secs(1))]).find(|at| *at > facts.now)
}

/// When the certificate becomes overdue.
pub(super) fn next_overdue(facts: &Facts<'_>) -> Option<Timestamp> {
    overdue_at(facts).map(|(at, _)| at).filter(|at| *at > facts.now)
}

/// Since when the renewal is overdue or will be, and how much time earlier renewals left at least.
///
/// A tenth of the habit is allowed for, at least an hour and at most three days, but never more than half of it.
fn overdue_at(facts: &Facts<'_>) -> Option<(Timestamp, SignedDuration)> {
    let renewals = &facts.state.renewals;
    if renewals.left_seconds.len() < RENEWALS_THAT_MAKE_A_HABIT {
        return None;
    }
    let least = *renewals.left_seconds.iter().min()?;
    // Renewals that came after the end are no habit to rely on.
    let habit = SignedDuration::from_secs(least).max(SignedDuration::ZERO);
    let margin = (habit / 10).clamp(SignedDuration::from_hours(1), SignedDuration::from_hours(72));
    let left = habit - margin.min(habit / 2);
    (habit > SignedDuration::ZERO).then_some((earlier(renewals.current_ends_at?, left), habit))
}

fn what_is_left(left: SignedDuration) -> String {
    if left.is_negative() {
        format!("It ended {} ago.", in_words(-left))
    } else {
        format!("{} are left.", in_words(left))
    }
}

/// Whether the server shows another certificate than the one that verified last, or none: then the end of that one is no news. What
/// is down for it is told as down.
fn unseen(facts: &Facts<'_>) -> Option<Outcome> {
    if facts.down_because().is_some_and(is_in_tls) {
        return Some(Outcome::Over);
    }
    let last = facts.state.last.as_ref().filter(|report| report.verdict == Verdict::Down);
    let unconfirmed = last.and_then(|report| report.failure.as_ref()).is_some_and(is_in_tls);
    unconfirmed.then_some(Outcome::AsBefore)
}

/// Whether the connection failed over its certificates or while they were shown.
pub(crate) fn is_in_tls(failure: &Failure) -> bool {
    failure.kind.is_certificate() || failure.phase == Phase::Tls
}

fn diagnosis(facts: &Facts<'_>, end: &NearestEnd) -> Diagnosis {
    let which = match end.position {
        0 => format!("The server's certificate ({})", end.name),
        position => format!("Certificate {position} of the chain ({})", end.name),
    };
    let left = since(facts.now, end.not_after);
    let cause = if left.is_negative() {
        format!("{which} ended at {}; no check that verified has shown a newer one.", clock(end.not_after))
    } else {
        format!("{which} ends at {}, in {}.", clock(end.not_after), in_words(left))
    };
    let lifetime = in_words(end.not_after.duration_since(end.not_before));
    let issued = format!("Issued by {} at {} for {lifetime}.", end.issuer, clock(end.not_before));
    let habit = facts.state.renewals.left_seconds.iter().min().map(|least| {
        format!(
            "Renewals seen so far came with at least {} left.",
            in_words(SignedDuration::from_secs(*least))
        )
    });
    let actions = ["Have it renewed before then; when it ends, verified connections fail.".to_owned()];
    Diagnosis {
        cause,
        evidence: [issued].into_iter().chain(habit).collect(),
        actions: actions.into_iter().chain(provider_actions(facts.provider())).collect(),
    }
}
