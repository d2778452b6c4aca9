use mainstay_model::{Blame, Failure, FailureKind, Finding, Severity, Verdict};

/// The verdict for one address.
pub(crate) fn of_address(failure: Option<&Failure>, findings: &[Finding]) -> Verdict {
    match failure {
        Some(failure) if could_not_tell(failure) => Verdict::Inconclusive,
        Some(_) => Verdict::Down,
        None if needs_attention(findings) => Verdict::Degraded,
        None => Verdict::Healthy,
    }
}

/// The sum over all addresses, of which there is at least one, and the findings of the whole check.
pub(crate) fn of_report(addresses: &[Verdict], findings: &[Finding]) -> Verdict {
    let mut conclusive = addresses.iter().filter(|verdict| **verdict != Verdict::Inconclusive).peekable();
    if conclusive.peek().is_none() {
        return Verdict::Inconclusive;
    }
    let (down, working): (Vec<_>, Vec<_>) = conclusive.partition(|verdict| **verdict == Verdict::Down);
    if working.is_empty() {
        Verdict::Down
    } else if !down.is_empty() || working.contains(&&Verdict::Degraded) || needs_attention(findings) {
        Verdict::Degraded
    } else {
        Verdict::Healthy
    }
}

/// Whether the failure says more about this machine than about the server.
fn could_not_tell(failure: &Failure) -> bool {
    match failure.kind {
        FailureKind::Offline | FailureKind::ClockWrong => true,
        // No route from here, as for IPv6 on a machine without it; never had a turn.
        FailureKind::NetworkUnreachable | FailureKind::TimedOut => failure.blame == Blame::Us,
        _ => false,
    }
}

fn needs_attention(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity >= Severity::Warn)
}

#[cfg(test)]
mod tests {
    use mainstay_model::{FindingKind, Phase};

    use super::*;
    use Verdict::*;

    #[track_caller]
    fn address(kind: FailureKind, blame: Blame, expected: Verdict) {
        let failure = Failure::new(kind, Phase::Connect, "").blamed_on(blame);
        assert_eq!(of_address(Some(&failure), &[]), expected, "{kind} {blame}");
    }

    #[test]
    fn a_failure_is_down_unless_it_is_about_this_machine() {
        address(FailureKind::ConnectRefused, Blame::Provider, Down);
        address(FailureKind::LoginRejected, Blame::Us, Down);
        address(FailureKind::NetworkUnreachable, Blame::Path, Down);
        address(FailureKind::NetworkUnreachable, Blame::Us, Inconclusive);
        address(FailureKind::Offline, Blame::Us, Inconclusive);
        address(FailureKind::ClockWrong, Blame::Us, Inconclusive);
        address(FailureKind::TimedOut, Blame::Provider, Down);
        address(FailureKind::TimedOut, Blame::Us, Inconclusive);
    }

    #[track_caller]
    fn report(addresses: &[Verdict], severity: Option<Severity>, expected: Verdict) {
        let finding = |severity| Finding { kind: FindingKind::TooSlow, severity, message: String::new() };
        let findings: Vec<Finding> = severity.map(finding).into_iter().collect();
        assert_eq!(of_report(addresses, &findings), expected, "{addresses:?} {severity:?}");
    }

    #[test]
    fn the_sum_of_addresses() {
        report(&[Healthy, Healthy], None, Healthy);
        report(&[Healthy, Healthy], Some(Severity::Info), Healthy);
        report(&[Healthy, Healthy], Some(Severity::Warn), Degraded);
        report(&[Down, Down], Some(Severity::Warn), Down);
        report(&[Down, Healthy], None, Degraded);
        report(&[Degraded, Healthy], None, Degraded);
        report(&[Inconclusive, Healthy], None, Healthy);
        report(&[Inconclusive, Down], None, Down);
        report(&[Inconclusive, Inconclusive], None, Inconclusive);
    }
}
