use mainstay_model::{
    Certificate, CheckReport, DependencyState, NearestEnd, Observation, Pin, RenewalHistory, SeenValid,
};

/// As many renewals as are remembered.
const REMEMBERED: usize = 16;

/// One certificate was replaced by another that lasts longer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Renewed {
    pub(crate) name: String,
    /// What the old one still had; negative when it had ended.
    pub(crate) left_seconds: i64,
    pub(crate) until: jiff::Timestamp,
}

/// Notes the certificates of a check that verified. Certificates that did not verify prove nothing.
pub(crate) fn note(state: &mut DependencyState, report: &CheckReport) -> Option<Renewed> {
    if !is_verified(report) {
        return None;
    }
    state.nearest_end = nearest_end(report);
    let server = report.tls()?.certificates.iter().find(|one| one.position == 0)?;
    note_server_certificate(&mut state.renewals, server, report)
}

fn note_server_certificate(
    renewals: &mut RenewalHistory,
    server: &Certificate,
    report: &CheckReport,
) -> Option<Renewed> {
    renewals.verified_spki = Some(server.spki_sha256);
    let known = renewals.current?;
    // Nodes behind one name may differ: the old one is replaced when nobody serves it any more.
    if certificates(report).any(|one| one.position == 0 && one.sha256 == known) {
        return None;
    }
    let old_end = renewals.current_ends_at.replace(server.not_after)?;
    renewals.current = Some(server.sha256);
    if server.not_after <= old_end {
        return None;
    }
    let left_seconds = old_end.duration_since(report.checked_at).as_secs();
    renewals.left_seconds.push_back(left_seconds);
    while renewals.left_seconds.len() > REMEMBERED {
        renewals.left_seconds.pop_front();
    }
    Some(Renewed { name: server.short_name().to_owned(), left_seconds, until: server.not_after })
}

/// The first certificate seen starts the history.
pub(crate) fn begin(state: &mut DependencyState, report: &CheckReport) {
    let first = certificates(report).find(|one| one.position == 0).filter(|_| is_verified(report));
    if let (None, Some(server)) = (state.renewals.current, first) {
        state.renewals.current = Some(server.sha256);
        state.renewals.current_ends_at = Some(server.not_after);
    }
}

/// Notes which certificates passed full verification, at whatever address; says whether one of them is new.
pub(crate) fn note_seen_valid(state: &mut DependencyState, report: &CheckReport) -> bool {
    let verified = report.addresses.iter().filter_map(|one| one.tls.as_ref()).filter(|tls| tls.verified);
    let mut is_new = false;
    for leaf in verified.filter_map(|tls| tls.certificates.iter().find(|one| one.position == 0)) {
        let seen = &mut state.seen_valid;
        let pin = Pin { sha256: leaf.sha256, spki_sha256: leaf.spki_sha256 };
        let before = seen.len();
        seen.retain(|one| one.pin != pin);
        is_new |= seen.len() == before;
        seen.push(SeenValid { pin, last_at: report.checked_at });
        seen.drain(..seen.len().saturating_sub(SeenValid::REMEMBERED));
    }
    is_new
}

fn is_verified(report: &CheckReport) -> bool {
    let Some(explaining) = report.tls() else { return false };
    let explains = |one: &&Observation| one.tls.as_ref().is_some_and(|tls| std::ptr::eq(tls, explaining));
    report.addresses.iter().find(explains).is_some_and(Observation::certificates_hold)
}

/// The certificate that is graded worst, and among those the one that ends first. All that verification used count; where it used
/// none, as for a file without a trust anchor, all that were there.
fn nearest_end(report: &CheckReport) -> Option<NearestEnd> {
    let in_path = certificates(report).filter(|one| one.in_path).min_by_key(|one| urgency(one, report));
    let worst = in_path.or_else(|| certificates(report).min_by_key(|one| urgency(one, report)))?;
    Some(NearestEnd {
        position: worst.position,
        name: worst.short_name().to_owned(),
        issuer: worst.issuer.clone(),
        not_before: worst.not_before,
        not_after: worst.not_after,
        sha256: worst.sha256,
    })
}

/// When each certificate becomes urgent decides, for a long-lived one is urgent earlier: its first step, unless it has passed it.
fn urgency(certificate: &Certificate, report: &CheckReport) -> (std::cmp::Reverse<usize>, jiff::Timestamp) {
    let steps = mainstay_model::expiry_steps(certificate.not_before, certificate.not_after);
    let passed = steps.iter().filter(|(at, _)| *at <= report.checked_at).count();
    let next = steps.get(passed).map_or(certificate.not_after, |(at, _)| *at);
    (std::cmp::Reverse(passed), next)
}

fn certificates(report: &CheckReport) -> impl Iterator<Item = &Certificate> {
    let sound = report.addresses.iter().filter(|one| one.certificates_hold());
    sound.filter_map(|one| one.tls.as_ref()).flat_map(|tls| &tls.certificates)
}
