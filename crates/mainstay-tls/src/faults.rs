mod trust;

use jiff::Timestamp;
use mainstay_model::{Expired, Failure, FailureKind, Otherwise, in_words};
use webpki::{EndEntityCert, Error};

use crate::case::{Case, Member, Place, Source};
use crate::facts::Facts;
use crate::path::{self, Path};
use crate::words;

/// Clients refuse RSA keys of fewer bits; so does the library that verifies here.
const LEAST_RSA_BITS: usize = 2048;

/// One thing that is wrong, judged without regard to the others.
pub(crate) struct Fault {
    pub(crate) kind: FailureKind,
    /// A sentence without its full stop.
    pub(crate) message: String,
    /// For [`FailureKind::CertificateExpired`]: which certificate, and since when.
    expired: Option<(u32, String, Timestamp)>,
}

impl Fault {
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Fault {
        Fault { kind, message: message.into(), expired: None }
    }
}

/// Everything that is wrong with a chain that did not verify, the one to act on first at the beginning, and the path
/// that would verify if there were no dates.
///
/// An answer of "expired" says nothing about the rest, since the library looks at dates before issuers, signatures and
/// names. So dates, trust and name are judged separately here.
pub(crate) fn diagnose(case: &Case<'_>) -> (Vec<Failure>, Option<Path>) {
    let (path, obstacle) = match case.roots.map(|_| path::ignoring_dates(case)) {
        Some(Ok(path)) => (Some(path), None),
        Some(Err(error)) => (None, Some(error)),
        None => (Some(case.path_by_names()), None),
    };
    let members = case.members(path.as_ref().unwrap_or(&case.path_by_names()));
    let mut faults: Vec<Fault> = members.iter().filter_map(|member| date(case, member)).collect();
    faults.extend(members.iter().filter_map(|member| revoked(case, member)));
    faults.extend(members.iter().filter_map(|member| weak_key(case, member)));
    faults.extend(obstacle.iter().flat_map(|error| trust::faults(case, &members, error)));
    faults.extend(case.name.and_then(|_| name(case)));
    if faults.is_empty() {
        faults.push(unreadable(case.source));
    }
    faults.sort_by_key(|fault| rank(fault.kind));
    (failures(case, &faults), path)
}

/// Which certificates are out of date, each judged on its own.
pub(crate) fn of_dates(case: &Case<'_>, members: &[Member<'_>]) -> Vec<Failure> {
    members
        .iter()
        .filter_map(|member| date(case, member))
        .flat_map(|fault| failures(case, &[fault]))
        .collect()
}

/// Whether something is wrong that neither the path nor its dates tell.
pub(crate) fn besides_path(case: &Case<'_>, path: &Path) -> bool {
    name(case).is_some() || case.members(path).iter().any(|member| weak_key(case, member).is_some())
}

/// What to act on first: of one that was revoked somebody else may hold the key, and a certificate that ended is replaced,
/// which mends other faults of it as well.
fn rank(kind: FailureKind) -> u8 {
    match kind {
        FailureKind::CertificateRevoked => 0,
        FailureKind::CertificateExpired => 1,
        FailureKind::CertificateNotYetValid => 2,
        FailureKind::CertificateInvalid => 3,
        FailureKind::CertificateUntrusted => 4,
        _ => 5,
    }
}

fn failures(case: &Case<'_>, faults: &[Fault]) -> Vec<Failure> {
    let other = |index: usize| faults.iter().enumerate().find(|(i, _)| *i != index).map(|(_, fault)| fault);
    let failure = |(index, fault): (usize, &Fault)| {
        let Some((position, subject, since)) = fault.expired.clone() else {
            return Failure::new(fault.kind, case.phase(), &fault.message);
        };
        let (otherwise, message) = match other(index) {
            None => (otherwise(case), format!("{}; {}", fault.message, holds_otherwise(case))),
            Some(other) => (
                Otherwise::No { kind: other.kind, message: other.message.clone() },
                format!("{}; besides, {}", fault.message, other.message),
            ),
        };
        let mut failure = Failure::new(fault.kind, case.phase(), message);
        failure.expired = Some(Expired { position, subject, since, otherwise });
        failure
    };
    faults.iter().enumerate().map(failure).collect()
}

/// Of a certificate whose only known fault is its date.
fn otherwise(case: &Case<'_>) -> Otherwise {
    match case.not_judged() {
        None => Otherwise::Yes,
        Some(what) => Otherwise::NotJudged { what: what.to_owned() },
    }
}

fn holds_otherwise(case: &Case<'_>) -> &'static str {
    match (case.roots, case.name) {
        (Some(_), Some(_)) => "name, trust and signatures hold otherwise",
        (Some(_), None) => "trust and signatures hold otherwise, and the name was not judged",
        (None, Some(_)) => "its name holds otherwise, and trust was not judged",
        (None, None) => "trust and name were not judged",
    }
}

fn date(case: &Case<'_>, member: &Member<'_>) -> Option<Fault> {
    let certificate = &member.facts.certificate;
    let (begin, end) = (certificate.not_before, certificate.not_after);
    let who = words::who(member, case.source);
    if member.facts.never_valid() {
        let message = format!(
            "{who} begins ({}) after it ends ({}), so it is never valid",
            words::moment(begin),
            words::moment(end)
        );
        return Some(Fault::new(FailureKind::CertificateInvalid, message));
    }
    if case.now > end {
        let ago = in_words(case.now.duration_since(end));
        let message = format!("{who} expired {ago} ago, at {}", words::moment(end));
        let expired = Some((member.position, certificate.subject.clone(), end));
        return Some(Fault { kind: FailureKind::CertificateExpired, message, expired });
    }
    (case.now < begin).then(|| {
        let wait = in_words(begin.duration_since(case.now));
        let message = format!("{who} is not valid for another {wait}: it begins at {}", words::moment(begin));
        Fault::new(FailureKind::CertificateNotYetValid, message)
    })
}

fn revoked(case: &Case<'_>, member: &Member<'_>) -> Option<Fault> {
    let known = case.revocations.find(&member.facts.certificate.sha256)?;
    let who = words::who(member, case.source);
    let message = match known {
        Some(known) => {
            format!("{who} was revoked by its issuer at {} ({})", words::moment(known.at), known.reason)
        }
        None => format!("{who} was seen on a list of revoked certificates of its issuer's"),
    };
    Some(Fault::new(FailureKind::CertificateRevoked, message))
}

/// The library reports these as wrong signatures, which is misleading. A trust anchor's key is judged likewise, because
/// it cannot verify anything either.
fn weak_key(case: &Case<'_>, member: &Member<'_>) -> Option<Fault> {
    let bits = too_few_bits(member.facts)?;
    let who = words::who(member, case.source);
    let message = format!(
        "{who} has an RSA key of {bits} bits, which clients refuse: they ask for at least {LEAST_RSA_BITS}"
    );
    Some(Fault::new(FailureKind::CertificateInvalid, message))
}

/// The size of its key, where clients refuse it for being small.
pub(crate) fn too_few_bits(facts: &Facts) -> Option<usize> {
    facts.rsa_bits.filter(|bits| *bits < LEAST_RSA_BITS)
}

fn name(case: &Case<'_>) -> Option<Fault> {
    let wanted = case.name?;
    let der = case.chain.first()?;
    // A certificate that webpki cannot read has that fault already.
    let leaf = EndEntityCert::try_from(der).ok()?;
    let error = leaf.verify_is_valid_for_subject_name(wanted).err()?;
    let facts = case.sent(0)?;
    let who = words::who(&Member { position: 0, place: Place::Leaf, facts }, case.source);
    let wanted = words::name(wanted);
    let names = &facts.certificate.names;
    if !matches!(error, Error::CertNotValidForName(_)) {
        let message = format!("{who} has malformed alternative names, so it cannot be verified for {wanted}");
        return Some(Fault::new(FailureKind::CertificateInvalid, message));
    }
    let message = if names.is_empty() {
        format!(
            "{who} has no alternative names, and clients no longer look at the common name: it is not valid for {wanted}"
        )
    } else {
        format!("{who} is for {}, not for {wanted}", words::list(names))
    };
    Some(Fault::new(FailureKind::CertificateNameMismatch, message))
}

/// A certificate that nothing can be read from.
pub(crate) fn unreadable(source: Source) -> Fault {
    let whose = match source {
        Source::Server => "the server's certificate",
        Source::File => "the file's first certificate",
    };
    Fault::new(FailureKind::CertificateInvalid, format!("{whose} is malformed and cannot be read"))
}
