use std::cell::RefCell;
use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::UnixTime;
use webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath};

use crate::Roots;
use crate::case::{Case, Member};
use crate::provider::signature_algorithms;

/// The certificates that lead from the server's own to a trust anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    /// Indices into the chain as sent, the server's own (0) first.
    pub(crate) sent: Vec<usize>,
    /// Index into the roots.
    pub(crate) anchor: Option<usize>,
}

/// Full verification as of now, but for the name.
///
/// webpki does not look at the dates of trust anchors. Most other clients do (OpenSSL and Go among them), so a path only
/// counts when its anchor is valid too. And none of its certificates may be known to be revoked.
///
/// Without roots, the path is the one that the names suggest.
pub(crate) fn verified_now(case: &Case<'_>) -> Result<Path, Error> {
    if case.roots.is_none() {
        let path = case.path_by_names();
        let holds = !path.sent.is_empty() && amiss(case, &path) == 0;
        return holds.then_some(path).ok_or(Error::UnknownIssuer);
    }
    search(case, case.now, &|path| amiss(case, path) == 0)
}

/// The path that would verify if there were no dates, by asking at every moment at which that could change.
///
/// Among several it is the one with the fewest certificates out of date or revoked. The error is what stands in the way besides
/// dates; it is about dates only when there was never a moment at which the whole path was valid.
pub(crate) fn ignoring_dates(case: &Case<'_>) -> Result<Path, Error> {
    let best: RefCell<Option<(usize, Path)>> = RefCell::new(None);
    let consider = |path: &Path| {
        let faults = amiss(case, path);
        let mut best = best.borrow_mut();
        if best.as_ref().is_none_or(|(fewest, _)| faults < *fewest) {
            *best = Some((faults, path.clone()));
        }
        // Unless nothing is wrong with it, the search goes on for a better one.
        faults == 0
    };
    let errors: Vec<Error> =
        moments(case).into_iter().filter_map(|moment| search(case, moment, &consider).err()).collect();
    if let Some((_, path)) = best.into_inner() {
        return Ok(path);
    }
    let telling = errors.iter().find(|error| !is_about_dates(error)).or(errors.first());
    Err(telling.cloned().unwrap_or(Error::UnknownIssuer))
}

/// Every path that verifies at some moment, each with such a moment. webpki's bound on signature checks bounds their number.
pub(crate) fn ever_verified(case: &Case<'_>) -> Vec<(Timestamp, Path)> {
    let found: RefCell<Vec<(Timestamp, Path)>> = RefCell::default();
    for moment in moments(case) {
        let keep = |path: &Path| {
            let mut found = found.borrow_mut();
            if found.iter().all(|(_, known)| known != path) {
                found.push((moment, path.clone()));
            }
            // None is taken, so that the search goes on to the next.
            false
        };
        let _nothing_taken = search(case, moment, &keep);
    }
    found.into_inner()
}

pub(crate) fn is_about_dates(error: &Error) -> bool {
    matches!(error, Error::CertExpired { .. } | Error::CertNotValidYet { .. })
}

/// Each costs up to a hundred signature checks (webpki's bound), and the chain is the other side's.
const MAX_MOMENTS: usize = 12;

/// If a path was ever valid as a whole, then it was so when one of its certificates began, and when one ended.
fn moments(case: &Case<'_>) -> Vec<Timestamp> {
    let ends = (0..case.chain.len()).filter_map(|index| case.sent(index)).map(|facts| &facts.certificate);
    let mut moments = vec![case.now];
    for moment in ends.flat_map(|certificate| [certificate.not_after, certificate.not_before]) {
        if !moments.contains(&moment) {
            moments.push(moment);
        }
    }
    moments.truncate(MAX_MOMENTS);
    moments
}

/// How many certificates of a path are out of date or revoked.
fn amiss(case: &Case<'_>, path: &Path) -> usize {
    let amiss = |member: &&Member<'_>| !member.facts.valid_at(case.now) || case.is_revoked(member);
    case.members(path).iter().filter(amiss).count()
}

/// The first path that webpki verifies as of `moment` and that `accept` takes.
fn search(case: &Case<'_>, moment: Timestamp, accept: &dyn Fn(&Path) -> bool) -> Result<Path, Error> {
    let (leaf, others) = case.chain.split_first().ok_or(Error::UnknownIssuer)?;
    let roots = case.roots.ok_or(Error::UnknownIssuer)?;
    let leaf = EndEntityCert::try_from(leaf)?;
    let check = |candidate: &VerifiedPath<'_>| {
        let taken = accept(&Path::of(candidate, case, roots));
        taken.then_some(()).ok_or(Error::UnknownIssuer)
    };
    let verified = leaf.verify_for_usage(
        signature_algorithms().all,
        roots.anchors(),
        others,
        unix_time(moment),
        KeyUsage::server_auth(),
        None,
        Some(&check),
    )?;
    Ok(Path::of(&verified, case, roots))
}

impl Path {
    fn of(verified: &VerifiedPath<'_>, case: &Case<'_>, roots: &Roots) -> Path {
        let intermediates = verified.intermediate_certificates().filter_map(|certificate| {
            let der = certificate.der();
            case.chain.iter().skip(1).position(|sent| *sent == der).map(|index| index + 1)
        });
        let anchor = roots.index_of(verified.anchor());
        Path { sent: std::iter::once(0).chain(intermediates).collect(), anchor }
    }
}

pub(crate) fn unix_time(time: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0)))
}
