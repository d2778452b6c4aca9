use jiff::SignedDuration;
use mainstay_model::{ExpiryGrade, Finding, FindingKind, Severity, grade_expiry, in_words};

use crate::case::{Case, Member, Place, position};
use crate::path::Path;
use crate::words;

/// What needs attention about a chain although its path holds, dates set aside.
pub(crate) fn findings(case: &Case<'_>, path: &Path) -> Vec<Finding> {
    let members = case.members(path);
    let mut findings: Vec<Finding> = members.iter().filter_map(|member| expiring(case, member)).collect();
    findings.extend(incomplete(case, path, &members));
    findings.extend(superfluous(case, path));
    findings.extend(disorder(case, path));
    findings.extend(unreadable(case));
    findings
}

/// The end of a trust anchor takes years to prepare for, so it is mentioned before it is graded.
const ANCHOR_NOTICE: SignedDuration = SignedDuration::from_hours(180 * 24);

pub(crate) fn expiring(case: &Case<'_>, member: &Member<'_>) -> Option<Finding> {
    let certificate = &member.facts.certificate;
    let left = certificate.not_after.duration_since(case.now);
    let severity = match grade_expiry(certificate.not_before, certificate.not_after, case.now) {
        ExpiryGrade::Expiring(severity) => severity,
        ExpiryGrade::Fine if member.place == Place::Anchor && left <= ANCHOR_NOTICE => Severity::Info,
        ExpiryGrade::Fine | ExpiryGrade::Expired => return None,
    };
    let message = format!(
        "{} expires in {}, at {}",
        words::who(member, case.source),
        in_words(left),
        words::moment(certificate.not_after)
    );
    Some(finding(FindingKind::CertificateExpiring, severity, message))
}

/// Roots sign themselves. An anchor that does not is an intermediate, and it was ours rather than the server's.
fn incomplete(case: &Case<'_>, path: &Path, members: &[Member<'_>]) -> Option<Finding> {
    let anchor =
        members.last().filter(|member| member.place == Place::Anchor && !member.facts.self_issued)?;
    let sent = case.anchor_position(path)? < case.chain.len();
    (!sent).then(|| {
        let message = format!(
            "the server does not send the intermediate certificate {}; verification works here only because {} has it, and \
             clients that know just the root refuse the chain",
            words::label(&anchor.facts.certificate),
            case.roots.map(|roots| roots.origin()).unwrap_or("the trust store"),
        );
        finding(FindingKind::ChainIncomplete, Severity::Warn, message)
    })
}

/// Certificates that belong to no path. An expired one among them broke many clients in 2020 and 2021.
fn superfluous(case: &Case<'_>, path: &Path) -> Vec<Finding> {
    let anchor = case.anchor_position(path);
    let extra = (0..case.chain.len()).filter(|index| !path.sent.contains(index) && anchor != Some(*index));
    let extra = extra.filter_map(|index| {
        Some(Member { position: position(index), place: Place::Intermediate, facts: case.sent(index)? })
    });
    let (expired, idle): (Vec<_>, Vec<_>) =
        extra.partition(|member| case.now > member.facts.certificate.not_after);
    let idle: Vec<String> = idle
        .iter()
        .map(|member| format!("{} (position {})", words::label(&member.facts.certificate), member.position))
        .collect();
    let untidy = (!idle.is_empty()).then(|| {
        let message = format!("the chain has certificates that nothing needs: {}", words::list(&idle));
        finding(FindingKind::ChainUntidy, Severity::Info, message)
    });
    expired.iter().map(|member| has_expired(case, member)).chain(untidy).collect()
}

fn has_expired(case: &Case<'_>, member: &Member<'_>) -> Finding {
    let end = member.facts.certificate.not_after;
    let message = format!(
        "{} expired {} ago, at {}; verification does without it here, but strict clients refuse the chain because of it: \
         remove it from the chain",
        words::who(member, case.source),
        in_words(case.now.duration_since(end)),
        words::moment(end),
    );
    finding(FindingKind::ChainHasExpired, Severity::Warn, message)
}

/// TLS 1.2 asks for each certificate to be followed by its issuer (RFC 5246 section 7.4.2); many clients do without.
fn disorder(case: &Case<'_>, path: &Path) -> Option<Finding> {
    let anchor = case.anchor_position(path).filter(|at| !path.sent.contains(at));
    let order: Vec<usize> = path.sent.iter().copied().chain(anchor).collect();
    (!order.is_sorted()).then(|| {
        let message = "the chain is out of order: each certificate should be followed by its issuer's, and strict clients \
                       refuse it otherwise";
        finding(FindingKind::ChainUntidy, Severity::Info, message.to_owned())
    })
}

fn unreadable(case: &Case<'_>) -> Option<Finding> {
    let broken: Vec<String> = case
        .facts
        .iter()
        .enumerate()
        .filter(|(_, facts)| facts.is_none())
        .map(|(index, _)| index.to_string())
        .collect();
    (!broken.is_empty()).then(|| {
        let message =
            format!("the chain has parts that are no certificates, at position {}", words::list(&broken));
        finding(FindingKind::ChainUntidy, Severity::Info, message)
    })
}

pub(crate) fn finding(kind: FindingKind, severity: Severity, message: String) -> Finding {
    Finding { kind, severity, message }
}
